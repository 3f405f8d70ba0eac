"""The network of 3x3 convolutions: weights counted by hand, its link, and channels normalised."""

import pytest
import torch
from torch.nn import functional as F

from lenetcourse import (
    LeNet5,
    count_macs,
    count_parameters,
    draw_network,
    layer_table,
    load_dataset,
    load_model,
    save_model,
)
from lenetcourse.models.residual import NormaliseChannels, ResidualNet

PICTURES = load_dataset("colour-digits", "test").images


def stage(inputs, outputs, extra):
    """Return the weights of two 3x3 convolutions with `extra` numbers for each map."""
    return 9 * outputs * (inputs + outputs) + 2 * extra * outputs


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize(("batch_norm", "extra"), [(True, 2), (False, 1)])
@pytest.mark.parametrize("widths", [(32, 64, 128, 256), (4,), (5, 3)])
def test_weights_counted_by_hand(widths, batch_norm, extra, residual):
    model = ResidualNet(widths, batch_norm=batch_norm, residual=residual)
    stages = zip([3, *widths], widths, strict=False)
    expected = sum(stage(a, b, extra) for a, b in stages) + 10 * widths[-1] + 10
    assert count_parameters(model) == expected
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_the_counts_that_its_docstring_gives():
    assert f"{count_parameters(ResidualNet()):,} weights by default" in ResidualNet.__doc__
    half = f"{count_parameters(ResidualNet((16, 32, 64, 128))):,}"
    assert f"{half} with widths of one half" in ResidualNet.__doc__
    convolutions = 27 * 32 * 1024 + 288 * 32 * 256  # at 32x32, at 16x16
    convolutions += 288 * 64 * 256 + 576 * 64 * 64 + 576 * 128 * 64 + 1152 * 128 * 16
    convolutions += 1152 * 256 * 16 + 2304 * 256 * 4
    assert count_macs(ResidualNet(), (3, 32, 32)) == convolutions + 2560
    shapes = [layer.output_shape for layer in layer_table(ResidualNet(), (3, 32, 32))]
    assert shapes[2] == (32, 16, 16)
    assert shapes[-2:] == [(256, 2, 2), (10,)]


def test_the_link_passes_on_what_the_second_convolution_does_not_change():
    torch.manual_seed(0)
    linked, plain = ResidualNet((4, 6)), ResidualNet((4, 6), residual=False)
    for model in (linked, plain):
        for inner in model.stages:
            torch.nn.init.zeros_(inner.refine.weight)
    images = torch.rand(3, 3, 8, 8)
    stage = linked.stages[0].eval()
    expected = F.relu(F.max_pool2d(F.conv2d(images, stage.widen.weight, padding=1), 2))
    # of a new batch normalisation, which divides by the root of 1 + 1e-5
    assert torch.allclose(stage(images), expected, atol=1e-4)
    assert not plain.stages[0].eval()(images).any()


def test_images_of_any_size():
    model = ResidualNet((2, 3, 4), num_classes=5)
    for height, width in [(8, 8), (64, 64), (33, 20)]:
        assert model(torch.rand(2, 3, height, width)).shape == (2, 5)


def test_what_was_measured_is_saved(tmp_path):
    torch.manual_seed(0)
    model = ResidualNet((2, 3)).eval()
    model.normalise.measure(PICTURES)
    save_model(model, tmp_path / "x.safetensors")
    loaded, _ = load_model(tmp_path / "x.safetensors")
    images = PICTURES[:3] / 255
    assert torch.equal(loaded(images), model(images))
    assert not torch.allclose(ResidualNet((2, 3)).normalise(images), loaded.normalise(images))


def test_it_is_drawn_with_its_links():
    torch.manual_seed(0)
    figure = draw_network(ResidualNet((4, 6)), PICTURES[0])
    words = " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))
    assert "skip: added" in words


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": ()}, "widths must be positive"),
        ({"widths": (4, 0)}, "widths must be positive"),
        ({"num_classes": 0}, "1 at least"),
        ({"in_channels": 0}, "1 at least"),
    ],
)
def test_networks_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        ResidualNet(**settings)


# Channels normalised


@pytest.mark.parametrize("images", [PICTURES, PICTURES[:1200, 0], PICTURES[:50] / 255])
def test_measured_channels_have_mean_0_and_deviation_1(images):
    channels = 1 if images.ndim == 3 else 3
    normalise = NormaliseChannels(channels)
    inputs = (images.unsqueeze(1) if images.ndim == 3 else images).double()
    inputs = inputs / 255 if images.dtype == torch.uint8 else inputs
    assert torch.equal(normalise(inputs), inputs)
    found = normalise.measure(images)(inputs)
    deviation, mean = torch.std_mean(found, (0, 2, 3), correction=0)
    assert torch.allclose(mean, torch.zeros(channels).double(), atol=1e-5)
    assert torch.allclose(deviation, torch.ones(channels).double(), atol=1e-5)


def test_it_has_no_weights_and_stands_before_any_network():
    model = torch.nn.Sequential(NormaliseChannels().measure(PICTURES), LeNet5(in_channels=3))
    assert count_parameters(model) == count_parameters(LeNet5(in_channels=3))
    assert next(layer.name for layer in layer_table(model, (3, 28, 28))) == "1.conv1"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PICTURES[:0], "no images to measure"),
        (torch.full((5, 3, 8, 8), 7, dtype=torch.uint8), "one value only"),
    ],
)
def test_channels_that_cannot_be_measured(images, message):
    with pytest.raises(ValueError, match=message):
        NormaliseChannels().measure(images)
