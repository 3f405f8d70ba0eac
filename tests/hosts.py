"""The hosts that a release needs, played by one server on 127.0.0.1, for tests of links.

They hold what the release workflow puts there, and nothing else: sources under `main`, the wheel
beside the tag, notebooks under their own tag, the pages. The addresses are written out here, from
what each service documents, so that they are no echo of tools/release/address.py.
"""

from __future__ import annotations

import hashlib
import html
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import nbformat
from servers import Server

REPOSITORY = "https://github.com/someone/course"
PAGES = "https://someone.github.io/course/"
SERVICES = ("colab.research.google.com", "kaggle.com", "mybinder.org")
ADDRESS = re.compile(r"https://[^\s\"'<>()\\}]+[^\s\"'<>()\\},.;]")
IN_MARKDOWN = re.compile(r"\]\(([^)\s]+)\)")
IN_PAGES = re.compile(r"""\s(?:href|src)="([^"]+)"|\burl=([^"\s;]+)""")


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def hold_release(server: Server, root: Path, version: str) -> None:
    """Let `server` answer as the hosts do once the course in `root` is released."""
    held = {f"{REPOSITORY}": b"", f"{REPOSITORY}/issues/new": b""}
    for path, body in files_below(root):
        if not path.startswith("_build/"):
            held |= {f"{REPOSITORY}/{view}/main/{path}": body for view in ("blob", "edit")}
    for path, body in files_below(root / "_build/dist"):
        held[f"{REPOSITORY}/releases/download/v{version}/{path}"] = body
    for path, body in files_below(root / "_build/html"):
        held[f"{PAGES}{path}"] = held[f"{PAGES}{path}".removesuffix("index.html")] = body
    tag = f"notebooks-v{version}"
    for path, body in files_below(root / "_build/notebooks"):
        blob = f"someone/course/blob/{tag}/{path}"
        held |= {
            f"https://colab.research.google.com/github/{blob}": body,
            f"https://kaggle.com/kernels/welcome?src=https://github.com/{blob}": body,
            f"https://mybinder.org/v2/gh/someone/course/{tag}?urlpath=lab/tree/{path}": body,
        }
    server.answers = {address.removeprefix("https:/"): body for address, body in held.items()}


def links_of(root: Path) -> set[tuple[str, str]]:
    """Return (where, address) of each link to these hosts: in pages, README, stamped notebooks."""
    found = set()
    for path, body in files_below(root / "_build/html"):
        if path.endswith(".html") and not path.startswith("_static/"):  # there: templates
            for match in IN_PAGES.finditer(body.decode()):
                link = html.unescape(match[1] or match[2])
                found.add((path, urljoin(PAGES + path, link)))
    readme = (root / "README.md").read_text(encoding="utf-8")
    for link in IN_MARKDOWN.findall(readme):
        if not link.startswith("#"):
            found.add(("README.md", urljoin(f"{REPOSITORY}/blob/main/", link)))
    for path, body in files_below(root / "_build/notebooks"):
        text = body.decode()
        if path.endswith(".ipynb"):
            nb = nbformat.reads(text, as_version=4)
            text = "\n".join(cell.source for cell in nb.cells)
        found |= {(path, address) for address in ADDRESS.findall(text)}
    return {(where, address) for where, address in found if is_ours(address)}


def is_ours(address: str) -> bool:
    """Return whether an address leads to the repository, its pages or a service that runs it."""
    return address.startswith(REPOSITORY) or urlsplit(address).hostname in (
        "someone.github.io",
        *SERVICES,
    )


def follow(server: Server, address: str) -> str:
    """Return what is wrong with an address, nothing where it leads to what it says."""
    place, fragment = urldefrag(address)
    if place.startswith((f"{REPOSITORY}/issues/new?", PAGES)):
        place = place.partition("?")[0]  # the rest is text to begin with, or a version for caches
    try:
        with urllib.request.urlopen(server.url + place.removeprefix("https://")) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        return f"{error.code} {address}"
    if place.endswith(".whl"):
        return "" if fragment == f"sha256={hashlib.sha256(body).hexdigest()}" else f"not {address}"
    if fragment and f' id="{fragment}"'.encode() not in body:
        return f"no such place in the page: {address}"
    return ""
