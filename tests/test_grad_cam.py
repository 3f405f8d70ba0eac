"""Where a network looks: Grad-CAM against captum's, and drawn over the image."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch.nn import functional as F

from lenetcourse import LeNet5, ResidualNet, SmallAlexNet, freeze, grad_cam, show_heat_maps

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(256, (6, 3, 32, 48), dtype=torch.uint8, generator=GENERATOR)
CLASSES = torch.tensor([0, 1, 2, 3, 4, 0])


def networks():
    torch.manual_seed(0)
    small, residual = SmallAlexNet((4, 5, 6, 7, 8)), ResidualNet((4, 6), num_classes=5)
    residual.train()(IMAGES / 255)  # so that its batch normalisation has seen something
    grey = LeNet5((3, 4), num_classes=5)
    return {
        "small, last": (small, small.conv5, IMAGES),
        "small, first": (small, small.conv1, IMAGES),
        "residual": (residual, residual.stages[1].refine, IMAGES),
        "grey": (grey, grey.conv2, IMAGES[:, 0, :28, :28]),
    }


@pytest.mark.parametrize(("model", "layer", "images"), networks().values(), ids=networks())
def test_as_captum_computes_it(model, layer, images):
    found = grad_cam(model, images, layer, CLASSES)
    inputs = (images if images.ndim == 4 else images[:, None]) / 255
    size = images.shape[-2:]
    theirs = LayerGradCam(model.eval(), layer)
    expected = theirs.attribute(inputs, target=CLASSES, relu_attributions=True).detach()
    expected = F.interpolate(expected, size=size, mode="bilinear", align_corners=False)[:, 0]
    assert found.shape == (6, *size)
    assert expected.any()
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_by_default_for_the_network_s_own_answer():
    model = networks()["small, last"][0]
    answers = model.eval()(IMAGES / 255).argmax(1)
    assert torch.equal(
        grad_cam(model, IMAGES, model.conv5), grad_cam(model, IMAGES, model.conv5, answers)
    )


def test_the_model_is_left_as_it_was_and_may_be_frozen():
    model = networks()["small, last"][0].train()
    free = grad_cam(model, IMAGES, model.conv5, CLASSES)
    assert model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert not model.conv5._forward_hooks
    freeze(model, "out")
    with torch.no_grad():
        assert torch.equal(free, grad_cam(model, IMAGES, model.conv5, CLASSES))


def test_a_layer_that_the_network_does_not_run_leaves_no_hook():
    model, other = SmallAlexNet((1, 1, 1, 1, 1)), torch.nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="is no layer that SmallAlexNet runs"):
        grad_cam(model, IMAGES, other)
    assert not other._forward_hooks


def test_drawn_over_the_images():
    maps = torch.zeros(6, 32, 48)
    maps[1, 4, 5], maps[1, 20, 20] = 0.002, 0.001
    figure = show_heat_maps(IMAGES, maps, titles=list("abcdef"))
    shown = [axis.images[0].get_array() for axis in figure.axes]
    plain = IMAGES.movedim(1, -1).numpy()
    assert np.array_equal(shown[0], plain[0])
    rest = maps[1].numpy() == 0
    assert np.array_equal(shown[1][rest], plain[1][rest])
    # plasma ends in (240, 249, 33); six parts of ten at the largest value
    expected = 0.4 * plain[1][4, 5] + 0.6 * np.array([240, 249, 33])
    assert np.abs(shown[1][4, 5].astype(float) - expected).max() <= 1
    assert [axis.get_title() for axis in figure.axes] == list("abcdef")


@pytest.mark.parametrize("maps", [torch.zeros(6, 32, 47), torch.zeros(5, 32, 48)])
def test_maps_of_another_shape(maps):
    with pytest.raises(ValueError, match=r"images \(n, 3, h, w\) and maps \(n, h, w\)"):
        show_heat_maps(IMAGES, maps)
