"""What `make` does, also where there is no make: python tools/do.py TARGET [NAME=VALUE ...]

    python tools/do.py book
    python tools/do.py figures ONLY=04_dropout JOBS=2

Without a target it prints the list of targets and settings. The course's environment, in VENV, is
made first when it is missing or older than what it is made from, by the Python that runs this.
Exits with what the first step that failed exited with, or with 2 on input that cannot be used.

Only the standard library, and nothing that a Python older than the course's cannot read: that one
shall say so in one line (check_python.py).
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys

import check_python

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MADE_FROM = ("requirements.txt", "pyproject.toml", "tools/check_python.py")
BUILT = ("_build", "build", ".pytest_cache", ".ruff_cache", ".hypothesis")
PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet")
INTERRUPTED = 130
TARGETS = (
    ("book", "build the book into _build/html"),
    ("test", "unit tests, then every notebook, then their checks and the proof of the labs"),
    ("check", "what CI runs: lint, test, book"),
    ("lint", "style and spelling"),
    ("lab", "JupyterLab on the course, on this machine only, with its token"),
    ("labs", "write the labs from labs/solutions (ONLY=02; RUN=1 runs the solutions first)"),
    ("figures", "run on MNIST what changed of the batch (ONLY= JOBS= DASK= LIST=1)"),
    (
        "bundle",
        "one zip that works without a network (WHEELHOUSE=windows-3.12 MNIST=1 TORCH=usual)",
    ),
    ("lock", "resolve requirements.txt again after a change of its direct pins"),
    ("clean", "remove what was built (not the environment)"),
    ("ready", "make the environment, and nothing else"),
)
SETTINGS = (
    ("VENV", "the folder of the environment, .venv unless named"),
    ("PIP_ARGS", 'options for pip, as in PIP_ARGS="--index-url ADDRESS"'),
    ("ONLY", "names, separated by blanks: of labs (02), or of chapters and sweeps (04_dropout)"),
    ("JOBS", "how many runs at a time; as many as there are cores unless given"),
    ("DASK", "the address of a Dask scheduler"),
    ("LIST", "anything: only say what would run, and why"),
    ("RUN", "anything: run the solutions first"),
    ("WHEELHOUSE", 'platforms that a bundle has packages for, as in "windows-3.12 macos-3.12"'),
    ("MNIST", "anything: a bundle with MNIST"),
    ("TORCH", "PyTorch of a bundle for Linux: cpu, or usual, which brings CUDA"),
)


class Unusable(Exception):
    """Input that cannot be used, or a step that failed; the message is the line to print."""

    def __init__(self, message, code=2):
        Exception.__init__(self, message)
        self.code = code


def read_arguments(words):
    """Return the targets and the settings of a command line. Raises Unusable."""
    targets, settings = [], {name: "" for name, _ in SETTINGS}
    for word in words:
        name, equals, value = word.partition("=")
        known = dict(SETTINGS if equals else TARGETS)
        if name not in known:
            kind = "setting" if equals else "target"
            raise Unusable("no %s %r: there are %s" % (kind, name, ", ".join(sorted(known))))
        if equals:
            settings[name] = value
        else:
            targets.append(name)
    settings["VENV"] = settings["VENV"] or ".venv"
    return targets, settings


def split_words(text, windows=os.name == "nt"):
    """Return the words of `text`, where quotes hold blanks together. Raises Unusable.

    On Windows a backslash separates folders, elsewhere it takes the next character as it is.
    """
    reader = shlex.shlex(text, posix=True)
    reader.whitespace_split, reader.commenters = True, ""
    if windows:
        reader.escape = ""
    try:
        return list(reader)
    except ValueError as error:
        raise Unusable("PIP_ARGS=%s: %s" % (text, str(error).lower()))


def steps(target, settings):
    """Return what a target runs, in order: the arguments of Python, and variables to be set."""
    only = settings["ONLY"].split()
    if target == "check":
        return [step for part in ("lint", "test", "book") for step in steps(part, settings)]
    if target == "test":
        return tests()
    commands = {
        "book": [["tools/build_book.py"]],
        "lint": [
            ["-m", "ruff", "check", "."],
            ["-m", "ruff", "format", "--check", "."],
            ["-m", "codespell_lib"],
        ],
        "lab": [["-m", "jupyterlab", "--ip=127.0.0.1", "--notebook-dir=."]],
        "labs": [["tools/make_labs.py"] + only + ["--run"] * bool(settings["RUN"])],
        "figures": [
            ["tools/regenerate.py"]
            + only
            + (["--jobs", settings["JOBS"]] if settings["JOBS"] else [])
            + (["--dask", settings["DASK"]] if settings["DASK"] else [])
            + ["--list"] * bool(settings["LIST"])
        ],
        "bundle": [
            ["tools/make_bundle.py"]
            + ["--wheelhouse=" + name for name in settings["WHEELHOUSE"].split()]
            + ["--mnist"] * bool(settings["MNIST"])
            + (["--torch", settings["TORCH"]] if settings["TORCH"] else [])
        ],
        "lock": [["tools/lock.py"]],
        "ready": [],
    }
    return [(command, {}) for command in commands[target]]


def tests():
    """Return the steps of `test`."""
    # Two processes with one thread each: two torch processes with two threads each hinder one
    # another. What a reader has entered on the lab's board is no concern of a test.
    quiet = {"OMP_NUM_THREADS": "1", "LENETCOURSE_LEADERBOARD": "off"}
    return [
        (["-m", "pytest", "-n", "2", "--dist", "loadscope", "tests"], quiet),
        (["tools/run_notebooks.py"], quiet),
        (["tools/check_notebooks.py"], quiet),
        (["tools/prove_labs.py"], quiet),
    ]


def python_of(venv):
    """Return the Python of an environment."""
    place = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(venv, *place)


def run(command, variables=()):
    """Run a command in the course's folder and wait for its end. Raises Unusable when it fails."""
    # UTF-8 also on Windows, where Python's default is another encoding.
    environment = dict(os.environ, PYTHONUTF8="1", **dict(variables))
    try:
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
    except OSError as error:
        raise Unusable("%s cannot be started: %s" % (command[0], error.strerror))

    def stop(*_):
        process.terminate()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    stopped = False
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:  # the command was told, too, and ends in its own way
            stopped = True
    if stopped and code:
        raise KeyboardInterrupt
    if code:
        said = "%s: failed with exit code %d" % (" ".join(command[1:]), code)
        raise Unusable(said, code if 0 < code < 256 else 1)


def make_environment(settings):
    """Make the environment unless it is up to date; return its Python. Raises Unusable."""
    venv = os.path.join(ROOT, os.path.expanduser(settings["VENV"]))
    ready, python = os.path.join(venv, ".ready"), python_of(venv)
    sources = [os.path.getmtime(os.path.join(ROOT, name)) for name in MADE_FROM]
    if os.path.isfile(ready) and os.path.getmtime(ready) >= max(sources):
        return python
    complaint = check_python.complaint(sys.version_info, check_python.can_make_venv())
    if complaint:
        raise Unusable(complaint)
    pip_args = split_words(settings["PIP_ARGS"])
    if os.path.exists(ready):
        os.remove(ready)  # an installation that is broken off leaves none
    if os.path.realpath(sys.prefix) != os.path.realpath(venv):  # no Python can replace itself
        run([sys.executable, "-m", "venv", venv])
    run([python] + list(PIP) + pip_args + ["--requirement", "requirements.txt"])
    run([python] + list(PIP) + pip_args + ["--no-deps", "--editable", "."])
    with open(ready, "wb"):
        return python


def clean():
    """Remove what was built. Raises Unusable when something stays."""
    for name in BUILT:
        shutil.rmtree(os.path.join(ROOT, name), ignore_errors=True)
        if os.path.lexists(os.path.join(ROOT, name)):
            raise Unusable("%s cannot be removed: is one of its files open?" % name)


def overview():
    """Return the list of targets and settings."""
    lines = ["make TARGET, or without make: python tools/do.py TARGET", ""]
    lines += ["  %-11s%s" % target for target in TARGETS]
    lines += ["", "Settings, as in figures ONLY=04_dropout:", ""]
    return "\n".join(lines + ["  %-11s%s" % setting for setting in SETTINGS])


def main(words):
    """Do what the command line asks for; return the exit code."""
    try:
        targets, settings = read_arguments(words)
        if not targets:
            print(overview())
        for target in targets:
            if target == "clean":
                clean()
                continue
            python = make_environment(settings)
            for arguments, variables in steps(target, settings):
                run([python] + arguments, variables)
    except Unusable as error:
        sys.stderr.write("do: %s\n" % error)
        return error.code
    except KeyboardInterrupt:
        sys.stderr.write("do: interrupted\n")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
