"""Read and write IDX, the file format of MNIST.

An IDX file is a header and one array. The header holds two zero bytes, one byte for the type of
the elements, one byte for the number of dimensions, and each dimension as a 32-bit unsigned
integer. Everything is big-endian, the last dimension varies fastest. The format is described on
the MNIST home page (Y. LeCun, C. Cortes, C. Burges).
"""

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lenetcourse.errors import CourseError
from lenetcourse.files import replacing

# The third byte of the file -> the type of the elements as they lie in the file.
ELEMENT_TYPES = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20  # bytes asked of a stream of unknown length at a time
GZIP_CHUNK = 1 << 16  # compressed bytes read at a time
FETCH_AGAIN = "delete it and fetch it again"


class IDXError(CourseError, ValueError):
    """The bytes are not exactly one IDX array, or the array has no IDX form."""


def read_idx(source: str | os.PathLike | BinaryIO, limit: int | None = None) -> np.ndarray:
    """Return the array in an IDX file, writable and in this machine's byte order.

    `source` is a path, or a binary file object, which is read from where it stands to its end. It
    may be compressed with gzip: that is seen from the content, not from the name. The array has
    the shape in the header, of any rank that NumPy holds, and one of the types uint8, int8, int16,
    int32, float32 and float64.

    Memory grows with what the header promises and the file does hold, whichever is less. A small
    gzip file can hold a thousand times its size: `limit` is the most bytes that the array may take,
    and a file that promises more is refused before they are read.

    Raises IDXError when the content is not exactly one IDX array or is beyond the limit, OSError
    when a path cannot be read, and TypeError for a file opened in text mode.
    """
    if hasattr(source, "read"):
        return _read(source, str(getattr(source, "name", type(source).__name__)), limit)
    with Path(source).open("rb") as file:
        return _read(file, str(source), limit)


def write_idx(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write `array` to `path` as IDX, compressed with gzip when the name ends in .gz.

    The file appears whole or not at all. Raises IDXError when the type of the elements is not one
    of the six, when there are more than 255 dimensions, or when one is 2**32 or longer.
    """
    array = np.asarray(array)
    header = idx_header(array)
    body = np.ascontiguousarray(array, dtype=ELEMENT_TYPES[header[2]]).reshape(-1).data
    with replacing(path) as temporary:
        if Path(path).suffix == ".gz":
            # No name and no time in the gzip header: the same array gives the same bytes.
            with (
                temporary.open("wb") as file,
                gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream,
            ):
                stream.write(header)
                stream.write(body)
        else:
            with temporary.open("wb") as file:
                file.write(header)
                file.write(body)


def idx_header(array: np.ndarray) -> bytes:
    """Return the IDX header of `array`. Raises IDXError as `write_idx` does."""
    codes = {dtype.newbyteorder("="): code for code, dtype in ELEMENT_TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None:
        types = ", ".join(dtype.name for dtype in codes)
        raise IDXError(f"IDX has no type for {array.dtype}: convert to one of {types} first")
    if array.ndim > 255 or max(array.shape, default=0) >= 1 << 32:
        raise IDXError(f"IDX cannot hold the shape {array.shape}")
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)


class _Gunzip:
    """What a gzip file holds, member after member (RFC 1952); zlib checks length and checksum."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self.waiting, self.file = head, file
        self.member = zlib.decompressobj(wbits=31)

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes, and none only at the end of the last member."""
        while not self.member.eof or self._next_member():
            waiting = self.waiting or self.file.read(GZIP_CHUNK)
            data = self.member.decompress(waiting, count)
            self.waiting = self.member.unconsumed_tail
            if data:
                return data
            if not waiting and not self.member.eof:
                raise EOFError
        return b""

    def _next_member(self) -> bool:
        self.waiting = self.member.unused_data.lstrip(b"\0")  # zeros may fill up the file
        while not self.waiting:
            chunk = self.file.read(GZIP_CHUNK)
            if not chunk:
                return False
            self.waiting = chunk.lstrip(b"\0")
        self.member = zlib.decompressobj(wbits=31)
        return True


def _read(file: BinaryIO, name: str, limit: int | None) -> np.ndarray:
    if not isinstance(file.read(0), bytes):
        raise TypeError(f"{name}: IDX is binary: open the file with open(path, 'rb')")
    try:
        head = bytes(_read_up_to(file, 2))
        if head == GZIP_MAGIC:
            return _read_array(_Gunzip(head, file), b"", name, None, limit)
        return _read_array(file, head, name, _bytes_left(file), limit)
    except EOFError:
        raise IDXError(f"{name}: the gzip data ends too early: {FETCH_AGAIN}") from None
    except (gzip.BadGzipFile, zlib.error) as error:  # the first where `file` is from gzip.open
        raise IDXError(f"{name}: broken gzip data ({error}): {FETCH_AGAIN}") from None


def _read_array(
    stream: BinaryIO, head: bytes, name: str, left: int | None, limit: int | None
) -> np.ndarray:
    """Read header and array; `left` counts the bytes after `head`, or is None where unknown."""
    stored, shape, header_size = _read_header(stream, head, name)
    promised = math.prod(shape) * stored.itemsize
    if limit is not None and promised > limit:
        raise IDXError(
            f"{name}: too large: the header promises {promised:,} bytes for the shape {shape}, "
            f"not more than {limit:,} can be right here: another file, or damaged: {FETCH_AGAIN}"
        )
    if left is None:
        data = _read_up_to(stream, promised)
        got, more = len(data), bool(stream.read(1))
    else:
        got = left - (header_size - len(head))
        more = got > promised
        data = np.empty(promised, np.uint8) if got >= promised else b""
        got = _fill(stream, data) if len(data) else got
    if got < promised:
        raise IDXError(
            f"{name}: truncated: the header promises {promised:,} bytes for the shape {shape}, "
            f"the file holds {got:,}: {FETCH_AGAIN}"
        )
    if more:
        raise IDXError(
            f"{name}: more data than the {promised:,} bytes that the header promises for the "
            f"shape {shape}: not one IDX array, or damaged"
        )
    try:
        array = np.ndarray(shape, stored, buffer=data)
    except ValueError as error:
        raise IDXError(f"{name}: NumPy cannot hold the shape {shape}: {error}") from None
    if stored.isnative:
        return array
    return array.byteswap(inplace=True).view(stored.newbyteorder("="))


def _read_header(stream: BinaryIO, head: bytes, name: str) -> tuple[np.dtype, tuple[int, ...], int]:
    """Return the type, the shape and the length of the header."""
    magic = head + _read_up_to(stream, 4 - len(head))
    if magic.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise IDXError(
            f"{name}: an HTML or XML page, not IDX: the server sent an error page in place of the "
            f"file: {FETCH_AGAIN}, from another address if need be"
        )
    if len(magic) < 4:
        raise IDXError(
            f"{name}: truncated: {len(magic)} bytes are too few for an IDX header: {FETCH_AGAIN}"
        )
    zero, code, rank = struct.unpack(">HBB", magic)
    if zero:
        raise IDXError(
            f"{name}: not IDX: it starts with {magic.hex(' ')}, an IDX file with two zero bytes"
        )
    if code not in ELEMENT_TYPES:
        known = ", ".join(f"{known:02x}" for known in ELEMENT_TYPES)
        raise IDXError(f"{name}: unknown element type {code:02x}; IDX has {known}")
    sizes = _read_up_to(stream, 4 * rank)
    if len(sizes) < 4 * rank:
        raise IDXError(
            f"{name}: truncated: the header ends within its {rank} dimensions: {FETCH_AGAIN}"
        )
    return ELEMENT_TYPES[code], struct.unpack(f">{rank}I", sizes), 4 + 4 * rank


def _read_up_to(stream: BinaryIO, count: int) -> bytearray:
    """Return `count` bytes, or fewer where the stream ends; memory grows with what arrives."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(CHUNK, count - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def _fill(file: BinaryIO, data: np.ndarray) -> int:
    """Read into `data` without a copy and return how many bytes came."""
    view, got = memoryview(data), 0
    while got < len(view):
        count = file.readinto(view[got:])
        if not count:
            break
        got += count
    return got


def _bytes_left(file: BinaryIO) -> int | None:
    """Return how many bytes of a plain file are still to come, or None for any other stream."""
    plain = (io.BytesIO, io.FileIO)
    if not isinstance(getattr(file, "raw", file), plain):
        return None  # others may unpack everything to find their end
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except OSError:  # a pipe
        return None
    return max(0, end - here)
