"""Pictures in folders by class: every kind of picture, damage, splits, and what looks alike."""

import io
import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from lenetcourse import DatasetError, UsageError, load_dataset
from lenetcourse.cli import main
from lenetcourse.data import duplicates, flowers, split_folder
from lenetcourse.data.duplicates import Pair, difference_hash, find_pairs, groups_of
from lenetcourse.data.folders import class_files, read_class_folders
from lenetcourse.data.split_folder import split_folder as split

SIZE = 32


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in ("DATA", "DATASET", "MIRROR"):
        monkeypatch.delenv(f"LENETCOURSE_{name}", raising=False)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    monkeypatch.setattr(flowers, "cache_folder", lambda: tmp_path / "cache")


def photograph(seed: int, width: int = 80, height: int = 64) -> Image.Image:
    """Return a smooth picture, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def put(folder: Path, **counts: int) -> Path:
    """Make a folder for each class with so many pictures, all different."""
    seed = 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            photograph(seed).save(folder / name / f"{index:03d}.png")
            seed += 1
    return folder


# Reading


def test_same_as_torchvision(tmp_path):
    folder = put(tmp_path / "data", rose=3, daisy=2)
    images, labels, classes = read_class_folders(folder, SIZE)
    theirs = ImageFolder(folder)
    assert list(classes) == theirs.classes == ["daisy", "rose"]
    assert labels.tolist() == theirs.targets
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert images.shape == (5, 3, SIZE, SIZE)
    crop = v2.Compose([v2.Resize(SIZE, v2.InterpolationMode.BICUBIC), v2.CenterCrop(SIZE)])
    expected = [torch.from_numpy(np.array(crop(picture))).permute(2, 0, 1) for picture, _ in theirs]
    assert (images.int() - torch.stack(expected).int()).abs().max() <= 1


def test_pictures_of_the_right_size_keep_their_pixels(tmp_path):
    folder = put(tmp_path / "data", a=1)
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "a/000.png")
    assert read_class_folders(folder, SIZE)[0][0].tolist() == pixels.transpose(2, 0, 1).tolist()


@pytest.mark.parametrize("size", [(20, 10), (10, 20), (300, 100), (11, 11)])
def test_the_middle_is_kept(tmp_path, size):
    """A picture that is red in the middle square and blue beside it becomes red."""
    width, height = size
    side = min(size)
    picture = Image.new("RGB", size, "blue")
    left, top = (width - side) // 2, (height - side) // 2
    picture.paste("red", (left, top, left + side, top + side))
    (tmp_path / "a").mkdir()
    picture.save(tmp_path / "a/one.png")
    image = read_class_folders(tmp_path, 8)[0][0]
    inner = image[:, 1:-1, 1:-1]  # at the edges a little of what is beside comes in
    assert (inner[0].min(), inner[2].max()) == (255, 0)


GREY = Image.new("L", (SIZE, SIZE), 100)
PALETTE = Image.new("P", (SIZE, SIZE), 1)
PALETTE.putpalette([0, 0, 0, 10, 20, 30])
KINDS = {
    "grey": (GREY, "png", (100, 100, 100)),
    "black and white": (Image.new("1", (SIZE, SIZE), 1), "png", (255, 255, 255)),
    "palette": (PALETTE, "png", (10, 20, 30)),
    "16 bits": (Image.fromarray(np.full((SIZE, SIZE), 100 << 8, np.uint16)), "png", (100,) * 3),
    "transparent": (Image.new("RGBA", (SIZE, SIZE), (200, 0, 0, 0)), "png", (255, 255, 255)),
    "half transparent": (Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 128)), "png", (127,) * 3),
    "grey and alpha": (Image.new("LA", (SIZE, SIZE), (50, 255)), "png", (50, 50, 50)),
    "cmyk": (Image.new("CMYK", (SIZE, SIZE), (0, 255, 255, 0)), "tiff", (255, 0, 0)),
    "gif": (PALETTE, "gif", (10, 20, 30)),
    "webp": (Image.new("RGB", (SIZE, SIZE), (10, 20, 30)), "webp", (10, 20, 30)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_rgb(tmp_path, kind):
    picture, ending, colour = KINDS[kind]
    (tmp_path / "a").mkdir()
    picture.save(tmp_path / f"a/one.{ending}", **{"lossless": True} if ending == "webp" else {})
    image = read_class_folders(tmp_path, SIZE)[0][0]
    assert image.flatten(1).amin(1).tolist() == image.flatten(1).amax(1).tolist() == [*colour]


def test_turned_as_exif_says(tmp_path):
    (tmp_path / "a").mkdir()
    picture = Image.new("RGB", (SIZE, SIZE), "black")
    picture.paste("white", (0, 0, SIZE, SIZE // 2))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise, it is upright
    picture.save(tmp_path / "a/one.jpg", exif=exif, quality=95)
    image = read_class_folders(tmp_path, SIZE)[0][0]
    assert image[:, :, SIZE // 2 + 2 :].min() > 240  # so the right half is white
    assert image[:, :, : SIZE // 2 - 2].max() < 15


def test_a_large_jpeg(tmp_path):
    """It is decoded at a smaller scale, and looks the same."""
    (tmp_path / "a").mkdir()
    picture = photograph(3, 640, 480)
    picture.save(tmp_path / "a/one.jpg", quality=95)
    image = read_class_folders(tmp_path, SIZE)[0][0]
    picture.save(tmp_path / "a/one.png")
    both = read_class_folders(tmp_path, SIZE)[0].int()
    assert torch.equal(both[0], image.int())
    assert (both[0] - both[1]).abs().float().mean() < 3


def test_what_is_hidden_or_beside_the_classes_counts_for_nothing(tmp_path):
    folder = put(tmp_path / "data", a=1, b=1)
    for name in ("a/.DS_Store", "LICENSE.txt", ".git"):
        (folder / name).write_text("no picture", encoding="utf-8")
    (folder / ".cache").mkdir()
    (folder / "a/more").mkdir()
    paths, labels, classes = class_files(folder)
    assert [path.name for path in paths] == ["000.png", "000.png"]
    assert (labels.tolist(), classes) == ([0, 1], ("a", "b"))


def declared(width: int, height: int) -> bytes:
    """Return a PNG that says it has so many grey pixels and holds none."""
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
                       (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):  # fmt: skip
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    return content


def cut_jpeg() -> bytes:
    stream = io.BytesIO()
    photograph(0).save(stream, "JPEG")
    return stream.getvalue()[:-200]


def read(folder):
    read_class_folders(folder, SIZE)


def into_two(folder):
    split(folder, folder.parent / "out", test=0.4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture that can be read"),
        (b"some words", "not a picture that can be read"),
        (cut_jpeg(), "not a picture that can be read.*truncated"),
        (declared(9000, 9000), "9,000 x 9,000 pixels are too many"),
        (declared(100_000, 100_000), "pixels are too many"),
        (declared(30, 30), "not a picture that can be read"),
    ],
    ids=["empty", "text", "cut", "large", "bomb", "no pixels"],
)
@pytest.mark.parametrize("do", [read, into_two])
def test_files_that_are_no_pictures(tmp_path, content, message, do):
    folder = put(tmp_path / "data", a=6, b=6)
    (folder / "b/009.jpg").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"009\.jpg: .*{message}") as caught:
        do(folder)
    assert "remove it" in str(caught.value) or "make it smaller" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_folders_without_pictures(tmp_path):
    with pytest.raises(DatasetError, match="no folder of pictures in it"):
        read_class_folders(tmp_path, SIZE)
    with pytest.raises(DatasetError, match="nowhere: cannot be looked into: No such file"):
        read_class_folders(tmp_path / "nowhere", SIZE)
    put(tmp_path, a=1, b=0)
    with pytest.raises(DatasetError, match="b: no picture in it"):
        read_class_folders(tmp_path, SIZE)


# What looks alike


def test_the_same_picture_larger_darker_or_grey_looks_alike(tmp_path):
    picture = photograph(1, 240, 180)
    made = [picture, picture.resize((96, 72)), picture.point(lambda v: v * 3 // 4),
            picture.convert("L"), *(photograph(seed) for seed in range(2, 40))]  # fmt: skip
    for index, one in enumerate(made):
        one.save(tmp_path / f"{index:02d}.png")
    shutil.copy(tmp_path / "05.png", tmp_path / "99.png")
    paths = sorted(tmp_path.iterdir())
    expected = [Pair(i, j, False) for i in range(4) for j in range(i + 1, 4)]
    assert find_pairs(paths) == [*expected, Pair(5, len(made), True)]


def test_pairs_do_not_depend_on_the_size_of_a_step(tmp_path, monkeypatch):
    for index, seed in enumerate([1, 2, 3, 1, 2, 5, 1]):
        photograph(seed).save(tmp_path / f"{index}.png")
    paths = sorted(tmp_path.iterdir())
    whole = find_pairs(paths)
    assert [pair[:2] for pair in whole] == [(0, 3), (0, 6), (1, 4), (3, 6)]
    monkeypatch.setattr(duplicates, "ROWS", 2)
    assert find_pairs(paths) == whole


def test_the_hash_by_its_definition():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9), np.uint8)
    bits = difference_hash(Image.fromarray(pixels))
    expected = [pixels[y, x + 1] > pixels[y, x] for y in range(8) for x in range(8)]
    assert bits.tolist() == expected


def test_groups():
    ties = [(1, 4), (4, 2), (6, 0)]
    assert groups_of(7, [Pair(*tie, False) for tie in ties]) == [[0, 6], [1, 2, 4], [3], [5]]


# Splitting


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("copy", [False, True])
def test_split(tmp_path, copy):
    folder = put(tmp_path / "data", a=30, b=20, c=2)
    made = split(folder, tmp_path / "out", test=0.3, seed=1, copy=copy)
    assert made.counts.tolist() == [[21, 14, 1], [9, 6, 1]]
    assert made.how == ("copies" if copy else "hard links")
    sides = [names(tmp_path / "out" / part) for part in ("train", "test")]
    assert sides[0].isdisjoint(sides[1])
    assert sides[0] | sides[1] == names(folder)
    for side, part in zip(sides, ("train", "test"), strict=True):
        for name in side:
            one, other = folder / name, tmp_path / "out" / part / name
            assert one.read_bytes() == other.read_bytes()
            assert one.samefile(other) != copy
    facts = json.loads((tmp_path / "out/split.json").read_text(encoding="utf-8"))
    assert facts == {"test": 0.3, "seed": 1, "pairs": []}


def test_the_seed_decides(tmp_path):
    folder = put(tmp_path / "data", a=20, b=20)
    for out, seed in (("one", 3), ("same", 3), ("other", 4)):
        split(folder, tmp_path / out, seed=seed)
    one, same, other = (names(tmp_path / out / "test") for out in ("one", "same", "other"))
    assert one == same != other


def test_copies_and_what_looks_alike_stay_together(tmp_path):
    """Of a class every picture has a copy in another class, or one that is larger in its own."""
    folder = put(tmp_path / "data", a=20, b=20, c=20)
    for index in range(20):
        name = f"{index:03d}.png"
        shutil.copy(folder / "a" / name, folder / "b" / f"copy-{name}")
        with Image.open(folder / "c" / name) as picture:
            picture.resize((80, 70)).save(folder / "c" / f"larger-{name}")
    made = split(folder, tmp_path / "out", test=0.25)
    assert len(made.pairs) == 40
    assert sum(is_copy for *_, is_copy in made.pairs) == 20
    side = {name: part for part in ("train", "test") for name in names(tmp_path / "out" / part)}
    assert all(side[first] == side[second] for first, second, _ in made.pairs)
    assert made.counts.sum(0).tolist() == [20, 40, 40]
    assert (made.counts[1] <= [5, 10, 10]).all()
    assert (made.counts[1] >= [3, 8, 8]).all()


def test_without_links_there_are_copies(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(18, "Invalid cross-device link")

    folder = put(tmp_path / "data", a=5, b=5)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert split(folder, tmp_path / "out", test=0.4).how == "copies"
    assert len(names(tmp_path / "out")) == 11


def test_an_interrupted_split_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(path, target):
        if target.name == "003.png":
            raise KeyboardInterrupt
        return shutil.copy(path, target)

    folder = put(tmp_path / "data", a=5, b=5)
    monkeypatch.setattr(split_folder, "_linked", interrupted)
    with pytest.raises(KeyboardInterrupt):
        split(folder, tmp_path / "out", test=0.4)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ({"a": 9}, {}, "has one class, a: there is nothing to tell apart"),
        ({"a": 9, "b": 0}, {}, "b: no picture in it"),
        ({"a": 9, "b": 1}, {}, "b has 1 pictures, of which a share of 0.1 leaves none for test"),
        ({"a": 9, "b": 9}, {"test": 0.01}, "leaves none for test: add pictures, or change"),
        ({"a": 9, "b": 9}, {"test": 0.99}, "leaves none for train"),
        ({"train": 3, "test": 3}, {}, "is split already"),
        ({}, {}, "no folder of pictures in it"),
    ],
)
def test_folders_that_cannot_be_split(tmp_path, counts, options, message):
    (tmp_path / "data").mkdir()
    folder = put(tmp_path / "data", **counts)
    with pytest.raises(DatasetError, match=message):
        split(folder, tmp_path / "out", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_class_of_copies_only(tmp_path):
    folder = put(tmp_path / "data", a=6, b=1)
    for index in range(1, 6):
        shutil.copy(folder / "b/000.png", folder / f"b/{index:03d}.png")
    with pytest.raises(DatasetError, match=r"data.b: so many of its 6 pictures look alike"):
        split(folder, tmp_path / "out", test=0.3)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": 0}, "between 0 and 1, not 0"),
        ({"test": 1.0}, "between 0 and 1"),
        ({"test": float("nan")}, "between 0 and 1"),
        ({"seed": -1}, "the seed must be"),
        ({"seed": 1 << 32}, "the seed must be"),
        ({"out": "data/out"}, "would be a class of"),
    ],
)
def test_wrong_arguments(tmp_path, options, message):
    folder = put(tmp_path / "data", a=3, b=3)
    options = {"out": "out"} | options
    with pytest.raises(UsageError, match=message):
        split(folder, tmp_path / options.pop("out"), **options)


def test_nothing_is_overwritten(tmp_path):
    folder = put(tmp_path / "data", a=20, b=20)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="exists already"):
        split(folder, tmp_path / "out")
    assert names(tmp_path / "out") == {"mine.txt"}


def test_the_command(tmp_path, capsys):
    folder = put(tmp_path / "data", a=20, b=20)
    shutil.copy(folder / "a/003.png", folder / "b/099.png")
    assert main(["data", "split", str(folder), "--out", str(tmp_path / "new/out")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}: 1 pairs of copies (=), 0 that look alike (~): kept together",
        "  a/003.png = b/099.png",
        "a: 18 train, 2 test",
        "b: 19 train, 2 test",
        f"41 hard links written to {tmp_path / 'new/out'}",
    ]
    assert main(["data", "split", str(folder), "--out", str(tmp_path / "new/out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Flowers


@pytest.mark.parametrize("place", ["", "flowers", "flower_photos"])
def test_flowers(tmp_path, monkeypatch, place, capsys):
    folder = put(tmp_path / "photos", rose=24, daisy=20)
    (tmp_path / "data").mkdir()
    shutil.rmtree(tmp_path / "data")
    split(folder, tmp_path / "data" / place)
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(flowers, "SIDE", SIZE)
    sets = {part: load_dataset("flowers", part) for part in ("train", "validation", "test")}
    assert [part.labels.bincount().tolist() for part in sets.values()] == [
        [17, 20],
        [1, 2],
        [2, 2],
    ]
    every = torch.cat([part.images for part in sets.values()])
    assert torch.equal(
        every.flatten(1).unique(dim=0), read_class_folders(folder, SIZE)[0].flatten(1).unique(dim=0)
    )
    assert sets["test"].classes == ("daisy", "rose")
    assert sets["test"].origin == "folder of pictures (PNG)"
    assert main(["data", "info", "flowers"]) == 0
    assert "  from: folder of pictures (PNG)\n  images of daisy: 17, rose: 20" in (
        capsys.readouterr().out
    )


def test_flowers_are_128_pixels_wide(tmp_path):
    split(put(tmp_path / "photos", rose=2, daisy=2), tmp_path / "data", test=0.5)
    assert load_dataset("flowers", "test", folder=tmp_path / "data").image_shape == (3, 128, 128)


def test_without_flowers(tmp_path):
    for folder in (None, put(tmp_path / "photos", rose=2, daisy=2)):  # not split
        with pytest.raises(DatasetError) as caught:
            load_dataset("flowers", folder=folder)
        said = str(caught.value)
        assert "flowers: no folder with train and test in" in said
        assert "218 MiB" in said
        assert "flower_photos.tgz" in said
        assert "lenetcourse data split flower_photos --out" in said
    put(tmp_path / "flower_photos", rose=2, daisy=2)
    with pytest.raises(DatasetError, match=r"is not split yet: lenetcourse data split \S+flower_p"):
        load_dataset("flowers", folder=tmp_path)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", refuse)
    for name in ("flowers", "cifar10"):
        with pytest.raises(DatasetError, match=rf"{name}: .* cannot be looked into: Permission"):
            load_dataset(name, folder=tmp_path)


def test_parts_with_other_classes(tmp_path):
    put(tmp_path / "data/train", rose=2, daisy=2)
    put(tmp_path / "data/test", rose=1, tulip=1)
    for part in ("train", "test"):
        with pytest.raises(DatasetError, match="daisy must be in both train and test"):
            load_dataset("flowers", part, folder=tmp_path / "data")
