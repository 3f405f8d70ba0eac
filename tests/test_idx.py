"""The IDX reader and writer: against two other readers, and on damaged files."""

import gzip
import io
import math
import os
import struct
import threading
import time
import tracemalloc
import zlib

import hypothesis.extra.numpy as some
import idx2numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenetcourse.data.idx import IDXError, idx_header, read_idx, write_idx

# Type byte, NumPy type and struct letter, from the description of the format.
TYPES = [
    (0x08, "uint8", "B"),
    (0x09, "int8", "b"),
    (0x0B, "int16", "h"),
    (0x0C, "int32", "i"),
    (0x0D, "float32", "f"),
    (0x0E, "float64", "d"),
]
NAMES = [name for _, name, _ in TYPES]
SHAPES = [
    (),
    (0,),
    (1,),
    (7,),
    (3, 4),
    (4, 0),
    (0, 28, 28),
    (2, 3, 4),
    (2, 1, 3, 2),
    (1, 2, 0, 2, 3),
]
SHAPES.append((2, 1, 2, 3, 2))

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
any_shape = some.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
any_type = st.sampled_from(NAMES).flatmap(lambda name: st.sampled_from([f"<{name}", f">{name}"]))
any_type = any_type.map(lambda text: np.dtype(text[1:]).newbyteorder(text[0]))
any_array = some.arrays(any_type, any_shape)


def header(code: int, *shape: int) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)


def numbers(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array that holds small, large and negative numbers where its type allows."""
    dtype = np.dtype(name)
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = np.array([0, 1, 2, limits.min, limits.max, 100], dtype)
    return np.resize(values, shape) if math.prod(shape) else np.zeros(shape, dtype)


def big_endian(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder(">")).tobytes()


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Same type, same shape and same bits (NaN included), in a writable array."""
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.dtype.isnative
    assert found.shape == expected.shape
    assert big_endian(found) == big_endian(expected)
    assert found.flags.writeable
    assert found.flags.aligned
    found[...] = 1


def as_gzip(content: bytes) -> bytes:
    return gzip.compress(content, 1)


packed = pytest.mark.parametrize("pack", [bytes, as_gzip], ids=["raw", "gz"])


# Reading


@packed
@pytest.mark.parametrize(("code", "name", "letter"), TYPES, ids=NAMES)
def test_reads_every_type(code, name, letter, pack):
    expected = numbers(name, (6,))
    content = header(code, 6) + struct.pack(f">6{letter}", *expected.tolist())
    assert_same(read_idx(io.BytesIO(pack(content))), expected)


@packed
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["uint8", "int16"])
def test_reads_every_rank(tmp_path, name, shape, pack):
    expected = numbers(name, shape)
    path = tmp_path / "array"
    path.write_bytes(pack(idx_header(expected) + big_endian(expected)))
    assert_same(read_idx(path), expected)
    assert_same(read_idx(io.BytesIO(path.read_bytes())), expected)


class Drip(io.RawIOBase):
    """A stream that cannot seek and gives one byte at a time."""

    def __init__(self, content: bytes):
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.content.readinto(memoryview(buffer)[:1])


class OnlyRead:
    """The least that a binary file object can be."""

    def __init__(self, content: bytes):
        self.content = content

    def read(self, count=-1):
        count = len(self.content) if count < 0 else count
        given, self.content = self.content[:count], self.content[count:]
        return given


def through_a_pipe(path):
    content = path.read_bytes()
    reading, writing = os.pipe()

    def send():
        with open(writing, "wb") as file:  # noqa: PTH123 (a descriptor, not a path)
            file.write(content)

    threading.Thread(target=send).start()
    return open(reading, "rb")  # noqa: PTH123


def advanced(path):
    path.write_bytes(b"something else" + path.read_bytes())
    file = path.open("rb")
    file.seek(len(b"something else"))
    return file


def advanced_in_memory(path):
    file = io.BytesIO(b"something else" + path.read_bytes())
    file.read(len(b"something else"))
    return file


WAYS = {
    "path": lambda path: path,
    "name": str,
    "file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "in memory": lambda path: io.BytesIO(path.read_bytes()),
    "advanced file": advanced,
    "advanced in memory": advanced_in_memory,
    "pipe": through_a_pipe,
    "drip": lambda path: Drip(path.read_bytes()),
    "only read": lambda path: OnlyRead(path.read_bytes()),
    "gzip.open": lambda path: gzip.open(path) if path.suffix == ".gz" else path.open("rb"),  # noqa: SIM115
}


@packed
@pytest.mark.parametrize("way", WAYS)
def test_reads_from(tmp_path, way, pack):
    expected = numbers("int32", (5, 7, 3))
    path = tmp_path / ("array.gz" if pack is as_gzip else "array")
    path.write_bytes(pack(idx_header(expected) + big_endian(expected)))
    source = WAYS[way](path)
    assert_same(read_idx(source), expected)
    if hasattr(source, "close"):
        assert not source.closed  # whoever opened it closes it
        source.close()


def test_content_counts_and_not_the_name(tmp_path):
    expected = numbers("uint8", (3, 3))
    content = idx_header(expected) + expected.tobytes()
    (tmp_path / "raw.gz").write_bytes(content)
    (tmp_path / "compressed").write_bytes(as_gzip(content))
    assert_same(read_idx(tmp_path / "raw.gz"), expected)
    assert_same(read_idx(tmp_path / "compressed"), expected)


def test_gzip_in_several_parts():
    """Several gzip members in a row are one file (RFC 1952); zeros may fill up its last block."""
    expected = numbers("uint8", (300,))
    content = idx_header(expected) + expected.tobytes()
    parts = as_gzip(content[:99]) + as_gzip(b"") + as_gzip(content[99:])
    for end in (b"", bytes(7), bytes(200_000)):
        assert_same(read_idx(io.BytesIO(parts + end)), expected)


def test_each_call_returns_memory_of_its_own(tmp_path):
    path = tmp_path / "array"
    write_idx(path, np.zeros(4, np.uint8))
    first = read_idx(path)
    first += 7
    assert read_idx(path).tolist() == [0, 0, 0, 0]


# Against other readers


@repeatable
@given(some.arrays(any_type, some.array_shapes(min_dims=1, max_dims=5, max_side=4)))
def test_same_as_idx2numpy(array):
    theirs = idx2numpy.convert_to_string(array.astype(array.dtype.newbyteorder("=")))
    assert_same(read_idx(io.BytesIO(theirs)), array)
    assert theirs == idx_header(array) + big_endian(array)


@pytest.mark.parametrize("name", NAMES)
def test_same_as_torchvision(tmp_path, name):
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    for shape in [(5,), (2, 3), (4, 3, 2)]:
        path = tmp_path / "array"
        write_idx(path, numbers(name, shape))
        assert_same(read_idx(path), read_sn3_pascalvincent_tensor(path).numpy())


# Writing


@repeatable
@given(any_array)
def test_written_and_read_again(tmp_path_factory, array):
    for name in ("round-trip", "round-trip.gz"):
        path = tmp_path_factory.getbasetemp() / name
        write_idx(path, array)
        assert_same(read_idx(path), array)


@pytest.mark.parametrize(("code", "name", "letter"), TYPES, ids=NAMES)
def test_writes_these_bytes(tmp_path, code, name, letter):
    array = numbers(name, (2, 3))
    write_idx(tmp_path / "array", array)
    content = header(code, 2, 3) + struct.pack(f">6{letter}", *array.ravel().tolist())
    assert (tmp_path / "array").read_bytes() == content
    assert idx2numpy.convert_from_string(content).tolist() == array.tolist()


def test_writes_views_in_the_order_of_their_indices(tmp_path):
    array = numbers("int16", (4, 6, 2))
    for view in (
        array.T,
        array[::-1, ::2],
        np.asfortranarray(array),
        np.broadcast_to(array, (3, 4, 6, 2)),
    ):
        write_idx(tmp_path / "view", view)
        assert_same(read_idx(tmp_path / "view"), view)


def test_gzip_bytes_are_the_same_each_time(tmp_path, monkeypatch):
    array = numbers("uint8", (50, 28, 28))
    write_idx(tmp_path / "one.gz", array)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    write_idx(tmp_path / "another name.gz", array)
    content = (tmp_path / "one.gz").read_bytes()
    assert content == (tmp_path / "another name.gz").read_bytes()
    assert len(content) < array.nbytes / 10
    assert gzip.decompress(content) == idx_header(array) + array.tobytes()


@pytest.mark.parametrize("name", ["array", "array.gz"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, name, error):
    class Failing(io.FileIO):
        def write(self, data):
            super().write(bytes(data)[:10])
            raise error

    path = tmp_path / name
    write_idx(path, np.arange(5, dtype=np.uint8))
    before = path.read_bytes()
    monkeypatch.setattr(type(path), "open", lambda path, mode: Failing(path, mode))
    with pytest.raises(type(error)):
        write_idx(path, np.zeros((100, 100), np.uint8))
    assert path.read_bytes() == before
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["array", "array.gz"])
def test_full_disk_leaves_the_old_file(tmp_path, name):
    resource = pytest.importorskip("resource")
    path = tmp_path / name
    write_idx(path, np.arange(5, dtype=np.uint8))
    before = path.read_bytes()
    random = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file longer than 1,000 bytes
    try:
        with pytest.raises(OSError, match="too large"):
            write_idx(path, random)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "array",
    [
        [1, 2, 3],  # int64 on most machines
        np.zeros(3, np.uint16),
        np.zeros(3, np.uint64),
        np.zeros(3, np.float16),
        np.zeros(3, complex),
        np.zeros(3, bool),
        np.array(["a"]),
        np.array([None]),
        np.array(["2020-01-01"], "datetime64[D]"),
        np.zeros(3, "u1,i2"),
    ],
    ids=lambda array: str(np.asarray(array).dtype),
)
def test_refuses_other_types(tmp_path, array):
    with pytest.raises(IDXError, match=r"IDX has no type for .*: convert to one of uint8, int8"):
        write_idx(tmp_path / "array", np.asarray(array, np.asarray(array).dtype))
    assert list(tmp_path.iterdir()) == []


def test_refuses_lengths_beyond_32_bits(tmp_path):
    most = np.broadcast_to(np.uint8(0), (1, (1 << 32) - 1))  # takes no memory
    assert idx_header(most) == header(0x08, 1, (1 << 32) - 1)
    with pytest.raises(IDXError, match="cannot hold the shape"):
        write_idx(tmp_path / "array", np.broadcast_to(np.uint8(0), (1, 1 << 32)))
    assert list(tmp_path.iterdir()) == []


# What is not IDX

PAGE = b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>"
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'
GOOD = header(0x08, 4, 5) + bytes(range(20))
BAD = {
    "page": (PAGE, "HTML"),
    "page after blank lines": (b"\r\n " + PAGE, "HTML"),
    "page with a byte order mark": (b"\xef\xbb\xbf" + PAGE, "HTML"),
    "xml": (XML, "HTML or XML"),
    "text": (b"404: Not Found", "starts with 34 30 34 3a"),
    "wrong magic": (b"\0\1" + GOOD[2:], "starts with 00 01 08 02"),
    "zip": (b"PK\3\4" + bytes(30), "starts with 50 4b 03 04"),
    "little-endian magic": (b"\2\x08\0\0" + GOOD[4:], "starts with 02 08 00 00"),
    "type 0a": (header(0x0A, 20) + bytes(20), "unknown element type 0a"),
    "type 00": (bytes(40), "unknown element type 00"),
    "nothing": (b"", "0 bytes"),
    "one byte": (b"\0", "1 bytes"),
    "three bytes": (GOOD[:3], "3 bytes"),
    "no dimensions": (GOOD[:4], "within its 2 dimensions"),
    "half a dimension": (GOOD[:11], "within its 2 dimensions"),
    "no data": (GOOD[:12], "truncated: .* 20 bytes .*holds 0"),
    "data cut": (GOOD[:-1], "truncated: .* 20 bytes .*holds 19"),
    "one byte more": (GOOD + b"\0", "more data than the 20 bytes"),
    "twice the file": (GOOD + GOOD, "more data than the 20 bytes"),
    "rank 0 without its element": (header(0x0C) + b"\0\0\0", "truncated"),
    "data where there is none": (header(0x08, 0, 28) + b"\0", "more data than the 0 bytes"),
    "rank 70": (header(0x08, *[1] * 70) + b"\0", "NumPy cannot hold"),
    "rank 255": (header(0x08, *[1] * 255) + b"\0", "NumPy cannot hold"),
    "no elements, huge": (header(0x08, 0, *[0xFFFFFFFF] * 3), "NumPy cannot hold"),
}


@packed
@pytest.mark.parametrize("kind", BAD)
def test_says_what_is_wrong(tmp_path, kind, pack):
    content, message = BAD[kind]
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(pack(content))
    with pytest.raises(IDXError, match=f"train-images-idx3-ubyte.gz: .*{message}"):
        read_idx(path)
    with path.open("rb") as file, pytest.raises(IDXError, match=f"images-idx3.*: .*{message}"):
        read_idx(file)
    with pytest.raises(IDXError, match=f"BytesIO: .*{message}"):
        read_idx(io.BytesIO(pack(content)))
    with pytest.raises(IDXError, match=f"Drip: .*{message}"):
        read_idx(Drip(pack(content)))


@pytest.mark.parametrize("kind", ["page", "xml", "data cut"])
def test_says_to_fetch_again(tmp_path, kind):
    (tmp_path / "images.gz").write_bytes(BAD[kind][0])
    with pytest.raises(IDXError, match="delete it and fetch it again"):
        read_idx(tmp_path / "images.gz")


ZIPPED = as_gzip(GOOD)
BROKEN = {
    "cut in its header": ZIPPED[:5],
    "cut in its data": ZIPPED[:-12],
    "cut before the checksum": ZIPPED[:-8],
    "cut in the checksum": ZIPPED[:-3],
    "wrong checksum": ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:],
    "wrong length": ZIPPED[:-1] + b"\1",
    "wrong data": ZIPPED[:10] + b"\xff" + ZIPPED[11:],
    "other method": ZIPPED[:2] + b"\7" + ZIPPED[3:],
    "rubbish behind": ZIPPED + b"rubbish",
    "page behind": ZIPPED + PAGE,
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("opened", [str, gzip.open], ids=["path", "gzip.open"])
def test_broken_gzip(tmp_path, kind, opened):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(BROKEN[kind])
    with pytest.raises(IDXError, match=r"ubyte\.gz: .*gzip data.*fetch it again"):
        read_idx(opened(path))


def test_text_mode(tmp_path):
    for name, content in {
        "ascii": header(0x08, 3) + b"abc",
        "other": GOOD + b"\xff",
        "gz": ZIPPED,
    }.items():
        (tmp_path / name).write_bytes(content)
        with (
            (tmp_path / name).open(encoding="utf-8") as file,
            pytest.raises(TypeError, match="'rb'"),
        ):
            read_idx(file)
    with pytest.raises(TypeError, match="'rb'"):
        read_idx(io.StringIO("abc"))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(OSError, match=r"Is a directory|denied"):
        read_idx(tmp_path)


# Content that tries to take all memory


def measured(source) -> tuple[str, int, float]:
    """Read what is not IDX; return the message, the peak of the memory taken and the seconds."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(IDXError) as caught:
            read_idx(source)
        seconds = time.perf_counter() - start
        return str(caught.value), tracemalloc.get_traced_memory()[1], seconds
    finally:
        tracemalloc.stop()


@packed
@pytest.mark.parametrize("way", ["path", "in memory", "drip", "pipe"])
@pytest.mark.parametrize(
    "shape", [(0xFFFFFFFF,), (1 << 28, 1), (0xFFFFFFFF,) * 3, (1 << 31,) * 9], ids=str
)
def test_no_memory_for_an_empty_promise(tmp_path, shape, way, pack):
    path = tmp_path / "array"
    path.write_bytes(pack(header(0x0E, *shape) + bytes(100)))
    message, peak, seconds = measured(WAYS[way](path))
    assert "truncated" in message
    assert f"{8 * math.prod(shape):,} bytes" in message
    assert peak < 5e6
    assert seconds < 1


def bomb(start: bytes, megabytes: int) -> bytes:
    """Return gzip of `start` and that many megabytes of zeros, without its checksum at the end."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = squeeze.compress(start) + squeeze.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back, so that one compressed block can be repeated.
    block = squeeze.compress(bytes(1 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return head + block * megabytes


def test_the_bomb_is_good_gzip():
    unpacked = zlib.decompressobj(31).decompress(bomb(b"start", 3))
    assert unpacked == b"start" + bytes(3 << 20)


@pytest.mark.parametrize("opened", [str, gzip.open], ids=["path", "gzip.open"])
@pytest.mark.parametrize("size", [0, 10])
def test_gzip_bomb(tmp_path, size, opened):
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb(header(0x08, size), 1024))
    assert path.stat().st_size < 2e6
    message, peak, seconds = measured(opened(path))
    assert f"bomb.gz: more data than the {size} bytes" in message
    assert peak < 2e6
    assert seconds < 0.5


@packed
@pytest.mark.parametrize("shape", [(1000,), (25, 10), (1 << 28,), (0xFFFFFFFF,) * 3], ids=str)
def test_a_limit(tmp_path, shape, pack):
    """A file that promises more than expected is refused before it is read."""
    path, size = tmp_path / "array", 4 * math.prod(shape)
    content = header(0x0C, *shape) + bytes(min(size, 4000))
    path.write_bytes(pack(content))
    with pytest.raises(IDXError, match=f"too large: the header promises {size:,} bytes"):
        read_idx(path, limit=size - 1)
    if size <= 4000:
        assert read_idx(path, limit=size).shape == shape
        assert read_idx(io.BytesIO(path.read_bytes()), size).shape == shape


def test_a_bomb_that_keeps_its_promise(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb(header(0x08, 1 << 30), 1024))
    tracemalloc.start()
    try:
        with pytest.raises(IDXError, match="too large"):
            read_idx(path, limit=47_040_000)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


# Damage at random


def damaged(content: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    data = bytearray(content)
    for what, where, value in changes:
        place = int(where * len(data))
        if what == "flip" and data:
            data[place] ^= 1 << value % 8
        elif what == "set" and data:
            data[place] = value
        elif what == "insert":
            data.insert(place, value)
        elif what == "delete":
            del data[place : place + 1 + value % 4]
        elif what == "cut":
            del data[place:]
    return bytes(data)


kinds = st.sampled_from(["flip", "set", "insert", "delete", "cut"])
places = st.floats(0, 1, exclude_max=True)
near_the_start = places.map(lambda place: place**4)
changes = st.lists(
    st.tuples(kinds, places | near_the_start, st.integers(0, 255)), min_size=1, max_size=4
)


@settings(repeatable, max_examples=500)
@given(any_array, changes, st.booleans(), st.booleans())
def test_damage_gives_an_array_or_idx_error(tmp_path_factory, array, changes, inside, compressed):
    content = idx_header(array) + big_endian(array)
    if inside:  # inside the gzip data, else in the file as it lies on the disk
        content = damaged(content, changes)
    content = as_gzip(content) if compressed else content
    if not inside:
        content = damaged(content, changes)
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content), OnlyRead(content)):
        try:
            found = read_idx(source)
        except IDXError:
            continue
        # What is read well must be all that the file says, nothing lost and nothing made up.
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert idx_header(found) + big_endian(found) == content
