"""The reader's own test set: where it is looked for, and what is said of files that are none."""

import re

import numpy as np
import pytest

from lenetcourse import DatasetError, IDXError, load_drawings, write_idx
from lenetcourse.data.drawings import IMAGES, LABELS


def save(folder, labels, images=None):
    """Write a pair of files; unless images are given, every pixel of one is its label."""
    labels = np.asarray(labels)
    if images is None:
        images = np.broadcast_to(labels[:, None, None], (len(labels), 28, 28))
    write_idx(folder / IMAGES, images.astype(np.uint8))
    write_idx(folder / LABELS, labels.astype(np.uint8))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Return an empty folder where Python runs, and one that LENETCOURSE_DATA names."""
    here, data = tmp_path / "here", tmp_path / "data"
    here.mkdir()
    data.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("LENETCOURSE_DATA", str(data))
    return here, data


def test_the_pair_is_found_here_or_where_the_data_lie_or_where_one_says(folders, monkeypatch):
    here, data = folders
    save(here, [3, 1])
    assert load_drawings().labels.tolist() == [3, 1]
    save(data, [7])
    assert load_drawings().labels.tolist() == [7]
    assert load_drawings(here).labels.tolist() == [3, 1]
    monkeypatch.delenv("LENETCOURSE_DATA")
    mine = load_drawings()
    assert mine.images.shape == (2, 28, 28)
    assert mine.images[:, 0, 0].tolist() == mine.labels.tolist() == [3, 1]
    assert (mine.name, mine.split) == ("drawings", "test")


def test_without_drawings_one_line_without_a_path_says_how_to_make_some(folders):
    with pytest.raises(DatasetError) as error:
        load_drawings()
    words = str(error.value)
    assert 'page "Draw a digit" saves both files' in words
    assert "\n" not in words
    assert not any(str(folder) in words for folder in folders)  # it stands in the chapter
    with pytest.raises(DatasetError, match=f"no {IMAGES} or {LABELS} in my-digits"):
        load_drawings("my-digits")


@pytest.mark.parametrize("lost", [IMAGES, LABELS])
def test_a_file_without_the_other_is_named_with_its_folder(folders, lost):
    _, data = folders
    save(data, [3, 1])
    (data / lost).unlink()
    with pytest.raises(DatasetError, match=re.escape(f"no {lost} in {data}")):
        load_drawings()


@pytest.mark.parametrize(
    ("labels", "images"),
    [
        ([3], np.zeros((2, 28, 28))),
        ([3, 10], np.zeros((2, 28, 28))),
        ([[3, 1]], np.zeros((2, 28, 28))),
        (3, np.zeros((28, 28))),
        ([3, 1], np.zeros((2, 28, 27))),
    ],
)
def test_files_that_are_no_pair(folders, labels, images):
    save(folders[0], labels, images)
    with pytest.raises(DatasetError, match="are no pair of n digits"):
        load_drawings()


def test_numbers_that_are_no_bytes(folders):
    here, _ = folders
    save(here, [3, 1])
    write_idx(here / LABELS, np.array([3, -1], np.int8))
    with pytest.raises(DatasetError, match="28x28 bytes, each labelled 0 to 9"):
        load_drawings()


def test_no_drawing_in_the_files(folders):
    save(folders[0], [])
    with pytest.raises(DatasetError, match="no drawing is in the files"):
        load_drawings()


@pytest.mark.parametrize("damaged", [IMAGES, LABELS])
@pytest.mark.parametrize(("before", "kept"), [(b"", -1), (b"", 0), (b"<html>", None)])
def test_a_damaged_file_is_named(folders, damaged, before, kept):
    here, _ = folders
    save(here, [3, 1])
    (here / damaged).write_bytes(before + (here / damaged).read_bytes()[:kept])
    with pytest.raises(IDXError, match=f'{damaged}.*page "Draw a digit" saves both files'):
        load_drawings()
