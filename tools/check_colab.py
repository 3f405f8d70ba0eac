"""Try the course on Colab's versions: the install cell replaces no package, and notebooks run.

    python tools/check_colab.py [NOTEBOOK ...] [--venv DIR] [--chapters]

Makes an environment of tools/colab.txt by uv, which finds or fetches Colab's Python, or takes the
one that is in DIR. Runs the cell that installs the library there, with the wheel beside it, and
compares the packages before and after. Then runs, each alone in an empty folder, on the embedded
digits and without a network: every lab as handed out, every solution, whose checks must all say
that it is right, and the cells of every chapter up to its setup, or with --chapters all of them.
What was stored as HTML or as a picture must come as such again, and a control must come as one.

Prints a line for each. Exits with 1 when one is not green or a package was replaced, with 2 when
the environment cannot be made. That needs a package index; uv takes the small PyTorch for the CPU
where UV_TORCH_BACKEND=cpu is set.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from notebook.reading import ROOT, Unusable, cells_of, install_cell, read_notebook, tags
from packaging.utils import canonicalize_name
from release.wheel import build_wheel
from run_notebooks import variables

PYTHON = "3.13"  # Colab's: see colab.txt
COLAB = Path(__file__).with_name("colab.txt")
UV = ("-m", "uv", "--quiet")
CONTROL = "application/vnd.jupyter.widget-view+json"
SHOWN = {"text/html", "text/markdown", "text/latex", "image/png"}
LIMIT = 300  # seconds a cell
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)
VERSIONS = """
import json, platform
from importlib.metadata import distributions
found = {d.metadata["Name"]: d.version for d in distributions()}
print(json.dumps({"python": platform.python_version()} | found))
"""


def run(*words: object) -> str:
    """Run a command; return what it printed. Raises Unusable with what it said when it fails."""
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise Unusable(f"{' '.join(command[1:5])}: {' '.join(done.stderr.split())[-500:]}")
    return done.stdout


class Colab:
    """An environment with Colab's versions, in the folder `place`."""

    def __init__(self, place: Path):
        self.place = place
        self.python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def make(self) -> None:
        """Make it, unless it is there; without the course's library. Raises Unusable."""
        if not self.python.exists():
            print(f"Making {self.place} of {COLAB.name}: some minutes", flush=True)
            run(sys.executable, *UV, "venv", "--seed", "--python", PYTHON, self.place)
            run(sys.executable, *UV, "pip", "install", "--python", self.python, "-r", COLAB)
        run(self.python, "-m", "pip", "uninstall", "--quiet", "--yes", "lenetcourse")
        run(self.python, "-m", "ipykernel", "install", "--prefix", self.place, "--name", "colab")
        have = self.versions()
        for name, version in wanted().items():
            if have.get(name, "none").partition("+")[0] != version:
                raise Unusable(
                    f"{self.place} has {name} {have.get(name, 'not')}, {COLAB.name} {version}: "
                    "remove the folder, and it is made again"
                )

    def versions(self) -> dict[str, str]:
        """Return the version of every package in it, and of its Python, by name."""
        found = json.loads(run(self.python, "-c", VERSIONS))
        return {canonicalize_name(name): version for name, version in found.items()}

    def execute(self, nb: NotebookNode, folder: Path, env: Mapping[str, str]) -> None:
        """Run the cells of `nb` in `folder`, with its outputs put in. Raises one of FAILURES."""
        specs = KernelSpecManager(kernel_dirs=[str(self.place / "share" / "jupyter" / "kernels")])
        client = NotebookClient(
            nb,
            timeout=LIMIT,
            km=AsyncKernelManager(kernel_name="colab", kernel_spec_manager=specs),
            resources={"metadata": {"path": str(folder)}},
        )
        # Else debugpy warns on stderr of Python's own frozen modules.
        env = {**env, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        client.execute(env=env, cwd=str(folder), cleanup_kc=True)


def wanted() -> dict[str, str]:
    """Return the versions of tools/colab.txt, by name."""
    lines = COLAB.read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in pins}


def install(colab: Colab, wheel: Path) -> bool:
    """Run the cell that installs the library, beside `wheel`; say what it did to the packages.

    Returns whether it replaced none. Raises Unusable when it did not install the library.
    """
    before = colab.versions()
    nb = new_notebook(cells=[install_cell()])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(wheel, folder)
        try:
            colab.execute(nb, Path(folder), {**os.environ, "PYTHONPATH": ""})
        except FAILURES as error:
            raise Unusable(f"the cell that installs the library: {error}") from error
    after = colab.versions()
    replaced = [name for name, version in before.items() if after.get(name) != version]
    added = sorted(set(after) - set(before))
    if "lenetcourse" not in added:
        raise Unusable("the cell that installs the library ran, and did not install it")
    main = ("python", "ipython", "ipykernel", "ipywidgets", "torch", "numpy")
    print(", ".join(f"{name} {after[name]}" for name in main))
    print(f"{len(before) - 1} packages, {counted(replaced)} replaced, {counted(added)} added")
    return not replaced


def counted(names: Sequence[str]) -> str:
    """Return how many names there are, and which."""
    return f"{len(names)} ({', '.join(sorted(names))})" if names else "0"


def notebooks(root: Path) -> list[Path]:
    """Return the labs, their solutions and the pages of the book, in this order."""
    folders = (root / "labs", root / "labs" / "solutions", root / "book")
    return [path for folder in folders for path in sorted(folder.glob("*.ipynb"))]


def up_to_setup(nb: NotebookNode) -> NotebookNode:
    """Return a copy of `nb` that ends with its cell tagged setup. Raises Unusable."""
    numbers = [number for number, cell in cells_of(nb, "code") if "setup" in tags(cell)]
    if not numbers:
        raise Unusable("no cell tagged setup")
    nb = deepcopy(nb)
    nb.cells = nb.cells[: numbers[0]]
    return nb


def mime_types(cell: NotebookNode) -> set[str]:
    """Return the formats in which the outputs of a cell come."""
    return {mime for output in cell.outputs for mime in output.get("data", {})}


def findings(stored: NotebookNode, ran: NotebookNode, path: Path) -> Iterator[str]:
    """Yield what is wrong with a notebook that ran to its end; `stored` is what is committed."""
    before = {cell.id: cell for _, cell in cells_of(stored, "code")}
    for _, cell in cells_of(ran, "code"):
        now = mime_types(cell)
        if "lc.explore_" in cell.source:
            if CONTROL not in now:
                yield f"{cell.id}: no control"
        elif path.parent.name != "labs":  # as handed out a lab keeps pictures that it does not draw
            for mime in sorted(SHOWN & mime_types(before[cell.id]) - now):
                yield f"{cell.id}: no {mime}"
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"{cell.id}: {output.text.splitlines()[-1].strip()}"
        if path.parent.name == "solutions" and cell.id.endswith("-check"):
            texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
            if not any(text.startswith("Right") for text in texts):
                yield f"{cell.id}: {' '.join(texts)[:300]}"


def try_notebook(colab: Colab, path: Path, chapters: bool) -> list[str]:
    """Run a notebook alone; return what is wrong, nothing when it is green. Raises Unusable."""
    stored = read_notebook(path)
    part = path.parent.name == "book" and not chapters
    ran = up_to_setup(stored) if part else deepcopy(stored)
    for _, cell in cells_of(ran, "code"):
        cell.outputs = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            colab.execute(ran, Path(folder), variables())
        except CellExecutionError as error:
            return [f"{error.ename}: {error.evalue}"]
        except FAILURES as error:
            return [f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"]
    return list(findings(stored, ran, path))


def try_all(colab: Colab, paths: Sequence[Path], chapters: bool, root: Path) -> int:
    """Run every notebook, with a line for each and one for all; return how many are not green."""
    broken, start = 0, time.perf_counter()
    for path in paths:
        begin = time.perf_counter()
        wrong = try_notebook(colab, path, chapters)
        broken += bool(wrong)
        seconds = time.perf_counter() - begin
        place = path.relative_to(root) if path.is_relative_to(root) else path
        print(f"{place}: {'WRONG' if wrong else 'green'}, {seconds:.0f} s", flush=True)
        for line in wrong:
            print(f"    {line}")
    seconds = time.perf_counter() - start
    print(f"{len(paths) - broken} of {len(paths)} green, {seconds:.0f} s")
    return broken


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Install, compare, run; return 0, 1 when something is not as it should be, 2 if unusable."""
    parser = argparse.ArgumentParser(description="Try the course on Colab's versions.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all")
    parser.add_argument("--venv", type=Path, help="an environment of tools/colab.txt, or its place")
    parser.add_argument("--chapters", action="store_true", help="run chapters wholly")
    options = parser.parse_args(argv)
    place = root / "_build" / "colab"
    colab = Colab((options.venv or place / "env").absolute())
    try:
        colab.make()
        kept = install(colab, build_wheel(root, place))
        paths = [path.resolve() for path in options.notebooks] or notebooks(root)
        broken = try_all(colab, paths, options.chapters, root)
    except Unusable as error:
        print(f"check_colab: {error}", file=sys.stderr)
        return 2
    return 0 if kept and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
