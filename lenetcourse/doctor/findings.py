"""What a reader can miss apart from packages: each look returns what it found, in words."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import lenetcourse
from lenetcourse.doctor.place import Place, pip_command

MEMORY = 3 << 30  # bytes; on MNIST the chapter on segmentation takes 1.8 GB
DISK = 500 << 20


@dataclass(frozen=True)
class Finding:
    """One thing that is missing: what and why it matters, a command that mends it, and advice."""

    what: str
    command: str = ""
    advice: tuple[str, ...] = ()


def not_installed(place: Place) -> list[Finding]:
    """Say what to do where the library is on the path without having been installed."""
    folder = _package_folder().parent
    source = str(folder) if (folder / "pyproject.toml").is_file() else "lenetcourse"
    return [
        Finding(
            f"lenetcourse is not installed: its folder in {folder} is used.",
            pip_command(place, "install", source),
            ("Only an installation tells which packages it needs.",),
        )
    ]


def lost_files(place: Place) -> list[Finding]:
    """Compare the library's files with the list that was installed with them."""
    try:
        course = importlib.metadata.distribution("lenetcourse")
    except importlib.metadata.PackageNotFoundError:
        return []
    if Path(course.locate_file("lenetcourse")).resolve() != _package_folder():
        return []  # run from a checkout: there is no list
    lost = [
        str(file)
        for file in course.files or []
        if file.parts[0] == "lenetcourse" and file.size is not None
        if not file.locate().is_file() or file.locate().stat().st_size != file.size
    ]
    if not lost:
        return []
    others = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    what = f"Files of the library are missing or altered: {', '.join(lost[:3])}{others}."
    return [Finding(what, _again(place), (place.restart,))]


def failed_looks(place: Place, steps: Mapping[str, dict]) -> list[Finding]:
    """Say which of the things that the library brings could not be read."""
    words = {
        "results": "The recorded results, which chapters from 03 on show, cannot be read",
        "weights": "The trained weights cannot be read",
        "pictures": "The pictures of digits cannot be read",
        "digits": "The digits that come with scikit-learn cannot be read",
        "device": "PyTorch finds no device to compute on",
    }
    commands = {
        "results": _again(place),
        "weights": _again(place),
        "pictures": _again(place),
        "digits": pip_command(place, "install", "--force-reinstall", "--no-deps", "scikit-learn"),
    }
    return [
        Finding(f"{text}: {steps[step]['error']}.", commands.get(step, ""))
        for step, text in words.items()
        if "error" in steps.get(step, {})
    ]


def jupyter(place: Place) -> list[Finding]:
    """Look for what opens and runs a notebook; `predict` and `train` need none of it."""
    kernel = _is_there("ipykernel")
    in_an_editor = "VSCODE_PID" in os.environ or os.environ.get("TERM_PROGRAM") == "vscode"
    pages = place.opens_notebooks or in_an_editor
    pages = pages or _is_there("jupyterlab") or _is_there("notebook")
    if kernel and pages:
        return []
    lacks = "JupyterLab is missing" if kernel else "Jupyter is missing"
    return [
        Finding(
            f"{lacks}: notebooks cannot be opened. `lenetcourse predict` and `train` need none.",
            pip_command(place, "install", *([] if pages else ["jupyterlab"]), "ipykernel"),
            ("An editor such as VS Code opens notebooks, too: it needs ipykernel alone.",),
        )
    ]


def wrong_choice(_: Place, steps: Mapping[str, dict]) -> list[Finding]:
    """Look whether LENETCOURSE_DATASET names a data set: every notebook reads it."""
    error = steps.get("choice", {}).get("error")
    what = f"The environment variable LENETCOURSE_DATASET stops every notebook: {error}."
    return [Finding(what, advice=("Remove it, or name one of these.",))] if error else []


def folders(_: Place, cache: Path | None) -> list[Finding]:
    """Look whether files can be written into the working folder and, where it is needed, the cache.

    `cache` is None when MNIST is here already, or when the cache cannot be known.
    """
    findings = []
    if reason := _unwritable(Path.cwd()):
        what = f"Nothing can be written into this folder, {Path.cwd()}: {reason}."
        findings.append(
            Finding(what, advice=("Work in a folder of your own, where notebooks are.",))
        )
    if cache and (reason := _unwritable(cache)):
        what = f"Downloads cannot be kept in {cache}: {reason}."
        advice = "Put MNIST's files elsewhere and name their folder in LENETCOURSE_DATA."
        findings.append(Finding(what, advice=(advice,)))
    return findings


def mnist(place: Place, steps: Mapping[str, dict], cache: Path | None) -> list[Finding]:
    """Say, where MNIST is not on this machine, where it was looked for and how it gets here."""
    look = steps.get("mnist", {})
    if look.get("found") or not look:
        return []
    from lenetcourse.data.sources import SOURCES

    source = SOURCES["mnist"]
    names = ", ".join(file.name for part in source.parts.values() for file in part)
    offline = os.environ.get("LENETCOURSE_OFFLINE") == "1"
    hope = "Notebooks download it, 11 MB; `lenetcourse data download mnist` does it now."
    if offline:  # which keeps from attached data sets, too
        hope = "Nothing is fetched, because LENETCOURSE_OFFLINE=1 is set."
    there = f"{cache / source.name}, or into " if cache else ""
    by_hand = (
        f"By hand: put {names} (raw or .gz) into {there}any folder, named in a notebook's first "
        "cell: %env LENETCOURSE_DATA=FOLDER. A folder MNIST/raw of torchvision holds just these."
    )
    return [
        Finding(
            f"MNIST cannot be read: {look['error']}." if "error" in look else _looked_in(cache),
            "",
            (
                "Chapters and labs then run on the digits that come with scikit-learn.",
                hope,
                *([place.data] if place.data and not offline else []),
                by_hand,
                f"They are at {' and '.join(source.mirrors)}",
            ),
        )
    ]


def _looked_in(cache: Path | None) -> str:
    """Say where MNIST was looked for in vain."""
    given = os.environ.get("LENETCOURSE_DATA", "not set")
    no_folder = given != "not set" and not Path(given).expanduser().is_dir()
    where = f"LENETCOURSE_DATA ({given}{', no folder' * no_folder})"
    nor = f" nor in {cache}" if cache else ""
    return f"MNIST is not on this machine: neither in {where}{nor}."


def room(_: Place) -> list[Finding]:
    """Look for little memory and little space on the disk."""
    findings = []
    total = memory()
    if total and total < MEMORY:
        what = f"Little memory, {total / 2**30:.1f} GB: a chapter on MNIST takes up to 1.8 GB."
        advice = "Close other notebooks, or take the small digits: LENETCOURSE_DATASET=digits."
        findings.append(Finding(what, advice=(advice,)))
    free = shutil.disk_usage(Path.cwd()).free
    if free < DISK:
        findings.append(Finding(f"Little space on the disk: {free / 2**20:,.0f} MB."))
    return findings


def memory() -> int | None:
    """Return this machine's memory, or this container's, in bytes; None where it is not told."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or "max"
        return total


def _unwritable(folder: Path) -> str | None:
    """Return why a folder, which need not be there yet, takes no file; None when it does."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _package_folder() -> Path:
    return Path(lenetcourse.__file__).resolve().parent


def _again(place: Place) -> str:
    """Return the command that installs the library once more."""
    course = f"lenetcourse=={lenetcourse.__version__}"
    return pip_command(place, "install", "--force-reinstall", "--no-deps", course)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
