"""What the theme, docutils and Sphinx write into pages and screen readers stumble over, mended.

book_extension.py calls `mend_pages` when the pages are written. tools/check_accessibility.py finds
what is left.
"""

import re
from pathlib import Path

# What is found, and what takes its place; the rule of axe-core that it broke.
MENDED = [
    # label-content-name-mismatch: a label hides the words that stand on the button.
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (r'(<button class="[^"]*search-button-field[^>]*?) aria-label="Search"', r"\1"),
    (r'(<i class="theme-switch [^>]*?) title="[^"]*"', r'\1 aria-hidden="true"'),
    # region: the course's name stands in the sidebar, and in no landmark.
    (r'(<div id="pst-primary-sidebar")(?! role)', r'\1 role="region" aria-label="Course"'),
    # empty-table-header: the corner above the names of rows is no header.
    (r"<th(?: class=\"head\")?>\s*(?:<p>\s*</p>)?\s*</th>", "<td></td>"),
    # aria-allowed-role, aria-deprecated-role, aria-required-children: a list that is none.
    (r' role="doc-biblioentry"', ""),
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    # definition-list: the parameters of a signature define nothing.
    (r'<dl>(?=\s*<dd><em class="sig-param">)', '<dl role="presentation">'),
]


def mend(page: str) -> str:
    """Return the HTML of a page with all that is listed above mended."""
    for found, better in MENDED:
        page = re.sub(found, better, page)
    return page


def mend_pages(app, exception: Exception | None) -> None:
    """Mend the pages that Sphinx has written."""
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if "_static" in path.relative_to(app.outdir).parts:
            continue
        page = path.read_text(encoding="utf-8")
        if (better := mend(page)) != page:
            path.write_text(better, encoding="utf-8", newline="\n")
