"""tools/do.py: what targets run, when the environment is made, what an interrupt leaves."""

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import do
import pytest

ROOT = Path(__file__).parent.parent
NONE = do.read_arguments([])[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Return an empty course, in a folder whose name is not ASCII and has a blank."""
    root = tmp_path / "my 课程"
    for name in do.MADE_FROM:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        os.utime(root / name, (1e9, 1e9))
    monkeypatch.setattr(do, "ROOT", str(root))
    return root


@pytest.fixture
def ran(course, monkeypatch):
    """Return a list to which every command goes instead of being run."""
    commands = []

    def record(command, variables=()):
        commands.append(command)
        (course / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(do, "run", record)
    return commands


def as_script(*words, **options):
    command = [sys.executable, ROOT / "tools" / "do.py", *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)


def test_without_a_target_it_lists_them(tmp_path):
    done = as_script(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for name, meaning in do.TARGETS + do.SETTINGS:
        assert re.search(rf"^  {name} +{re.escape(meaning)}$", done.stdout, re.M)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bok"], "no target 'bok': there are book, bundle, check, clean"),
        (["lab", "JOB=2"], "no setting 'JOB': there are DASK, JOBS"),
        (["book", "VENV=none", 'PIP_ARGS=--index-url "x'], 'PIP_ARGS=--index-url "x: no closing'),
    ],
)
def test_input_that_cannot_be_used(course, capsys, words, message):
    assert do.main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"do: {message}")
    assert told.count("\n") == 1
    assert not (course / "none").exists()


def test_settings():
    words = ["lint", "ONLY=a b", "PIP_ARGS=--config-settings x=y", "labs", "VENV="]
    targets, settings = do.read_arguments(words)
    assert targets == ["lint", "labs"]
    assert settings["PIP_ARGS"] == "--config-settings x=y"
    assert (settings["ONLY"], settings["VENV"], settings["RUN"]) == ("a b", ".venv", "")


def test_words_of_pip_args():
    text = """--find-links "C:\\my wheels" --index-url 'https://x/?a&b#c'"""
    windows = ["--find-links", "C:\\my wheels", "--index-url", "https://x/?a&b#c"]
    assert do.split_words(text, windows=True) == windows
    for other in (text, "a\\ b 'c'", ""):
        assert do.split_words(other, windows=False) == shlex.split(other)


def test_every_target_has_steps_that_are_there():
    for target, _ in do.TARGETS:
        for arguments, _ in do.steps(target, NONE) if target != "clean" else ():
            assert arguments[0] == "-m" or (ROOT / arguments[0]).is_file()
    for _, variables in do.steps("test", NONE):
        assert variables["OMP_NUM_THREADS"] == "1"
    both = do.steps("lint", NONE) + do.steps("test", NONE) + do.steps("book", NONE)
    assert do.steps("check", NONE) == both


def test_settings_reach_the_tools():
    _, settings = do.read_arguments(["ONLY=a  b", "JOBS=2", "DASK=tcp://x:1", "LIST=1", "RUN=1"])
    tool = "tools/regenerate.py"
    options = ["a", "b", "--jobs", "2", "--dask", "tcp://x:1", "--list"]
    assert do.steps("figures", settings) == [([tool, *options], {})]
    assert do.steps("figures", NONE) == [([tool], {})]
    assert do.steps("labs", settings) == [(["tools/make_labs.py", "a", "b", "--run"], {})]
    assert do.steps("labs", NONE) == [(["tools/make_labs.py"], {})]
    _, settings = do.read_arguments(["WHEELHOUSE=linux-3.11 macos-3.12", "MNIST=1", "TORCH=usual"])
    options = ["--wheelhouse=linux-3.11", "--wheelhouse=macos-3.12", "--mnist", "--torch", "usual"]
    assert do.steps("bundle", settings) == [(["tools/make_bundle.py", *options], {})]
    assert do.steps("bundle", NONE) == [(["tools/make_bundle.py"], {})]


def test_the_environment_is_made_once_and_again_after_a_change(course, ran):
    python = do.python_of(str(course / ".venv"))
    made = [
        [sys.executable, "-m", "venv", str(course / ".venv")],
        [python, *do.PIP, "--index-url", "x", "--requirement", "requirements.txt"],
        [python, *do.PIP, "--index-url", "x", "--no-deps", "--editable", "."],
    ]
    assert do.main(["ready", "PIP_ARGS=--index-url x"]) == 0
    assert ran == made
    ran.clear()
    assert do.main(["ready", "book"]) == 0
    assert ran == [[python, "tools/build_book.py"]]
    for name in do.MADE_FROM:
        ran.clear()
        os.utime(course / ".venv" / ".ready", (1e9 - 1, 1e9 - 1))
        os.utime(course / name, (1e9, 1e9))
        assert do.main(["ready", "PIP_ARGS=--index-url x"]) == 0
        assert ran == made


def test_an_environment_elsewhere(course, ran, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert do.main(["ready", "VENV=~/mine"]) == 0
    assert (tmp_path / "mine" / ".ready").is_file()
    assert not (course / ".venv" / ".ready").exists()


def test_no_python_replaces_itself(course, ran, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(course / ".venv"))
    assert do.main(["ready"]) == 0
    assert [command[2] for command in ran] == ["pip", "pip"]


@pytest.mark.parametrize(
    ("error", "code"), [(do.Unusable("pip failed", 1), 1), (KeyboardInterrupt("interrupted"), 130)]
)
def test_a_broken_installation_is_not_ready(course, ran, monkeypatch, capsys, error, code):
    assert do.main(["ready"]) == 0
    os.utime(course / ".venv" / ".ready", (1e9 - 1, 1e9 - 1))

    def broken(command, variables=()):
        if "--editable" in command:
            raise error

    monkeypatch.setattr(do, "run", broken)
    assert do.main(["lint"]) == code
    assert capsys.readouterr().err == f"do: {error}\n"
    assert not (course / ".venv" / ".ready").exists()


def test_an_old_python_is_told_only_where_it_matters(course, ran, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    assert do.main(["book"]) == 2
    assert re.fullmatch(r"do: the course needs Python 3\.10 .*\n", capsys.readouterr().err)
    assert not ran
    (course / ".venv").mkdir()
    (course / ".venv" / ".ready").touch()
    assert do.main(["book"]) == 0


def test_an_old_python_can_read_it():
    for name in ("do.py", "check_python.py"):
        text = (ROOT / "tools" / name).read_text(encoding="ascii")  # Python 2 takes nothing else
        ast.parse(text, feature_version=(3, 4))


def test_a_command_gets_its_variables_and_its_code_is_kept(course, monkeypatch):
    monkeypatch.delenv("PYTHONUTF8", raising=False)
    told = course / "told"
    code = (
        f"import os, pathlib, sys; print(sys.flags.utf8_mode, os.environ['DAY'], os.getcwd(), "
        f"file=pathlib.Path({str(told)!r}).open('w', encoding='utf-8')); sys.exit(3)"
    )
    with pytest.raises(do.Unusable, match="failed with exit code 3") as caught:
        do.run([sys.executable, "-c", code], {"DAY": "5"})
    assert caught.value.code == 3
    assert told.read_text(encoding="utf-8") == f"1 5 {course.resolve()}\n"


def test_no_python_in_the_environment(course, capsys):
    (course / ".venv").mkdir()
    (course / ".venv" / ".ready").touch()
    assert do.main(["book"]) == 2
    assert re.fullmatch(r"do: .*python(\.exe)? cannot be started: .*\n", capsys.readouterr().err)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_ends_first(course, number):
    """As a terminal interrupts both, or somebody ends do.py alone."""
    child = (
        "import pathlib, time\n"
        "try:\n    pathlib.Path('began').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.4); pathlib.Path('ended').touch(); exit(7)"
    )
    script = (
        f"import do, sys; do.ROOT = {str(course)!r}\n"
        "do.steps = lambda *_: [(['-c', sys.argv[1]], {})]\n"
        "do.make_environment = lambda _: sys.executable\nsys.exit(do.main(['book']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, child],
        cwd=ROOT / "tools",
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        # A shell starts background jobs with SIGINT ignored, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 20
    while not (course / "began").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    told = process.communicate(timeout=20)[1]
    assert (process.returncode, told) == (130, "do: interrupted\n")
    assert (course / "ended").exists() == (number == signal.SIGINT)


def test_clean(course, ran):
    (course / "_build" / "html").mkdir(parents=True)
    (course / "book").mkdir()
    assert do.main(["clean"]) == 0
    assert not ran
    assert sorted(path.name for path in course.iterdir()) == sorted(
        {Path(name).parts[0] for name in do.MADE_FROM} | {"book"}
    )


# The Makefile


def test_make_has_the_same_targets_and_settings():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^SETTINGS := (.*)$", text, re.M)[1].split() == [n for n, _ in do.SETTINGS]
    listed = re.search(r"^TARGETS +:= (.*)$", text, re.M)[1].split()
    assert [*listed, "clean", "ready"] == [name for name, _ in do.TARGETS]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_hands_its_settings_over():
    given = ['PIP_ARGS=--index-url "http://x/?a&b" it\'s', "ONLY=a b"]
    make = ["make", "--dry-run", "figures", f"PYTHON={sys.executable}", *given]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    last = done.stdout.replace("\\\n", "").splitlines()[-1].rpartition("; ")[2]
    assert shlex.split(last) == [sys.executable, "tools/do.py", "figures", *given]
