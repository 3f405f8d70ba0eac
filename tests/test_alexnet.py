"""AlexNet: the paper's arithmetic, torchvision's network, the small one, weights from a file."""

import hashlib

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lenetcourse import (
    AlexNet,
    AlexNet2012,
    SmallAlexNet,
    WeightsError,
    count_macs,
    count_parameters,
    layer_table,
    load_torchvision_alexnet,
)
from lenetcourse.models.alexnet import local_response_norm

# Krizhevsky, Sutskever and Hinton (2012), section 3.5: kernels, their size and depth. A unit of
# convolutions 2, 4 and 5 sees the maps of one graphics card.
PUBLISHED = [(96, 11, 3), (256, 5, 48), (384, 3, 256), (384, 3, 192), (256, 3, 192)]
DENSE = [(9216, 4096), (4096, 4096), (4096, 1000)]
# "The number of neurons in the network's remaining layers is given by" these; the first is that of
# 55 x 48 x 96, while 96 maps of 55x55 are 290,400.
NEURONS = (253_440, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000)


def on_meta(kind, *arguments):
    """Return a network without memory for its weights: enough to count and to see shapes."""
    with torch.device("meta"):
        return kind(*arguments)


# As published


def test_weights_layer_by_layer():
    table = layer_table(on_meta(AlexNet2012), (3, 227, 227))
    expected = [kernels * (size * size * depth + 1) for kernels, size, depth in PUBLISHED]
    expected += [inputs * outputs + outputs for inputs, outputs in DENSE]
    assert [row.parameters for row in table] == expected
    assert sum(expected) == 60_965_224
    assert expected[:5] == [34_944, 307_456, 885_120, 663_936, 442_624]


def test_neurons_layer_by_layer():
    table = layer_table(on_meta(AlexNet2012), (3, 227, 227))
    found = [torch.Size(row.output_shape).numel() for row in table]
    assert found[0] == 96 * 55 * 55
    assert tuple(found[1:]) == NEURONS[1:]
    assert 640_000 < sum(found) < 660_000  # "650,000 neurons", as the abstract has it


def test_without_groups_it_is_the_count_that_many_give():
    assert count_parameters(on_meta(AlexNet2012, 1000, 1)) == 62_378_344


def test_the_paper_s_224_pixels_do_not_give_its_55():
    with pytest.raises(RuntimeError):
        on_meta(AlexNet2012)(torch.zeros(1, 3, 224, 224, device="meta"))
    assert (224 - 11) % 4
    assert (227 - 11) // 4 + 1 == 55


def test_the_halves_do_not_see_one_another():
    torch.manual_seed(0)
    model = AlexNet2012(num_classes=2, hidden=8)
    maps = torch.rand(1, 96, 9, 9)
    left, right = model.conv2.weight.split(128)
    biases = model.conv2.bias.split(128)
    halves = maps.split(48, 1)
    expected = [
        F.conv2d(half, weight, bias, padding=2)
        for half, weight, bias in zip(halves, (left, right), biases, strict=True)
    ]
    assert torch.allclose(model.conv2(maps), torch.cat(expected, 1), atol=1e-6)


def test_first_weights_as_published():
    torch.manual_seed(0)
    model = AlexNet2012(num_classes=7, hidden=300)
    ones = {"conv2", "conv4", "conv5", "fc1", "fc2"}
    for name, layer in model.named_children():
        if isinstance(layer, nn.Dropout):
            continue
        assert (layer.bias == float(name in ones)).all()
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert abs(layer.weight.mean().item()) < 0.001


def plain_response_norm(maps):
    """The formula of section 3.3, value by value."""
    result = torch.empty_like(maps)
    count = maps.shape[1]
    for i in range(count):
        neighbours = maps[:, max(0, i - 2) : min(count - 1, i + 2) + 1]
        result[:, i] = maps[:, i] / (2 + 1e-4 * neighbours.square().sum(1)) ** 0.75
    return result


@pytest.mark.parametrize("channels", [1, 2, 5, 9])
def test_response_norm_is_the_paper_s_formula(channels):
    generator = torch.Generator().manual_seed(channels)
    maps = 200 * torch.rand(2, channels, 3, 4, generator=generator, dtype=torch.float64)
    expected = plain_response_norm(maps)
    assert torch.allclose(local_response_norm(maps), expected, rtol=1e-12)
    # With the paper's numbers as they stand, torch computes something else.
    assert not torch.allclose(F.local_response_norm(maps, 5, 1e-4, 0.75, 2.0), expected, rtol=1e-2)


def test_dropout_stands_after_the_hidden_layers():
    """Torchvision's stands before them: both leave out hidden units of fc2's input."""
    torch.manual_seed(0)
    model = AlexNet2012(num_classes=3, hidden=2000)
    seen = {}
    for name in ("fc1", "fc2", "fc3"):
        layer = getattr(model, name)
        layer.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0]}))
    model.train()(torch.rand(1, 3, 227, 227))
    zeros = {name: (values == 0).float().mean().item() for name, values in seen.items()}
    assert zeros["fc1"] < 0.2
    assert 0.4 < zeros["fc2"] < 0.6
    assert 0.4 < zeros["fc3"] < 0.6


# As torchvision has it


def test_counts_of_torchvision():
    model = on_meta(AlexNet)
    assert count_parameters(model) == 61_100_840  # both as torchvision's page has them
    assert round(count_macs(model, (3, 224, 224)) / 1e9, 3) == 0.714
    theirs = on_meta(torchvision.models.alexnet)
    assert sorted(p.shape for p in model.parameters()) == sorted(
        p.shape for p in theirs.parameters()
    )


@pytest.fixture(scope="module")
def theirs():
    """Torchvision's network with the two hidden dense layers cut down to 64 units each."""
    torch.manual_seed(0)
    model = torchvision.models.alexnet(num_classes=5)
    for place, inputs in ((1, 9216), (4, 64)):
        model.classifier[place] = nn.Linear(inputs, 64)
    model.classifier[6] = nn.Linear(64, 5)
    return model.eval()


@pytest.fixture
def weights_file(theirs, tmp_path):
    path = tmp_path / "alexnet.pth"
    torch.save(theirs.state_dict(), path)
    return path


@pytest.mark.parametrize("size", [224, 63, 128])
def test_the_weights_of_torchvision_give_its_scores(theirs, weights_file, size):
    model = load_torchvision_alexnet(weights_file)
    assert not model.training
    assert model.settings == {"num_classes": 5, "hidden": 64}
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    means = torch.tensor((0.485, 0.456, 0.406))[:, None, None]
    deviations = torch.tensor((0.229, 0.224, 0.225))[:, None, None]
    with torch.no_grad():
        expected = theirs((images - means) / deviations)
        assert torch.allclose(model(images), expected, atol=1e-5)
        model.normalise = nn.Identity()
        assert torch.allclose(model(images), theirs(images), atol=1e-5)


def test_the_numbers_that_torchvision_normalises_with(weights_file):
    transforms = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    normalise = load_torchvision_alexnet(weights_file).normalise
    assert torch.allclose(normalise.mean.flatten(), torch.tensor(transforms.mean))
    assert torch.allclose(normalise.deviation.flatten(), torch.tensor(transforms.std))


def test_a_name_with_a_hash_is_held_to_it(weights_file):
    digest = hashlib.sha256(weights_file.read_bytes()).hexdigest()
    good = weights_file.rename(weights_file.with_name(f"alexnet-owt-{digest[:8]}.pth"))
    load_torchvision_alexnet(good)
    damaged = good.with_name("alexnet-owt-7be5be79.pth")
    good.rename(damaged)
    with pytest.raises(WeightsError, match="does not begin with 7be5be79"):
        load_torchvision_alexnet(damaged)


class Harmful:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torchvision.models.squeezenet1_1().state_dict(), "not of torchvision's AlexNet"),
        ([1, 2], "not of torchvision's AlexNet"),
        ({"classifier.6.weight": torch.zeros(2, 3)}, "not of torchvision's AlexNet"),
        ({"classifier.6.weight": torch.zeros(7)}, "not of torchvision's AlexNet"),
        (Harmful(), "no weights of torchvision's"),
    ],
)
def test_files_of_something_else(tmp_path, capfd, content, message):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=message):
        load_torchvision_alexnet(tmp_path / "x.pth")
    assert capfd.readouterr().out == ""


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "x.pth").write_bytes(b"PK\x03\x04 truncated")
    with pytest.raises(WeightsError, match="no weights of torchvision's"):
        load_torchvision_alexnet(tmp_path / "x.pth")
    with pytest.raises(FileNotFoundError, match="no such weights file"):
        load_torchvision_alexnet(tmp_path / "none.pth")


# The small one


def test_the_small_one_counted_by_hand():
    model = SmallAlexNet()
    sizes = [(32, 5, 3), (64, 5, 32), (96, 3, 64), (96, 3, 96), (128, 3, 96)]
    by_hand = sum(maps * (size * size * depth + 1) for maps, size, depth in sizes) + 128 * 5 + 5
    assert count_parameters(model) == by_hand
    assert f"{by_hand:,} weights for five classes" in SmallAlexNet.__doc__
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, 128, 128))
    assert counter.get_total_flops() == 2 * count_macs(model, (3, 128, 128))


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (64, 64), (45, 70)])
def test_the_small_one_takes_images_of_any_size(size):
    model = SmallAlexNet((2, 3, 4, 5, 6), num_classes=7, in_channels=1).eval()
    images = torch.rand(2, 1, *size)
    x = images
    for name, pools in (("conv1", 1), ("conv2", 1), ("conv3", 0), ("conv4", 0), ("conv5", 1)):
        x = F.relu(getattr(model, name)(x))
        x = F.max_pool2d(x, 3, 2, 1) if pools else x
    assert torch.allclose(model(images), model.out(x.mean((2, 3))), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SmallAlexNet((1, 2, 3)), "five numbers"),
        (lambda: SmallAlexNet((1, 2, 3, 4, 0)), "widths must be 1 at least, not 0"),
        (lambda: SmallAlexNet(dropout=1), "dropout is a probability"),
        (lambda: SmallAlexNet(num_classes=0), "num_classes must be 1 at least"),
        (lambda: AlexNet2012(groups=3), "groups is 2, as published, or 1, not 3"),
        (lambda: AlexNet2012(hidden=0), "hidden must be 1 at least"),
        (lambda: AlexNet(num_classes=0), "num_classes must be 1 at least"),
    ],
)
def test_networks_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()
