"""Colour from end to end: image sets, batches, training, prediction, plots, scenes, exports."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from lenetcourse import (
    Batches,
    DigitScenes,
    ImageSet,
    LeNet5,
    SkipSegmenter,
    as_inputs,
    export_json,
    export_png,
    fit,
    load_dataset,
    mask_loss,
    predict_probabilities,
    show_feature_maps,
    show_images,
    show_segmentation,
)


@pytest.fixture(scope="module")
def tinted():
    return in_colour(load_dataset("digits", "train").first(1500))


def in_colour(digits):
    """Digits in a random light colour on a random dark one: the shape alone tells the class."""
    generator = torch.Generator().manual_seed(0)
    ink = torch.randint(128, 256, (len(digits), 3, 1, 1), generator=generator)
    paper = torch.randint(0, 100, (len(digits), 3, 1, 1), generator=generator)
    share = digits.images.unsqueeze(1) / 255
    images = (share * ink + (1 - share) * paper).round().to(torch.uint8)
    return ImageSet(images, digits.labels, "tinted", digits.split)


def test_items_and_batches_are_torchvisions(tinted):
    assert tinted.image_shape == (3, 28, 28)
    assert repr(tinted) == "ImageSet(tinted, train: 1,500 colour images)"
    image, label = tinted[-1]
    assert torch.equal(image, tinted.images[-1])
    assert label == tinted.labels[-1]
    to_float = v2.ToDtype(torch.float32, scale=True)
    (inputs, _), *_ = Batches(tinted.images, tinted.labels, 16)
    torch.testing.assert_close(inputs, to_float(tinted.images[:16]), rtol=1e-6, atol=0)
    grey = load_dataset("digits", "test")
    expected = to_float(grey.images.unsqueeze(1))
    torch.testing.assert_close(as_inputs(grey.images), expected, rtol=1e-6, atol=0)
    assert grey.image_shape == grey[0][0].shape == (1, 28, 28)


@pytest.mark.parametrize("shape", [(4, 28), (4, 1, 28, 28), (4, 28, 28, 3), (3, 28, 28)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="images"):
        ImageSet(torch.zeros(shape, dtype=torch.uint8), torch.zeros(4, dtype=torch.long))


def test_other_types_are_refused():
    with pytest.raises(ValueError, match=r"uint8 of shape .*not torch.float32"):
        ImageSet(torch.zeros(4, 28, 28), torch.zeros(4, dtype=torch.long))


def test_lenet5_learns_colour_digits(tinted):
    torch.manual_seed(0)
    model = LeNet5(in_channels=3)
    unseen = in_colour(load_dataset("digits", "test"))
    history = fit(model, tinted, unseen, epochs=8, lr=0.003, verbose=False, device="cpu")
    assert history.validation[-1]["accuracy"] > 0.9
    probabilities = predict_probabilities(model, tinted.images)
    with torch.no_grad():
        expected = model.eval()(v2.functional.to_dtype(tinted.images, scale=True)).softmax(1)
    torch.testing.assert_close(probabilities, expected)


@pytest.fixture
def closed():
    yield
    plt.close("all")


@pytest.mark.usefixtures("closed")
def test_plots_show_the_colours(tinted):
    drawn = show_images(tinted.images[:3])
    shown = drawn.axes[1].images[0].get_array()
    assert np.array_equal(shown, tinted.images[1].permute(1, 2, 0).numpy())
    assert len(show_feature_maps(LeNet5(in_channels=3), tinted.images[0], "conv1").axes) == 6
    masks = torch.zeros(2, 28, 28)
    figure = show_segmentation(tinted.images[:2], masks, torch.rand(2, 1, 28, 28))
    first = figure.axes[0].images[0].get_array()
    assert np.array_equal(first, tinted.images[0].permute(1, 2, 0).numpy())


@pytest.mark.parametrize("mode", ["paste", "alpha", "difference"])
def test_scenes_are_the_grey_ones_in_colour(mode):
    """The same pieces of the same photographs, channel by channel."""
    digits = load_dataset("digits", "test").first(20)
    grey = DigitScenes(digits, mode, seed=3)
    colour = DigitScenes(digits, mode, seed=3, colour=True)
    assert colour.images.shape == (20, 3, 28, 28)
    assert torch.equal(colour.labels, grey.labels)
    paper = digits.images == 0
    as_grey = v2.functional.rgb_to_grayscale(colour.images).squeeze(1)
    # Both sides round; the blending of a grey and of a colour differ by no more.
    assert (as_grey.int() - grey.images.int()).abs()[paper].max() <= 2
    if mode == "paste":
        where = grey.labels.bool()
        assert all(torch.equal(c[where], digits.images[where]) for c in colour.images.unbind(1))


def test_scenes_in_colour_train_a_segmenter():
    digits = load_dataset("digits", "test").first(40)
    scenes = DigitScenes(digits, backgrounds="plain", several=3, colour=True)
    assert scenes[0][0].shape == (3, 56, 56)
    model = SkipSegmenter(in_channels=3)
    history = fit(model, scenes, scenes, epochs=1, loss_fn=mask_loss, metrics={}, verbose=False)
    assert len(history.train_loss) == 1


def test_exports(tinted, tmp_path):
    few = tinted.first(3)
    export_png(few, tmp_path / "png")
    path = next((tmp_path / "png").glob("*/0.png"))
    assert torch.equal(v2.functional.pil_to_tensor(Image.open(path)), few.images[0])
    assert Image.open(path).mode == "RGB"
    export_json(few, tmp_path / "x.json")
    records = json.loads((tmp_path / "x.json").read_text())
    assert torch.equal(torch.tensor(records[2]["img"], dtype=torch.uint8), few.images[2])
