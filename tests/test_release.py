"""A release: its addresses, the wheel, the notebooks that install it, the badges."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import urljoin

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook.links import read_links
from notebook.reading import Unusable, install_cell, read_notebook
from release.address import SERVICES, Release, read_release
from release.badges import with_badges
from release.stamp import (
    FOLDER,
    NO_WHEEL,
    installing,
    linked,
    notebooks_of,
    pages_of,
    write_notebooks,
    write_release,
)
from release.wheel import LEFT_OUT, build_sdist, build_wheel, sha256_of

import lenetcourse

ROOT = Path(__file__).resolve().parent.parent
SOMEONE = Release("someone", "course", "main", lenetcourse.__version__)
README = (ROOT / "README.md").read_text(encoding="utf-8")
WHEEL = f"{SOMEONE.wheel}#sha256={'0' * 64}"
PAGES = pages_of(ROOT)
NOTEBOOKS = notebooks_of(ROOT)
INSTALLING = install_cell().source


# Addresses


def configured(folder, repository):
    text = json.dumps({"repository": repository})  # JSON is YAML
    (folder / "_config.yml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("ending", ["", "/", ".git", ".git/"])
def test_the_address_may_be_spelt_as_github_spells_it(tmp_path, ending):
    repository = {"url": f"https://github.com/someone/course{ending}", "branch": "main"}
    assert read_release(configured(tmp_path, repository)) == SOMEONE


def test_dots_and_dashes_of_names(tmp_path):
    repository = {"url": "https://github.com/Some-One/le.net-5.git", "branch": "trunk"}
    release = read_release(configured(tmp_path, repository))
    assert (release.owner, release.name, release.branch) == ("Some-One", "le.net-5", "trunk")
    assert release.pages == "https://some-one.github.io/le.net-5/"


@pytest.mark.parametrize("repository", [None, {}, {"url": ""}, {"url": None, "branch": "main"}])
def test_no_address_no_release(tmp_path, repository):
    assert read_release(configured(tmp_path, repository)) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.com/someone/course",
        "http://github.com/someone/course",
        "git@github.com:someone/course.git",
        "https://github.com/someone",
        "https://github.com/someone/course/tree/main",
        "https://github.com.example.org/someone/course",
        "https://github.com/someone/course?tab=readme",
        5,
    ],
)
def test_other_addresses_are_refused(tmp_path, url):
    with pytest.raises(Unusable, match=r"^_config\.yml: repository\.url .*github\.com/OWNER/NAME"):
        read_release(configured(tmp_path, {"url": url}))


def test_addresses_of_a_release():
    release = Release("Someone", "course", "main", "1.2.0")
    assert release.wheel == (
        "https://github.com/Someone/course/releases/download/v1.2.0/"
        "lenetcourse-1.2.0-py3-none-any.whl"
    )
    assert release.launch("Colab", "book/a b.ipynb") == (
        "https://colab.research.google.com/github/Someone/course/blob/notebooks-v1.2.0/book/a%20b.ipynb"
    )
    assert release.launch("Binder", "book/x.ipynb").endswith("urlpath=lab/tree/book/x.ipynb")
    with pytest.raises(ValueError, match="'Elsewhere' is none of Colab"):
        release.launch("Elsewhere", "book/x.ipynb")
    own = Release("Someone", "someone.github.io", "main", "1.2.0")
    assert own.pages == "https://someone.github.io/"


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def files_below(folder, *patterns):
    """Return path below `folder` -> contents, without what a wheel never holds."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_library_and_what_chapters_read_byte_for_byte(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        inside = {name: archive.read(name) for name in names}
    library = files_below(ROOT, "lenetcourse/**/*")
    read = ("results/**/*", "networks/*/*", "published.json", "handwriting.*")
    recorded = files_below(ROOT / "book", *read)
    assert len(recorded) > 500
    expected = library | {f"lenetcourse/recorded/{name}": all_ for name, all_ in recorded.items()}
    assert inside.keys() == expected.keys()
    assert inside == expected


def test_the_wheel_is_small_pure_and_named_as_the_release_says(wheel):
    assert wheel.name == SOMEONE.wheel_name
    assert wheel.stat().st_size < 3e6
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        assert f"\nVersion: {lenetcourse.__version__}\n" in archive.read(metadata).decode()


def test_the_sources_packed_give_the_same_wheel_bit_for_bit(wheel, tmp_path):
    """So the wheel is the same twice, and the sdist holds all that it needs."""
    sdist = build_sdist(ROOT, tmp_path)
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        folder = os.path.commonpath(names)
        assert not any(name.startswith(("/", "..")) for name in names)
        archive.extractall(tmp_path, filter="data")
    again = build_wheel(tmp_path / folder, tmp_path / "again")
    assert sha256_of(again) == sha256_of(wheel)


def test_a_wheel_that_cannot_be_built_is_one_error(tmp_path):
    for name in ("lenetcourse", "book"):
        (tmp_path / name).mkdir()
    for name in ("README.md", "LICENSE"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    old = tmp_path / "lenetcourse-0.0.9-py3-none-any.whl"
    old.touch()
    with pytest.raises(Unusable, match=r"^no lenetcourse-\*\.whl was built: .*'version'.*$"):
        build_wheel(tmp_path, tmp_path)
    assert old.exists()


def test_what_the_wheel_leaves_out_is_nothing_that_it_should_hold():
    left = LEFT_OUT("book", [path.name for path in (ROOT / "book").iterdir()])
    assert {"figures", "sweeps", "02_lenet5.ipynb"} <= left
    assert not left & {"results", "published.json", "handwriting.json", "handwriting.png"}


# Notebooks that install it


def notebook(*texts, source=INSTALLING, tag="install"):
    cells = [new_markdown_cell(text) for text in texts]
    install = new_code_cell(source, metadata={"tags": [tag, "remove-cell"]})
    return new_notebook(cells=[*cells, install])


def lines_that_differ(one, other):
    pairs = zip(one.source.splitlines(), other.source.splitlines(), strict=True)
    return [new for old, new in pairs if old != new]


def test_stamping_changes_one_line_of_one_cell():
    nb = notebook("# Title")
    before = nbformat.writes(nb)
    stamped = installing(nb, "book/x.ipynb", WHEEL)
    assert nbformat.writes(nb) == before
    assert stamped.cells[0] == nb.cells[0]
    (line,) = lines_that_differ(nb.cells[1], stamped.cells[1])
    assert line.partition("  #")[0] == f'WHEEL = "{WHEEL}"'


@pytest.mark.parametrize(
    "nb",
    [
        notebook(tag="setup"),
        notebook(source="import lenetcourse"),
        notebook(source=f"{NO_WHEEL}\n{NO_WHEEL}"),
        new_notebook(cells=notebook().cells + notebook().cells),
        installing(notebook(), "book/x.ipynb", WHEEL),
    ],
    ids=["no such cell", "another text", "twice in it", "two cells", "stamped before"],
)
def test_notebooks_without_one_place_for_the_wheel_are_refused(nb):
    with pytest.raises(Unusable, match=r"book/x\.ipynb: no cell tagged install"):
        installing(nb, "book/x.ipynb", WHEEL)


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("[a](02_lenet5.ipynb)", "[a](https://b.org/book/02_lenet5.html)"),
        ("[a](02_lenet5.ipynb#training)", "[a](https://b.org/book/02_lenet5.html#training)"),
        ("[a](../labs/lab_02_lenet5.ipynb)", "[a](https://b.org/labs/lab_02_lenet5.html)"),
        ("[a](glossary.md#stride)", "[a](https://b.org/book/glossary.html#stride)"),
        ('<a href="glossary.md">a</a>', '<a href="https://b.org/book/glossary.html">a</a>'),
        ("[a](https://x.org/y.md)", "[a](https://x.org/y.md)"),
        ("[a](#here)", "[a](#here)"),
    ],
)
def test_links_lead_to_the_book(link, leads_to):
    nb = notebook(f"See {link}.")
    book = linked(nb, "book/01_cnn_history.ipynb", PAGES, "https://b.org/")
    assert book.cells[0].source == f"See {leads_to}."


@pytest.mark.parametrize(
    "link", ["nowhere.ipynb", "../README.md", "results", "picture.png", "02_lenet5.txt"]
)
def test_a_link_to_what_is_no_page_is_refused(link):
    with pytest.raises(Unusable, match=rf"book/x\.ipynb: a link to {re.escape(link)}, which is no"):
        linked(notebook(f"[a]({link})"), "book/x.ipynb", PAGES, "https://b.org/")


def addresses_in(markdown):
    """Return what the links and pictures of Markdown lead to, as a parser of Markdown sees them."""
    found = re.findall(r"""\b(?:href|src)\s*=\s*["']?([^"'\s>]+)""", markdown)
    for token in MarkdownIt().parse(markdown):
        for inner in token.children or ():
            found += [value for key, value in inner.attrs.items() if key in ("href", "src")]
    return found


@pytest.fixture(scope="module")
def stamped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stamped")
    write_notebooks(ROOT, folder, SOMEONE, WHEEL)
    return folder


def test_the_branch_holds_every_notebook_of_the_book_and_binder(stamped):
    files = {p.relative_to(stamped).as_posix() for p in stamped.rglob("*") if p.is_file()}
    binder = {f".binder/{name}" for name in ("postBuild", "requirements.txt", "runtime.txt")}
    assert files == {*NOTEBOOKS, *binder, "README.md"}
    assert len(NOTEBOOKS) >= 18


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_a_stamped_notebook_differs_in_the_wheel_and_in_links_alone(stamped, path):
    source, nb = read_notebook(ROOT / path), read_notebook(stamped / path)
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    links = [link for text in texts for link in addresses_in(text)]
    assert [link for link in links if not re.match(r"https?://|#", link)] == []
    changed = [
        lines_that_differ(old, new)
        for old, new in zip(source.cells, nb.cells, strict=True)
        if old.source != new.source and new.cell_type == "code"
    ]
    ((line,),) = changed
    assert line.startswith(f'WHEEL = "{WHEEL}"')
    for old, new in zip(source.cells, nb.cells, strict=True):
        assert old | {"source": ""} == new | {"source": ""}


@pytest.mark.parametrize("path", read_links(ROOT, NOTEBOOKS))
def test_a_stamped_notebook_leads_to_the_pages_that_one_can_touch(stamped, path):
    texts = read_links(ROOT, NOTEBOOKS)[path].values()
    links = [link.replace(".md", ".html") for text in texts for link in addresses_in(text)]
    cells = read_notebook(stamped / path).cells
    there = [link for cell in cells for link in addresses_in(cell.source)]
    assert links
    assert {urljoin(SOMEONE.pages + path, link) for link in links} <= set(there)


def test_binder_installs_the_wheel_and_checks_it(stamped, tmp_path):
    """The script itself is run, with a uv that says what it was asked for."""
    script = stamped / ".binder" / "postBuild"
    asked = run_binder(script, tmp_path)
    assert asked == ["pip", "install", "--system", "--torch-backend=cpu", WHEEL]
    asked = run_binder(ROOT / ".binder" / "postBuild", tmp_path, TORCH_BACKEND="")
    assert asked == ["pip", "install", "--system", "."]


def run_binder(script, folder, **variables):
    if os.name == "nt":
        pytest.skip("Binder runs Linux")
    uv = folder / "uv"
    uv.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    uv.chmod(0o755)
    assert os.access(script, os.X_OK)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    done = subprocess.run(
        [script], env={"PATH": path, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_binder_that_would_not_install_the_wheel_is_refused(tmp_path):
    (tmp_path / ".binder").mkdir()
    (tmp_path / ".binder/postBuild").write_text("uv pip install .\n", encoding="utf-8")
    (tmp_path / "_toc.yml").write_text("root: book/index\nparts: []\n", encoding="utf-8")
    with pytest.raises(Unusable, match=re.escape(f".binder/postBuild: no '{FOLDER}'")):
        write_notebooks(tmp_path, tmp_path / "out", SOMEONE, WHEEL)


# Badges


def test_badges_are_put_and_taken_away():
    bare = with_badges(README, None)
    put = with_badges(bare, SOMEONE)
    assert put.count("<br>") == len(re.findall(r"\]\((?:book|labs)/\w+\.ipynb\)", bare)) - 1
    for service in SERVICES:
        assert SOMEONE.launch(service, "book/02_lenet5.ipynb") in put
        assert SOMEONE.launch(service, "labs/lab_02_lenet5.ipynb") in put
        assert (ROOT / f"book/_static/badges/{service.lower()}.svg").is_file()
    assert with_badges(put, SOMEONE) == put
    assert with_badges(put, None) == bare
    newer = Release("other", "lenet", "main", "9.9.9")
    assert with_badges(put, newer) == with_badges(bare, newer)
    assert "someone" not in with_badges(put, newer)


def test_without_an_address_nothing_of_a_release_is_left(tmp_path):
    (tmp_path / "_build/notebooks").mkdir(parents=True)
    readme = tmp_path / "README.md"
    readme.write_text(with_badges(README, SOMEONE), encoding="utf-8")
    write_release(tmp_path, None)
    assert readme.read_text(encoding="utf-8") == with_badges(README, None)
    assert not (tmp_path / "_build/notebooks").exists()


# The cell that installs, run in an interpreter without the course

FAKE_PIP = """
import os, sys, zipfile
from pathlib import Path
place = Path(__file__).parents[1]
(place / "asked").write_text("\\n".join(sys.argv[1:]))
try:
    zipfile.ZipFile(sys.argv[-1].partition("#")[0]).extractall(place)
except OSError:
    sys.exit("WARNING: Retrying\\nERROR: Could not find it: no network")
except zipfile.BadZipFile:
    sys.exit(f"ERROR: Wheel {sys.argv[-1]!r} is invalid.")
"""
# What is below Kaggle's folder is looked for in `kaggle` beside the notebook.
KAGGLE = """
import pathlib
rglob, place = pathlib.Path.rglob, pathlib.Path("/kaggle/input")
pathlib.Path.rglob = lambda self, name: rglob(pathlib.Path(("kaggle", self)[self != place]), name)
"""
AFTER = "\nimport lenetcourse; print('then', lenetcourse.__version__)"


class Alone:
    """A folder for one notebook, and an interpreter that has neither packages nor a real pip."""

    def __init__(self, folder):
        self.folder, self.site = folder / "notebook", folder / "site"
        (self.site / "pip").mkdir(parents=True)
        (self.site / "pip/__init__.py").touch()
        (self.site / "pip/__main__.py").write_text(FAKE_PIP, encoding="utf-8")
        self.folder.mkdir()

    def put(self, path, contents=None):
        """Put a wheel with a library of version 9 at `path`, or else `contents`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if contents is None:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("lenetcourse/__init__.py", "__version__ = 9")
        else:
            path.write_bytes(contents)

    def run(self, source=INSTALLING):
        """Run the cell, and then import the library; return what it printed, and the last error."""
        done = subprocess.run(
            [sys.executable, "-S", "-c", KAGGLE + source + AFTER],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.site), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
        )
        return done.stdout, (done.stderr.splitlines() or [""])[-1]

    @property
    def asked(self):
        """The words that pip was given, None where it was not called."""
        path = self.site / "asked"
        return path.read_text().splitlines() if path.exists() else None


@pytest.fixture
def alone(tmp_path):
    return Alone(tmp_path)


NAME = "lenetcourse-9-py3-none-any.whl"
TO_DO = (
    "ImportError: lenetcourse is not installed. Without a network, put lenetcourse-*.whl beside "
    "this notebook, or on Kaggle attach it as a data set, and run this cell again. From the "
    "course's folder: %pip install FOLDER. What went wrong: "
)


def test_missing_and_no_wheel_says_what_to_do_in_one_line(alone):
    assert alone.run() == ("", f"{TO_DO}ERROR: this notebook names no release")
    assert alone.asked is None


def test_a_wheel_beside_the_notebook_is_installed(alone):
    alone.put(alone.folder / NAME)
    assert alone.run() == (f"Installing lenetcourse from {NAME}\nthen 9\n", "")
    assert alone.asked == ["install", "--quiet", "--retries=1", NAME]


def test_a_wheel_attached_on_kaggle_is_installed(alone):
    alone.put(alone.folder / "kaggle/lenet/deep" / NAME)
    printed, error = alone.run()
    assert (printed.splitlines()[-1], error) == ("then 9", "")
    assert alone.asked[-1] == str(Path("kaggle/lenet/deep", NAME))


def test_the_nearest_wheel_goes_first(alone):
    alone.put(alone.folder / SOMEONE.wheel_name)
    alone.put(alone.folder / "kaggle" / SOMEONE.wheel_name, b"another")
    alone.put(alone.folder / NAME, b"of another version")
    source = INSTALLING.replace(NO_WHEEL, f'WHEEL = "{WHEEL}"')
    assert alone.run(source)[0].startswith(f"Installing lenetcourse from {SOMEONE.wheel_name}\n")


def test_a_folder_of_the_name_is_no_library(alone):
    (alone.folder / "lenetcourse").mkdir()  # what cloning the course leaves
    alone.put(alone.folder / NAME)
    assert alone.run()[0].startswith(f"Installing lenetcourse from {NAME}\n")


def test_a_broken_wheel_says_what_went_wrong(alone):
    alone.put(alone.folder / NAME, b"no zip")
    printed, error = alone.run()
    assert printed == f"Installing lenetcourse from {NAME}\n"
    assert error == f"{TO_DO}ERROR: Wheel '{NAME}' is invalid."


def test_without_a_network_the_line_says_what_to_do(alone):
    printed, error = alone.run(INSTALLING.replace(NO_WHEEL, f'WHEEL = "{WHEEL}"'))
    assert printed == f"Installing lenetcourse from {SOMEONE.wheel}\n"
    to_do = TO_DO.replace("lenetcourse-*.whl", SOMEONE.wheel_name)
    assert error == f"{to_do}ERROR: Could not find it: no network"
    assert alone.asked[-1] == WHEEL  # with its sha256, which pip checks


def test_what_is_installed_stays(alone):
    alone.put(alone.folder / NAME)
    (alone.site / "lenetcourse.py").write_text("__version__ = 1", encoding="utf-8")
    assert alone.run() == ("then 1\n", "")
    assert alone.asked is None
