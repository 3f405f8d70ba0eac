"""LeNet-5 and its layer table: published counts, an independent counter, dropout, both forms."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lenetcourse import LeNet5, activations, count_macs, count_parameters, dense_to_conv3
from lenetcourse.models.summary import layer_table

# Published or computed by others: arguments, weights of the first three layers, total, MACs.
# The last two layers, 84 and 10 units, are the same in all of them.
VARIANTS = {
    "28": ({}, (156, 2_416, 30_840), 44_426, 281_640),
    "28, conv3": ({"conv3": True}, (156, 2_416, 30_840), 44_426, 281_640),
    "32": ({"input_size": 32}, (156, 2_416, 48_120), 61_706, 416_520),
    "32, conv3": ({"input_size": 32, "conv3": True}, (156, 2_416, 48_120), 61_706, 416_520),
    "28, half": ({"kernels": (3, 8)}, (78, 608, 15_480), 27_180, 107_880),
    "32, half": ({"kernels": (3, 8), "input_size": 32}, (78, 608, 24_120), 35_820, 153_720),
    "28, quarter": ({"kernels": (2, 4)}, (52, 204, 7_800), 19_070, 60_200),
    "28, least": ({"kernels": (1, 2)}, (26, 52, 3_960), 15_052, 32_360),
    "28, double": ({"kernels": (12, 32)}, (312, 9_632, 61_560), 82_518, 859_560),
    "colour": ({"input_size": 32, "in_channels": 3}, (456, 2_416, 48_120), 62_006, 651_720),
    "colour, E7": (
        {"kernels": (16, 32), "input_size": 32, "in_channels": 3},
        (1_216, 12_832, 96_120),
        121_182,
        1200 * 784 + 12_800 * 100 + 96_000 + 10_080 + 840,
    ),
}
variants = pytest.mark.parametrize(
    ("arguments", "first_layers", "total", "macs"), VARIANTS.values(), ids=list(VARIANTS)
)


def input_shape(model):
    size = model.settings["input_size"]
    return model.settings["in_channels"], size, size


def pictures(model, count=3):
    return torch.rand(count, *input_shape(model), generator=torch.Generator().manual_seed(1))


# Counts and shapes


@variants
def test_weights_and_multiply_adds(arguments, first_layers, total, macs):
    model = LeNet5(**arguments)
    table = layer_table(model, input_shape(model))
    assert tuple(row.parameters for row in table) == (*first_layers, 10_164, 850)
    assert count_parameters(model) == total == sum(p.numel() for p in model.parameters())
    assert count_macs(model, input_shape(model)) == macs


@variants
def test_multiply_adds_as_pytorch_counts_them(arguments, first_layers, total, macs):
    model = LeNet5(**arguments)
    with FlopCounterMode(display=False) as counter:
        model(pictures(model, 1))
    assert counter.get_total_flops() == 2 * macs


@pytest.mark.parametrize("size", [16, 17, 27, 28, 29, 32, 40])
@pytest.mark.parametrize("conv3", [False, True])
def test_output_shapes(size, conv3):
    model = LeNet5(input_size=size, num_classes=7, in_channels=2, conv3=conv3)
    assert model(torch.zeros(5, 2, size, size)).shape == (5, 7)


def test_kernels_cut_the_work_more_than_the_weights():
    full, half = LeNet5(), LeNet5((3, 8))
    assert 1 - count_macs(half) / count_macs(full) == pytest.approx(0.62, abs=0.005)
    assert 1 - count_parameters(half) / count_parameters(full) == pytest.approx(0.39, abs=0.005)


def test_frozen_weights_are_not_counted_as_trainable():
    model = LeNet5()
    model.conv1.requires_grad_(False)
    assert count_parameters(model) == 44_426 - 156


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernels": (6,)},
        {"kernels": (6, 16, 120)},
        {"kernels": (0, 16)},
        {"kernels": (6, -1)},
        {"dropout": -0.1},
        {"dropout": 1},
        {"dropout": float("nan")},
        {"input_size": 15},
        {"num_classes": 0},
        {"in_channels": 0},
    ],
    ids=str,
)
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match=r"kernels|dropout|input_size|outputs"):
        LeNet5(**arguments)


# What it computes


def test_equals_the_same_layers_put_together_by_hand():
    model = LeNet5()
    by_hand = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )
    for own, other in zip(model.parameters(), by_hand.parameters(), strict=True):
        own.data.copy_(other.data)
    torch.testing.assert_close(model(pictures(model)), by_hand(pictures(model)))


@pytest.mark.parametrize("size", [28, 32])
def test_third_convolution_computes_the_dense_layer(size):
    dense = LeNet5(input_size=size)
    twin = dense_to_conv3(dense)
    assert isinstance(twin.conv3, nn.Conv2d)
    assert not hasattr(twin, "fc1")
    assert twin.settings == dense.settings | {"conv3": True}
    torch.testing.assert_close(twin(pictures(dense)), dense(pictures(dense)))


def test_third_convolution_has_weights_of_its_own_and_keeps_the_mode():
    dense = LeNet5(dropout=0.5).eval()
    twin = dense_to_conv3(dense)
    assert not twin.training
    assert dense_to_conv3(dense.train()).training
    before = dense.fc1.weight.clone()
    twin.conv3.weight.data.zero_()
    assert torch.equal(dense.fc1.weight, before)
    with pytest.raises(ValueError, match="already"):
        dense_to_conv3(twin)


# Dropout


def dropped(model, inputs):
    """Return what went into and came out of every dropout, and what entered the next layers."""
    passes, entered, hooks = [], [], []

    def keep_pass(module, args, output):
        passes.append((args[0], output))

    def keep_entered(module, args):
        entered.append(args[0])

    for module in model.modules():
        if isinstance(module, nn.Dropout):
            hooks.append(module.register_forward_hook(keep_pass))
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            hooks.append(module.register_forward_pre_hook(keep_entered))
    model(inputs)
    for hook in hooks:
        hook.remove()
    return passes, entered[1:]


@pytest.mark.parametrize("conv3", [False, True])
def test_dropout_follows_both_poolings_and_both_hidden_layers(conv3):
    torch.manual_seed(0)
    model = LeNet5(dropout=0.4, conv3=conv3)
    passes, entered = dropped(model, pictures(model, 200))
    shapes = [tuple(before.shape[1:]) for before, _ in passes]
    assert shapes == [(6, 12, 12), (16, 4, 4), (120,), (84,)]
    for (before, after), next_input in zip(passes, entered, strict=True):
        assert (before >= 0).all()  # after ReLU
        assert torch.equal(after.flatten(), next_input.flatten())
        alive = before > 0
        share = (after[alive] == 0).float().mean().item()
        assert share == pytest.approx(0.4, abs=0.02)
        kept = alive & (after > 0)
        torch.testing.assert_close(after[kept], before[kept] / 0.6)


def test_no_dropout_in_evaluation_mode():
    model = LeNet5(dropout=0.4).eval()
    passes, _ = dropped(model, pictures(model))
    assert len(passes) == 4
    assert all(torch.equal(before, after) for before, after in passes)
    without = LeNet5(dropout=0.0)
    without.load_state_dict(model.state_dict())
    assert torch.equal(model(pictures(model)), without(pictures(model)))


# The layer table and the activations


def test_layer_table_rows():
    rows = [tuple(row) for row in layer_table(LeNet5())]
    assert rows == [
        ("conv1", "Conv2d", (6, 24, 24), 156, 86_400),
        ("conv2", "Conv2d", (16, 8, 8), 2_416, 153_600),
        ("fc1", "Linear", (120,), 30_840, 30_720),
        ("fc2", "Linear", (84,), 10_164, 10_080),
        ("fc3", "Linear", (10,), 850, 840),
    ]


def test_layer_table_prints_aligned_with_totals():
    table = layer_table(LeNet5(conv3=True))
    head, *rows, total = str(table).splitlines()
    assert str(table) == repr(table)
    assert head.split() == ["layer", "kind", "output", "weights", "multiply-adds"]
    assert " ".join(rows[0].split()) == "conv1 Conv2d 6 x 24 x 24 156 86,400"
    assert [row.split()[0] for row in rows] == ["conv1", "conv2", "conv3", "fc2", "fc3"]
    assert total.split() == ["total", "44,426", "281,640"]
    assert {len(line) for line in (head, *rows, total)} == {50}


def test_grouped_convolution():
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.Flatten(), nn.Linear(8 * 36, 2))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 4, 8, 8))
    assert 2 * count_macs(model, (4, 8, 8)) == counter.get_total_flops()


@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"stride": 2, "padding": 1}])
def test_transposed_convolution(options):
    model = nn.Sequential(nn.ConvTranspose2d(4, 8, 3, **options))
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 4, 8, 8))
    assert 2 * count_macs(model, (4, 8, 8)) == counter.get_total_flops()


def test_other_layers_have_weights_and_no_multiply_adds():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    rows = [tuple(row)[1:] for row in layer_table(model, (1, 8, 8))]
    shape = (4, 6, 6)
    assert rows == [("Conv2d", shape, 40, 9 * 4 * 36), ("BatchNorm2d", shape, 8, 0)]


def test_activations_are_those_before_the_activation_function():
    model = LeNet5(dropout=0.5)
    inputs = pictures(model)
    found = activations(model, inputs)
    assert list(found) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    torch.testing.assert_close(found["conv1"], model.conv1(inputs))
    assert (found["conv1"] < 0).any()
    assert torch.equal(found["fc3"], model.eval()(inputs))
    assert not any(output.requires_grad for output in found.values())


@pytest.mark.parametrize("training", [True, False])
def test_activations_leave_the_model_as_it_was(training):
    model = LeNet5().train(training)
    activations(model, pictures(model))
    with pytest.raises(RuntimeError):
        activations(model, torch.zeros(1, 3, 28, 28))
    assert model.training is training
    assert not any(module._forward_hooks for module in model.modules())
