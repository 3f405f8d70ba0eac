"""The wheel: the library, and with it what chapters and labs read beside themselves; the sdist."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from notebook.reading import Unusable

# What a wheel is made from. A copy of it is built: setuptools leaves folders beside its sources.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "lenetcourse", "book")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.ipynb", "figures", "_static", "sweeps")
FIRST_DAY = "315532800"  # 1980-01-01, the earliest that a zip file knows: equal files, equal wheels
BUILD = "import sys; from setuptools.build_meta import {0}; {0}(sys.argv[1])"  # as pip does


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel of the course in `root` into `folder`, and return its path.

    The same sources give the same bytes. Needs no network. Raises Unusable.
    """
    return build(root, folder, "build_wheel", "lenetcourse-*.whl")


def build_sdist(root: Path, folder: Path) -> Path:
    """Build what the wheel is built from into `folder`, one archive, and return its path.

    Needs no network. Raises Unusable.
    """
    return build(root, folder, "build_sdist", "lenetcourse-*.tar.gz")


def build(root: Path, folder: Path, function: str, pattern: str) -> Path:
    """Call a function of setuptools in a copy of the course; return the file that it makes.

    Files of the same `pattern` in `folder` are replaced. Raises Unusable.
    """
    with tempfile.TemporaryDirectory() as place:
        copy, made = Path(place, "course"), Path(place, "made")
        copy.mkdir()
        made.mkdir()
        for name in SOURCES:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=LEFT_OUT)
            else:
                shutil.copy(source, copy / name)
        done = subprocess.run(
            [sys.executable, "-c", BUILD.format(function), str(made)],
            cwd=copy,
            env=os.environ | {"SOURCE_DATE_EPOCH": FIRST_DAY, "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        built = list(made.glob(pattern))
        if done.returncode or len(built) != 1:
            said = done.stderr.strip() or "setuptools did not say why"
            raise Unusable(f"no {pattern} was built: {said.splitlines()[-1]}")
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(pattern):
            old.unlink()
        return Path(shutil.move(built[0], folder / built[0].name))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as pip checks it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
