"""Data sets by name: found, downloaded, checked, split; and the embedded digits."""

import concurrent.futures
import dataclasses
import gzip
import hashlib
import io
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from servers import HTML_PAGE, Server, closed_port, cut, send
from torch.utils.data import DataLoader

from lenetcourse.data import datasets, digits, download
from lenetcourse.data.datasets import DatasetError, choose_dataset, dataset_folder, load_dataset
from lenetcourse.data.idx import idx_header, write_idx
from lenetcourse.data.images import ImageSet
from lenetcourse.data.sources import SOURCES

TRAIN, TEST = 24, 12  # images of the small data sets that stand in for the published ones
FIRST = "train-images-idx3-ubyte"  # the file that is asked for first


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def small_arrays(name: str) -> dict[str, np.ndarray]:
    """Return file name -> random content of the right form, another for each data set."""
    random = np.random.default_rng(list(name.encode()))
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        images, labels = SOURCES[name].parts[part]
        arrays[images.name] = random.integers(0, 256, (count, 28, 28), np.uint8)
        if "idx2-int" in labels.name:
            arrays[labels.name] = random.integers(0, 10, (count, 8)).astype(np.int32)
        else:
            arrays[labels.name] = random.integers(0, 10, count).astype(np.uint8)
    return arrays


def raw_bytes(array: np.ndarray) -> bytes:
    return idx_header(array) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def small_source(name: str, url: str):
    """Return the published source with our small files' md5 and two mirrors on our server."""
    source, arrays = SOURCES[name], small_arrays(name)
    parts = {}
    for part, files in source.parts.items():
        parts[part] = tuple(
            dataclasses.replace(
                file,
                shape=arrays[file.name].shape,
                md5=file.md5 and md5(raw_bytes(arrays[file.name])),
                gz_md5=file.gz_md5 and md5(packed(arrays[file.name])),
            )
            for file in files
        )
    mirrors = (f"{url}first/{name}/", f"{url}second/{name}/")
    if source.archive:
        archive = md5(zip_of(arrays))
        mirrors = tuple(f"{mirror}gzip.zip" for mirror in mirrors)
        size = len(zip_of(arrays))
        return dataclasses.replace(
            source, mirrors=mirrors, parts=parts, archive=archive, archive_bytes=size
        )
    return dataclasses.replace(source, mirrors=mirrors, parts=parts)


def packed(array: np.ndarray) -> bytes:
    return gzip.compress(raw_bytes(array), mtime=0)


def zip_of(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"gzip/{name}.gz"), packed(array))
        archive.writestr(zipfile.ZipInfo("gzip/emnist-letters-mapping.txt"), "not ours")
    return file.getvalue()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def cache(monkeypatch, tmp_path, server):
    """Small data sets on two mirrors of our server, and an empty cache, whose path it gives."""
    for name in ("DATA", "OFFLINE", "DATASET", "MIRROR"):
        monkeypatch.delenv(f"LENETCOURSE_{name}", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "cache"
    for module in (datasets, download):
        monkeypatch.setattr(module, "cache_folder", lambda: folder)
    # Long enough for a good answer from this machine, however busy it is.
    monkeypatch.setattr(download, "SILENCE_SECONDS", 1.0)
    for name, source in list(SOURCES.items()):
        arrays = small_arrays(name)
        for mirror in ("first", "second"):
            for file, array in arrays.items():
                server.answers[f"/{mirror}/{name}/{file}.gz"] = packed(array)
            if source.archive:
                server.answers[f"/{mirror}/{name}/gzip.zip"] = zip_of(arrays)
        monkeypatch.setitem(SOURCES, name, small_source(name, server.url))
    return folder


def fill(folder: Path, name: str = "mnist", ending: str = ".gz") -> Path:
    """Put the small data set's files into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, array in small_arrays(name).items():
        (folder / (file + ending)).write_bytes(packed(array) if ending else raw_bytes(array))
    return folder


def assert_is(image_set: ImageSet, name: str) -> None:
    """The set is the test part of the small data set of that name."""
    assert image_set.images.numpy().tobytes() == list(small_arrays(name).values())[2].tobytes()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# Downloads


def test_downloads_once_and_keeps_the_files(cache, server):
    train, test = load_dataset("mnist"), load_dataset("mnist", "test")
    assert (len(train), len(test)) == (TRAIN - 2, TEST)
    assert_is(test, "mnist")
    assert test.labels.tolist() == small_arrays("mnist")["t10k-labels-idx1-ubyte"].tolist()
    assert len(server.requests) == 4
    assert names_in(cache) == sorted(f"{file}.gz" for file in small_arrays("mnist"))
    assert [path.name for path in cache.iterdir()] == ["mnist"]
    assert not [path for path in cache.rglob("*") if path.name.startswith(".")]
    load_dataset("mnist", "validation")
    assert len(server.requests) == 4


FAILURES = {
    "403": (403, "the server answered 403"),
    "404": (404, "the server answered 404"),
    "503": (503, "the server answered 503"),
    "cut": (lambda good: cut(good), "the answer broke off"),
    "cut, but the length is right": (lambda good: good[:-100], "gzip data ends too early"),
    "page": (HTML_PAGE, "HTML or XML page"),
    "other content": (packed(np.zeros((TRAIN, 28, 28), np.uint8)), "truncated or altered: the md5"),
    "silence": (None, "no answer in time"),
}


def misbehave(server: Server, kind: str, mirrors: tuple[str, ...]) -> None:
    answer, _ = FAILURES[kind]
    for mirror in mirrors:
        path = f"/{mirror}/mnist/{FIRST}.gz"
        if kind == "silence":
            server.answers[path] = server.silent
        elif callable(answer):
            server.answers[path] = answer(server.answers[path])
        else:
            server.answers[path] = answer


@pytest.mark.parametrize("kind", FAILURES)
def test_second_mirror_when_the_first_fails(cache, server, kind):
    misbehave(server, kind, ("first",))
    load_dataset("mnist")
    asked = [path for path in server.requests if FIRST in path]
    assert asked == [f"/first/mnist/{FIRST}.gz", f"/second/mnist/{FIRST}.gz"]
    content = (cache / "mnist" / f"{FIRST}.gz").read_bytes()
    assert content == packed(small_arrays("mnist")[FIRST])
    assert len(names_in(cache)) == 2


@pytest.mark.parametrize("kind", FAILURES)
def test_says_what_every_mirror_did(cache, server, kind):
    misbehave(server, kind, ("first", "second"))
    with pytest.raises(DatasetError) as caught:
        load_dataset("mnist")
    lines = str(caught.value).splitlines()
    assert f"mnist: no {FIRST}: the download failed" in lines[0]
    for line, mirror in zip(lines[1:3], ("first", "second"), strict=True):
        assert f"{server.url}{mirror}/mnist/{FIRST}.gz: " in line
        assert pytest.raises(AssertionError, match=FAILURES[kind][1]).matches(AssertionError(line))
    assert f"By hand: put {FIRST}, " in lines[3]
    assert str(cache / "mnist") in lines[3]
    assert names_in(cache) == []


def test_nobody_listens(cache, monkeypatch):
    source = dataclasses.replace(SOURCES["mnist"], mirrors=(closed_port(),))
    monkeypatch.setitem(SOURCES, "mnist", source)
    with pytest.raises(DatasetError, match="no connection"):
        load_dataset("mnist")


def test_mirror_may_have_compressed_the_file_again(cache, server):
    """Where the md5 of the content is published, that alone decides."""
    again = gzip.compress(raw_bytes(small_arrays("mnist")[FIRST]), 1)
    assert again != server.answers[f"/first/mnist/{FIRST}.gz"]
    server.answers[f"/first/mnist/{FIRST}.gz"] = again
    # A server that takes .gz for an encoding of the transport: the file arrives unpacked.
    labels = f"/first/mnist/{FIRST.replace('images-idx3', 'labels-idx1')}.gz"
    good = server.answers[labels]
    server.answers[labels] = lambda request: send(request, good, Content_Encoding="gzip")
    assert len(load_dataset("mnist")) == TRAIN - 2
    assert len(server.requests) == 2
    server.requests.clear()
    load_dataset("mnist")
    assert server.requests == []


def test_only_the_gz_md5_is_published(cache, server):
    again = gzip.compress(raw_bytes(small_arrays("fashion-mnist")[FIRST]), 1)
    server.answers[f"/first/fashion-mnist/{FIRST}.gz"] = again
    load_dataset("fashion-mnist")
    assert [path.split("/")[1] for path in server.requests] == ["first", "second", "first"]
    server.answers[f"/second/fashion-mnist/{FIRST}.gz"] = again
    (cache / "fashion-mnist" / f"{FIRST}.gz").unlink()
    with pytest.raises(DatasetError, match="hash"):
        load_dataset("fashion-mnist")


def test_offline_asks_nobody(cache, server, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    for name in SOURCES:
        with pytest.raises(DatasetError, match="LENETCOURSE_OFFLINE=1 forbids") as caught:
            load_dataset(name)
        assert str(cache) in str(caught.value)
        assert "By hand" in str(caught.value)
    assert choose_dataset("auto") == "digits"
    assert server.requests == []
    fill(cache / "mnist")
    assert_is(load_dataset("mnist", "test"), "mnist")


@pytest.mark.parametrize("slash", ["", "/"])
def test_own_mirror_is_tried_first(cache, server, monkeypatch, slash):
    monkeypatch.setenv("LENETCOURSE_MIRROR", f"{server.url}own{slash}")
    server.answers[f"/own/mnist/{FIRST}.gz"] = packed(small_arrays("mnist")[FIRST])
    server.answers["/own/emnist-digits/gzip.zip"] = zip_of(small_arrays("emnist-digits"))
    load_dataset("mnist")
    labels = FIRST.replace("images-idx3", "labels-idx1")
    assert server.requests == [
        f"/own/mnist/{FIRST}.gz",
        f"/own/mnist/{labels}.gz",
        f"/first/mnist/{labels}.gz",
    ]
    server.requests.clear()
    load_dataset("emnist-digits")
    assert server.requests == ["/own/emnist-digits/gzip.zip"]


def test_cache_that_cannot_be_written(cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match=r"cannot write into .*cache"):
        load_dataset("mnist")


def endless(request) -> None:
    """Send bytes until the other side hangs up, and count them."""
    request.send_response(200)
    request.end_headers()
    sent = request.server.sent = 0
    try:
        while sent < 1 << 28:
            request.wfile.write(bytes(1 << 16))
            sent += 1 << 16
            request.server.sent = sent
    except OSError:
        pass


@pytest.mark.parametrize("name", ["mnist", "emnist-digits"])
def test_mirror_that_sends_without_end(cache, server, name):
    (file, _), _ = SOURCES[name].parts.values()
    path = "gzip.zip" if SOURCES[name].archive else f"{file.name}.gz"
    server.answers[f"/first/{name}/{path}"] = endless
    assert len(load_dataset(name)) == TRAIN - 2
    assert server.requests[:2] == [f"/first/{name}/{path}", f"/second/{name}/{path}"]
    server.answers[f"/second/{name}/{path}"] = endless
    shutil.rmtree(cache)
    with pytest.raises(DatasetError, match=r"first/.*: sends more than 1,\d\d\d,\d\d\d bytes"):
        load_dataset(name)
    assert server.http.sent < 1 << 26  # what the connection holds is more than was taken
    assert names_in(cache) == []


def test_archive_with_a_bomb_inside(cache, server, monkeypatch):
    """Its md5 would be another one; here it is held to be right."""
    first = "emnist-digits-train-images-idx3-ubyte.gz"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"gzip/{first}", bytes(download.SLACK + TRAIN * 784 + 1))
    for mirror in ("first", "second"):
        server.answers[f"/{mirror}/emnist-digits/gzip.zip"] = file.getvalue()
    source = dataclasses.replace(SOURCES["emnist-digits"], archive=md5(file.getvalue()))
    monkeypatch.setitem(SOURCES, "emnist-digits", source)
    with pytest.raises(DatasetError, match=f"{first} in it has 1,067,393 bytes: too many"):
        load_dataset("emnist-digits")
    assert names_in(cache) == []


def test_what_a_killed_download_left_is_removed(cache, server):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    name = download.temporary_name("part-abc")
    left = cache / "mnist" / name.replace(str(os.getpid()), str(process.pid), 1)
    own = cache / "mnist" / name
    for part in (left, own):
        part.mkdir(parents=True)
        (part / FIRST).touch()
    load_dataset("mnist")
    assert own.exists()
    assert left.exists() == (os.name == "nt")


# No place to write


NO_HOME = RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("answer", [NO_HOME, "~/.cache/lenetcourse"], ids=["error", "path"])
def test_no_home_directory(monkeypatch, tmp_path, capsys, answer):
    """Newer versions of platformdirs raise an error, older ones leave the ~ where it is."""

    def folder(name):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(download, "user_cache_dir", folder)
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "OFFLINE", "DATASET", "MIRROR"):
        monkeypatch.delenv(f"LENETCOURSE_{name}", raising=False)
    message = "mnist: no home directory to keep downloads in: set HOME"
    with pytest.raises(DatasetError, match="into any folder named by LENETCOURSE_DATA") as caught:
        load_dataset("mnist")
    assert str(caught.value).startswith(message)
    assert choose_dataset("auto") == "digits"
    assert capsys.readouterr().out == (
        f"Data set: digits, because MNIST is not to be had here ({message})\n"
    )
    monkeypatch.setenv("LENETCOURSE_DATA", "~no-such-user/data")
    with pytest.raises(DatasetError, match="~no-such-user/data: no home directory here"):
        load_dataset("mnist")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_entered(cache, monkeypatch, capsys):
    """As with the home directory of another user."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(DatasetError, match="cannot be looked into: Permission denied") as caught:
        load_dataset("mnist")
    assert "By hand: put" in str(caught.value)
    assert choose_dataset("auto") == "digits"
    assert capsys.readouterr().out.count("\n") == 1
    with pytest.raises(PermissionError):
        dataset_folder("mnist")


@pytest.mark.parametrize("offline", ["0", "1"])
def test_damaged_file_in_a_cache_that_cannot_be_written(
    cache, server, monkeypatch, capsys, offline
):
    """A folder of the new name is in the way: that stops the administrator, too."""
    monkeypatch.setenv("LENETCOURSE_OFFLINE", offline)
    path = fill(cache / "mnist") / f"{FIRST}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    (cache / "mnist" / f"{FIRST}.gz.damaged" / "x").mkdir(parents=True)
    with pytest.raises(DatasetError) as caught:
        load_dataset("mnist")
    message = str(caught.value)
    assert message.startswith(f"{path}: the gzip data ends too early")
    assert "it cannot be replaced (" in message
    assert "make its folder writable" in message
    assert f"By hand: put {FIRST}, " in message
    assert server.requests == []
    capsys.readouterr()
    assert choose_dataset("auto") == "digits"
    line = capsys.readouterr().out
    assert line.startswith("Data set: digits, because MNIST is not to be had here (")
    assert line.count("\n") == 1


# Attached to a Kaggle notebook


@pytest.fixture
def kaggle(cache, monkeypatch, tmp_path, server):
    """Kaggle's folder of attached data sets, without a network: every mirror answers 404."""
    server.answers.clear()
    monkeypatch.setattr(download, "ATTACHED", tmp_path / "input")
    return tmp_path / "input"


@pytest.mark.parametrize("ending", [".gz", ""])
@pytest.mark.parametrize("place", ["any-name", "datasets/somebody/mnist", "copy/MNIST/raw"])
def test_attached_data_set(kaggle, cache, server, capsys, place, ending):
    fill(kaggle / place, ending=ending)
    assert choose_dataset("auto") == "mnist"
    assert_is(load_dataset("auto", "test"), "mnist")
    assert dataset_folder("mnist") == kaggle / place
    assert server.requests == []
    assert not cache.exists()


def test_attached_archives_are_unpacked_into_folders_of_their_names(kaggle):
    (kaggle / "mnist").mkdir(parents=True)
    for name, array in small_arrays("mnist").items():
        (kaggle / "mnist" / name).mkdir()
        (kaggle / "mnist" / name / name.replace("-idx", ".idx")).write_bytes(raw_bytes(array))
    assert_is(load_dataset("mnist", "test"), "mnist")
    assert dataset_folder("mnist") == kaggle / "mnist"


def test_attached_files_of_another_data_set(kaggle, cache, server):
    """Their names are MNIST's; their bytes are not."""
    fill(kaggle / "a-fashion-mnist", "fashion-mnist")
    assert dataset_folder("mnist") is None
    with pytest.raises(DatasetError, match="the download failed"):
        load_dataset("mnist")
    assert len(server.requests) == 2
    with pytest.raises(DatasetError, match="the download failed"):  # nothing could tell whose it is
        load_dataset("fashion-mnist")
    fill(kaggle / "mnist")
    assert_is(load_dataset("mnist", "test"), "mnist")


def test_attached_data_come_after_the_other_places(kaggle, cache, monkeypatch, tmp_path):
    fill(kaggle / "mnist")
    fill(cache / "mnist")
    assert dataset_folder("mnist") == cache / "mnist"
    monkeypatch.setenv("LENETCOURSE_DATA", str(fill(tmp_path / "mine")))
    assert dataset_folder("mnist") == tmp_path / "mine"


def test_attached_data_are_not_asked_for_offline(kaggle, monkeypatch):
    fill(kaggle / "mnist")
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    assert dataset_folder("mnist") is None
    with pytest.raises(DatasetError, match="LENETCOURSE_OFFLINE=1 forbids"):
        load_dataset("mnist")


def test_attached_too_deep(kaggle):
    """A data set of a million folders must not stop the notebook."""
    fill(kaggle / "a/b/c/d/e/f")
    assert dataset_folder("mnist") is None


@pytest.mark.parametrize("ending", [".gz", ""])
def test_dataset_folder_looks_whether_the_files_are_whole(cache, ending):
    folder = fill(cache / "mnist", ending=ending)
    assert dataset_folder("mnist") == folder
    path = folder / f"t10k-labels-idx1-ubyte{ending}"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match="t10k-labels-idx1-ubyte"):
        dataset_folder("mnist")


@pytest.mark.parametrize("ending", [".gz", ""])
def test_auto_looks_whether_the_files_are_whole(cache, monkeypatch, tmp_path, ending):
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    folder = fill(tmp_path / "mine", ending=ending)
    assert choose_dataset("auto", folder=folder) == "mnist"
    path = folder / f"t10k-labels-idx1-ubyte{ending}"
    path.write_bytes(path.read_bytes()[:-1])
    assert choose_dataset("auto", folder=folder) == "digits"


def load_in_a_process(url: str, folder: Path) -> str:
    os.environ["no_proxy"] = "127.0.0.1"
    datasets.cache_folder = download.cache_folder = lambda: folder
    SOURCES["mnist"] = small_source("mnist", url)
    return md5(load_dataset("mnist").images.numpy().tobytes())


def test_two_processes_at_once(cache, server):
    good = server.answers[f"/first/mnist/{FIRST}.gz"]
    both = threading.Barrier(2, timeout=120)

    def when_both_have_asked(request):
        both.wait()
        send(request, good)

    server.answers[f"/first/mnist/{FIRST}.gz"] = when_both_have_asked
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        jobs = [pool.submit(load_in_a_process, server.url, cache) for _ in range(2)]
        found = {job.result(timeout=120) for job in jobs}
    assert found == {md5(load_dataset("mnist").images.numpy().tobytes())}
    assert len(names_in(cache)) == 2


# Damaged files


DAMAGE = {
    "truncated": lambda content: content[:-20],
    "altered": lambda content: packed(np.zeros((TRAIN, 28, 28), np.uint8)),
    "page": lambda content: HTML_PAGE,
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_damaged_file_in_the_cache_is_fetched_again(cache, server, name, kind):
    path = fill(cache / name, name) / f"{FIRST}.gz"
    damaged = DAMAGE[kind](path.read_bytes())
    path.write_bytes(damaged)
    load_dataset(name)
    assert server.requests == [f"/first/{name}/{FIRST}.gz"]
    assert path.read_bytes() == packed(small_arrays(name)[FIRST])
    assert path.with_name(f"{FIRST}.gz.damaged").read_bytes() == damaged
    load_dataset(name)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_file_in_the_cache_while_offline(cache, server, monkeypatch, kind):
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    path = fill(cache / "mnist") / f"{FIRST}.gz"
    path.write_bytes(DAMAGE[kind](path.read_bytes()))
    with pytest.raises(DatasetError) as caught:
        load_dataset("mnist")
    message = str(caught.value)
    assert str(path) in message
    assert f"set aside as {FIRST}.gz.damaged" in message
    assert "LENETCOURSE_OFFLINE=1 forbids a download" in message
    assert f"By hand: put {FIRST}, " in message
    assert server.requests == []


def test_another_process_set_the_damaged_file_aside(cache, server, monkeypatch):
    path = fill(cache / "mnist") / f"{FIRST}.gz"
    path.write_bytes(b"damaged")
    check = datasets._read_checked

    def check_slowly(path, file):
        try:
            return check(path, file)
        except DatasetError:
            path.unlink()  # as the other process does before we come to it
            raise

    monkeypatch.setattr(datasets, "_read_checked", check_slowly)
    assert len(load_dataset("mnist")) == TRAIN - 2


@pytest.mark.parametrize("how", ["argument", "variable"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_file_of_the_user_is_left_alone(cache, server, monkeypatch, tmp_path, kind, how):
    fill(cache / "mnist")
    folder = fill(tmp_path / "mine")
    path = folder / f"{FIRST}.gz"
    path.write_bytes(DAMAGE[kind](path.read_bytes()))
    before = {file: (folder / file).read_bytes() for file in names_in(folder)}
    if how == "variable":
        monkeypatch.setenv("LENETCOURSE_DATA", str(folder))
    with pytest.raises(DatasetError, match="By hand: put") as caught:
        load_dataset("mnist", folder=folder if how == "argument" else None)
    assert str(caught.value).startswith(f"{path}: ")
    assert "fetch it again" in str(caught.value)
    assert {file: (folder / file).read_bytes() for file in names_in(folder)} == before
    assert server.requests == []


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_file_that_may_not_be_read(cache, tmp_path, monkeypatch, name):
    fill(cache / name)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    opened = Path.open

    def refuse(path, *args):
        if path.name == f"{FIRST}.gz":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DatasetError, match="cannot be read: Permission denied"):
        load_dataset(name)


def test_images_and_labels_that_do_not_belong_together(cache, tmp_path):
    folder = fill(tmp_path / "fashion-mnist", "fashion-mnist")
    for images in (np.zeros((TEST - 1, 28, 28)), np.zeros((TEST, 28, 27)), np.zeros((TEST, 784))):
        write_idx(folder / "t10k-images-idx3-ubyte.gz", images.astype(np.uint8))
        with pytest.raises(DatasetError, match="28x28 uint8 images with a label each"):
            load_dataset("fashion-mnist", "test", folder=folder)
    few = TEST // 4  # or they would be more bytes than the published images
    write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((few, 28, 28), np.float32))
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", np.zeros(few, np.uint8))
    with pytest.raises(DatasetError, match="float32"):
        load_dataset("fashion-mnist", "test", folder=folder)


# Where files are looked for


def test_order_of_the_places(cache, server, monkeypatch, tmp_path):
    """Four places, each with other content, which Fashion-MNIST allows: its content has no md5."""
    places = {}
    for number, place in enumerate(["argument", "variable", "cache"]):
        folder = cache if place == "cache" else tmp_path / place
        images = np.full((TEST, 28, 28), number, np.uint8)
        places[place] = fill(folder / "FashionMNIST" / "raw", "fashion-mnist", "")
        write_idx(places[place] / "t10k-images-idx3-ubyte", images)
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path / "variable"))

    def first_pixel(folder=None):
        return load_dataset("fashion-mnist", "test", folder=folder).images[0, 0, 0].item()

    assert first_pixel(tmp_path / "argument") == 0
    assert first_pixel(str(tmp_path / "argument")) == 0
    assert first_pixel() == 1
    monkeypatch.delenv("LENETCOURSE_DATA")
    assert first_pixel() == 2
    assert server.requests == []
    (places["cache"] / "t10k-images-idx3-ubyte").unlink()
    assert_is(load_dataset("fashion-mnist", "test"), "fashion-mnist")
    assert server.requests == ["/first/fashion-mnist/t10k-images-idx3-ubyte.gz"]


def test_a_folder_that_lacks_the_files(cache, server, monkeypatch, tmp_path):
    """A folder that is named in the call is meant; one in the variable is only a first place."""
    fill(cache / "mnist")
    with pytest.raises(DatasetError, match=f"no {FIRST} in .*nowhere"):
        load_dataset("mnist", folder=tmp_path / "nowhere")
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path / "nowhere"))
    assert_is(load_dataset("mnist", "test"), "mnist")
    assert server.requests == []


@pytest.mark.parametrize("ending", [".gz", ""])
@pytest.mark.parametrize("layout", ["", "mnist", "MNIST/raw", "raw"])
def test_layouts(cache, server, monkeypatch, tmp_path, layout, ending):
    fill(tmp_path / "data" / layout, "mnist", ending)
    assert_is(load_dataset("mnist", "test", folder=tmp_path / "data"), "mnist")
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path / "data"))
    assert_is(load_dataset("mnist", "test"), "mnist")
    assert server.requests == []


def test_home_folder_and_names_with_a_dot(cache, server, monkeypatch, tmp_path):
    fill(tmp_path / "home" / "data", "mnist", "")
    for path in list((tmp_path / "home" / "data").iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.setenv("LENETCOURSE_DATA", "~/data")
    assert_is(load_dataset("mnist", "test"), "mnist")
    assert server.requests == []


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist", "qmnist", "emnist-digits"])
@pytest.mark.parametrize("ending", [".gz", ""])
def test_files_put_into_the_cache_by_hand(cache, server, name, ending):
    """As the message of a failed download says: the published files, or unpacked ones."""
    fill(cache / name, name, ending)
    assert len(load_dataset(name, "test")) == TEST
    assert server.requests == []


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist"])
@pytest.mark.parametrize("layout", ["", "raw", "MNIST/raw", "mnist"])
def test_same_file_names_are_not_the_same_data(cache, server, monkeypatch, tmp_path, name, layout):
    folder = fill(tmp_path / "data" / layout)
    for place in (tmp_path / "data", folder):
        monkeypatch.setenv("LENETCOURSE_DATA", str(place))
        assert_is(load_dataset(name, "test"), name)
        assert_is(load_dataset("mnist", "test"), "mnist")
        with pytest.raises(DatasetError, match=f"{name}: no t10k"):
            load_dataset(name, "test", folder=place)
    assert {path.split("/")[2] for path in server.requests} == {name}


@pytest.mark.parametrize("layout", ["fashion-mnist", "FashionMNIST/raw"])
def test_fashion_mnist_is_not_mnist(cache, monkeypatch, tmp_path, layout):
    """MNIST's own md5 keeps the others' files out."""
    folder = fill(tmp_path / layout, "fashion-mnist")
    assert_is(load_dataset("fashion-mnist", "test", folder=tmp_path), "fashion-mnist")
    assert_is(load_dataset("fashion-mnist", "test", folder=folder), "fashion-mnist")
    monkeypatch.chdir(folder)
    assert_is(load_dataset("fashion-mnist", "test", folder="."), "fashion-mnist")
    with pytest.raises(DatasetError, match="the md5 of its content"):
        load_dataset("mnist", "test", folder=folder)


@pytest.mark.parametrize("name", ["qmnist", "emnist-digits"])
def test_flat_folder_of_files_with_names_of_their_own(cache, server, tmp_path, name):
    assert len(load_dataset(name, "test", folder=fill(tmp_path / "data", name))) == TEST
    assert server.requests == []


# Names and splits


def test_unknown_names(cache, monkeypatch):
    with pytest.raises(ValueError, match=r"unknown data set 'minst': one of auto, digits, mnist"):
        load_dataset("minst")
    with pytest.raises(ValueError, match=r"unknown split 'val': one of train, validation, test"):
        load_dataset("digits", "val")
    monkeypatch.setenv("LENETCOURSE_DATASET", "minst")
    with pytest.raises(ValueError, match=r"LENETCOURSE_DATASET=minst is no data set"):
        load_dataset("auto")


def test_auto_takes_mnist_where_it_is(cache, server, capsys, tmp_path):
    fill(tmp_path / "data")
    assert load_dataset("auto", "test", folder=tmp_path / "data").name == "mnist"
    assert capsys.readouterr().out == "Data set: mnist.\n"
    assert server.requests == []
    assert load_dataset("auto", "test").name == "mnist"
    assert len(server.requests) == 4


def test_auto_falls_back_to_digits(cache, server, capsys):
    server.answers.clear()
    assert load_dataset("auto", "test").name == "digits"
    printed = capsys.readouterr()
    (line,) = printed.out.splitlines()
    assert line.startswith("Data set: digits, because MNIST is not to be had here (")
    assert printed.err == ""


def test_variable_decides_what_auto_means(cache, server, monkeypatch, capsys):
    fill(cache / "mnist")
    monkeypatch.setenv("LENETCOURSE_DATASET", "digits")
    assert load_dataset("auto", "test").name == "digits"
    assert load_dataset(split="test").name == "digits"
    assert capsys.readouterr().out.splitlines()[0].startswith("Data set: digits, as LENETCOURSE")
    assert load_dataset("mnist", "test").name == "mnist"  # a name is a name
    monkeypatch.setenv("LENETCOURSE_DATASET", "kmnist")
    assert_is(load_dataset("auto", "test"), "kmnist")


def test_splits_are_disjoint_complete_and_always_the_same(cache):
    """One twelfth for validation, the rest for training, in the order of the file."""
    parts = {split: load_dataset("mnist", split) for split in datasets.SPLITS}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 22,
        "validation": 2,
        "test": TEST,
    }
    published = small_arrays("mnist")[FIRST]
    position = {image.tobytes(): index for index, image in enumerate(published)}
    chosen = {}
    for split in ("train", "validation"):
        images = parts[split].images.numpy()
        chosen[split] = [position[image.tobytes()] for image in images]
        labels = small_arrays("mnist")["train-labels-idx1-ubyte"][chosen[split]]
        assert parts[split].labels.tolist() == labels.tolist()
        assert parts[split].images.dtype == torch.uint8
        assert parts[split].labels.dtype == torch.int64
        assert torch.equal(load_dataset("mnist", split).images, parts[split].images)
        assert chosen[split] == sorted(chosen[split])
    assert sorted(chosen["train"] + chosen["validation"]) == list(range(TRAIN))
    assert chosen["validation"] == [9, 12]


def test_splits_of_the_real_size():
    train, validation = datasets._split(60_000, "train"), datasets._split(60_000, "validation")
    assert (len(train), len(validation)) == (55_000, 5_000)
    assert set(train) | set(validation) == set(range(60_000))
    assert md5(validation.astype("<i4").tobytes()) == "0514473b95e72d6affb44a3cf67760ba"


def test_images_are_writable_and_a_copy_of_their_own(cache):
    first = load_dataset("mnist", "test")
    first.images += 1
    assert_is(load_dataset("mnist", "test"), "mnist")


def test_qmnist_takes_the_class_from_eight_numbers(cache):
    labels = small_arrays("qmnist")["qmnist-test-labels-idx2-int"]
    test = load_dataset("qmnist", "test")
    assert test.labels.tolist() == labels[:, 0].tolist()
    assert (test.labels.dtype, test.labels.shape) == (torch.int64, (TEST,))
    assert_is(test, "qmnist")


def test_emnist_comes_in_one_archive_and_is_turned(cache, server):
    images = small_arrays("emnist-digits")["emnist-digits-test-images-idx3-ubyte"]
    for split in ("train", "validation", "test"):
        found = load_dataset("emnist-digits", split)
    assert np.array_equal(found.images, images.transpose(0, 2, 1))
    assert server.requests == ["/first/emnist-digits/gzip.zip"]
    assert names_in(cache) == sorted(f"{file}.gz" for file in small_arrays("emnist-digits"))


@pytest.mark.parametrize("answer", [404, HTML_PAGE, zip_of({})], ids=["404", "page", "other zip"])
def test_emnist_from_the_second_mirror(cache, server, answer):
    server.answers["/first/emnist-digits/gzip.zip"] = answer
    assert len(load_dataset("emnist-digits", "test")) == TEST
    assert [path.split("/")[1] for path in server.requests] == ["first", "second"]
    server.answers["/second/emnist-digits/gzip.zip"] = answer
    (cache / "emnist-digits" / "emnist-digits-test-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="emnist-digits: no emnist-digits-test-images"):
        load_dataset("emnist-digits", "test")


def test_sizes_of_the_published_files():
    """MNIST's as its home page had them; 16 and 8 bytes are the headers."""
    sizes = [file.content_bytes for part in SOURCES["mnist"].parts.values() for file in part]
    assert sizes == [47040016 - 16, 60008 - 8, 7840016 - 16, 10008 - 8]
    for name, source in SOURCES.items():
        for part, (images, labels) in source.parts.items():
            train, test = {"qmnist": (60_000, 60_000), "emnist-digits": (240_000, 40_000)}.get(
                name, (60_000, 10_000)
            )
            count = train if part == "train" else test
            assert images.shape == (count, 28, 28)
            assert labels.shape == ((count, 8) if name == "qmnist" else (count,))
    assert SOURCES["qmnist"].parts["train"][1].content_bytes == 60_000 * 8 * 4  # 32-bit integers


def test_a_bomb_in_place_of_a_file(cache, tmp_path):
    """Small when packed, and more than the file of that name can hold."""
    folder = fill(tmp_path / "fashion-mnist", "fashion-mnist")
    write_idx(folder / f"{FIRST}.gz", np.zeros(200_000_000, np.uint8))
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match="too large: the header promises 200,000,000 bytes"):
            load_dataset("fashion-mnist", folder=folder)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def test_published_md5_of_mnist():
    """File, md5 of the .gz file, md5 of the raw file: as torchvision and many copies have them."""
    published = """
        train-images-idx3-ubyte f68b3c2dcbeaaa9fbdd348bbdeb94873 6bbc9ace898e44ae57da46a324031adb
        train-labels-idx1-ubyte d53e105ee54ea40749a09fcbcd1e9432 a25bea736e30d166cdddb491f175f624
        t10k-images-idx3-ubyte 9fb629c4189551a2d022fa330f9573f3 2646ac647ad5339dbf082846283269ea
        t10k-labels-idx1-ubyte ec29112dd5afa0611ce80d1b7f02629c 27ae3e4e09519cfbb04c329615203637
    """
    rows = [tuple(line.split()) for line in published.strip().splitlines()]
    files = [file for part in SOURCES["mnist"].parts.values() for file in part]
    assert [(file.name, file.gz_md5, file.md5) for file in files] == rows


def test_md5_of_the_others_as_torchvision_has_them():
    from torchvision.datasets import KMNIST, MNIST, FashionMNIST

    for name, theirs in {"mnist": MNIST, "fashion-mnist": FashionMNIST, "kmnist": KMNIST}.items():
        files = [file for part in SOURCES[name].parts.values() for file in part]
        assert [(f"{file.name}.gz", file.gz_md5) for file in files] == theirs.resources


# Image sets


@pytest.fixture
def image_set():
    images = torch.arange(6 * 28 * 28).remainder(256).to(torch.uint8).reshape(6, 28, 28)
    return ImageSet(images, torch.tensor([3, 1, 4, 1, 5, 9]), "mnist", "test")


def test_image_set_is_a_sequence(image_set):
    assert len(image_set) == 6
    image, label = image_set[2]
    assert (image.dtype, image.shape) == (torch.uint8, (1, 28, 28))
    assert torch.equal(image[0], image_set.images[2])
    assert label == 4
    assert type(label) is int
    assert image_set[-1][1] == 9
    assert [label for _, label in image_set] == [3, 1, 4, 1, 5, 9]
    with pytest.raises(IndexError):
        image_set[6]
    assert repr(image_set) == "ImageSet(mnist, test: 6 images)"


def test_first(image_set):
    image_set.transform = torch.neg
    first = image_set.first(2)
    assert (len(first), first.name, first.split) == (2, "mnist", "test")
    assert first.labels.tolist() == [3, 1]
    assert first.transform is torch.neg


def test_transforms_of_torchvision(image_set):
    from torchvision.transforms import v2

    image_set.transform = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.5])]
    )
    image, label = image_set[1]
    assert (image.dtype, image.shape, label) == (torch.float32, (1, 28, 28), 1)
    assert torch.allclose(image[0], image_set.images[1] / 255 * 2 - 1, atol=1e-6)


def test_data_loader(image_set):
    from torchvision.transforms import v2

    image_set.transform = v2.ToDtype(torch.float32, scale=True)
    batches = list(DataLoader(image_set, batch_size=4))
    assert [images.shape for images, _ in batches] == [(4, 1, 28, 28), (2, 1, 28, 28)]
    assert torch.allclose(
        torch.cat([images for images, _ in batches])[:, 0], image_set.images / 255
    )
    assert torch.cat([labels for _, labels in batches]).tolist() == [3, 1, 4, 1, 5, 9]


def test_transform_is_passed_on(cache):
    for name in ("digits", "mnist"):
        assert load_dataset(name, "test", transform=torch.neg).transform is torch.neg


# The embedded digits


SIZES = {"train": 10_000, "validation": 197, "test": 350}


@pytest.fixture(scope="module")
def embedded():
    return {split: load_dataset("digits", split) for split in SIZES}


def test_digits_have_the_form_of_mnist(embedded):
    for split, size in SIZES.items():
        part = embedded[split]
        assert (part.images.dtype, part.images.shape) == (torch.uint8, (size, 28, 28))
        assert (part.labels.dtype, part.labels.shape) == (torch.int64, (size,))
        assert set(part.labels.tolist()) == set(range(10))
        assert part.images.amax((1, 2)).min() > 150
        assert (part.images == 0).float().mean() > 0.6


def originals(embedded) -> torch.Tensor:
    parts = [
        embedded["train"].images[:1250],
        embedded["validation"].images,
        embedded["test"].images,
    ]
    return torch.cat(parts)


def test_digits_lie_in_a_box_of_20_pixels(embedded):
    images = originals(embedded) > 0
    heights, widths = images.any(2).sum(1), images.any(1).sum(1)
    assert torch.maximum(heights, widths).max() == 20
    assert torch.maximum(heights, widths).min() >= 19  # a faint last row may round to nothing


def test_digits_are_centred_by_mass(embedded):
    centres = np.array([ndimage.center_of_mass(image) for image in originals(embedded).numpy()])
    assert np.abs(centres - 13.5).max() <= 1
    varied = embedded["train"].images[1250:].numpy()
    centres = np.array([ndimage.center_of_mass(image) for image in varied])
    assert np.abs(centres - 13.5).max() <= 3  # they are shifted by up to 1.5 pixels


def test_digits_vary_and_keep_their_labels(embedded):
    """Eight times each digit: itself, and seven that look like it but are not it."""
    images, labels = embedded["train"].images.float(), embedded["train"].labels
    copies = images.reshape(8, 1250, -1)
    assert torch.equal(labels, labels[:1250].repeat(8))
    for copy in copies[1:]:
        assert not (copy == copies[0]).all(1).any()
        alike = torch.cosine_similarity(copy, copies[0])
        others = torch.cosine_similarity(copy, copies[0].roll(1, 0))
        assert alike.min() > 0.5
        assert alike.mean() > others.mean() + 0.1


def test_no_test_digit_in_training(embedded):
    seen = {split: {image.tobytes() for image in embedded[split].images.numpy()} for split in SIZES}
    assert len(seen["test"]) == SIZES["test"]
    assert len(seen["validation"]) == SIZES["validation"]
    for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
        assert not seen[one] & seen[other]
    # Each of the 1,797 digits is in exactly one part.
    assert len({image.tobytes() for image in originals(embedded).numpy()}) == 1797


def fingerprint() -> str:
    images = [digits.load_digits_28(split)[0] for split in SIZES]
    return md5(b"".join(part.numpy().tobytes() for part in images))


def test_digits_are_the_same_every_time():
    torch.manual_seed(5)
    here = fingerprint()
    digits._enlarged.cache_clear()
    assert fingerprint() == here
    command = """if True:
        import hashlib
        from lenetcourse.data.digits import load_digits_28
        images = [load_digits_28(split)[0] for split in ("train", "validation", "test")]
        print(hashlib.md5(b"".join(part.numpy().tobytes() for part in images)).hexdigest())
    """
    there = subprocess.run(
        [sys.executable, "-c", command],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert there.stdout.strip() == here


def test_digits_are_split_as_ever():
    """The pixels may differ by one between machines, the choice of the digits may not."""
    labels = torch.cat([load_dataset("digits", split).labels for split in SIZES])
    assert md5(labels.numpy().astype(np.uint8).tobytes()) == "91a58b2789e02f6a3726677027e19869"
