"""The leaderboard of lab 03: a JSON file in the user's data folder, whole or not there at all.

The environment variable LENETCOURSE_LEADERBOARD names another file; "off" keeps nothing, for tests,
for whoever runs the notebooks of others, and for the course's own runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_data_dir

from lenetcourse.files import locked, replacing

VARIABLE = "LENETCOURSE_LEADERBOARD"
NUMBERS = ("multiply_adds", "weights", "errors", "images")  # whole numbers of an entry


class NotKept(Exception):
    """An entry could not be written; the message says why."""


def board_path() -> Path | None:
    """Return the file of the board, which may not exist yet; None when nothing is to be kept."""
    given = os.environ.get(VARIABLE, "").strip()
    if given.lower() == "off":
        return None
    try:
        path = Path(given).expanduser() if given else Path(user_data_dir("lenetcourse"))
    except RuntimeError:  # no home directory
        return None
    path = path if given else path / "leaderboard.json"
    return path if given or path.is_absolute() else None


def entries(dataset: str) -> list[dict]:
    """Return what was entered for a data set, the fewest multiply-adds first.

    What cannot be read counts as nothing here; `add` sets it aside.
    """
    path = board_path()
    try:
        kept = _read(path) if path else []
    except (OSError, ValueError):
        return []
    usable = [entry for entry in kept if _usable(entry) and entry["dataset"] == dataset]
    return in_order(usable)


def in_order(found: Sequence[dict]) -> list[dict]:
    """Return entries by multiply-adds, then by the share of errors, then as they came."""
    return sorted(found, key=lambda e: (e["multiply_adds"], e["errors"] / e["images"]))


def add(entry: dict) -> Path:
    """Add an entry to those in the file and return its path; the same entry only once.

    One process at a time reads and writes, and the file is replaced as a whole. A file that holds
    no board is set aside under another name, never overwritten. Raises NotKept.
    """
    path = board_path()
    if path is None:
        raise NotKept("there is no folder to keep it in, or it is switched off")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f"{path.name}.lock")):
            try:
                kept = _read(path)
            except ValueError:
                path.replace(path.with_name(f"{path.name}.{time.time_ns()}.damaged"))
                kept = []
            if not any(_same(entry, other) for other in kept):
                text = json.dumps({"entries": [*kept, entry]}, indent=1, ensure_ascii=False)
                with replacing(path, durable=True) as part:
                    part.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise NotKept(f"{path}: {error.strerror or error}") from None
    return path


def _read(path: Path) -> list:
    """Return the list in the file; empty when there is none. Raises OSError, ValueError."""
    try:
        board = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except RecursionError:
        raise ValueError(f"{path}: no board") from None
    if not isinstance(board, dict) or not isinstance(board.get("entries"), list):
        raise ValueError(f"{path}: no board")
    return board["entries"]


def _usable(entry: object) -> bool:
    """Return whether an entry can be shown; others stay in the file as they are."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in ("name", "dataset"))
        and all(type(entry.get(key)) is int and entry[key] >= 0 for key in NUMBERS)
        and entry["images"] > 0
    )


def _same(entry: dict, other: object) -> bool:
    keys = ("name", "dataset", *NUMBERS)
    return isinstance(other, dict) and all(entry.get(key) == other.get(key) for key in keys)
