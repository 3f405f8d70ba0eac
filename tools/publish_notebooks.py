"""Push the notebooks of a release to the branch `notebooks`, as one commit with a tag of its own.

    python tools/publish_notebooks.py FOLDER TAG

FOLDER is _build/notebooks as `make book` wrote it, TAG as in v1.2.0. The commit holds these files
and nothing else, follows the one before it on the branch, and is tagged notebooks-TAG; branch and
tag are pushed to `origin` together or not at all. What a tag holds is never changed: the same
notebooks again are left as they are, others are refused. Needs nothing but Python and git.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

BRANCH = "refs/heads/notebooks"
WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (
        ("NAME", "github-actions[bot]"),
        ("EMAIL", "41898282+github-actions[bot]@users.noreply.github.com"),
    )
}


def git(*words: str, **variables: str) -> str:
    """Run git here; return what it printed. Raises CalledProcessError."""
    command = ["git", "-c", "core.autocrlf=false", *words]
    env = os.environ | WHO | variables
    done = subprocess.run(
        command, env=env, check=True, capture_output=True, encoding="utf-8", errors="replace"
    )
    return done.stdout.strip()


def fetched(ref: str) -> str | None:
    """Return the commit that `ref` of origin names, fetched; None where origin has none."""
    if not git("ls-remote", "origin", ref):
        return None
    git("fetch", "--quiet", "--depth=1", "origin", ref)
    return git("rev-parse", "FETCH_HEAD^{commit}")


def tree_of(folder: Path) -> str:
    """Return the tree that holds the files of `folder`, hidden ones too."""
    with tempfile.TemporaryDirectory() as place:
        index = {"GIT_INDEX_FILE": str(Path(place, "index"))}
        git(f"--work-tree={folder.resolve()}", "add", "--all", "--force", ".", **index)
        return git("write-tree", **index)


def publish(folder: Path, tag: str) -> str:
    """Push the files of `folder` under `tag`; return what was done. Raises CalledProcessError."""
    name = f"refs/tags/notebooks-{tag}"
    tree, there, parent = tree_of(folder), fetched(name), fetched(BRANCH)
    if there and git("rev-parse", f"{there}^{{tree}}") == tree:
        return "they are there already"
    if there:
        sys.exit(f"publish_notebooks: notebooks-{tag} holds others: give the release a new version")
    message = ("-m", f"Notebooks of {tag}")
    commit = git("commit-tree", tree, *message, *(("-p", parent) if parent else ()))
    git("push", "--quiet", "--atomic", "origin", f"{commit}:{BRANCH}", f"{commit}:{name}")
    return f"pushed {commit}"


def main(argv: Sequence[str] = tuple(sys.argv[1:])) -> None:
    if len(argv) != 2 or not list(Path(argv[0]).glob("*/*.ipynb")):
        sys.exit("publish_notebooks: name the folder that holds the notebooks, and the tag")
    try:
        print(f"Notebooks of {argv[1]}: {publish(Path(argv[0]), argv[1])}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"publish_notebooks: {' '.join(error.cmd[3:])}: {error.stderr.strip()}")


if __name__ == "__main__":
    main()
