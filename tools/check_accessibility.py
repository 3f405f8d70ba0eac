"""Have axe-core look at every page of the built book, on a light and on a dark screen.

    python tools/check_accessibility.py [PAGE ...]

Prints a line for each page and rule that is violated, and exits with 1 when there is one. Wants the
built book, a Chromium, and npm: axe-core (MPL 2.0, 650 kB) is used in no page, so it is no file of
the course; it is fetched from the npm registry once, checked against the hash below, and kept in
_build. Exits with 2 where one of these is missing.
"""

import argparse
import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from notebook.reading import ROOT, Unusable
from web.browser import find_chromium

PACKAGE = "axe-core@4.14.1"
ARCHIVE = "axe-core-4.14.1.tgz"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
# A head that is a formula is not empty: axe-core does not read the MathML that screen readers do.
COUNT = """async () => {
    const isFormula = ({ target: [place] }) =>
        document.querySelector(place)?.querySelector("mjx-assistive-mml");
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .map(({ id, nodes }) =>
            [id, id === "empty-table-header" ? nodes.filter((one) => !isFormula(one)) : nodes])
        .filter(([, nodes]) => nodes.length)
        .map(([id, nodes]) => [id, nodes.length, nodes[0].target.join(" ")]);
}"""


def axe_script(folder: Path) -> str:
    """Return the script of axe-core, from `folder` or from the npm registry. Raises Unusable."""
    archive = folder / ARCHIVE
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise Unusable("there is no npm, which would fetch axe-core")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
        if done.returncode or not archive.is_file():
            raise Unusable(f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-300:]}")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")
    if found != SHA512:
        archive.unlink()
        raise Unusable(f"{ARCHIVE} is not the file that was checked here: it is deleted")
    with tarfile.open(archive) as files:
        return files.extractfile("package/axe.min.js").read().decode("utf-8")


def violations(pages: Sequence[Path], axe: str) -> Iterator[tuple[Path, str, list]]:
    """Yield page, colours of the screen, and for each rule [rule, how often, where first]."""
    path = find_chromium()
    if path is None:
        raise Unusable("there is no Chromium: sudo apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        for colours in ("light", "dark"):
            # Playwright's own reduced motion: a colour that fades would be measured on its way.
            page = browser.new_page(color_scheme=colours, reduced_motion="reduce")
            for file in pages:
                page.goto(file.as_uri(), wait_until="networkidle")
                page.evaluate(axe)
                yield file, colours, page.evaluate(COUNT)
        browser.close()


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Check the pages that are named, or all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="*", type=Path, help="HTML file; without one, the whole book")
    options = parser.parse_args(arguments)
    html, count, seen = root / "_build" / "html", 0, 0
    try:
        pages = [path.resolve() for path in options.page] or [
            path for path in sorted(html.rglob("*.html")) if "_static" not in path.parts
        ]
        if not pages or not all(path.is_file() for path in pages):
            raise Unusable("there is no such page: build the book first")
        for path, colours, found in violations(pages, axe_script(root / "_build" / "axe")):
            seen += 1
            for rule, times, first in found:
                count += times
                print(f"{path.name}, {colours}: {rule}, {times} times, first at {first}")
    except Unusable as error:
        print(f"check_accessibility: {error}", file=sys.stderr)
        return 2
    print(f"{seen} looks at {len(pages)} pages: {count} violations")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
