"""Build the book into _build/html, with warnings as errors, and print the page to open.

    python tools/build_book.py

Prints one line when all went well; the warnings, and exit status 1, when not. Where _config.yml
names a repository, the README gets its badges, and what its next release holds is made: the wheel
in _build/dist, and in _build/notebooks the notebooks that install it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from notebook.reading import Unusable
from release.address import read_release
from release.stamp import write_release

ROOT = Path(__file__).resolve().parent.parent
COLOUR = re.compile(r"\x1b\[[\d;]*m")
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"


def build(root: Path) -> list[str]:
    """Build the book in `root`; return the warnings, none when it succeeded."""
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(root)]
    # UTF-8 also on Windows, where Python's default is another encoding.
    done = subprocess.run(
        [*command, "-W", "-n", "--keep-going", "-q"],
        env=os.environ | {"PYTHONUTF8": "1"},
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode == 0:
        return []
    # Sphinx warns only about the pages that it reads: make it read all of them the next time.
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    lines = COLOUR.sub("", done.stderr).splitlines()
    return [line for line in lines if line.strip()] or [COLOUR.sub("", done.stdout).strip()]


def main() -> int:
    try:
        release = read_release(ROOT)
        if warnings := build(ROOT):
            print("\n".join(warnings), file=sys.stderr)
            print("build_book: the book was not built without warnings", file=sys.stderr)
            return 1
        write_release(ROOT, release)
    except Unusable as error:
        print(f"build_book: {error}", file=sys.stderr)
        return 2
    print(f"The book is built: {(ROOT / '_build' / 'html' / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
