"""The bundle of a tiny course: its contents, its page, its starter; wheelhouses made offline."""

import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser

import make_bundle
import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from notebook.reading import Unusable, write_notebook
from release import bundle, start, wheelhouse

TOC = """\
root: book/index
parts:
  - chapters: [{file: book/00_first}, {file: book/glossary}, {file: labs/lab_00}]
"""
LINKS = "labs/lab_00.ipynb: {A lab: '[Words](../book/glossary.md) to touch.'}"
# Enough of pip to install wheels without what makes the real one slow.
PIP = """
import sys, sysconfig, zipfile, pathlib
house = pathlib.Path(sys.argv[sys.argv.index("--find-links") + 1])
for path in [*house.glob("*.whl"), *map(pathlib.Path, sys.argv)]:
    if path.suffix == ".whl":
        zipfile.ZipFile(path).extractall(sysconfig.get_path("purelib"))
print("pip", *(word for word in sys.argv[1:] if word.startswith("-")))
"""
CLI = """
import os
def main(argv):
    print(*argv[:1], "reads", os.environ.get("LENETCOURSE_DATA"))
"""
MAIN = "import sys, lenetcourse.cli\nlenetcourse.cli.main(sys.argv[1:])"


def make_wheel(folder, name, *requires, tag="py3-none-any", **modules):
    """Write a wheel of version 1.0; `modules` are its sources, `requires` its requirements."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        for module, source in modules.items():
            archive.writestr(f"{name}/{module}.py", source)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
        archive.writestr(f"{info}/METADATA", text)
        text = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        archive.writestr(f"{info}/WHEEL", text)
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def course(tmp_path):
    """A course with one chapter, one lab and a built book."""
    root = tmp_path / "course"
    root.mkdir()
    (root / "LICENSE").write_text("MIT\n")
    (root / "_config.yml").write_text('title: "Toys & <nets>"\n')
    (root / "_toc.yml").write_text(TOC)
    chapter = "# The first\nSee [a lab](../labs/lab_00.ipynb) and [words](glossary.md#net)."
    lab = "# A lab\nSee [the chapter](../book/00_first.ipynb).\n# The end"
    (root / "book").mkdir()
    (root / "book" / "links.yml").write_text(LINKS)
    for name, text in (("book/00_first", chapter), ("labs/lab_00", lab)):
        nb = new_notebook(cells=[new_markdown_cell(text, id="one")])
        write_notebook(nb, root / f"{name}.ipynb")
    for page in ("index", "book/index", "book/00_first", "book/glossary", "labs/lab_00"):
        path = root / "_build" / "html" / f"{page}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<p>page</p>")
    (root / "_build" / "html" / ".buildinfo").write_text("not for readers")
    return root


@pytest.fixture
def found(course, tmp_path):
    """The contents of its bundle, with a wheelhouse for the Python that runs the tests."""
    wheel = make_wheel(tmp_path / "dist", "lenetcourse", cli=CLI, __main__=MAIN)
    house = tmp_path / "house"
    make_wheel(house, "pip", __main__=PIP)
    make_wheel(house, "jupyterlab")
    houses = {start.this_wheelhouse(): house, "windows-3.9": house}
    mnist = {"images.gz": b"digits"}
    return bundle.contents(course, course / "_build" / "html", wheel, houses, mnist)


@pytest.fixture
def unpacked(found, tmp_path):
    """The bundle as a reader has it."""
    folder = tmp_path / "LeNet-5 课程 (1)"
    bundle.write_zip(found, tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(folder)
    return folder


def run_start(folder, *words, home=None):
    """Run the starter; return its status, and what it printed."""
    home = home or folder.parent / "home"
    home.mkdir(exist_ok=True)
    names = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")
    done = subprocess.run(
        [sys.executable, folder / "start.py", *words],
        env=os.environ | dict.fromkeys(names, str(home)) | {"PROMPT": "$", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    return done.returncode, done.stdout + done.stderr


# What is in it


def test_it_holds_the_book_the_notebooks_the_wheel_and_mnist(found):
    here = start.this_wheelhouse()
    assert {name.split("/")[0] for name in found} == {
        *("LICENSE", "SHA256SUMS", "START.html", "start.py"),
        *("book", "html", "labs", "mnist", "wheels"),
    }
    assert {n for n in found if n.startswith("wheels/") and "windows" not in n} == {
        "wheels/lenetcourse-1.0-py3-none-any.whl",
        f"wheels/{here}/jupyterlab-1.0-py3-none-any.whl",
        f"wheels/{here}/pip-1.0-py3-none-any.whl",
    }
    assert found["mnist/images.gz"] == b"digits"
    assert {"book/00_first.ipynb", "labs/lab_00.ipynb", "html/book/glossary.html"} <= set(found)
    assert "html/.buildinfo" not in found


def test_links_of_notebooks_lead_to_notebooks_and_else_to_the_book_beside_them(found):
    for notebook, links in (
        ("book/00_first.ipynb", ["labs/lab_00.ipynb", "html/book/glossary.html"]),
        ("labs/lab_00.ipynb", ["book/00_first.ipynb", "html/book/glossary.html"]),
    ):
        targets = re.findall(r"\]\(\.\./([^)#]+)", found[notebook].decode())
        assert targets == links
        assert set(targets) <= set(found)


def test_links_to_pages_that_one_can_touch_say_where_these_work(found):
    cell = nbformat.reads(found["labs/lab_00.ipynb"].decode(), as_version=4).cells[0]
    words = "[Words](../html/book/glossary.html) to touch."
    assert f"{words}{bundle.IN_JUPYTERLAB}\n\n# The end" in cell.source
    assert "START.html" in found  # which the note names


class Page(HTMLParser):
    """The links of a page, its elements, and whether each is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.links, self.open, self.elements, self.ids = [], [], set(), set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.add(tag)
        self.ids.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_start_page_is_whole_and_asks_no_host(found):
    text = found["START.html"].decode()
    page = Page(text)
    assert not re.search(r"https?:|//\w|@import|url\(", text)
    assert not page.elements & {"script", "link", "img", "iframe"}
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else link in found
    assert "html/labs/lab_00.html" in page.links


def test_the_start_page_tells_the_facts_of_this_bundle(found, course):
    text = found["START.html"].decode()
    assert "Toys &amp; &lt;nets&gt;" in text
    assert text.count("<code>py -3.9 start.py</code>") == 2  # in both languages
    assert text.count("python3 start.py --network</code>") == 2  # macOS has no wheelhouse
    assert text.count(">The first</a>") == 2
    bare = bundle.start_page(course, {}, [])
    Page(bare)
    assert text.count("<code>mnist</code>") == 2
    assert "<code>mnist</code>" not in bare
    assert bare.count("3.10") == 2


def test_sizes_as_people_read_them():
    assert [bundle.size(n) for n in (240_000, 11_594_722, 3_010_000_000)] == [
        *("0.2 MB", "12 MB", "3.0 GB"),
    ]  # fmt: skip


def test_checksums_are_those_of_all_other_files(unpacked):
    sums = start.read_sums(unpacked)
    files = [path for path in unpacked.rglob("*") if path.is_file() and path.name != start.SUMS]
    assert {path.relative_to(unpacked).as_posix() for path in files} == set(sums)
    assert all(start.sha256_of(unpacked / name) == digest for name, digest in sums.items())


def test_equal_contents_give_equal_bytes_and_no_path_of_this_machine(found, course, tmp_path):
    bundle.write_zip(found, tmp_path / "one.zip")
    for path in course.rglob("*.html"):
        os.utime(path, (1, 1))
    bundle.write_zip(dict(found), tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert not [n for n in archive.namelist() if n.startswith("/") or ".." in n or "\\" in n]
        assert not [n for n in archive.namelist() if str(tmp_path).encode() in archive.read(n)]
        assert archive.getinfo("start.py").external_attr >> 16 & 0o111


def test_mnist_is_packed_as_gz_under_its_published_names(tmp_path, monkeypatch):
    raw, packed = tmp_path / "t10k-labels.idx1-ubyte", tmp_path / "train-labels-idx1-ubyte.gz"
    raw.write_bytes(b"raw")
    monkeypatch.setattr(bundle, "download_dataset", lambda name: [raw, packed])
    monkeypatch.setattr(bundle, "load_dataset", lambda name, split: None)
    files = bundle.mnist_files()
    assert files["train-labels-idx1-ubyte.gz"] == packed
    assert bundle.gzip.decompress(files["t10k-labels-idx1-ubyte.gz"]) == b"raw"


# What it says when it cannot


def refused(capsys, course, *words):
    """Return the one line that make_bundle prints when it refuses."""
    assert make_bundle.main(words, course) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert not list(course.glob("_build/*.zip"))
    return line


@pytest.mark.parametrize("name", ["amiga-3.11", "windows", "windows-2.7", "../linux-3.11"])
def test_an_unknown_wheelhouse(capsys, course, name):
    line = refused(capsys, course, "--wheelhouse", name)
    assert name in line
    assert "as in windows-3.12" in line


def test_mnist_that_is_not_there(capsys, course, tmp_path, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path))
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "MNIST is not to be had: mnist: no train-images" in refused(capsys, course, "--mnist")


def test_a_book_with_warnings_is_not_packed(course, monkeypatch):
    monkeypatch.setattr(make_bundle, "build", lambda root: ["index.md: no such reference"])
    with pytest.raises(Unusable, match="no such reference\nthe book was not built"):
        make_bundle.built_anew(course)


def test_pages_of_an_older_book_are_not_packed(course, monkeypatch):
    monkeypatch.setattr(make_bundle, "build", lambda root: [])
    assert not make_bundle.built_anew(course).exists()


def test_a_page_that_was_not_built(course, found, tmp_path):
    (course / "_build" / "html" / "book" / "glossary.html").unlink()
    wheel = tmp_path / "dist" / "lenetcourse-1.0-py3-none-any.whl"
    with pytest.raises(Unusable, match=r"no book/glossary\.html"):
        bundle.contents(course, course / "_build" / "html", wheel, {}, {})


# The starter


def test_it_installs_once_from_the_wheelhouse_and_finds_mnist(unpacked):
    status, said = run_start(unpacked, "--check")
    assert status == 0, said
    assert "--isolated --no-index" in said
    assert f"doctor reads {unpacked / 'mnist'}" in said
    assert f"predict reads {unpacked / 'mnist'}" in said
    status, again = run_start(unpacked, "--check")
    assert status == 0
    assert "Installing" not in again
    unpacked = unpacked.rename(unpacked.with_name("E"))  # a stick in another machine
    status, moved = run_start(unpacked, "--check")
    assert status == 0
    assert "Installing" not in moved
    assert f"predict reads {unpacked / 'mnist'}" in moved
    ready = unpacked / ".venv" / start.this_wheelhouse() / start.READY
    ready.unlink()  # as if the first start had been broken off, and early
    (ready.parent / "pyvenv.cfg").unlink()
    assert "Installing" in run_start(unpacked, "--check")[1]


def test_where_the_folder_cannot_be_written_it_goes_to_the_users_cache(unpacked, tmp_path):
    (unpacked / ".venv").touch()  # no folder can be made there, not even by root
    status, said = run_start(unpacked, "--check")
    assert status == 0, said
    place = re.search("The course is installed in (.*)", said)[1]
    assert str(tmp_path / "home") in place
    assert "Not there" in said


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda wheel: wheel.write_bytes(b"half"), "damaged or missing: copy the bundle again"),
        (lambda wheel: wheel.unlink(), "damaged or missing"),
        (lambda wheel: (wheel.parent / "evil-9.0-py3-none-any.whl").touch(), "is not of this"),
        (lambda wheel: (wheel.parents[2] / start.SUMS).unlink(), "unpack the whole zip"),
        (lambda wheel: (wheel.parents[2] / start.SUMS).write_text("half"), "is damaged: copy"),
    ],
)
def test_a_bundle_that_was_not_copied_whole(unpacked, harm, line):
    name = f"wheels/{start.this_wheelhouse()}/jupyterlab-1.0-py3-none-any.whl"
    harm(unpacked / name)
    status, said = run_start(unpacked, "--check")
    assert status == 2
    assert line in said
    assert "Traceback" not in said
    assert not (unpacked / ".venv").exists()


def test_no_wheelhouse_for_this_python(found, tmp_path):
    here = start.this_wheelhouse()
    kept = {n: c for n, c in found.items() if here not in n} | {start.SUMS: b""}
    sums = f"{'0' * 64}  wheels/windows-3.9/pip-1.0-py3-none-any.whl\n"
    bundle.write_zip(kept | {start.SUMS: sums.encode()}, tmp_path / "other.zip")
    with zipfile.ZipFile(tmp_path / "other.zip") as archive:
        archive.extractall(tmp_path / "other")
    status, said = run_start(tmp_path / "other")
    assert status == 2
    assert f"no wheelhouse for {here} in this bundle (there: windows-3.9)" in said
    assert "start.py --network" in said


@pytest.mark.skipif(os.name == "nt", reason="a script cannot be a Python there")
def test_another_python_goes_on_where_the_bundle_has_its_packages(tmp_path, monkeypatch):
    system, _, version = start.this_wheelhouse().rpartition("-")
    (tmp_path / "python3.9").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "python3.8").write_text("#!/bin/sh\nexit 1\n")
    for name in ("python3.9", "python3.8"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    names = [f"{system}-{version}", "windows-3.9", f"{system}-3.8", f"{system}-3.7"]
    sums = "".join(f"0  wheels/{name}/pip-1.0.whl\n" for name in names)
    (tmp_path / start.SUMS).write_text(sums)
    assert start.other_python(tmp_path) == []
    (tmp_path / start.SUMS).write_text(sums + f"0  wheels/{system}-3.9/pip-1.0.whl\n")
    assert start.other_python(tmp_path) == ["python3.9"]


def test_a_folder_with_other_files_is_left_alone(unpacked, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    status, said = run_start(unpacked, "--check", "--env", str(tmp_path / "mine"))
    assert status == 2
    assert "holds other files" in said
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_on_windows_a_long_folder_goes_to_the_cache_first(tmp_path, monkeypatch):
    monkeypatch.setattr(start.platform, "system", lambda: "Windows")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    short, long = start.Path("/C/course"), start.Path("/C" + "/a-folder" * 12)
    assert start.places(short, "0" * 64, "windows-3.12")[0].is_relative_to(short)
    assert start.places(long, "0" * 64, "windows-3.12")[0].is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux"),
        ("Windows", "AMD64", "windows"),
        ("Darwin", "arm64", "macos"),
        ("Darwin", "x86_64", "macos-x86_64-64bit"),
        ("Linux", "aarch64", "linux-aarch64-64bit"),
    ],
)
def test_names_of_machines(monkeypatch, system, machine, name):
    monkeypatch.setattr(start.platform, "system", lambda: system)
    monkeypatch.setattr(start.platform, "machine", lambda: machine)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert start.this_wheelhouse() == f"{name}-{version}"


def test_notebooks_in_a_folder_that_cannot_be_written_are_copied_home(
    unpacked, tmp_path, monkeypatch
):
    monkeypatch.setattr(start.Path, "home", lambda: tmp_path)
    assert start.notebooks(unpacked) == unpacked
    refuse = {"touch": lambda path: (_ for _ in ()).throw(OSError("read-only"))}
    monkeypatch.setattr(start.Path, "touch", refuse["touch"])
    worked_on = tmp_path / "lenetcourse" / "labs" / "lab_00.ipynb"
    worked_on.parent.mkdir(parents=True)
    worked_on.write_text("mine")
    assert start.notebooks(unpacked) == tmp_path / "lenetcourse"
    assert worked_on.read_text() == "mine"
    assert (tmp_path / "lenetcourse" / "book" / "00_first.ipynb").is_file()
    assert (tmp_path / "lenetcourse" / "html" / "book" / "index.html").is_file()


# Wheelhouses


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels in place of the package index."""
    folder = tmp_path / "index"
    wheels = [make_wheel(folder, name) for name in start.PACKAGES]
    wheels.append(make_wheel(folder, "toyonly", tag="cp312-cp312-win_amd64"))
    wheels.append(make_wheel(folder, "toymac", tag="cp312-cp312-macosx_12_0_universal2"))
    for wheel in wheels:  # uv knows an index by its pages
        page = folder / wheel.name.split("-")[0] / "index.html"
        page.parent.mkdir()
        digest = start.sha256_of(wheel)
        page.write_text(f'<a href="../{wheel.name}#sha256={digest}">{wheel.name}</a>')
    monkeypatch.setenv("UV_DEFAULT_INDEX", folder.as_uri())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_versions_are_those_of_the_lock_and_of_the_other_platform(index, tmp_path):
    needs = ("toyonly; sys_platform == 'win32'", "toymac; sys_platform == 'darwin'")
    wheel, lock = make_wheel(tmp_path, "lenetcourse", *needs), tmp_path / "requirements.txt"
    lock.write_text("jupyterlab==1.0\n")
    for name, own in (("windows-3.12", "toyonly"), ("macos-3.12", "toymac")):
        pins = wheelhouse.resolve(name, wheel, lock)
        assert set(re.findall(r"^(\w+)==1\.0", pins, re.MULTILINE)) == {own, *start.PACKAGES}
        assert wheelhouse.INDEX.findall(pins) == []  # addresses alone, and this is a folder
        assert pins.count("--hash=sha256:") == 1 + len(start.PACKAGES)
    lock.write_text("jupyterlab==2.0\n")
    with pytest.raises(Unusable, match=r"wheelhouse windows-3\.12: no versions were found"):
        wheelhouse.resolve("windows-3.12", wheel, lock)


def test_a_wheelhouse_is_whole_or_not_there_and_is_taken_again(index, tmp_path, monkeypatch):
    wheel = make_wheel(tmp_path, "lenetcourse", "toyonly; sys_platform == 'win32'")
    (tmp_path / "requirements.txt").touch()
    given = ("windows-3.12", wheel, tmp_path, "cpu")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(Unusable, match="not downloaded: ERROR"):
        wheelhouse.make_wheelhouse(*given)
    assert list((tmp_path / "_build" / "wheels").iterdir()) == []
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    made = wheelhouse.make_wheelhouse(*given)
    assert {path.name.split("-")[0] for path in made.iterdir()} == {"toyonly", *start.PACKAGES}
    monkeypatch.setattr(wheelhouse, "download", None)
    assert wheelhouse.make_wheelhouse(*given) == made


def test_only_linux_has_a_pytorch_of_its_own_for_the_cpu(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        wheelhouse, "resolve", lambda name, wheel, pins, cpu: asked.append((name, cpu)) or name
    )
    monkeypatch.setattr(
        wheelhouse, "download", lambda name, platform, python, pins, at: (at / "wheels").mkdir()
    )
    for name, torch in (("linux-3.11", "cpu"), ("linux-3.11", "usual"), ("macos-3.12", "cpu")):
        wheelhouse.make_wheelhouse(name, tmp_path, tmp_path, torch)
    assert asked == [("linux-3.11", True), ("linux-3.11", False), ("macos-3.12", False)]


def test_pip_goes_where_uv_has_found_the_wheels():
    pins = "a==1 \\\n    --hash=sha256:0\n    # from https://one.example/simple\nb==2\n"
    assert wheelhouse.INDEX.findall(pins) == ["https://one.example/simple"]
