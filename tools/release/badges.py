"""Badges in the README's tables: where each chapter and each lab can be run at once."""

import re

from release.address import SERVICES, Release

NOTEBOOK = re.compile(r"\]\(((?:book|labs)/\w+\.ipynb)\)")
BADGE = r"\[!\[\w+\]\(book/_static/badges/\w+\.svg\)\]\([^)]+\)"
BADGES = re.compile(rf"<br>{BADGE}(?: {BADGE})*")


def with_badges(readme: str, release: Release | None) -> str:
    """Return the README with badges of this release behind each notebook of its tables.

    Without a release it is returned without badges.
    """
    lines = BADGES.sub("", readme).splitlines(keepends=True)
    if release:
        for place, line in enumerate(lines):
            if line.startswith("|"):
                lines[place] = NOTEBOOK.sub(lambda m: m[0] + badges(release, m[1]), line)
    return "".join(lines)


def badges(release: Release, path: str) -> str:
    """Return the badges of one notebook, on a line of their own."""
    pictures = [f"![{service}](book/_static/badges/{service.lower()}.svg)" for service in SERVICES]
    addresses = [release.launch(service, path) for service in SERVICES]
    links = [f"[{p}]({address})" for p, address in zip(pictures, addresses, strict=True)]
    return "<br>" + " ".join(links)
