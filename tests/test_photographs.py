"""Photographs changed at random: parts and light against torchvision's functions."""

import pytest
import torch
from torchvision.transforms.v2 import functional as theirs

from lenetcourse import AugmentPhotos, Batches
from lenetcourse.train.photographs import relit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def photographs(count=6, height=24, width=32):
    """Return smooth images: between the pixels of noise there is nothing to compare."""
    small = torch.rand(count, 3, 4, 5, generator=seeded(1))
    return torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 1)


def test_brightness_contrast_and_saturation_are_torchvision_s():
    images = photographs()
    factors = 0.5 + torch.rand(3, len(images), 1, 1, 1, generator=seeded(2))
    found = relit(images, *factors)
    for image, new, (brightness, contrast, saturation) in zip(
        images, found, factors[..., 0, 0, 0].T.tolist(), strict=True
    ):
        expected = theirs.adjust_brightness(image, brightness)
        expected = theirs.adjust_contrast(expected, contrast)
        expected = theirs.adjust_saturation(expected, saturation)
        assert torch.allclose(new, expected, atol=1e-5)


def test_factors_of_one_change_nothing():
    images = photographs()
    ones = torch.ones(len(images), 1, 1, 1)
    assert torch.allclose(relit(images, ones, ones, ones), images, atol=1e-6)


def part(image, left, top, width, height):
    """Return a part of an image in the size of the whole, of whole pixels, as torchvision does."""
    return theirs.resized_crop(
        image, top, left, height, width, list(image.shape[-2:]), antialias=False
    )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("box", [(0, 0, 32, 24), (0, 0, 16, 12), (16, 12, 16, 12), (5, 3, 24, 18)])
def test_a_part_is_torchvision_s(monkeypatch, box, mirrored):
    left, top, width, height = box
    image = photographs(1)
    # The numbers that `rand` must give for just this part, with a zoom of one half.
    across, down = (1 - width / 32) / 0.5, (1 - height / 24) / 0.5
    middle_x = left / (32 - width) if width < 32 else 0.0
    middle_y = top / (24 - height) if height < 24 else 0.0
    drawn = torch.tensor([across, down, middle_x, middle_y, 0.25 if mirrored else 0.75])[:, None]
    monkeypatch.setattr(torch, "rand", lambda *_, **__: drawn)
    found = AugmentPhotos(zoom=0.5, light=0)._parts(image, seeded())[0]
    expected = part(image[0], *box)
    found = found.flip(-1) if mirrored else found
    # At its border a part goes on here and is repeated there.
    assert torch.allclose(found[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2], atol=1e-5)


def test_half_are_mirrored_and_no_part_leaves_the_image():
    width = 64
    ramp = torch.linspace(0, 1, width).expand(400, 3, 8, width)
    changed = AugmentPhotos(zoom=0.5, light=0)(ramp, seeded())
    slope = changed[:, 0, 0, -1] - changed[:, 0, 0, 0]
    assert 160 < (slope < 0).sum() < 240
    assert slope.abs().min() > 0.45  # half of the width is always seen
    assert slope.abs().max() > 0.95
    middles = changed[:, 0, 0].mean(1)
    assert middles.min() < 0.32
    assert middles.max() > 0.68
    never = AugmentPhotos(zoom=0.5, flip=False, light=0)(ramp, seeded())[:, 0, 0]
    assert (never[:, -1] > never[:, 0]).all()


def test_strengths_of_zero_leave_the_batch_as_it_is():
    images = photographs()
    assert torch.equal(AugmentPhotos(0, flip=False, light=0)(images, seeded()), images)


def test_the_generator_alone_decides():
    images = (255 * photographs()).to(torch.uint8)
    first = AugmentPhotos()(images, seeded(3))
    torch.manual_seed(7)
    assert torch.equal(first, AugmentPhotos()(images, seeded(3)))
    assert not torch.equal(first, AugmentPhotos()(images, seeded(4)))
    assert (first.dtype, first.shape) == (images.dtype, images.shape)
    floats = AugmentPhotos()(images / 255, seeded(3))
    assert torch.equal((floats * 255).round().to(torch.uint8), first)
    assert AugmentPhotos()(images[:0], seeded()).shape == (0, 3, 24, 32)


def test_in_batches():
    images = (255 * photographs()).to(torch.uint8)
    batches = Batches(images, torch.arange(6), 6, seeded(), augment=AugmentPhotos())
    inputs, _ = next(iter(batches))
    assert inputs.shape == (6, 3, 24, 32)
    assert 0 <= inputs.min() < inputs.max() <= 1


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(4, 8, 8, dtype=torch.uint8), "is no batch of photographs"),
        (torch.zeros(4, 1, 8, 8), "is no batch of photographs"),
        (torch.zeros(4, 3, 8, 8, dtype=torch.int64), "is no batch of photographs"),
    ],
)
def test_what_is_no_photograph(images, message):
    with pytest.raises(ValueError, match=message):
        AugmentPhotos()(images, seeded())


@pytest.mark.parametrize("wrong", [{"zoom": 1}, {"zoom": -0.1}, {"light": 1}, {"light": -1}])
def test_strengths_out_of_range(wrong):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        AugmentPhotos(**wrong)
