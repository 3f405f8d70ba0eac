"""What the release workflow runs: a check, the sources of the wheel, the branch `notebooks`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import check_release
import make_sdist
import publish_notebooks
import pytest
from notebook.reading import Unusable
from release.address import Release
from release.badges import with_badges

import lenetcourse

ROOT = Path(__file__).resolve().parent.parent
RELEASE = Release("someone", "course", "main", lenetcourse.__version__)
CHANGES = f"""# Changelog

## 99.0.0 (2030-01-01)

The next one.

## {RELEASE.version} (2026-11-30)

The course end to end.

* Chapters.

## 0.0.1 (2026-01-01)

A draft.
"""


# The check before


@pytest.fixture
def course(tmp_path):
    """A course that is ready: its facts agree."""
    put(tmp_path, "_config.yml", "repository:\n  url: https://github.com/someone/course\n")
    put(tmp_path, "CHANGELOG.md", CHANGES)
    put(tmp_path, "CITATION.cff", f"version: {RELEASE.version}\ndate-released: 2026-11-30\n")
    readme = with_badges((ROOT / "README.md").read_text(encoding="utf-8"), RELEASE)
    put(tmp_path, "README.md", readme)
    return tmp_path


def put(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8", newline="\n")


def check(course, capsys, tag=RELEASE.tag, repository=RELEASE.repository, *more):
    status = check_release.main([tag, repository, *map(str, more)], course)
    return status, *capsys.readouterr()


def test_a_course_that_is_ready(course, capsys):
    notes = course / "made" / "notes.md"
    repository = "https://github.com/Someone/Course/"  # GitHub does not tell these apart
    status, out, _ = check(course, capsys, RELEASE.tag, repository, "--notes", notes)
    assert (status, out) == (0, f"{RELEASE.tag} of https://github.com/someone/course is ready\n")
    assert notes.read_text(encoding="utf-8") == "The course end to end.\n\n* Chapters.\n"


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("CHANGELOG.md", f"## {RELEASE.version}", "## 7.7.7", "CHANGELOG.md: nothing under"),
        ("CHANGELOG.md", "The course end to end.\n\n* Chapters.\n", "", "nothing under"),
        ("CHANGELOG.md", "2026-11-30", "unreleased", "is of 'unreleased', which is no date"),
        ("CITATION.cff", RELEASE.version, "7.7.7", "CITATION.cff: version is 7.7.7"),
        ("CITATION.cff", "11-30", "11-29", "CITATION.cff: date-released is not 2026-11-30"),
        ("README.md", RELEASE.notebooks, "notebooks-v0.0.1", "the badges are not of this version"),
        ("_config.yml", "someone", "other", "repository.url is https://github.com/other/course"),
    ],
)
def test_what_does_not_agree_is_named(course, capsys, name, old, new, complaint):
    text = (course / name).read_text(encoding="utf-8")
    assert old in text
    put(course, name, text.replace(old, new))
    status, out, _ = check(course, capsys, RELEASE.tag, RELEASE.repository, "--notes", course / "n")
    assert status == 1
    assert complaint in out
    assert not (course / "n").exists()


def test_the_tag_is_the_version(course, capsys):
    status, out, _ = check(course, capsys, "v7.7.7")
    assert (status, out.count("\n")) == (1, 1)
    assert f"the version is {RELEASE.version}, and the tag v7.7.7" in out


def test_without_an_address_there_is_no_release(course, capsys):
    put(course, "_config.yml", 'repository:\n  url: ""\n')
    status, out, err = check(course, capsys)
    assert (status, out) == (2, "")
    assert (
        err == "check_release: _config.yml: repository.url is empty: a release needs the address\n"
    )


def test_the_changelog_of_this_course_has_its_version():
    assert check_release.section(ROOT, lenetcourse.__version__)["text"].strip()


# The sources of the wheel; test_release.py builds real ones


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A folder with a wheel; the sources of it "give" what stands in `given`."""
    dist = tmp_path / "_build" / "dist"
    dist.mkdir(parents=True)
    (dist / "lenetcourse-1-py3-none-any.whl").write_bytes(b"wheel")

    def build_sdist(root, folder):
        path = folder / "lenetcourse-1.tar.gz"
        path.write_bytes(b"sources")
        return path

    monkeypatch.setattr(make_sdist, "build_sdist", build_sdist)
    return tmp_path


def test_sources_lie_beside_the_wheel_that_they_give(built, monkeypatch, capsys):
    wheel = built / "_build/dist/lenetcourse-1-py3-none-any.whl"
    monkeypatch.setattr(make_sdist, "rebuilt", lambda sdist: make_sdist.sha256_of(wheel))
    assert make_sdist.main(built) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "5"
    assert first.endswith(wheel.name)
    assert second.endswith("lenetcourse-1.tar.gz")


def test_a_stale_wheel_is_refused(built, monkeypatch, capsys):
    monkeypatch.setattr(make_sdist, "rebuilt", lambda sdist: "0" * 64)
    assert make_sdist.main(built) == 2
    assert "is not what its sources give: run `make book` again" in capsys.readouterr().err
    assert [path.suffix for path in (built / "_build/dist").iterdir()] == [".whl"]


def test_without_a_wheel_it_says_what_to_run(tmp_path, capsys):
    assert make_sdist.main(tmp_path) == 2
    assert "run `make book` with an address first" in capsys.readouterr().err


def test_a_build_that_fails_is_one_line(built, monkeypatch, capsys):
    def fail(sdist):
        raise Unusable("no wheel was built: because")

    monkeypatch.setattr(make_sdist, "rebuilt", fail)
    assert make_sdist.main(built) == 2
    assert capsys.readouterr().err == "make_sdist: no wheel was built: because\n"


# The branch of the notebooks, in a shallow clone as actions/checkout makes it


def git(folder, *words):
    config = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    return subprocess.run(
        ["git", *config, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A bare repository of a course."""
    source = tmp_path_factory.mktemp("course")
    git(source, "init", "--quiet", "--initial-branch=main")
    put(source, ".gitignore", "/_build/\n*.ipynb\n")
    git(source, "add", ".")
    git(source, "commit", "--quiet", "-m", "The course")
    origin = tmp_path_factory.mktemp("origin")
    git(source, "clone", "--quiet", "--bare", ".", str(origin))
    return origin


@pytest.fixture
def clone(tmp_path, published):
    """A clone of a bare repository `origin`, and notebooks that are ready in its _build."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    shutil.copytree(published, origin)
    git(tmp_path, "clone", "--quiet", "--depth=1", origin.as_uri(), str(clone))
    for name in ("book/01 one.ipynb", "labs/一.ipynb", ".binder/postBuild", "README.md"):
        path = clone / "_build/notebooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() + b"\r\n")
    (clone / "_build/notebooks/.binder/postBuild").chmod(0o755)
    return clone


def publish(clone, tag):
    done = subprocess.run(
        [sys.executable, publish_notebooks.__file__, "_build/notebooks", tag],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_branch_holds_the_notebooks_alone_under_a_tag(clone):
    status, said = publish(clone, "v1.0")
    origin = clone.parent / "origin"
    commit = git(origin, "rev-parse", "notebooks")
    assert (status, said) == (0, f"Notebooks of v1.0: pushed {commit}\n")
    listed = git(origin, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "notebooks")
    assert set(listed.splitlines()) == {
        *("book/01 one.ipynb", "labs/一.ipynb", ".binder/postBuild", "README.md")
    }
    if os.name != "nt":
        assert git(origin, "ls-tree", "notebooks", ".binder/").startswith("100755")
    assert git(origin, "rev-parse", "notebooks-v1.0") == commit
    shown = subprocess.run(
        ["git", "show", "notebooks:README.md"], cwd=origin, capture_output=True, check=True
    )
    assert shown.stdout == b"README.md\r\n"  # byte for byte
    assert git(clone, "status", "--porcelain") == ""


def test_history_is_kept(clone):
    publish(clone, RELEASE.tag)
    origin = clone.parent / "origin"
    assert git(origin, "tag") == RELEASE.notebooks  # which the buttons lead to
    (clone / "_build/notebooks/book/01 one.ipynb").unlink()
    put(clone / "_build/notebooks/book", "02.ipynb", "two")
    assert publish(clone, "v99.1")[0] == 0
    assert git(origin, "log", "--format=%s", "notebooks").splitlines() == [
        "Notebooks of v99.1",
        f"Notebooks of {RELEASE.tag}",
    ]
    before, first = git(origin, "rev-parse", "notebooks~1", RELEASE.notebooks).splitlines()
    assert before == first
    assert git(origin, "ls-tree", "--name-only", "notebooks", "book/") == "book/02.ipynb"
    assert git(origin, "rev-list", "--count", "main") == "1"


def test_a_tag_is_never_changed(clone):
    publish(clone, "v1.0")
    assert publish(clone, "v1.0") == (0, "Notebooks of v1.0: they are there already\n")
    before = git(clone.parent / "origin", "show-ref")
    put(clone / "_build/notebooks/book", "01 one.ipynb", "another")
    status, said = publish(clone, "v1.0")
    assert status == 1
    assert "notebooks-v1.0 holds others: give the release a new version" in said
    assert git(clone.parent / "origin", "show-ref") == before


def test_what_git_refuses_is_one_line(clone):
    shutil.rmtree(clone.parent / "origin")
    status, said = publish(clone, "v1.0")
    assert status == 1
    assert said.startswith("publish_notebooks: ls-remote origin refs/tags/notebooks-v1.0: fatal:")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "_build/notebooks").mkdir(parents=True)
    assert publish(tmp_path, "v1.0")[1].startswith("publish_notebooks: name the folder that holds")
