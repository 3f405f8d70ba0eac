"""What the doors share that write one script of the pages: write it, or say whether it differs."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lenetcourse.files import write_text


def write_or_check(
    tool: str,
    about: str,
    what: str,
    root: Path,
    place: Path,
    script: Callable[[], str],
    arguments: Sequence[str] | None,
) -> int:
    """Write what `script` returns to `place` in `root`; with --check among `arguments`, compare.

    `tool` is the door's name, `about` its docstring, and `what` the name of a script that is up to
    date. Returns the exit code: 0, 1 when it differs, 2 when it cannot be written.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    path, text = root / place, script()
    if options.check:
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        advice = f"{place.as_posix()}: differs: run `python tools/{tool}.py`"
        print(f"{what}: nothing differs" if same else advice)
        return 0 if same else 1
    try:
        write_text(path, text)
    except OSError as error:
        print(f"{tool}: {error}", file=sys.stderr)
        return 2
    print(f"{place.as_posix()}: {len(text):,} bytes")
    return 0
