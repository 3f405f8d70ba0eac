"""Crops and mirror images: each against all that a plain loop with NumPy's padding can cut."""

import numpy as np
import pytest
import torch

from lenetcourse import Batches, LeNet5, fit
from lenetcourse.train.crops import CropAndFlip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape):
    return torch.randint(256, shape, dtype=torch.uint8, generator=seeded(1))


def cuts(image, padding):
    """Return (rows down, columns across, mirrored) -> crop, for all crops of one image."""
    sides = [(0, 0)] * (image.ndim - 2) + [(padding, padding)] * 2
    height, width = image.shape[-2:]
    found = {}
    for mirrored in (False, True):
        source = np.pad(image[..., ::-1] if mirrored else image, sides, mode="reflect")
        for down in range(2 * padding + 1):
            for across in range(2 * padding + 1):
                crop = source[..., down : down + height, across : across + width]
                found[down, across, mirrored] = crop
    return found


@pytest.mark.parametrize(
    "images",
    [noise(20, 3, 9, 9), noise(20, 7, 12), noise(20, 1, 12, 7), noise(20, 3, 9, 9).double() / 255],
    ids=lambda images: f"{images.dtype} {tuple(images.shape)}",
)
@pytest.mark.parametrize("padding", [0, 2, 6])
def test_each_image_is_one_of_its_own_crops(images, padding):
    before = images.clone()
    changed = CropAndFlip(padding)(images, seeded())
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert torch.equal(images, before)
    for image, new in zip(images.numpy(), changed.numpy(), strict=True):
        assert any(np.array_equal(new, cut) for cut in cuts(image, padding).values())


def test_every_crop_is_as_likely():
    image = noise(1, 3, 8, 8)
    changed = CropAndFlip(1)(image.expand(3600, -1, -1, -1), seeded())
    drawn = {key: 0 for key in cuts(image[0].numpy(), 1)}
    names = {cut.tobytes(): key for key, cut in cuts(image[0].numpy(), 1).items()}
    for new in changed:
        drawn[names[new.numpy().tobytes()]] += 1
    assert len(drawn) == 18
    assert sum((count - 200) ** 2 / 200 for count in drawn.values()) < 40.8  # chi-square, 0.1 %


def test_without_flip_none_is_mirrored_and_the_crops_are_the_same():
    image = noise(1, 3, 8, 8)
    crops = CropAndFlip(2, flip=False)(image.expand(100, -1, -1, -1), seeded())
    allowed = [
        c.tobytes() for (*_, mirrored), c in cuts(image[0].numpy(), 2).items() if not mirrored
    ]
    assert all(new.numpy().tobytes() in allowed for new in crops)
    assert torch.equal(CropAndFlip(0, flip=False)(image, seeded()), image)


def test_the_generator_alone_decides():
    images = noise(30, 3, 16, 16)
    first = CropAndFlip()(images, seeded(3))
    torch.manual_seed(7)
    assert torch.equal(first, CropAndFlip()(images, seeded(3)))
    assert not torch.equal(first, CropAndFlip()(images, seeded(4)))
    floats = CropAndFlip()(images.float() / 255, seeded(3))
    assert torch.equal((floats * 255).round().to(torch.uint8), first)


def test_no_images():
    assert CropAndFlip()(noise(0, 3, 16, 16), seeded()).shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (noise(5, 3, 4, 9), "padding 4 needs larger images than 4x9"),
        (noise(5, 16, 16).float(), "is no batch of images"),
        (noise(5, 16, 16).long(), "is no batch of images"),
    ],
)
def test_what_cannot_be_cropped(images, message):
    with pytest.raises(ValueError, match=message):
        CropAndFlip()(images, seeded())


def test_a_padding_below_zero():
    with pytest.raises(ValueError, match="0 pixels or more"):
        CropAndFlip(-1)


def test_training_takes_it():
    images, labels = noise(40, 3, 16, 16), torch.arange(40) % 10
    batches = Batches(images, labels, 40, seeded(), augment=CropAndFlip())
    inputs, _ = next(iter(batches))
    assert inputs.shape == (40, 3, 16, 16)
    assert inputs.max() <= 1
    model = LeNet5((1, 1), in_channels=3, input_size=16)
    history = fit(
        model, (images, labels), (images, labels), epochs=1, augment=CropAndFlip(2), verbose=False
    )
    assert history.settings["augment"] == {"padding": 2, "flip": True}
