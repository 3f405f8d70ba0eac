"""Leave of the theme's 2,000 icons those that the pages show: half a megabyte less to load.

book_extension.py calls `keep_icons` when the pages are written. The theme's script holds all of
Font Awesome, 1.5 MB, and every page waits for it; what is left has 70 kB.
"""

import re
from pathlib import Path

from sphinx.util import logging

SCRIPT = Path("scripts", "fontawesome.js")  # in the theme's static files, and in the book's
# bars:[448,512,["navicon"],"f0c9","M0 96C…"], with one path or two
ICON = re.compile(
    r'"?([\w$-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[(?:"[^"]*",?)+\])\],?'
)
USED = re.compile(r"\bfa-([a-z0-9-]+)")
log = logging.getLogger(__name__)


def with_icons(script: str, used: set[str]) -> str:
    """Return Font Awesome's script with those icons whose name, or other name, is in `used`."""

    def kept(icon: re.Match) -> str:
        other = re.findall(r'"([\w-]+)"', icon[2])
        return icon[0] if used.intersection([icon[1], *other]) else ""

    return ICON.sub(kept, script)


def used_icons(html: Path) -> set[str]:
    """Return the names of all icons that pages, or scripts that they load, name."""
    files = [path for kind in ("html", "js") for path in html.rglob(f"*.{kind}")]
    texts = (path.read_text(encoding="utf-8") for path in files if path.name != SCRIPT.name)
    return {name for text in texts for name in USED.findall(text)}


def keep_icons(app, exception: Exception | None) -> None:
    """Write the theme's script with the icons of the book alone."""
    if exception is not None or app.builder.format != "html":
        return
    static = [Path(folder, "static") for folder in app.builder.theme.get_theme_dirs()]
    whole = next((path / SCRIPT for path in static if (path / SCRIPT).is_file()), None)
    script = whole.read_text(encoding="utf-8") if whole else ""
    if not ICON.search(script):
        log.warning("page_icons: the theme's %s holds no icons as they were: look again", SCRIPT)
        return
    shorter = with_icons(script, used_icons(Path(app.outdir)))
    (Path(app.outdir, "_static") / SCRIPT).write_text(shorter, encoding="utf-8", newline="\n")
