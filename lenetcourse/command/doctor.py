"""`lenetcourse doctor`: what is installed, found and missing: what a request for help needs."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import re
import sys

from lenetcourse import __version__


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    doctor = commands.add_parser("doctor", help="say what is installed, found and missing")
    doctor.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was found; return 1 when something that the course needs is missing."""
    lines, well = diagnose()
    print("\n".join(lines))
    return 0 if well else 1


def diagnose() -> tuple[list[str], bool]:
    """Return lines to print, and whether everything that the course needs is there.

    Missing data is no fault: the embedded digits are always there.
    """
    lines = [
        f"lenetcourse {__version__}",
        f"Python {platform.python_version()} ({sys.executable})",
        f"{platform.system()} {platform.release()} on {platform.machine()}",
    ]
    packages, missing = _packages()
    lines += packages
    if missing:  # what follows needs nearly all of them
        return [*lines, "MISSING: " + ", ".join(missing) + ": pip install lenetcourse"], False
    lines += [_device(), _data(), _weights(), "Everything that the course needs is here."]
    return lines, True


def _packages() -> tuple[list[str], list[str]]:
    """Return a line for each package that the library requires, and those that do not import."""
    modules = {"scikit-learn": "sklearn", "pillow": "PIL"}
    lines, missing = [], []
    try:
        requirements = importlib.metadata.requires("lenetcourse") or []
    except importlib.metadata.PackageNotFoundError:  # its folder, on the path by chance
        return ["  lenetcourse itself is not installed"], ["lenetcourse"]
    for requirement in requirements:
        if "extra ==" in requirement:
            continue
        name = re.match(r"[\w-]+", requirement).group()
        try:
            importlib.import_module(modules.get(name, name))
            lines.append(f"  {name} {importlib.metadata.version(name)}")
        except Exception as error:  # a broken library can fail in any way at import
            lines.append(f"  {name}: cannot be imported ({' '.join(str(error).split())})")
            missing.append(name)
    return lines, missing


def _device() -> str:
    import torch

    from lenetcourse import pick_device

    device = pick_device("auto")
    name = f" ({torch.cuda.get_device_name()})" if device.type == "cuda" else ""
    return f"Device: {device}{name}, {torch.get_num_threads()} threads on {os.cpu_count()} cores"


def _data() -> str:
    from lenetcourse.data.datasets import DatasetError, dataset_folder
    from lenetcourse.data.download import cache_folder

    try:
        found = dataset_folder("mnist")
    except (DatasetError, OSError) as error:
        return f"Data: the digits of scikit-learn; MNIST cannot be looked for: {error}"
    if found:
        return f"Data: MNIST in {found}; the digits of scikit-learn"
    offline = os.environ.get("LENETCOURSE_OFFLINE") == "1"
    hope = "downloads are off (LENETCOURSE_OFFLINE=1)" if offline else "it will be downloaded"
    return (
        f"Data: the digits of scikit-learn; MNIST neither in LENETCOURSE_DATA "
        f"({os.environ.get('LENETCOURSE_DATA', 'not set')}) nor in {cache_folder()}: {hope}"
    )


def _weights() -> str:
    from lenetcourse import load_model

    try:
        _, facts = load_model()
    except (OSError, ValueError) as error:
        return f"Weights: none that can be read ({error})"
    return f"Weights: LeNet-5, {facts['test']['accuracy']:.2%} on {facts['dataset']}'s test set"
