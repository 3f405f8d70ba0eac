"""A wheelhouse: every wheel that the course and JupyterLab need on one platform and Python.

The versions are those of requirements.txt. They are resolved by uv, as if it ran there: pip
would judge by the machine that runs it which packages a platform needs. pip then fetches the files,
each checked by the sha256 that uv has found.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from notebook.reading import Unusable

from release.start import PACKAGES

NAME = re.compile(r"(?P<system>[a-z]+)-(?P<python>3\.\d+)")
INDEX = re.compile(r"^ +# from (https?://\S+)$", re.MULTILINE)
TORCH = ("cpu", "usual")


@dataclass(frozen=True)
class Platform:
    """A kind of machine, as uv and as pip name it.

    Attributes:
        uv: the platform that versions are resolved for.
        tags: of the wheels that run there.
        variables: that uv wants to be told the same by.
    """

    uv: str
    tags: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()


# The oldest that PyTorch's own wheels run on: glibc 2.28 (Ubuntu 20.04, Debian 10), macOS 14.
PLATFORMS = {
    "linux": Platform(
        "x86_64-manylinux_2_28",
        ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64")
        + tuple(f"manylinux_2_{minor}_x86_64" for minor in range(5, 29)),
    ),
    "windows": Platform("x86_64-pc-windows-msvc", ("win_amd64",)),
    "macos": Platform(
        "aarch64-apple-darwin", ("macosx_14_0_arm64",), (("MACOSX_DEPLOYMENT_TARGET", "14.0"),)
    ),
}


def split_name(name: str) -> tuple[Platform, str]:
    """Return the platform and the Python of a wheelhouse's name. Raises Unusable."""
    match = NAME.fullmatch(name)
    if not match or match["system"] not in PLATFORMS:
        raise Unusable(
            f"wheelhouse {name!r}: write PLATFORM-PYTHON, as in windows-3.12; the platforms are "
            + ", ".join(PLATFORMS)
        )
    return PLATFORMS[match["system"]], match["python"]


def make_wheelhouse(name: str, wheel: Path, root: Path, torch: str) -> Path:
    """Return a folder that holds what `wheel` needs on the platform `name`, in _build of `root`.

    The versions are those of requirements.txt in `root`; `torch` is "cpu", which leaves CUDA out on
    Linux, or "usual". A wheelhouse of the same files that was made before is taken as it is. Needs
    a package index. Raises Unusable.
    """
    platform, python = split_name(name)
    cpu = torch == "cpu" and name.startswith("linux-")
    pins = resolve(name, wheel, root / "requirements.txt", cpu)
    folder = root / "_build" / "wheels"
    whole = folder / f"{name}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    if whole.is_dir():
        return whole
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        download(name, platform, python, pins, Path(place))
        (Path(place) / "wheels").rename(whole)
    return whole


def resolve(name: str, wheel: Path, requirements: Path, cpu: bool = False) -> str:
    """Return the pins, with hashes, of all that is to be installed. Raises Unusable."""
    platform, python = split_name(name)
    direct = "\n".join([f"lenetcourse @ {wheel.resolve().as_uri()}", *PACKAGES])
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-build", "--no-header"),
        "--no-python-downloads",  # to resolve for a Python it need not be here
        *("--python-platform", platform.uv, "--python-version", python, "--generate-hashes"),
        *("--constraint", str(requirements), "--no-emit-package", "lenetcourse"),
        *("--no-annotate", "--emit-index-annotation", *["--torch-backend=cpu"] * cpu, "-"),
    ]
    done = subprocess.run(
        command,
        input=direct,
        env=os.environ | dict(platform.variables),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:400]
        advice = "; `--torch usual` takes PyTorch with CUDA, several GB" if cpu else ""
        raise Unusable(f"wheelhouse {name}: no versions were found{advice}: {said}")
    return done.stdout


def download(name: str, platform: Platform, python: str, pins: str, place: Path) -> None:
    """Fetch the wheels of `pins` into the folder `wheels` in `place`. Raises Unusable."""
    (place / "pins.txt").write_text(pins, encoding="utf-8")
    options = [f"--platform={tag}" for tag in platform.tags]
    options += [f"--extra-index-url={index}" for index in dict.fromkeys(INDEX.findall(pins))]
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--implementation=cp"),
        *(f"--python-version={python}", *options, f"--requirement={place / 'pins.txt'}"),
        f"--dest={place / 'wheels'}",
    ]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Unusable(f"wheelhouse {name}: not downloaded: {' '.join(errors) or done.stderr}")


def installed_size(folder: Path) -> int:
    """Return how many bytes the wheels in `folder` take once they are unpacked."""
    sizes = 0
    for path in folder.glob("*.whl"):
        with zipfile.ZipFile(path) as wheel:
            sizes += sum(member.file_size for member in wheel.infolist())
    return sizes
