"""The wheel: the library, and with it what chapters and labs read beside themselves."""

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


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel of the course in `root` into `folder`, and return its path.

    The same sources give the same bytes. Needs no network. Raises Unusable.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place, "course")
        for name in SOURCES:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=LEFT_OUT)
            else:
                copy.mkdir(exist_ok=True)
                shutil.copy(source, copy / name)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", place, str(copy)],
            env=os.environ | {"SOURCE_DATE_EPOCH": FIRST_DAY, "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        built = list(Path(place).glob("*.whl"))
        if done.returncode or len(built) != 1:
            raise Unusable(f"the wheel was not built: {done.stderr.strip()}")
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("lenetcourse-*.whl"):
            old.unlink()
        return Path(shutil.move(built[0], folder / built[0].name))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as pip checks it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
