"""What may stand in book/batch.yml: each function returns a value as its type, or refuses it."""

import math
import reprlib
from pathlib import Path, PurePosixPath, PureWindowsPath

import yaml
from notebook.reading import Unusable


def read_yaml(path: Path) -> object:
    """Return what a YAML file holds. Raises Unusable when it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unusable("book/batch.yml: not YAML: " + " ".join(str(error).split())) from error


def mapping(value: object, where: str, keys: set[str] | None = None) -> dict:
    """Return `value` as a dictionary, {} for nothing. Raises Unusable for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Unusable(f"batch.yml: {where}: expected names with values, got {short(value)}")
    for key in value if keys is not None else ():
        if key not in keys:
            known = ", ".join(sorted(keys))
            raise Unusable(f"batch.yml: {where}: unknown key {key!r}: there are {known}")
    return value


def strings(value: object, where: str) -> tuple[str, ...]:
    """Return a list of strings as a tuple. Raises Unusable for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unusable(f"batch.yml: {where}: expected a list of names, got {short(value)}")
    return tuple(value)


def inner_paths(value: object, where: str) -> tuple[str, ...]:
    """Return a list of paths as a tuple. Raises Unusable for one that leaves its folder."""
    for name in strings(value, where):
        path = PurePosixPath(name)
        leaves = path.is_absolute() or ".." in path.parts or not path.parts
        # On Windows these would be folders and drives.
        if leaves or "\\" in name or PureWindowsPath(name).drive:
            raise Unusable(f"batch.yml: {where}: {name!r} is not a path inside the folder")
    return tuple(value)


def check_value(value: object, where: str) -> None:
    """Raise Unusable for a parameter that JSON cannot hold: dates, sets, infinity."""
    match value:
        case None | bool() | int() | str():
            return
        case float() if math.isfinite(value):
            return
        case list():
            for item in value:
                check_value(item, where)
        case dict() if all(isinstance(key, str) for key in value):
            for item in value.values():
                check_value(item, where)
        case _:
            raise Unusable(f"batch.yml: {where}: {short(value)} cannot be a parameter")


def short(value: object) -> str:
    """Return `value` as it is shown in an error: on one line, not too long."""
    return " ".join(reprlib.repr(value).split())
