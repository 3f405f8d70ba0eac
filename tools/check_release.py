"""Check that a version is ready to be released: tag, address, changelog, citation and badges agree.

    python tools/check_release.py TAG REPOSITORY [--notes FILE]

TAG as in v1.2.0, "" where there is none yet, and REPOSITORY, its address, are those of the release
under way. Prints one line for each thing that is wrong, and exits with 1. With --notes it writes
what CHANGELOG.md says of this version into FILE. CONTRIBUTING.md says what to do before.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from notebook.reading import ROOT, Unusable
from release.address import Release, read_release
from release.badges import with_badges

from lenetcourse.files import replacing

SECTION = re.compile(
    r"^## (?P<version>\S+) \((?P<date>[^)]*)\)\n(?P<text>.*?)(?=^## |\Z)", re.M | re.S
)
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def section(root: Path, version: str) -> re.Match | None:
    """Return the part of CHANGELOG.md on one version: its `date` and `text`."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = (match for match in SECTION.finditer(text) if match["version"] == version)
    return next(found, None)


def complaints(root: Path, release: Release, tag: str, repository: str) -> Iterator[str]:
    """Yield a line for each thing in `root` that does not fit the release of `tag`."""
    if release.repository.lower() != repository.rstrip("/").lower():
        yield f"_config.yml: repository.url is {release.repository}, and this is {repository}"
    if tag not in ("", release.tag):
        yield f"lenetcourse/__init__.py: the version is {release.version}, and the tag {tag}"
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    changes = section(root, release.version)
    if not changes or not changes["text"].strip():
        yield f"CHANGELOG.md: nothing under '## {release.version} (YYYY-MM-DD)'"
    elif not DATE.fullmatch(changes["date"]):
        yield f"CHANGELOG.md: {release.version} is of '{changes['date']}', which is no date"
    elif str(citation["date-released"]) != changes["date"]:
        yield f"CITATION.cff: date-released is not {changes['date']}, as in CHANGELOG.md"
    if str(citation["version"]) != release.version:
        yield f"CITATION.cff: version is {citation['version']}, and not {release.version}"
    readme = (root / "README.md").read_text(encoding="utf-8")
    if readme != with_badges(readme, release):
        yield "README.md: the badges are not of this version: run `make book` and commit it"


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Check `root`; return 0, 1 when something is wrong, 2 on unusable input."""
    parser = argparse.ArgumentParser(description="Check that a version is ready to be released.")
    parser.add_argument("tag")
    parser.add_argument("repository")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="write the changes into FILE")
    options = parser.parse_args(argv)
    try:
        release = read_release(root)
        if release is None:
            raise Unusable("_config.yml: repository.url is empty: a release needs the address")
        if lines := list(complaints(root, release, options.tag, options.repository)):
            print("\n".join(lines))
            return 1
        if options.notes:
            options.notes.parent.mkdir(parents=True, exist_ok=True)
            with replacing(options.notes) as part:
                text = section(root, release.version)["text"].strip()
                part.write_text(text + "\n", encoding="utf-8", newline="\n")
    except Unusable as error:
        print(f"check_release: {error}", file=sys.stderr)
        return 2
    print(f"{release.tag} of {release.repository} is ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
