"""Digits over photographs: what a scene holds, what decides it, and what is refused."""

import itertools
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from lenetcourse import (
    DatasetError,
    DigitScenes,
    ImageSet,
    PictureError,
    load_dataset,
    to_mnist,
)
from lenetcourse.data.scenes import MODES, PARTS, _photos


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", "test").first(60)


def test_shapes_and_types(digits):
    scenes = DigitScenes(digits)
    assert scenes.images.shape == scenes.labels.shape == (60, 28, 28)
    assert scenes.images.dtype == scenes.labels.dtype == torch.uint8
    assert torch.equal(scenes.digits, digits.labels)
    assert len(scenes) == 60
    image, mask = scenes[3]
    assert image.shape == (1, 28, 28)
    assert torch.equal(mask, scenes.labels[3])


@pytest.mark.parametrize("threshold", [1, 128, 255])
def test_mask_is_the_ink_from_the_threshold_on(digits, threshold):
    scenes = DigitScenes(digits, threshold=threshold)
    assert torch.equal(scenes.labels.bool(), digits.images >= threshold)


def test_modes_by_their_formulas(digits):
    made = {mode: DigitScenes(digits, mode=mode).images.double() for mode in MODES}
    empty = ImageSet(torch.zeros_like(digits.images), digits.labels, split="test")
    ground = DigitScenes(empty).images.double()
    ink, mask = digits.images.double(), digits.images >= 128
    assert torch.equal(made["paste"], torch.where(mask, ink, ground))
    assert torch.equal(made["difference"], (ground - ink).abs())
    mixed = ground + (255 - ground) * ink / 255
    assert (made["alpha"] - mixed).abs().max() <= 0.5001


def test_seed_decides(digits):
    one, same, other = (DigitScenes(digits, seed=seed) for seed in (4, 4, 5))
    assert torch.equal(one.images, same.images)
    assert not torch.equal(one.images, other.images)
    assert torch.equal(one.labels, other.labels)


def test_parts_share_no_pixel():
    ends = sorted(PARTS.values())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
    widths = {part: [photo.shape[1] for photo in _photos("photos", part)] for part in PARTS}
    assert [sum(w) for w in zip(*widths.values(), strict=True)] == [640, 640]


def numbered_folder(folder):
    """A folder with one picture whose grey says the column: 0 to 249."""
    wide = np.tile(np.arange(250, dtype=np.uint8), (40, 1))
    Image.fromarray(wide).save(folder / "wide.png")
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_folder_of_pictures_and_its_parts(digits, tmp_path, part):
    empty = ImageSet(torch.zeros_like(digits.images), digits.labels, split="train")
    scenes = DigitScenes(empty, backgrounds=numbered_folder(tmp_path), part=part)
    first, last = (int(250 * share) for share in PARTS[part])
    assert scenes.images.min() >= first
    assert scenes.images.max() < last
    assert (scenes.images[:, 0, 1] - scenes.images[:, 0, 0] == 1).all()  # a piece, as it was


def test_part_is_by_default_the_split_of_the_digits(digits):
    assert torch.equal(DigitScenes(digits).images, DigitScenes(digits, part="test").images)
    assert not torch.equal(DigitScenes(digits).images, DigitScenes(digits, part="train").images)


def test_plain_and_flat_backgrounds(digits):
    empty = ImageSet(torch.zeros_like(digits.images), digits.labels, split="test")
    plain = DigitScenes(empty, backgrounds="plain").images
    assert (plain.flatten(1).amax(1) == plain.flatten(1).amin(1)).all()
    assert len(plain[:, 0, 0].unique()) > 20
    spread = [DigitScenes(empty, contrast=c).images.float().std((1, 2)).mean() for c in (0, 0.5, 1)]
    assert spread[0] < 0.01
    assert spread[1] == pytest.approx(spread[2].item() / 2, rel=0.02)


@pytest.mark.parametrize("several", [2, 3, 4])
def test_several_digits_in_quarters(digits, several):
    scenes = DigitScenes(digits, backgrounds="plain", several=several)
    assert scenes.images.shape == scenes.labels.shape == (60, 56, 56)
    count = (scenes.digits >= 0).sum(1)
    assert set(count.tolist()) == set(range(2, several + 1))
    quarters = scenes.labels.reshape(60, 2, 28, 2, 28).sum((2, 4)).reshape(60, 4)
    assert torch.equal(quarters > 0, scenes.digits >= 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "glue"},
        {"part": "all"},
        {"threshold": 0},
        {"threshold": 256},
        {"several": 1},
        {"several": 5},
        {"contrast": 1.5},
    ],
)
def test_wrong_arguments(digits, wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        DigitScenes(digits, **wrong)


def test_folder_without_pictures(digits, tmp_path):
    with pytest.raises(DatasetError, match="no picture with 28 x 28 pixels"):
        DigitScenes(digits, backgrounds=tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        DigitScenes(digits, backgrounds=tmp_path / "nothing")


def test_folder_with_small_pictures(digits, tmp_path):
    Image.new("L", (20, 20)).save(tmp_path / "small.png")
    with pytest.raises(DatasetError, match="no picture with 28 x 28 pixels"):
        DigitScenes(digits, backgrounds=tmp_path)


def test_broken_picture(digits, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    with pytest.raises(DatasetError, match=r"broken\.jpg: cannot be read"):
        DigitScenes(digits, backgrounds=tmp_path)


def declared(width, height):
    """Return a PNG that says it has so many grey pixels and holds none."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [(60_000, 60_000), (12_000, 12_000), (9_000, 9_000), (10_001, 1)])
def test_picture_bomb(digits, tmp_path, size):
    """Refused as `to_mnist` does, in the same words; some are below Pillow's own limits."""
    path = tmp_path / "bomb.png"
    path.write_bytes(declared(*size))
    with pytest.raises(PictureError, match="at most 10,000 a side") as caught:
        DigitScenes(digits, backgrounds=tmp_path)
    with pytest.raises(PictureError) as usual:
        to_mnist(path)
    assert str(caught.value) == str(usual.value)
