"""Digits on pieces of photographs, with the mask that says which pixels are digit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lenetcourse.data.images import ImageSet, as_shares, with_channels
from lenetcourse.data.opening import PictureError, open_picture
from lenetcourse.errors import DatasetError, UsageError

THRESHOLD = 128  # ink from this grey on is digit: 13.2 % of MNIST's pixels
MODES = ("paste", "alpha", "difference")
# Columns of each photograph, as shares of its width: no pixel serves two parts.
PARTS = {"train": (0.0, 0.6), "validation": (0.6, 0.75), "test": (0.75, 1.0)}
PICTURES = {".jpg", ".jpeg", ".png"}


class DigitScenes(Dataset):
    """Digits put on random pieces of photographs, and their masks; the same for the same seed.

    Attributes:
        images: uint8 (n, side, side), or (n, 3, side, side) in colour.
        labels: the masks, uint8 (n, side, side), 1 where the digit's ink is at least `threshold`.
        digits: the digits in the scene, int64 (n,), or (n, 4) with -1 for an empty quarter.

    Args:
        digits: the image set to take digits from.
        mode: "paste" puts the masked pixels on the patch as they are, "alpha" mixes by the ink,
            "difference" takes the absolute difference of digit and patch (MNIST-M does so with
            binarised digits and colour: Ganin et al. 2016).
        backgrounds: "photos" for the two that come with scikit-learn, "plain" for one random grey
            a patch, or a folder of JPEG and PNG pictures.
        part: the part of each photograph to cut from, "train", "validation" or "test"; they share
            no pixel. By default the split of the digits.
        contrast: 0 to 1; below 1 a patch's greys are moved towards their mean.
        several: 0 for one digit in its 28x28 field; 2 to 4 for scenes of 56x56 with two up to so
            many digits, in a quarter each.
        threshold: the least ink, 1 to 255, that counts as digit.
        colour: keep the photographs' colours; the digits stay white.
        seed: decides everything random.

    Raises UsageError for an unknown mode or part or a number out of range, DatasetError when the
    folder holds no picture that is large enough, or one that cannot be read, PictureError when one
    has more pixels than `to_mnist` takes.
    """

    def __init__(
        self,
        digits: ImageSet,
        mode: str = "paste",
        backgrounds: str | os.PathLike = "photos",
        part: str | None = None,
        contrast: float = 1.0,
        several: int = 0,
        threshold: int = THRESHOLD,
        seed: int = 0,
        colour: bool = False,
    ) -> None:
        part = digits.split if part is None else part
        if mode not in MODES or part not in PARTS:
            raise UsageError(f"mode {mode!r}: one of {MODES}, part {part!r}: one of {[*PARTS]}")
        if not 1 <= threshold <= 255 or several not in (0, 2, 3, 4) or not 0 <= contrast <= 1:
            raise UsageError(
                f"threshold {threshold} (1 to 255), several {several} (0, 2, 3 or 4) or "
                f"contrast {contrast} (0 to 1) is out of range"
            )
        generator = torch.Generator().manual_seed(seed)
        ink, self.digits = digits.images, digits.labels
        if several:
            ink, self.digits = _quarters(ink, digits.labels, several, generator)
        ground = _ground(backgrounds, part, len(ink), ink.shape[-1], generator, colour)
        self.labels = (ink >= threshold).to(torch.uint8)
        layer = ink.unsqueeze(1) if colour else ink
        self.images = _blend(layer, layer >= threshold, _flatter(ground, contrast), mode)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return (image, mask): uint8 (channels, side, side) and (side, side)."""
        return with_channels(self.images)[index], self.labels[index]


def _flatter(ground: Tensor, contrast: float) -> Tensor:
    if contrast == 1:
        return ground
    mean = ground.float().mean((-2, -1), keepdim=True)
    return (mean + contrast * (ground - mean)).round().to(torch.uint8)


def _blend(ink: Tensor, mask: Tensor, ground: Tensor, mode: str) -> Tensor:
    if mode == "paste":
        return torch.where(mask, ink, ground)
    if mode == "difference":
        return (ground.short() - ink.short()).abs().to(torch.uint8)
    share = as_shares(ink)
    return (ground * (1 - share) + 255 * share).round().to(torch.uint8)


def _quarters(
    ink: Tensor, labels: Tensor, most: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return scenes (n, 56, 56) with 2 to `most` digits in quarters of their own, and these."""
    count, side = len(ink), ink.shape[-1]
    chosen = torch.randint(count, (count, 4), generator=generator)
    numbers = torch.randint(2, most + 1, (count, 1), generator=generator)
    rank = torch.rand(count, 4, generator=generator).argsort(1).argsort(1)
    used = rank < numbers  # (n, 4): so many quarters, at random
    tiles = ink[chosen] * used[..., None, None]  # (n, 4, 28, 28)
    scene = tiles.reshape(count, 2, 2, side, side).permute(0, 1, 3, 2, 4)
    return scene.reshape(count, 2 * side, 2 * side), torch.where(used, labels[chosen], -1)


def _ground(
    backgrounds: str | os.PathLike,
    part: str,
    count: int,
    side: int,
    generator: torch.Generator,
    colour: bool,
) -> Tensor:
    """Return patches, uint8 (count, [3,] side, side), from that part of the photographs."""
    channels = (3,) if colour else ()
    if backgrounds == "plain":
        one = torch.randint(256, (count, *channels, 1, 1), generator=generator, dtype=torch.uint8)
        return one.expand(count, *channels, side, side)
    photos = _photos(backgrounds, part, colour)
    photos = [photo for photo in photos if min(photo.shape[-2:]) >= side]
    if not photos:
        raise DatasetError(
            f"{backgrounds}: no picture with {side} x {side} pixels in its {part} part"
        )
    patches = torch.empty(count, *channels, side, side, dtype=torch.uint8)
    which = torch.randint(len(photos), (count,), generator=generator)
    place = torch.rand(count, 2, generator=generator)
    steps = torch.arange(side)
    for number, photo in enumerate(photos):
        here = (which == number).nonzero().flatten()
        room = torch.tensor(photo.shape[-2:]) - side + 1
        top, left = (place[here] * room).long().unbind(1)
        rows, columns = top[:, None] + steps, left[:, None] + steps
        cut = photo[..., rows[:, :, None], columns[:, None, :]]  # ([3,] n, side, side)
        patches[here] = cut.movedim(0, 1) if colour else cut
    return patches


def _photos(backgrounds: str | os.PathLike, part: str, colour: bool = False) -> list[Tensor]:
    """Return photographs, uint8 (h, w) or (3, h, w), cut to the columns of that part."""
    first, last = PARTS[part]
    mode = "RGB" if colour else "L"
    is_sample = backgrounds == "photos"
    cut = []
    for photo in _sample_photos(mode) if is_sample else _folder_photos(Path(backgrounds), mode):
        width = photo.shape[1]
        columns = torch.from_numpy(photo[:, int(first * width) : int(last * width)].copy())
        cut.append(columns.permute(2, 0, 1) if colour else columns)
    return cut


def _sample_photos(mode: str) -> list[np.ndarray]:
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images
    return [np.asarray(Image.fromarray(photo).convert(mode)) for photo in photos]


def _folder_photos(folder: Path, mode: str) -> list[np.ndarray]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder of pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    photos = []
    for path in paths:
        try:
            with open_picture(path) as image:
                photos.append(np.asarray(image.convert(mode)))
        except PictureError:
            raise
        except Exception as error:  # Pillow's decoders raise many kinds on damaged files
            raise DatasetError(f"{path}: cannot be read ({error}): repair or remove it") from None
    return photos
