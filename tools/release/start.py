"""Start the course from the folder that this file lies in, with or without a network.

    python start.py              JupyterLab on the notebooks: in a browser, on this machine only
    python start.py --check      what is installed, and a picture of a digit is read
    python start.py --network    install from the package index, not from the folder wheels

The first start makes an environment of its own and installs the course into it; later ones take
seconds. Whatever stands behind -- goes to JupyterLab. Only the standard library is needed.
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST = (3, 10)
SYSTEMS = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
MACHINES = {"linux": "x86_64", "windows": "amd64", "macos": "arm64"}  # that wheelhouses are for
PACKAGES = ("jupyterlab", "ipykernel", "pip")  # that are installed with the course
SUMS = "SHA256SUMS"
READY = "lenetcourse-ready.json"  # the last file of a whole environment
# Windows takes paths of 260 characters; files lie up to 155 below the folder of an environment.
LONGEST_ON_WINDOWS = 100
TYPED = f"{'py' if os.name == 'nt' else 'python3'} start.py"
ELSEWHERE = f"To install it elsewhere: {TYPED} --env FOLDER"
if sys.version_info < OLDEST:
    sys.exit("start.py: the course needs Python {}.{} or newer: see START.html".format(*OLDEST))
# Reads a photograph of a 9.
PREDICT = """
import pathlib, lenetcourse, lenetcourse.cli as cli
picture = pathlib.Path(lenetcourse.__file__).parent / "pictures" / "phone_large_9.jpg"
raise SystemExit(cli.main(["predict", str(picture)]))
"""


class Trouble(Exception):
    """The course cannot be started; the message is what to print."""


def this_wheelhouse() -> str:
    """Return the name that the wheelhouse of this platform and Python has in `wheels`."""
    system = SYSTEMS.get(platform.system(), platform.system().lower())
    machine = platform.machine().lower()
    if machine != MACHINES.get(system) or sys.maxsize < 2**32:
        system += f"-{machine}-{'64' if sys.maxsize > 2**32 else '32'}bit"
    return f"{system}-{sys.version_info[0]}.{sys.version_info[1]}"


def read_sums(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of the bundle, by its name in it. Raises Trouble."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except OSError:
        raise Trouble(f"no {SUMS} in {folder}: unpack the whole zip, then start again") from None
    except ValueError:
        raise Trouble(f"{folder / SUMS} is damaged: copy the bundle again") from None


def wheelhouses(sums: dict[str, str]) -> list[str]:
    """Return the names of the wheelhouses in the bundle."""
    return sorted({name.split("/")[1] for name in sums if name.count("/") == 2 and is_wheel(name)})


def is_wheel(name: str) -> bool:
    """Tell whether a file of the bundle is a wheel."""
    return name.startswith("wheels/") and name.endswith(".whl")


def verify(folder: Path, sums: dict[str, str], wheelhouse: str | None) -> Path:
    """Compare the wheels that are to be installed with SHA256SUMS; return the course's own.

    Raises Trouble for the first that is damaged or missing, or that the bundle did not bring.
    """
    places = {"wheels", f"wheels/{wheelhouse}"}
    wanted = {n for n in sums if is_wheel(n) and n.rpartition("/")[0] in places}
    found = {p.relative_to(folder).as_posix() for at in places for p in (folder / at).glob("*.whl")}
    found = {name for name in found if "/._" not in name}  # macOS leaves such on a stick
    for name in sorted(found - wanted):
        raise Trouble(f"{folder / name} is not of this bundle: remove it")
    for name in sorted(wanted):
        if name not in found or sha256_of(folder / name) != sums[name]:
            raise Trouble(f"{folder / name} is damaged or missing: copy the bundle again")
    return folder / next(n for n in wanted if n.count("/") == 1)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, without holding it all. Raises Trouble."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                found.update(chunk)
    except OSError as error:
        raise Trouble(f"{path} cannot be read ({error.strerror}): copy the bundle again") from None
    return found.hexdigest()


def places(folder: Path, bundle: str, name: str) -> list[Path]:
    """Return where the environment may lie, the best first: in the bundle, in the user's cache."""
    home = Path.home()
    caches = {
        "Windows": Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local"),
        "Darwin": home / "Library" / "Caches",
    }
    others = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    cache = caches.get(platform.system(), others)
    found = [folder / ".venv" / name, cache / "lenetcourse" / f"bundle-{bundle[:8]}" / name]
    if platform.system() == "Windows" and len(str(found[0])) > LONGEST_ON_WINDOWS:
        found.reverse()
    return found


def named(place: Path) -> Path:
    """Return the folder that was asked for. Raises Trouble where it would be written over."""
    if place.is_dir() and any(place.iterdir()) and not (place / "pyvenv.cfg").is_file():
        raise Trouble(f"{place} holds other files: name an empty folder")
    return place.resolve()


def environment(folder: Path, options: argparse.Namespace) -> Path:
    """Return the folder of a whole environment: one made before, or a new one. Raises Trouble."""
    sums, name, bundle = read_sums(folder), this_wheelhouse(), sha256_of(folder / SUMS)
    facts = {"bundle": bundle, "python": sys.version, "base": sys.base_prefix}
    candidates = [named(options.env)] if options.env else places(folder, bundle, name)
    for place in candidates:
        if is_ready(place, facts):
            return place
    if not options.network and name not in wheelhouses(sums):
        there = ", ".join(wheelhouses(sums)) or "none at all"
        raise Trouble(
            f"no wheelhouse for {name} in this bundle (there: {there}).\n"
            f"Start it with a Python that is there, or, with a network: {TYPED} --network"
        )
    print("Comparing the wheels with their checksums ...", flush=True)
    wheelhouse = None if options.network else name
    wheel = verify(folder, sums, wheelhouse)
    reasons = []
    for place in candidates:
        print(f"Installing into {place}: this takes some minutes, once.", flush=True)
        try:
            make(place, wheel, folder / "wheels" / wheelhouse if wheelhouse else None)
            (place / READY).write_text(json.dumps(facts), encoding="utf-8")
            return place
        except OSError as error:  # a stick that cannot be written, or from which nothing may run
            print(f"Not there: {error.strerror or error}", flush=True)
            reasons.append(f"{place}: {error}")
    raise Trouble("no environment can be made:\n" + "\n".join(reasons) + "\n" + ELSEWHERE)


def is_ready(place: Path, facts: dict[str, str]) -> bool:
    """Tell whether an environment is whole, of this bundle, and of the Python that runs this.

    It may have been moved: a stick is D: on one machine and E: on the next. So what it runs is run
    as modules, because the scripts in it name the place where they were installed.
    """
    try:
        found = json.loads((place / READY).read_text(encoding="utf-8"))
        return found == facts and python_of(place).exists()
    except (OSError, ValueError):
        return False


def make(place: Path, wheel: Path, wheelhouse: Path | None) -> None:
    """Make an environment with the course and JupyterLab, from the wheelhouse or the package index.

    Raises OSError where the place cannot hold one, Trouble when pip fails.
    """
    (place / READY).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)  # what was broken off
    try:
        # With the wheelhouse comes a pip, because Debian's Python has none to give.
        builder = venv.EnvBuilder(symlinks=os.name != "nt", with_pip=wheelhouse is None)
        builder.create(place)
    except subprocess.CalledProcessError:
        raise Trouble(
            "this Python comes without pip (on Debian and Ubuntu: sudo apt install python3-venv)"
        ) from None
    pip = ["-m", "pip"]
    options = ["--quiet", "--disable-pip-version-check"]
    if wheelhouse:
        pip = [f"{next(wheelhouse.glob('pip-*.whl'))}/pip"]
        options += ["--isolated", "--no-index", "--find-links", str(wheelhouse)]
    command = [str(python_of(place)), *pip, "install", *options, str(wheel), *PACKAGES]
    done = subprocess.run(
        command, env=variables(place), stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        said = "\n".join(errors or done.stderr.splitlines()[-3:])
        advice = f"\n{ELSEWHERE}" if "OSError" in said else ""  # no room, no right to write
        raise Trouble(f"pip could not install the course into {place}:\n{said}{advice}")


def python_of(place: Path) -> Path:
    """Return the Python of an environment."""
    return place.joinpath(*(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def variables(place: Path) -> dict[str, str]:
    """Return the variables of what runs in the environment: its programs first, MNIST at hand."""
    found = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    found["PATH"] = f"{python_of(place).parent}{os.pathsep}{found.get('PATH', '')}"
    # UTF-8 also on Windows; kernels of other environments must not come before this one's.
    found |= {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
    if (HERE / "mnist").is_dir():
        found["LENETCOURSE_DATA"] = str(HERE / "mnist")
    return found


def run(place: Path, *words: str, where: Path = HERE) -> int:
    """Run the environment's Python, and wait for its end also when Ctrl+C is meant for it."""
    process = subprocess.Popen([python_of(place), *words], cwd=where, env=variables(place))
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


def notebooks(folder: Path) -> Path:
    """Return a folder with the notebooks that can be written: the bundle, or a copy at home."""
    probe = folder / f".writable-{os.getpid()}"
    with contextlib.suppress(OSError):
        probe.touch()
        probe.unlink()
        return folder
    copy = Path.home() / "lenetcourse"
    for part in ("book", "labs", "html"):  # the notebooks' links lead to ../html
        for source in (folder / part).rglob("*.*"):
            target = copy / source.relative_to(folder)
            if not target.exists():  # what was worked on stays
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    print(f"This folder cannot be written: the notebooks are copied to {copy}", flush=True)
    return copy


def other_python(folder: Path) -> list[str]:
    """Return the command of an installed Python that has a wheelhouse here, or nothing."""
    system, _, version = this_wheelhouse().rpartition("-")
    for name in reversed(wheelhouses(read_sums(folder))):
        other = name.rpartition("-")[2]
        command = ["py", f"-{other}"] if os.name == "nt" else [f"python{other}"]
        fits = name == f"{system}-{other}" and other != version and shutil.which(command[0])
        if fits and subprocess.call([*command, "-c", "pass"], stderr=subprocess.DEVNULL) == 0:
            return command
    return []


def start(argv: list[str]) -> int:
    """Start the course, or check it. Raises Trouble and OSError."""
    parser = argparse.ArgumentParser(description="Start the course from this folder.")
    parser.add_argument("--check", action="store_true", help="only say what works")
    parser.add_argument("--network", action="store_true", help="install from the package index")
    parser.add_argument("--env", type=Path, metavar="FOLDER", help="of the environment")
    parser.add_argument("jupyter", nargs="*", metavar="-- ...", help="options for JupyterLab")
    options = parser.parse_args(argv)
    has_wheels = this_wheelhouse() in wheelhouses(read_sums(HERE))
    if not has_wheels and not options.network and (command := other_python(HERE)):
        print(f"{' '.join(command)} goes on: its packages are in this bundle.", flush=True)
        return subprocess.call([*command, str(Path(__file__).resolve()), *argv])
    place = environment(HERE, options)
    print(f"The course is installed in {place}", flush=True)
    if options.check:
        found = run(place, "-m", "lenetcourse", "doctor")
        print("A photograph of a 9 is read as:", flush=True)
        return run(place, "-c", PREDICT) or found
    print("JupyterLab opens in your browser. Ctrl+C in this window ends it.", flush=True)
    lab = ("-m", "jupyterlab", "--ip=127.0.0.1", *options.jupyter)
    return run(place, *lab, where=notebooks(HERE))


def main() -> int:
    """Start the course; return what the process shall exit with."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console may lack letters of the folder's name
    try:
        return start(sys.argv[1:])
    except KeyboardInterrupt:
        print("\nBroken off. The next start begins again where it must.", file=sys.stderr)
        return 130
    except (Trouble, OSError) as error:
        print(f"start.py: {error}", file=sys.stderr)
        if os.name == "nt" and "PROMPT" not in os.environ:  # a window that closes at the end
            input("Press Enter to close this window.")
        return 2


if __name__ == "__main__":
    sys.exit(main())
