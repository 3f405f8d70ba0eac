"""The command `lenetcourse`: train, predict, data, doctor."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

# Modules that need torch are imported where they are used: --help answers at once.
from lenetcourse import __version__
from lenetcourse.command.data import _add_data
from lenetcourse.command.doctor import _doctor
from lenetcourse.command.errors import _fail
from lenetcourse.command.predict import _add_predict
from lenetcourse.command.train import _add_train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 well, 1 something missing, 2 an error."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return _fail("interrupted", code=130)
    # Every error that a reader can cause is one of these three; anything else is our fault.
    except (ValueError, OSError, ArithmeticError) as error:
        return _fail(error)
    except RuntimeError as error:
        from lenetcourse.data.datasets import DatasetError

        if not isinstance(error, DatasetError):
            raise
        return _fail(error)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        sys.exit(_fail(f"{message}; see {self.prog} --help"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("lenetcourse", description="The library of the LeNet course.")
    parser.add_argument("--version", action="version", version=f"lenetcourse {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_predict(commands)
    _add_data(commands)
    doctor = commands.add_parser("doctor", help="say what is installed, found and missing")
    doctor.set_defaults(run=lambda options: _doctor())
    return parser
