"""The packages that the library requires: which are missing, too old or broken."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lenetcourse.doctor.findings import Finding
from lenetcourse.doctor.place import Place, pip_command

PYTHON = "3.10"  # the oldest, as in pyproject.toml
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL"}  # package -> module, where they differ
RENAME = "Give that file another name, then run `lenetcourse doctor` again."
SMALLER = (
    "PyTorch for Linux is several GB; the build for the CPU is enough and a fraction of it: choose "
    "Pip and CPU at pytorch.org/get-started and add --extra-index-url with the address shown there."
)


@dataclass(frozen=True)
class Package:
    """A package that the library requires, and what was found of it.

    Attributes:
        name: as pip knows it.
        bound: the lowest version that will do.
        version: the installed one, "" for none.
        tried: what `probe` said of its import.
    """

    name: str
    bound: str
    version: str
    tried: dict

    @property
    def error(self) -> str | None:
        """Why it cannot be imported; None when it can."""
        return self.tried.get("error")

    @property
    def state(self) -> str:
        """Its name with its version, and what is wrong with it."""
        if self.error:
            return f"{self.name} {self.version} broken" if self.version else f"no {self.name}"
        return f"{self.name} {self.version or 'of unknown version'}"

    @property
    def hidden_by(self) -> str | None:
        """The file in the working folder that is imported in its place, as a notebook would."""
        path = Path(self.tried.get("file") or "")
        folder = path.parent.parent if path.name == "__init__.py" else path.parent
        installed = folder.name in ("site-packages", "dist-packages")
        return str(path) if folder == Path.cwd() and not installed else None


def required() -> list[tuple[str, str]]:
    """Return (package, lower bound) of what the installed library needs, extras aside.

    Raises importlib.metadata.PackageNotFoundError where it is not installed.
    """
    found = []
    for requirement in importlib.metadata.requires("lenetcourse") or []:
        if "extra ==" not in requirement:
            # Nothing but lower bounds stands there. The library `packaging` may be missing here.
            name, bound = re.match(r"([\w.-]+)(?:\s*\(?>=\s*([\w.]+))?", requirement).groups()
            found.append((name, bound or "0"))
    return found


def version_of(name: str) -> str:
    """Return the version of an installed package, "" where there is none."""
    try:
        return importlib.metadata.version(name) or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_older(version: str, bound: str) -> bool:
    """Tell whether a version is below a bound, both such as "2.10.1"; what follows is left out."""
    return _numbers(version) < _numbers(bound)


def _numbers(version: str) -> list[int]:
    numbers = [int(number) for number in re.match(r"[\d.]*", version).group().split(".") if number]
    while numbers and not numbers[-1]:  # 2.0 is 2
        numbers.pop()
    return numbers


def old_python(_: Place) -> list[Finding]:
    """Look whether this Python is new enough: pip refuses others, a folder on the path does not."""
    found = ".".join(map(str, sys.version_info[:3]))
    if not is_older(found, PYTHON):
        return []
    return [
        Finding(
            f"Python {found} is too old: the course needs {PYTHON} or newer.",
            advice=(
                "Install a newer Python, make an environment with it (python3 -m venv lenet), and "
                "install the course there.",
            ),
        )
    ]


def packages(place: Place, found: Sequence[Package]) -> list[Finding]:
    """Look for packages that are hidden, missing, too old or broken, in this order.

    One that is hidden breaks others: they are told when it is no longer.
    """
    hidden = [package for package in found if package.hidden_by]
    rest = [package for package in found if not package.hidden_by]
    missing = [package for package in rest if package.error and not package.version]
    old = [p for p in rest if p.version and is_older(p.version, p.bound)]
    broken = [p for p in rest if p.error and p not in missing + old]
    findings = [
        Finding(f"{p.hidden_by} hides the package {p.name}.", advice=(RENAME,)) for p in hidden
    ]
    if missing:
        names = _and([package.name for package in missing])
        is_are = "is" if len(missing) == 1 else "are"
        findings.append(Finding(f"{names} {is_are} missing.", *_install(place, missing)))
    if old:
        names = _and([f"{p.name} {p.version} (it takes {p.bound})" for p in old])
        is_are = "is" if len(old) == 1 else "are"
        command, advice = _install(place, old)
        findings.append(Finding(f"{names} {is_are} too old.", command, (place.restart, *advice)))
    return findings if hidden else [*findings, *(_broken(place, package) for package in broken)]


def _install(place: Place, wanted: Sequence[Package]) -> tuple[str, tuple[str, ...]]:
    """Return the command that installs packages, and advice."""
    command = pip_command(place, "install", *(f"{p.name}>={p.bound}" for p in wanted))
    has_torch = any(package.name == "torch" for package in wanted)
    return command, (SMALLER,) * (has_torch and sys.platform == "linux" and not place.pip)


def _broken(place: Place, package: Package) -> Finding:
    """Return what to do about a package that is there and cannot be imported."""
    exact = f"{package.name}=={package.version.split('+')[0]}"
    # pip sees that another package is missing; it does not look for damaged files.
    lacks_another = package.tried.get("kind") == "ModuleNotFoundError"
    options = [] if lacks_another else ["--force-reinstall", "--no-deps"]
    return Finding(
        f"{package.name} {package.version} is there, but cannot be imported: {package.error}.",
        pip_command(place, "install", *options, exact),
        (place.restart, "If the error stays, install the course into a fresh environment."),
    )


def _and(words: Sequence[str]) -> str:
    if len(words) > 3:
        words = [*words[:2], f"{len(words) - 2} other packages"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
