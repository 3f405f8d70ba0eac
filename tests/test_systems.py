"""What differs between Linux, Windows and macOS, as far as the sources and the names show it."""

import ast
import re
import shutil
import subprocess
from pathlib import Path, PureWindowsPath

import pytest
from check_notebooks import shown
from notebook.reading import code_hash, read_notebook

ROOT = Path(__file__).parent.parent
SOURCES = [
    path for room in ("lenetcourse", "tools", "benchmarks") for path in (ROOT / room).rglob("*.py")
]
# Who opens something else: a picture, a folder, a descriptor, an archive, a file of bytes.
NO_TEXT = {"Image", "os", "gzip", "zipfile", "archive", "tarfile"}
RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")
LONGEST = 180  # Windows takes 260 in all; the folder of the course and a temporary name are in it


def tracked(*options):
    """Return what git lists, a line a file, or skip the test where there is no repository."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    command = ["git", "-c", "core.quotePath=off", "ls-files", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


def without_encoding(text):
    """Return the line numbers of calls that take the system's encoding without saying so."""
    if not re.search(r"open\(|_text\(|text=|universal_newlines", text):
        return []  # most files: parsing them all takes seconds
    found = []
    for call in ast.walk(ast.parse(text)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", None))
        owner = getattr(getattr(call.func, "value", None), "id", None)
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        words = [a.value for a in [*call.args, *keywords.values()] if isinstance(a, ast.Constant)]
        is_text = {
            # Of a path, the first argument is the encoding; a distribution's file is always UTF-8.
            "read_text": isinstance(call.func, ast.Attribute) and not call.args,
            "write_text": isinstance(call.func, ast.Attribute),  # files.write_text writes UTF-8
            "fdopen": "b" not in "".join(map(str, words)),
            "open": owner not in NO_TEXT and not {"rb", "wb", "ab", "r+b", "a+b"} & set(words),
        }.get(name, bool({"text", "universal_newlines"} & set(keywords)) and owner == "subprocess")
        # What another program says comes in the system's encoding: errors="replace" says that.
        if is_text and not {"encoding", "errors"} & set(keywords):
            found.append(call.lineno)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()",
        "path.write_text('a')",
        "path.open()",
        "path.open('w')",
        "open(name, 'a')",
        "os.fdopen(1, 'w')",
        "subprocess.run(command, text=True)",
    ],
)
def test_a_missing_encoding_is_found(line):
    assert without_encoding(line) == [1]
    assert without_encoding(f"{line[:-1]}, encoding='utf-8')".replace("(, ", "(")) == []


def test_every_text_has_an_encoding():
    assert len(SOURCES) > 100
    places = {
        path.relative_to(ROOT).as_posix(): without_encoding(path.read_text(encoding="utf-8"))
        for path in SOURCES
    }
    assert {place: lines for place, lines in places.items() if lines} == {}


def test_windows_can_hold_every_name():
    names = tracked()
    assert len(names) > 500
    assert [name for name in names if re.search(r'[<>:"|?*\\\x00-\x1f]|[. ](?:/|$)', name)] == []
    parts = {part for name in names for part in name.split("/")}
    assert [part for part in parts if RESERVED.fullmatch(part)] == []
    assert [name for name in names if len(name) > LONGEST] == []
    folders = {parent.as_posix() for name in names for parent in Path(name).parents}
    everything = {*names, *folders}
    assert len({name.casefold() for name in everything}) == len(everything)


def test_text_has_one_line_end_on_every_system():
    """Also in a checkout of a git that is set to make CRLF of it."""
    for line in tracked("--eol"):
        _, worktree, attributes = line.partition("\t")[0].split(maxsplit=2)
        assert worktree in ("w/lf", "w/-text", "w/none"), line
        assert attributes.split() in (["attr/text=auto", "eol=lf"], ["attr/-text"]), line


def test_a_place_is_shown_alike_on_windows():
    course = PureWindowsPath("C:/course")
    assert shown(course / "book" / "01_a.ipynb", course) == "book/01_a.ipynb"
    assert shown(PureWindowsPath("D:/x.ipynb"), course) == "D:/x.ipynb"


def test_a_notebook_with_other_line_ends_has_the_same_hash(tmp_path):
    path = ROOT / "book" / "02_lenet5.ipynb"
    crlf = tmp_path / path.name
    crlf.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert code_hash(read_notebook(crlf), {}) == code_hash(read_notebook(path), {})
