"""Run notebooks as a reader has them: alone, with the wheel installed and without a network.

    python tools/run_notebooks.py [NOTEBOOK ...]

Without names: every notebook of the book, its sweeps, the labs and their solutions. Each is copied
into an empty folder below _build/alone and runs there through nbval, on the embedded digits, in an
environment that sees the packages of the one that runs this, but of the course only its wheel,
freshly built. The name of a failure begins with the notebook's own path. Exits as pytest does, or
with 2 when a notebook is not there or the environment cannot be made.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

from notebook.reading import ROOT, Unusable
from release.wheel import build_wheel

OFFLINE = Path(__file__).with_name("notebook") / "offline"  # refuses connections
NBVAL = (
    *("-n", "2", "--dist", "loadscope"),
    *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "600"),
    # After a cell that was broken off nbval lets the next ones fail, and `fit` outlives a break.
    *("-o", "xfail_strict=true"),
)
SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"
LIBRARY = "import lenetcourse; print(lenetcourse.__file__)"


def variables() -> dict[str, str]:
    """Return the variables of a process that runs notebooks: on the digits, without a network."""
    return {
        **os.environ,
        "PYTHONPATH": str(OFFLINE),  # and not the course's folder
        "PYTHONUTF8": "1",  # a .pth file is read as UTF-8 also on Windows
        "LENETCOURSE_DATASET": "digits",
        "LENETCOURSE_OFFLINE": "1",
        "LENETCOURSE_LEADERBOARD": "off",
        "OMP_NUM_THREADS": "1",  # two torch processes with two threads each hinder one another
    }


def said(command: Sequence[object], where: Path) -> str:
    """Return what a command printed. Raises Unusable with its last line when it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=where, env=variables(),
        capture_output=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Unusable(f"{' '.join(map(str, command[:4]))}: {lines[-1]}")
    return done.stdout.strip()


def make_environment(place: Path, wheel: Path | None) -> Path:
    """Make an environment with `wheel` and the running one's packages; return its Python.

    Of the running environment only the folder of packages is named: a .pth file in it, such as that
    of an editable installation of the course, is not read. Raises Unusable.
    """
    venv.create(place, symlinks=os.name != "nt")
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(said([python, "-c", SITE], place))
    if wheel:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        said([*pip, "--no-deps", "--no-index", "--target", site, wheel], place)
    folders = {sysconfig.get_path(kind): None for kind in ("purelib", "platlib")}
    (site / "running.pth").write_text("\n".join([*folders, ""]), encoding="utf-8")
    return python


def require_wheel(python: Path, place: Path) -> None:
    """Raise Unusable unless `python`, in the folder `place`, takes the library from its wheel."""
    library = Path(said([python, "-c", LIBRARY], place))
    if not library.is_relative_to(python.parents[1]):
        raise Unusable(f"{library}: not the library of the wheel")


def all_notebooks(root: Path) -> list[Path]:
    """Return the notebooks of the book, its sweeps and the labs, without Jupyter's checkpoints."""
    found = [path for folder in ("book", "labs") for path in (root / folder).rglob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def copy_alone(path: Path, root: Path, place: Path) -> Path:
    """Copy a notebook into an empty folder below `place` that has its own path; return the copy.

    So the name of a failure, `book/x.ipynb/x.ipynb::Cell 3`, begins with the notebook in the tree.
    Raises Unusable.
    """
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        raise Unusable(f"{path}: no notebook of the course")
    folder = place / path.resolve().relative_to(root.resolve())
    folder.mkdir(parents=True)
    return Path(shutil.copy(path, folder))


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the named notebooks, or all; return pytest's exit code, or 2."""
    parser = argparse.ArgumentParser(description="Run notebooks alone, from the wheel, offline.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    paths = parser.parse_args(argv).notebooks or all_notebooks(root)
    place = root / "_build" / "alone"
    shutil.rmtree(place, ignore_errors=True)
    try:
        for path in paths:
            copy_alone(path, root, place / "notebooks")
        python = make_environment(place / "env", build_wheel(root, place))
        require_wheel(python, place / "notebooks")
    except Unusable as error:
        print(f"run_notebooks: {error}", file=sys.stderr)
        return 2
    # pytest takes the nearest such file as the root: names begin here, and settings are none.
    (place / "notebooks" / "pytest.ini").write_text("[pytest]\naddopts = -q\n", encoding="utf-8")
    pytest = [python, "-m", "pytest", *NBVAL, "."]
    return subprocess.run(pytest, cwd=place / "notebooks", env=variables()).returncode


if __name__ == "__main__":
    sys.exit(main())
