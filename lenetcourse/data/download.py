"""Fetch the files of a data set: attached to a Kaggle notebook, or from mirrors into the cache."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_dir

from lenetcourse.data.sources import Source, SourceFile
from lenetcourse.errors import CourseError
from lenetcourse.files import sweep, temporary_name

CONNECT_SECONDS = 6
SILENCE_SECONDS = 20  # a mirror that sends nothing for so long is given up
SLACK = 1 << 20  # bytes: gzip adds 0.03 % to what cannot be compressed (zlib's compressBound)
ATTACHED = Path("/kaggle/input")  # the data sets that were added to a Kaggle notebook
LEVELS = 5  # folders down: datasets/OWNER/NAME/MNIST/raw


class DownloadError(CourseError, RuntimeError):
    """No mirror gave the file; the message names each and its reason."""


def cache_folder() -> Path:
    """Return the folder that downloads are kept in; it may not exist yet.

    Where the user has no home directory it is not an absolute one, and nothing is kept in it.
    """
    try:
        return Path(user_cache_dir("lenetcourse"))
    except RuntimeError:  # older versions of platformdirs leave the ~ in the path
        return Path("~/.cache/lenetcourse")


def fetch(source: Source, file: SourceFile, check: Callable[[Path], object]) -> Path:
    """Return the path of a file that is attached to a Kaggle notebook, else download it.

    `check` reads a downloaded file and raises an error when its content is wrong. Each process
    downloads to a place of its own and renames at the end, so two that need the same file at once
    both succeed. The address in the environment variable LENETCOURSE_MIRROR is tried first.
    Raises DownloadError when every mirror failed.
    """
    if found := attached(file, check):
        return found
    folder = cache_folder() / source.name
    if not folder.is_absolute():
        raise DownloadError(f"{source.name}: no home directory to keep downloads in: set HOME")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        with tempfile.TemporaryDirectory(prefix=temporary_name("part-"), dir=folder) as part:
            return _from_mirrors(source, file, check, Path(part), folder)
    except OSError as error:
        raise DownloadError(f"{source.name}: cannot write into {folder}: {error}") from None


def attached(file: SourceFile, check: Callable[[Path], object]) -> Path | None:
    """Return the path of a file below `ATTACHED`, in any data set there, or None.

    Whoever publishes a data set on Kaggle chooses its folders, and Kaggle unpacks an archive into a
    folder of its name: so the names are looked for everywhere, and `check`, as for `fetch`, tells
    whose they are. It can only where the md5 of the content is known: Fashion-MNIST's and KMNIST's
    files have MNIST's names.
    """
    if file.md5 is None:
        return None
    names = [file.name, file.name.replace("-idx", ".idx")]
    for folder, folders, files in os.walk(ATTACHED):
        folders.sort()
        if len(Path(folder).relative_to(ATTACHED).parts) >= LEVELS:
            folders.clear()
        for name in (name + ending for name in names for ending in (".gz", "")):
            if name in files:
                path = Path(folder, name)
                with contextlib.suppress(CourseError):
                    check(path)
                    return path
    return None


def _from_mirrors(
    source: Source, file: SourceFile, check: Callable[[Path], object], part: Path, folder: Path
) -> Path:
    tried = []
    for url, known_hash in _addresses(source, file):
        try:
            most = source.archive_bytes if source.archive else file.content_bytes
            got = _download(url, known_hash, most + SLACK, part)
            paths = _unpack(got, source, part) if source.archive else [got]
            for path in paths:
                if path.name == f"{file.name}.gz":
                    check(path)
            for path in paths:
                path.replace(folder / path.name)
            return folder / f"{file.name}.gz"
        except Exception as error:  # whatever a mirror does, the next one is tried
            tried.append(f"  {url}: {_reason(error)}")
            for rest in part.iterdir():
                rest.unlink()
    raise DownloadError(f"{source.name}: no {file.name}: the download failed\n" + "\n".join(tried))


def _addresses(source: Source, file: SourceFile) -> list[tuple[str, str | None]]:
    """Return (url, hash for pooch) of each mirror, the reader's own one first."""
    own = os.environ.get("LENETCOURSE_MIRROR")
    own = [f"{own.rstrip('/')}/{source.name}/"] if own else []
    if source.archive:
        own = [mirror + source.mirrors[0].rsplit("/", 1)[-1] for mirror in own]
        return [(url, f"md5:{source.archive}") for url in [*own, *source.mirrors]]
    # Where the content's md5 is known a mirror may have compressed it again; `check` decides.
    known_hash = None if file.md5 else f"md5:{file.gz_md5}"
    return [(f"{mirror}{file.name}.gz", known_hash) for mirror in [*own, *source.mirrors]]


class _Limited:
    """A file being written that takes up to `most` bytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.most, self.flush = file, most, file.flush

    def write(self, data: bytes) -> int:
        if self.file.tell() + len(data) > self.most:
            raise DownloadError(f"sends more than {self.most:,} bytes, which cannot be the file")
        return self.file.write(data)


def _download(url: str, known_hash: str | None, most: int, part: Path) -> Path:
    """Download a file of at most so many bytes into `part` and return its path."""
    import pooch  # here, because it is slow to import and seldom needed

    pooch.get_logger().setLevel(logging.WARNING)  # it would announce every file and its hash
    http = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
    )

    def downloader(url: str, path: str, caller: object) -> None:
        with Path(path).open("wb") as file:
            http(url, _Limited(file, most), caller)

    name = url.rsplit("/", 1)[-1]
    return Path(pooch.retrieve(url, known_hash, fname=name, path=part, downloader=downloader))


def _unpack(archive: Path, source: Source, part: Path) -> list[Path]:
    """Take the files of `source` out of a zip archive, each under its plain name.

    Raises DownloadError when one is larger than it can be: zipfile unpacks no more than the
    archive's list of files says.
    """
    wanted = {f"{file.name}.gz": file for files in source.parts.values() for file in files}
    paths = []
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            name = member.filename.rsplit("/", 1)[-1]
            if name in wanted:
                if member.file_size > wanted[name].content_bytes + SLACK:
                    raise DownloadError(f"{name} in it has {member.file_size:,} bytes: too many")
                member.filename = name  # never a path from the archive
                paths.append(Path(zipped.extract(member, part)))
    return paths


def _reason(error: Exception) -> str:
    """Return one line for an error of pooch, requests or our own check."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"the server answered {status}"
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    kind = type(error).__name__
    if "Timeout" in kind or "timed out" in text:
        return "no answer in time"
    if kind == "ChunkedEncodingError":
        return "the answer broke off"
    if kind in ("ConnectionError", "SSLError"):
        return f"no connection ({kind})"
    return text
