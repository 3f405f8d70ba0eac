"""The command `lenetcourse`: a door to the subcommands in `lenetcourse/command/`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

# Modules that need torch are imported where they are used: --help answers at once.
from lenetcourse import __version__
from lenetcourse.command import data, doctor, labs, predict, train
from lenetcourse.command.report import INTERRUPTED, fail
from lenetcourse.errors import CourseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 well, 1 something missing, 2 an error."""
    # The name of a file may hold what the encoding of a pipe does not have, as cp1252 on Windows.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    # Every error that a reader can cause is one of these; anything else is our fault.
    except (CourseError, OSError) as error:
        return fail(error)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Print `message` and exit."""
        sys.exit(fail(f"{message}; see {self.prog} --help"))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command and of all its subcommands."""
    made = Parser("lenetcourse", description="The library of the LeNet course.")
    made.add_argument("--version", action="version", version=f"lenetcourse {__version__}")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (train, predict, data, labs, doctor):
        module.add(commands)
    return made
