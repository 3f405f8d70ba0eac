"""How a subcommand says what went wrong."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def fail(error: object, code: int = 2) -> int:
    """Print one line on stderr and return the exit code."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        error = f"{error.filename}: {error.strerror}"
    print("lenetcourse: " + " ".join(str(error).split()), file=sys.stderr)
    return code
