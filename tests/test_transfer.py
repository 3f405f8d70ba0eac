"""A new head on a trained network, and layers that no longer learn."""

import pytest
import torch

from lenetcourse import (
    MLP,
    VAE,
    LeNet5,
    ResidualNet,
    SmallAlexNet,
    count_parameters,
    fit,
    freeze,
    with_new_head,
)

SMALL = (2, 3, 4, 5, 6)
GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8, generator=GENERATOR)
LABELS = torch.arange(40) % 3


@pytest.mark.parametrize(
    ("model", "head"),
    [
        (SmallAlexNet(SMALL, num_classes=10), "out"),
        (ResidualNet((2, 3), num_classes=10), "out"),
        (LeNet5(kernels=(1, 2), in_channels=3, input_size=32), "fc3"),
        (MLP((5, 4), in_channels=3, input_size=32), "layers.2"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_new_head_leaves_the_body_as_it_was(model, head):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    new = with_new_head(model, 3)
    assert type(new) is type(model)
    assert new.settings == model.settings | {"num_classes": 3}
    for name, weight in new.state_dict().items():
        if name.startswith(head):
            assert len(weight) == 3
        else:
            assert torch.equal(weight, before[name])
            weight.zero_()  # a copy: the trained network does not notice
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])
    assert new(IMAGES / 255).shape == (40, 3)


def test_a_new_head_of_as_many_classes_is_new():
    model = SmallAlexNet(SMALL, num_classes=3)
    assert not torch.equal(with_new_head(model, 3).out.weight, model.out.weight)
    torch.manual_seed(5)
    first = with_new_head(model, 3)
    torch.manual_seed(5)
    assert torch.equal(first.out.weight, with_new_head(model, 3).out.weight)


def test_networks_without_a_head():
    for model in (VAE(), torch.nn.Linear(2, 2)):
        with pytest.raises(ValueError, match="has no classes"):
            with_new_head(model, 3)
    with pytest.raises(ValueError, match="at least"):
        with_new_head(SmallAlexNet(SMALL), 0)


def trained(model):
    """Return the state of `model` before and after a little training that moves all it can."""
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    data = IMAGES, LABELS
    # Without an end at the best weights: what counts is what moved.
    fit(model, data, data, epochs=2, lr=0.01, batch_size=20, device="cpu", verbose=False)
    model.train()(IMAGES / 255)
    return before, model.state_dict()


@pytest.mark.parametrize(
    ("up_to", "learn"),
    [
        ("conv1", {"conv2", "conv3", "conv4", "conv5", "out"}),
        ("conv3", {"conv4", "conv5", "out"}),
        ("conv5", {"out"}),
        ("out", set()),
    ],
)
def test_what_is_frozen_does_not_move(up_to, learn):
    torch.manual_seed(0)
    model = SmallAlexNet(SMALL, num_classes=3)
    assert freeze(model, up_to) is model
    assert count_parameters(model) == sum(
        parameter.numel()
        for name, parameter in model.named_parameters()
        if name.split(".")[0] in learn
    )
    if not learn:
        return
    before, after = trained(model)
    for name in after:
        moved = not torch.equal(before[name], after[name])
        assert moved == (name.split(".")[0] in learn)


@pytest.mark.parametrize(
    ("up_to", "frozen"),
    [
        ("stages.0", ("normalise.", "stages.0.")),
        ("stages.1.widen", ("normalise.", "stages.0.", "stages.1.widen.")),
        ("stages", ("normalise.", "stages.")),
    ],
)
def test_frozen_batch_normalisation_keeps_its_statistics(up_to, frozen):
    torch.manual_seed(0)
    model = freeze(ResidualNet((3, 4), num_classes=3), up_to)
    before, after = trained(model)
    for name in after:
        assert torch.equal(before[name], after[name]) == name.startswith(frozen), name


def test_a_frozen_body_answers_alike_in_training_and_evaluation():
    torch.manual_seed(0)
    model = freeze(ResidualNet((3, 4), num_classes=3), "stages")
    images = IMAGES / 255
    assert torch.equal(model.train()(images), model.eval()(images))
    free = ResidualNet((3, 4), num_classes=3)
    assert not torch.allclose(free.train()(images), free.eval()(images))


@pytest.mark.parametrize("name", ["conv6", "", "conv", "stages.0"])
def test_layers_that_are_not_there(name):
    with pytest.raises(ValueError, match=r"SmallAlexNet has no layer .*: it has normalise, conv1"):
        freeze(SmallAlexNet(SMALL), name)
