"""The embedded data set in colour, and which data set a chapter in colour runs on."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from lenetcourse import ColourImageSet, UsageError, choose_colour_dataset, load_dataset
from lenetcourse.cli import main
from lenetcourse.data import cifar, flowers
from lenetcourse.data.scenes import PARTS
from lenetcourse.data.splits import SPLITS

SIDES = {"colour-digits": 32, "colour-digits-64": 64}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in ("DATA", "DATASET", "MIRROR"):
        monkeypatch.delenv(f"LENETCOURSE_{name}", raising=False)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    for module in (cifar, flowers):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def sets():
    return {(name, split): load_dataset(name, split) for name in SIDES for split in SPLITS}


@pytest.mark.parametrize("name", SIDES)
def test_shapes_and_classes(sets, name):
    classes = {32: 10, 64: 5}[SIDES[name]]
    for split in SPLITS:
        made = sets[name, split]
        assert isinstance(made, ColourImageSet)
        assert (made.name, made.split) == (name, split)
        assert made.image_shape == (3, SIDES[name], SIDES[name])
        assert made.classes == tuple("0123456789"[:classes])
        assert made.origin == "scikit-learn's digits on its photographs"
        assert (made.labels.bincount() > 0).sum() == classes
        assert torch.equal(made.labels, kept(split, classes)[1])


def kept(split, classes):
    """Return the grey digits of these classes."""
    grey = load_dataset("digits", split)
    chosen = grey.labels < classes
    return grey.images[chosen], grey.labels[chosen]


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("split", SPLITS)
def test_each_is_a_digit_on_a_piece_of_its_part_of_a_photograph(sets, name, split):
    """Undo the formula on some images, and look for the piece in the photographs."""
    made, side = sets[name, split], SIDES[name]
    ink, _ = kept(split, len(made.classes))
    first, last = PARTS[split]
    photos = [photo[:, int(first * photo.shape[1]) : int(last * photo.shape[1])]
              for photo in load_sample_images().images]  # fmt: skip
    for index in range(0, len(made), len(made) // 5):
        whole = enlarged(ink[index].numpy(), side)
        image = made.images[index].permute(1, 2, 0).numpy().astype(int)
        # |patch - ink| = d says patch = ink - d or ink + d; where there is no ink it is d.
        blank = whole == 0
        assert any(is_in(photo, image, blank, whole) for photo in photos)


def enlarged(ink, side):
    scale = side // 28
    large = Image.fromarray(ink).resize((28 * scale,) * 2, Image.Resampling.BILINEAR)
    field = np.zeros((side, side), int)
    edge = (side - 28 * scale) // 2
    field[edge : side - edge, edge : side - edge] = np.asarray(large)
    return field


def is_in(photo, image, blank, ink):
    """Return whether a piece of the photograph, less the ink, is this image."""
    side = len(image)
    corner = (photo[: 1 - side or None, : 1 - side or None] == image[0, 0]).all(-1)
    for top, left in np.argwhere(corner[: len(photo) - side + 1]):
        patch = photo[top : top + side, left : left + side].astype(int)
        if patch.shape == image.shape and (patch[blank] == image[blank]).all():
            return np.abs(np.abs(patch - ink[..., None]) - image).max() <= 1  # of rounding
    return False


def test_the_same_each_time(sets):
    for name in SIDES:
        assert torch.equal(load_dataset(name, "test").images, sets[name, "test"].images)


def test_first_keeps_what_is_known(sets):
    few = sets["colour-digits", "test"].first(7)
    assert len(few) == 7
    assert few.classes == tuple("0123456789")
    assert few.origin
    assert repr(few) == "ImageSet(colour-digits, test: 7 colour images)"


# Which one a chapter runs on


def choice(capsys, *arguments, **options):
    chosen = choose_colour_dataset(*arguments, **options)
    return chosen, capsys.readouterr().out


def test_a_name_means_itself(capsys):
    assert choice(capsys, "cifar10") == ("cifar10", "")
    assert choice(capsys, "colour-digits", real="flowers") == ("colour-digits", "")


@pytest.mark.parametrize(
    ("real", "stand_in"), [("cifar10", "colour-digits"), ("flowers", "colour-digits-64")]
)
def test_auto(capsys, monkeypatch, tmp_path, real, stand_in):
    chosen, said = choice(capsys, real=real)
    assert chosen == stand_in
    assert said.startswith(
        f"Data set: {stand_in}, because {real} is not to be had here ({real}: no"
    )
    assert said.count("\n") == 1
    for part in ("train", "test"):
        for name in cifar.CLASSES:
            (tmp_path / part / name).mkdir(parents=True)
            for index in range(2):
                Image.new("RGB", (32, 32)).save(tmp_path / part / name / f"{index}.png")
    assert choice(capsys, real=real, folder=tmp_path) == (real, f"Data set: {real}.\n")
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path))
    assert choice(capsys, real=real) == (real, f"Data set: {real}.\n")
    for name in ("digits", stand_in):
        monkeypatch.setenv("LENETCOURSE_DATASET", name)
        assert choice(capsys, real=real) == (
            stand_in,
            f"Data set: {stand_in}, as LENETCOURSE_DATASET says.\n",
        )
    monkeypatch.setenv("LENETCOURSE_DATASET", "mnist")  # for the grey chapters
    assert choice(capsys, real=real)[0] == real


def test_wrong_choices(monkeypatch):
    with pytest.raises(UsageError, match="no data set stands in for 'mnist': one of cifar10, flow"):
        choose_colour_dataset(real="mnist")
    monkeypatch.setenv("LENETCOURSE_DATASET", "cifar")
    with pytest.raises(UsageError, match=r"LENETCOURSE_DATASET=cifar is no data set: .*cifar10"):
        choose_colour_dataset()


def test_auto_for_grey_chapters_is_as_it_was(capsys, monkeypatch):
    assert load_dataset("auto", "test").name == "digits"
    monkeypatch.setenv("LENETCOURSE_DATASET", "colour-digits")
    with pytest.raises(UsageError, match="is no data set"):
        load_dataset("auto", "test")


# By the command


def test_data_info(capsys, monkeypatch, sets):
    monkeypatch.setattr("lenetcourse.load_dataset", lambda *which: sets[which], raising=False)
    assert main(["data", "info", "colour-digits-64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ImageSet(colour-digits-64, train: 5,056 colour images): mean 0.")
    assert lines[1:3] == [
        "  from: scikit-learn's digits on its photographs",
        "  images of 0: 1056, 1: 1048, 2: 984, 3: 1032, 4: 936",
    ]


def test_train(tmp_path, capsys, monkeypatch, sets):
    monkeypatch.setattr("lenetcourse.load_dataset", lambda *which: sets[which], raising=False)
    arguments = ["--dataset", "colour-digits", "--train-images", "300", "--epochs", "1"]
    assert main(["train", "lenet5", *arguments, "--out", str(tmp_path / "run")]) == 0
    assert "on 350 images" in capsys.readouterr().out
    assert (tmp_path / "run/lenet5.safetensors").is_file()


def test_download_says_what_to_do(capsys):
    assert main(["data", "download", "cifar10"]) == 2
    said = capsys.readouterr().err
    assert "LENETCOURSE_OFFLINE=1 forbids a download" in said
    assert said.count("\n") == 1
    assert main(["data", "download", "colour-digits"]) == 2
    assert "has no files to download" in capsys.readouterr().err
