"""What the theme and Sphinx write is mended for screen readers; axe-core is fetched with care."""

from types import SimpleNamespace

import check_accessibility
import pytest
from page_markup import MENDED, mend, mend_pages

PAGE = """<div id="pst-primary-sidebar" class="bd-sidebar">
<button class="btn search-button-field" title="Search" aria-label="Search"><b>Search</b></button>
<button class="btn search-button" title="Search" aria-label="Search"></button>
<i class="theme-switch fa-solid" data-mode="light" title="Light"></i></div>
<summary aria-label="Toggle hidden content"><p>Show</p></summary>
<table><tr><th></th><th class="head"><p></p></th><th class="head"><p>KL</p></th></tr></table>
<div role="list" class="citation-list"><div id="id2" role="doc-biblioentry">A book</div></div>
<dl>
<dd><em class="sig-param">name</em></dd></dl><dl><dt>a word</dt><dd>what it means</dd></dl>
"""
MENDED_PAGE = """<div id="pst-primary-sidebar" role="region" aria-label="Course" class="bd-sidebar">
<button class="btn search-button-field" title="Search"><b>Search</b></button>
<button class="btn search-button" title="Search" aria-label="Search"></button>
<i class="theme-switch fa-solid" data-mode="light" aria-hidden="true"></i></div>
<summary><p>Show</p></summary>
<table><tr><td></td><td></td><th class="head"><p>KL</p></th></tr></table>
<div class="citation-list"><div id="id2">A book</div></div>
<dl role="presentation">
<dd><em class="sig-param">name</em></dd></dl><dl><dt>a word</dt><dd>what it means</dd></dl>
"""


def test_what_screen_readers_stumble_over_is_mended_once():
    assert mend(PAGE) == MENDED_PAGE
    assert mend(MENDED_PAGE) == MENDED_PAGE


@pytest.mark.parametrize("found", [found for found, _ in MENDED])
def test_every_rule_is_tried_above(found, monkeypatch):
    rules = [rule for rule in MENDED if rule[0] != found]
    monkeypatch.setattr("page_markup.MENDED", rules)
    assert mend(PAGE) != MENDED_PAGE


def test_pages_are_mended_and_assets_are_left(tmp_path):
    (tmp_path / "_static").mkdir()
    paths = [tmp_path / "page.html", tmp_path / "_static" / "asset.html"]
    for path in paths:
        path.write_text(PAGE, encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    mend_pages(app, RuntimeError("the build failed"))
    assert paths[0].read_text(encoding="utf-8") == PAGE
    mend_pages(app, None)
    assert [path.read_text(encoding="utf-8") for path in paths] == [MENDED_PAGE, PAGE]


def test_another_archive_is_deleted(tmp_path):
    archive = tmp_path / check_accessibility.ARCHIVE
    archive.write_bytes(b"something else")
    with pytest.raises(check_accessibility.Unusable, match="is not the file that was checked"):
        check_accessibility.axe_script(tmp_path)
    assert not archive.exists()


def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys):
    assert check_accessibility.main([], tmp_path) == 2
    assert "build the book first" in capsys.readouterr().err
    monkeypatch.setattr(check_accessibility.shutil, "which", lambda name: None)
    page = tmp_path / "page.html"
    page.write_text(PAGE, encoding="utf-8")
    assert check_accessibility.main([str(page)], tmp_path) == 2
    assert "there is no npm" in capsys.readouterr().err
