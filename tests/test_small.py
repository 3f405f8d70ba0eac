"""The small networks of the sources: shapes, and weights counted by hand."""

import itertools

import pytest
import torch

from lenetcourse import MLP, PaddedCNN, SmallCNN, WideCNN, count_parameters


def dense(*sizes):
    return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        (MLP(), dense(784, 196, 10)),
        (MLP((300, 100)), 266_610),  # LeCun et al. 1998
        (MLP((300,)), 238_510),
        (MLP((1000,)), 795_010),
        (MLP((500, 150)), 469_160),
        (WideCNN(), 320 + 64 * (32 * 4 + 1) + dense(3136, 128, 10)),
        (PaddedCNN(), 160 + 32 * (16 * 16 + 1) + dense(1152, 160, 10)),
        (SmallCNN(), 260 + 20 * (10 * 25 + 1) + dense(320, 50, 10)),
    ],
)
def test_shapes_and_weights(network, weights):
    assert network.eval()(torch.rand(3, 1, 28, 28)).shape == (3, 10)
    assert count_parameters(network) == weights


def test_no_units():
    with pytest.raises(ValueError, match="every layer needs a unit"):
        MLP((300, 0))


def test_shapes_that_the_report_gives():
    shapes = {}
    network = PaddedCNN()
    for name in ("conv1", "conv2"):
        layer = getattr(network, name)
        layer.register_forward_hook(lambda m, i, o, n=name: shapes.update({n: tuple(o.shape[1:])}))
    network(torch.rand(1, 1, 28, 28))
    assert shapes == {"conv1": (16, 30, 30), "conv2": (32, 12, 12)}


def test_wide_network_has_the_3136_features_of_the_text():
    seen = []
    network = WideCNN()
    network.fc1.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    network(torch.rand(2, 1, 28, 28))
    assert seen == [(2, 3136)]


@pytest.mark.parametrize("network", [WideCNN, SmallCNN])
def test_dropout_acts_in_training_only(network):
    torch.manual_seed(0)
    model, images = network(dropout=0.5), torch.rand(4, 1, 28, 28)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))
