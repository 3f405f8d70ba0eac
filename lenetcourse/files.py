"""Files that are either complete or not there, and locks between processes."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Process and machine that a temporary file or folder belongs to, and what it is to become.
TEMPORARY = re.compile(r"\.lenetcourse-(\d{1,9})-([0-9a-f]{8})-(.+)", re.DOTALL)
FORSAKEN = 86_400  # seconds: nothing of ours takes so long without a change


@contextmanager
def replacing(path: str | os.PathLike, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well.

    An error in the block leaves whatever stood at `path` untouched and nothing half-written; what
    a process that was killed has left in the folder is removed. The name keeps the ending of
    `path`, because some writers choose their format by it. With `durable` the content is on the
    disk before the old file is given up: a power cut leaves one or the other, too.
    Raises IsADirectoryError and FileNotFoundError before anything is written.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent}: no such folder: make it first")
    sweep(path.parent)
    temporary = path.with_name(temporary_name(path.name))
    try:
        yield temporary
        if durable:
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8 to `path`, whole or not at all, in a folder that is made when missing.

    Lines end alike on every system. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def temporary_name(name: str) -> str:
    """Return a hidden name that ends in `name` and tells whose it is: `sweep` goes by it."""
    return f".lenetcourse-{os.getpid()}-{_machine()}-{name}"


def sweep(folder: Path) -> None:
    """Remove the temporary files and folders in `folder` whose makers were killed.

    A process of another machine, which may share the folder, cannot be asked, nor any on Windows:
    what it made goes when it is a day old.
    """
    for path in folder.glob(".lenetcourse-*"):
        match = TEMPORARY.fullmatch(path.name)
        if not match:
            continue
        with contextlib.suppress(OSError):  # gone already, or somebody else's
            if match[2] == _machine() and os.name != "nt":
                gone = not _is_running(int(match[1]))
            else:
                gone = time.time() - path.stat().st_mtime > FORSAKEN
            if gone:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Let one process at a time into the block; `path` is a file for nothing but this.

    The system lets go of the lock however a process ends. Without `wait`, raises BlockingIOError
    while another process is in the block.
    """
    with path.open("a+b") as file:
        if os.name == "nt":
            _lock_byte(file.fileno(), wait)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield  # closing the file, even by a crash, ends the lock


def _lock_byte(number: int, wait: bool) -> None:
    """Lock the first byte of an open file, as Windows does it."""
    import msvcrt

    os.lseek(number, 0, os.SEEK_SET)
    while True:
        try:
            return msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        except OSError:
            if not wait:
                raise BlockingIOError("another process holds the lock") from None
            time.sleep(0.05)


def md5_of(path: Path) -> str:
    """Return the md5 of a file's bytes, without holding them all."""
    found = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _machine() -> str:
    """Return a name for this machine, or for this container: each counts its own processes."""
    name = platform.node()
    with contextlib.suppress(OSError):
        name += str(Path("/proc/self/ns/pid").readlink())
    return f"{zlib.crc32(name.encode()):08x}"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
