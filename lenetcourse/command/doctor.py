"""`lenetcourse doctor`: what is missing, first what stops a reader first, and what was found.

It is what a request for help needs, so it ends well wherever it runs: a look that fails is a line.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lenetcourse import __version__
from lenetcourse.doctor import findings
from lenetcourse.doctor.findings import Finding
from lenetcourse.doctor.packages import (
    MODULES,
    Package,
    old_python,
    packages,
    required,
    version_of,
)
from lenetcourse.doctor.place import Place, find_place
from lenetcourse.doctor.probe import probe

WIDTH = 100  # characters of a line; commands are never broken
ABOUT_PIP = (
    "Where the package index is slow, add --index-url ADDRESS-OF-A-MIRROR to a command. Without a "
    'network, add --no-index --find-links "FOLDER", a folder of wheels from another machine (on '
    "Kaggle: a data set that is attached)."
)
AGAIN = "Then run `lenetcourse doctor` again."


@dataclass(frozen=True)
class Diagnosis:
    """What was found: faults, first what stops a reader first; what is none; the facts."""

    faults: list[Finding]
    notes: list[Finding]
    facts: list[str]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    doctor = commands.add_parser("doctor", help="say what is missing and how to mend it")
    doctor.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what was found; return 1 when something that the course needs is missing."""
    found = diagnose()
    encoding = sys.stdout.encoding or "utf-8"  # paths may hold what this terminal cannot show
    print(page(found).encode(encoding, "replace").decode(encoding))
    return 1 if found.faults else 0


def page(found: Diagnosis) -> str:
    """Return a diagnosis in words: the verdict, what to mend, what else to know, the facts."""
    if not found.faults:
        lines = ["Everything that the course needs is here."]
    else:
        things = "1 thing" if len(found.faults) == 1 else f"{len(found.faults)} things"
        verdict = _wrapped(f"{things} to mend. The first: {found.faults[0].what}")
        lines = [*verdict, "", "To mend, in this order:"]
    for number, fault in enumerate(found.faults, 1):
        lines += _entry(f"{number:2}. ", fault)
    if any(" install " in fault.command for fault in found.faults):
        lines += ["", *_wrapped(ABOUT_PIP), AGAIN]
    if found.notes:
        lines += ["", "No fault, but good to know:"]
    for note in found.notes:
        lines += _entry("  - ", note)
    facts = [line for fact in found.facts for line in _wrapped(fact, "  ", "    ")]
    return "\n".join([*lines, "", "What was found:", *facts])


def _entry(mark: str, finding: Finding) -> list[str]:
    space = " " * len(mark)
    lines = _wrapped(finding.what, mark, space)
    lines += [f"{space}  {finding.command}"] if finding.command else []
    return lines + [line for text in finding.advice for line in _wrapped(text, space, space)]


def _wrapped(text: str, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def diagnose() -> Diagnosis:
    """Look at everything; nothing that is found makes this raise.

    Missing data is no fault: the embedded digits are always there.
    """
    place = find_place()
    faults, found, steps = _packages(place)
    cache = _cache()
    has_mnist = bool(steps.get("mnist", {}).get("found"))
    looks = {} if faults else steps  # what fails because a package does is no news
    # Files that were lost explain what cannot be read.
    faults += _guarded(findings.lost_files, place) or _guarded(findings.failed_looks, place, looks)
    faults += _guarded(findings.wrong_choice, place, looks)
    faults += _guarded(findings.jupyter, place)
    faults += _guarded(findings.folders, place, None if has_mnist else cache)
    notes = [
        *_guarded(findings.mnist, place, looks, cache),
        *_guarded(findings.room, place),
        *map(Finding, place.notes),
    ]
    return Diagnosis(faults, notes, _facts(place, found, steps))


def _packages(place: Place) -> tuple[list[Finding], list[Package], dict[str, dict]]:
    """Return faults of Python and of packages, the packages, and what `probe` said."""
    faults = _guarded(old_python, place)
    try:
        wanted = required()
    except importlib.metadata.PackageNotFoundError:
        faults, wanted = faults + findings.not_installed(place), []
    try:
        steps = probe([MODULES.get(name, name) for name, _ in wanted])
    except (RuntimeError, OSError) as error:
        return [*faults, Finding(f"The packages cannot be tried: {error}.")], [], {}
    found = [
        Package(name, bound, version_of(name), steps.get(MODULES.get(name, name), {}))
        for name, bound in wanted
    ]
    return faults + _guarded(packages, place, found), found, steps


def _guarded(look: Callable[..., list[Finding]], *given: object) -> list[Finding]:
    """Return what a look finds; that it failed is a finding, too."""
    try:
        return look(*given)
    except Exception as error:
        name = look.__name__.replace("_", " ")
        return [Finding(f"The look at {name} failed: {type(error).__name__}: {error}")]


def _cache() -> Path | None:
    """Return the cache's folder, None where there is none or a package that tells it is missing."""
    try:
        from lenetcourse.data.download import cache_folder

        folder = cache_folder()
    except Exception:
        return None
    return folder if folder.is_absolute() else None


def _facts(place: Place, found: Sequence[Package], steps: dict[str, dict]) -> list[str]:
    """Return a line for each thing that a helper asks for."""
    names = {
        "device": "Device",
        "weights": "Weights",
        "results": "Results",
        "pictures": "Pictures",
        "digits": "Data",
        "mnist": "Data",
    }
    memory = findings.memory()
    machine = [
        f"{platform.system()} {platform.release()} on {platform.machine()}",
        f"{memory / 2**30:.1f} GB of memory" if memory else "",
        place.name,
    ]
    return [
        f"lenetcourse {__version__} in {Path(__file__).parent.parent}",
        f"Python {platform.python_version()} ({sys.executable})",
        ", ".join(filter(None, machine)),
        *(["Packages: " + ", ".join(package.state for package in found)] if found else []),
        *(
            f"{text}: {steps[step]['found']}"
            for step, text in names.items()
            if steps.get(step, {}).get("found")
        ),
        *_settings(),
    ]


def _settings() -> list[str]:
    """Return the course's environment variables; a mirror's address may hold a password."""
    names = sorted(name for name in os.environ if name.startswith("LENETCOURSE_"))
    return [f"{n}={'...' if n == 'LENETCOURSE_MIRROR' else os.environ[n]}" for n in names]
