"""CIFAR-10: its pickles read and not run, the archive, the unpacked folder, and pictures."""

import gzip
import io
import os
import pickle
import pickletools
import struct
import tarfile
import tracemalloc
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from servers import Server
from torchvision.datasets import CIFAR10 as TorchvisionCIFAR10

from lenetcourse import DatasetError, UsageError, load_dataset
from lenetcourse.data import cifar, download
from lenetcourse.data.folders import read_class_folders
from lenetcourse.data.pickled import MOST_STEPS, read_batch
from lenetcourse.data.stratified import validation_mask

PIXELS = 3072
ORDER = ["data_batch_4", "readme.html", "test_batch", "data_batch_3", "batches.meta",
         "data_batch_2", "data_batch_5", "data_batch_1"]  # of the published archive  # fmt: skip


# Batches as Python 2 and NumPy pickled them


def short(text: str | bytes) -> bytes:
    """SHORT_BINSTRING, which Python 3 cannot write."""
    text = text.encode() if isinstance(text, str) else text
    return b"U" + bytes([len(text)]) + text


def number(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)


def python_2_list(items: list[bytes]) -> bytes:
    """An empty list, and its items in groups of a thousand, as cPickle appended them."""
    groups = [items[start : start + 1000] for start in range(0, len(items), 1000)]
    return b"]" + b"".join(b"(" + b"".join(group) + b"e" for group in groups)


def python_2_array(pixels: np.ndarray, dtype: str = "u1", is_fortran: bool = False) -> bytes:
    content = pixels.tobytes()
    return b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02",
            b"K\x00\x85" + short("b") + b"\x87Rq\x03",
            b"(K\x01" + number(len(pixels)) + number(PIXELS) + b"\x86",
            b"cnumpy\ndtype\nq\x04" + short(dtype) + b"K\x00K\x01\x87Rq\x05",
            b"(K\x03" + short("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x88" if is_fortran else b"\x89",
            b"T" + struct.pack("<i", len(content)) + content + b"tb",
        ]
    )


def python_2_batch(pixels: np.ndarray, labels: list[int], **array: object) -> bytes:
    """Return the bytes of a batch: protocol 2, the order of the published ones."""
    names = [short(f"leptodactylus_pentadactylus_s_{i:06d}.png") for i in range(len(labels))]
    return b"".join(
        [
            b"\x80\x02}q\x00(",
            short("batch_label") + short("training batch 1 of 5"),
            short("labels") + python_2_list([number(label) for label in labels]),
            short("data") + python_2_array(pixels, **array),
            short("filenames") + python_2_list(names),
            b"u.",
        ]
    )


def made(count: int, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % 10)
    return random.integers(0, 256, (count, PIXELS), np.uint8), labels.tolist()


BATCH = python_2_batch(*made(30))


def test_reads_a_batch_as_pickle_does():
    pixels, labels = made(1200)  # so many that a list has two groups
    content = python_2_batch(pixels, labels)
    theirs = pickle.loads(content, encoding="latin1")
    assert np.array_equal(theirs["data"], pixels)  # so it is what Python reads, too
    images, found = read_batch(content)
    assert images.dtype == np.uint8
    assert found.dtype == np.int64
    assert np.array_equal(images.reshape(-1, PIXELS), theirs["data"])
    assert found.tolist() == theirs["labels"] == labels


@pytest.mark.parametrize("key", [b"C\x04data", b"X\x04\x00\x00\x00data", b"B\x04\x00\x00\x00data"])
def test_keys_may_be_bytes_or_unicode(key):
    images, _ = read_batch(BATCH.replace(short("data"), key))
    assert images.reshape(-1, PIXELS).tolist() == made(30)[0].tolist()


def test_what_numpy_2_calls_its_module():
    content = BATCH.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    assert len(read_batch(content)[0]) == 30


def test_an_empty_batch():
    images, labels = read_batch(python_2_batch(np.empty((0, PIXELS), np.uint8), []))
    assert images.shape == (0, 3, 32, 32)
    assert len(labels) == 0


class Trap:
    """Pickled, it makes a folder when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("where", ["alone", "label", "data", "key"])
def test_code_is_not_run(tmp_path, protocol, where):
    trap = Trap(tmp_path / "was here")
    batch = {"labels": [1], "data": np.zeros((1, PIXELS), np.uint8)}
    batch = {
        "alone": trap,
        "label": batch | {"labels": [trap]},
        "data": batch | {"data": trap},
        "key": {"labels": [], "data": batch["data"], "filenames": trap},
    }[where]
    content = pickle.dumps(batch, protocol)
    with pytest.raises(DatasetError, match="not a batch of CIFAR-10"):
        read_batch(content)
    assert not trap.path.exists()
    pickle.loads(content)
    assert trap.path.exists()  # the trap works


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "before seeing STOP"),
        (b"<html>no</html>", "not a batch"),
        (BATCH[:-1], "before seeing STOP"),
        (BATCH[:5000], "not a batch"),
        (b"\x80\x02K\x01.", "not a batch"),
        (b"\x80\x02}.", "labels"),
        (b"\x80\x02K\x01K\x02.", "too many values"),
        (b"\x80\x02cos\nsystem\nU\x02ls\x85R.", "the instruction GLOBAL of 'os system'"),
        (b"\x80\x02\x82\x01.", "the instruction EXT1"),
        (b"\x80\x02cnumpy\ndtype\n)\x81.", "the instruction NEWOBJ"),
        (b"\x80\x02}(K\x01K\x02u.", "a key of the dict is no string"),
        (b"\x80\x02" + b"N" * MOST_STEPS + b".", "too many instructions"),
        (b"\x80\x02)" + b"\x85" * 900 + b"}q\x00N0.", "POP"),
        (b"\x80\x02}h\x07.", "KeyError"),
        (b"\x80\x02te.", "IndexError"),
        (python_2_batch(*made(30), dtype="i4"), "no array of bytes"),
        (python_2_batch(*made(30), is_fortran=True), "C order"),
        (python_2_batch(made(30)[0], made(31)[1]), "31 images of 3072 bytes"),
        (python_2_batch(made(30)[0][:, :9], made(30)[1]), "30 images of 3072 bytes"),
        (python_2_batch(made(30)[0], [10] * 30), "no number from 0 to 9"),
        (BATCH.replace(short("labels"), short("fine_labels")), "labels"),
        (BATCH.replace(short("data"), short("Data")), "data"),
    ],
)
def test_what_is_no_batch(content, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_batch(content)
    assert len(str(caught.value)) < 200


def test_depth_does_no_harm():
    """What is nested twenty thousand times would overflow the stack where it is compared."""
    deep = b")" + b"\x85" * 20_000
    for content in (
        b"\x80\x02}" + deep + b"Ns.",
        BATCH.replace(short("labels") + b"]", short("labels") + b"](" + deep + b"e"),
        b"\x80\x02}" + short("labels") + b"]s" + short("data") + deep + b"s.",
    ):
        with pytest.raises(DatasetError):
            read_batch(content)


# Damage at random

FORBIDDEN = b"cos\nsystem\nU\x04trueR"
kinds = st.sampled_from(["flip", "set", "insert", "delete", "cut", "call", "repeat"])
# Half of the places are instructions, half are anywhere, which is mostly among the pixels.
STARTS = [place for _, _, place in pickletools.genops(BATCH)]
places = st.sampled_from(STARTS) | st.integers(0, len(BATCH) - 1)
changes = st.lists(st.tuples(kinds, places, st.integers(0, 255)), min_size=1, max_size=4)


def damaged(content: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(content)
    for what, place, value in changes:
        if what == "flip" and place < len(data):
            data[place] ^= 1 << value % 8
        elif what == "set" and place < len(data):
            data[place] = value
        elif what == "insert":
            data.insert(place, value)
        elif what == "delete":
            del data[place : place + 1 + value % 4]
        elif what == "cut":
            del data[place:]
        elif what == "call":
            data[place:place] = FORBIDDEN
        elif what == "repeat":
            data[place:place] = data[place : place + value]
    return bytes(data)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(changes)
def test_damage_gives_a_batch_or_dataset_error(changes):
    """`benchmarks/cifar_mutations.py` does the same ten thousand times, and watches for calls."""
    content = damaged(BATCH, changes)
    try:
        images, labels = read_batch(content)
    except DatasetError:
        return
    assert images.shape == (len(labels), 3, 32, 32)
    assert ((labels >= 0) & (labels < 10)).all()


# The archive, unpacked or not


def contents() -> dict[str, bytes]:
    """Return file name -> content of a small data set: 5 x 40 and 30 images."""
    files = {}
    for number_, name in enumerate(cifar.BATCHES):
        files[name] = python_2_batch(*made(30 if name == "test_batch" else 40, number_))
    files["batches.meta"] = pickle.dumps({"label_names": list(cifar.CLASSES)}, 2)
    return files | {"readme.html": b"<html></html>"}


CONTENTS = contents()


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        folder = tarfile.TarInfo("cifar-10-batches-py")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in ORDER:
            if name in files:
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(files[name])
                tar.addfile(member, io.BytesIO(files[name]))
    return stream.getvalue()


ARCHIVE = archive(CONTENTS)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """The md5s of the small data set, no folder of this machine and no network."""
    for name in ("DATA", "DATASET", "MIRROR"):
        monkeypatch.delenv(f"LENETCOURSE_{name}", raising=False)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    for module in (cifar, download):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    sums = {name: md5(CONTENTS[name]).hexdigest() for name in cifar.BATCHES}
    monkeypatch.setattr(cifar, "BATCHES", sums)


def put_archive(folder: Path, content: bytes = ARCHIVE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cifar-10-python.tar.gz").write_bytes(content)
    return folder


def put_unpacked(folder: Path, files: dict[str, bytes] = CONTENTS) -> Path:
    (folder / "cifar-10-batches-py").mkdir(parents=True)
    for name, content in files.items():
        (folder / "cifar-10-batches-py" / name).write_bytes(content)
    return folder


def torchvision_reads(folder: Path, train: bool) -> tuple[np.ndarray, list[int]]:
    """What torchvision makes of the unpacked folder, whose md5s it must take for good."""

    class Small(TorchvisionCIFAR10):
        train_list = [[name, None] for name in sorted(cifar.BATCHES) if name != "test_batch"]  # noqa: RUF012
        test_list = [["test_batch", None]]  # noqa: RUF012
        meta = {"filename": "batches.meta", "key": "label_names", "md5": None}  # noqa: RUF012

    theirs = Small(folder, train=train)
    assert theirs.classes == list(cifar.CLASSES)
    return theirs.data.transpose(0, 3, 1, 2), theirs.targets


@pytest.mark.parametrize("put", [put_archive, put_unpacked])
def test_same_as_torchvision(tmp_path, put):
    put(tmp_path / "data")
    unpacked = put_unpacked(tmp_path / "torchvision")
    test = load_dataset("cifar10", "test", folder=tmp_path / "data")
    images, labels = torchvision_reads(unpacked, train=False)
    assert test.images.tolist() == images.tolist()
    assert test.labels.tolist() == labels
    assert (test.classes, test.origin) == (cifar.CLASSES, "official archive")
    images, labels = torchvision_reads(unpacked, train=True)
    held_back = validation_mask(np.array(labels))
    assert np.bincount(np.array(labels)[held_back]).tolist() == [2] * 10
    for split, chosen in (("train", ~held_back), ("validation", held_back)):
        part = load_dataset("cifar10", split, folder=tmp_path / "data")
        assert torch.equal(part.images, torch.from_numpy(images[chosen]))
        assert part.labels.tolist() == np.array(labels)[chosen].tolist()


def test_the_published_md5s_are_those_of_torchvision(monkeypatch):
    monkeypatch.undo()
    theirs = TorchvisionCIFAR10.train_list + TorchvisionCIFAR10.test_list
    assert list(cifar.BATCHES.items()) == [tuple(pair) for pair in theirs]
    assert cifar.ARCHIVE.gz_md5 == TorchvisionCIFAR10.tgz_md5
    assert cifar.CIFAR10.mirrors[0] + cifar.ARCHIVE_NAME == TorchvisionCIFAR10.url


LAYOUTS = ["", "cifar10", "cifar-10-batches-py"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_where_it_may_lie(tmp_path, monkeypatch, layout):
    data = tmp_path / "data"
    if layout == "cifar-10-batches-py":  # the folder itself is named
        data = put_unpacked(data) / layout
    else:
        put_archive(data / layout)
    monkeypatch.setenv("LENETCOURSE_DATA", str(data))
    assert len(load_dataset("cifar10", "test")) == 30
    monkeypatch.delenv("LENETCOURSE_DATA")
    assert len(load_dataset("cifar10", "test", folder=data)) == 30


def test_nothing_is_unpacked_beside_the_archive(tmp_path):
    load_dataset("cifar10", "train", folder=put_archive(tmp_path / "data"))
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["cifar-10-python.tar.gz"]


def test_downloaded_once(tmp_path, monkeypatch):
    monkeypatch.delenv("LENETCOURSE_OFFLINE")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    try:
        server.answers["/cifar10/cifar-10-python.tar.gz"] = ARCHIVE
        monkeypatch.setenv("LENETCOURSE_MIRROR", server.url)
        monkeypatch.setattr(cifar.CIFAR10.__class__, "__setattr__", object.__setattr__)
        small = cifar.SourceFile(
            cifar.ARCHIVE.name, (len(ARCHIVE),), None, md5(ARCHIVE).hexdigest()
        )
        monkeypatch.setattr(cifar, "ARCHIVE", small)
        assert len(load_dataset("cifar10", "train")) == 180
        assert len(load_dataset("cifar10", "test")) == 30
        assert server.requests == ["/cifar10/cifar-10-python.tar.gz"]
        assert (tmp_path / "cache/cifar10/cifar-10-python.tar.gz").read_bytes() == ARCHIVE
    finally:
        server.close()


def test_nothing_to_be_had(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(DatasetError) as caught:
            load_dataset("cifar10", folder=folder)
        said = str(caught.value)
        assert "no cifar-10-python.tar.gz in" in said
        assert ("LENETCOURSE_OFFLINE=1 forbids a download" in said) == (folder is None)
        assert "By hand: put cifar-10-python.tar.gz" in said
        assert "https://www.cs.toronto.edu/~kriz/" in said


def test_a_named_folder_is_the_only_one_looked_into(tmp_path):
    put_archive(tmp_path / "cache/cifar10")
    assert len(load_dataset("cifar10", "test")) == 30
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"in \S+empty"):
        load_dataset("cifar10", folder=tmp_path / "empty")


def test_other_splits(tmp_path):
    with pytest.raises(UsageError, match="unknown split 'all'"):
        load_dataset("cifar10", "all")


# Damaged and hostile archives


def altered(name: str) -> dict[str, bytes]:
    content = bytearray(CONTENTS[name])
    content[len(content) // 2] ^= 1
    return CONTENTS | {name: bytes(content)}


def without(name: str) -> dict[str, bytes]:
    return {other: content for other, content in CONTENTS.items() if other != name}


@pytest.mark.parametrize("put", [put_archive, put_unpacked])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (altered("data_batch_3"), "data_batch_3 is truncated or altered"),
        (without("data_batch_5"), "no data_batch_5 in it"),
        (CONTENTS | {"data_batch_2": b""}, "data_batch_2 is truncated or altered"),
    ],
)
def test_damaged_batches(tmp_path, put, files, message):
    if put is put_archive:
        put_archive(tmp_path, archive(files))
    else:
        put_unpacked(tmp_path, files)
    with pytest.raises(DatasetError, match=f"{message}.*delete it and fetch it again"):
        load_dataset("cifar10", "train", folder=tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no</html>",
        ARCHIVE[: len(ARCHIVE) // 2],
        ARCHIVE[:30] + b"\xff" * 40 + ARCHIVE[70:],
        gzip.compress(b"not a tar file" * 1000),
        gzip.compress(bytes(100_000)),
    ],
    ids=["empty", "page", "cut", "altered", "no tar", "zeros"],
)
def test_damaged_archive(tmp_path, content):
    with pytest.raises(DatasetError, match=r"cifar-10-python\.tar\.gz: .*fetch it again"):
        load_dataset("cifar10", "train", folder=put_archive(tmp_path, content))


def bomb(name: str, size: int, megabytes: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return an archive whose one member says it has `size` bytes, with so many MB of zeros."""
    member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
    member.size, member.type = size, kind
    stream = io.BytesIO()
    with gzip.open(stream, "wb", compresslevel=1) as file:
        file.write(member.tobuf(tarfile.GNU_FORMAT))
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb("test_batch", 1 << 34, 1), "test_batch in it has 17,179,869,184 bytes: too many"),
        (bomb("other", 20 << 20, 20), "unpacks to more"),
        (bomb("test_batch", 20 << 20, 20, tarfile.GNUTYPE_LONGNAME), "unpacks to more"),
        (bomb("test_batch", 20 << 20, 20, tarfile.XHDTYPE), "unpacks to more"),
    ],
    ids=["batch", "other member", "long name", "pax header"],
)
def test_a_bomb(tmp_path, monkeypatch, content, message):
    monkeypatch.setattr(cifar, "MOST_UNPACKED_BYTES", 8 << 20)
    put_archive(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match=message):
            load_dataset("cifar10", "test", folder=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


def test_an_unpacked_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar, "MOST_BATCH_BYTES", 50_000)
    put_unpacked(tmp_path)
    with pytest.raises(DatasetError, match="test_batch has more than 50,000 bytes"):
        load_dataset("cifar10", "test", folder=tmp_path)


# A folder of pictures


def put_pictures(folder: Path, classes: tuple[str, ...] = cifar.CLASSES) -> Path:
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 2)):
        for name in classes:
            (folder / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{index:04d}.png")
    return folder


def test_folder_of_pictures(tmp_path):
    folder = put_pictures(tmp_path / "cifar10")
    sets = {split: load_dataset("cifar10", split, folder=tmp_path) for split in
            ("train", "validation", "test")}  # fmt: skip
    assert [len(part) for part in sets.values()] == [180, 20, 20]
    assert sets["test"].origin == "folder of pictures (PNG)"
    assert sets["test"].classes == cifar.CLASSES
    pictures, labels, _ = read_class_folders(folder / "test", 32)
    found = zip(sets["test"].images, sets["test"].labels.tolist(), strict=True)
    expected = zip(pictures, labels.tolist(), strict=True)
    assert {(image.numpy().tobytes(), label) for image, label in found} == {
        (image.numpy().tobytes(), label) for image, label in expected
    }
    both = torch.cat([sets["train"].images, sets["validation"].images]).flatten(1)
    assert len(both.unique(dim=0)) == 200
    assert sets["validation"].labels.bincount().tolist() == [2] * 10
    assert len(load_dataset("cifar10", "test", folder=folder)) == 20  # named itself


def test_the_first_pictures_are_a_sample(tmp_path):
    put_pictures(tmp_path / "cifar10")
    few = load_dataset("cifar10", "train", folder=tmp_path).first(60)
    assert (few.labels.bincount(minlength=10) > 0).all()
    assert torch.equal(few.images, load_dataset("cifar10", folder=tmp_path).images[:60])


def test_folder_of_other_pictures(tmp_path):
    put_pictures(tmp_path / "cifar10", ("airplane", "zebra"))
    with pytest.raises(DatasetError, match="classes are not CIFAR-10's: airplane, automobile"):
        load_dataset("cifar10", folder=tmp_path)


def test_archive_and_pictures_in_the_same_order_have_the_same_validation_images():
    labels = np.random.RandomState(0).permutation(np.repeat(np.arange(10), 100))
    mixed, sorted_ = validation_mask(labels), validation_mask(np.sort(labels))
    for label in range(10):
        assert mixed[labels == label].tolist() == sorted_[np.sort(labels) == label].tolist()
        assert mixed[labels == label].sum() == 10
