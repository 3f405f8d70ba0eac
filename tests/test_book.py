"""The book builds without warnings, and every page works in a browser that has no network."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import book_extension
import hosts
import nbformat
import pytest
import servers
import yaml
from build_book import build
from conftest import find_browser
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook.links import LINKS, read_links
from notebook.reading import code_hash

import lenetcourse

ROOT = Path(__file__).resolve().parent.parent
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
DOCUMENTS = [TOC["root"]] + [
    chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]
]
PAGES = ["index.html", *(f"{name}.html" for name in DOCUMENTS), "search.html", "genindex.html"]
COURSE = (
    *("_config.yml", "_toc.yml", "pyproject.toml", ".binder"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE"),
    *("book", "instructors", "labs", "lenetcourse", "tools"),
)
ADDRESS = re.compile(r"^(repository:\n  url: ).*$", re.M)
PHONE = {"width": 390, "height": 844}


class Server(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/favicon.ico":  # browsers ask for it where a page names no icon
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


def run_build(root):
    """Run the tool as `make book` does, from another working directory."""
    tool = root / "tools" / "build_book.py"
    return subprocess.run(
        [sys.executable, str(tool)], cwd=root.anchor, capture_output=True, encoding="utf-8"
    )


def copy_book(target, *names):
    for name in names:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def set_address(root, address):
    config = root / "_config.yml"
    text, changes = ADDRESS.subn(rf'\1"{address}"', config.read_text(encoding="utf-8"))
    assert changes == 1
    config.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a copy of the course with an address; return its root and what the tool printed."""
    root = tmp_path_factory.mktemp("book")
    copy_book(root, *COURSE)
    set_address(root, hosts.REPOSITORY)
    return root, run_build(root)


@pytest.fixture(scope="module")
def html(built):
    root, done = built
    assert done.returncode == 0, done.stderr
    return root / "_build" / "html"


@pytest.fixture(scope="module")
def address(html):
    handler = functools.partial(Server, directory=str(html))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_missing_browser_is_an_error_under_ci(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        find_browser()
    for change in (
        lambda: monkeypatch.setattr(sys, "platform", "win32"),
        lambda: monkeypatch.delenv("CI"),
    ):
        change()
        with pytest.warns(UserWarning, match="no Chromium"), pytest.raises(pytest.skip.Exception):
            find_browser()


@pytest.fixture
def open_page(browser, address):
    """Open a page of the book; at the end, check what went wrong on all pages opened."""
    context = browser.new_context(color_scheme="light")
    wrong = []

    def local_only(request):
        if not request.url.startswith((address, "data:")):
            wrong.append(f"asked for {request.url}")

    context.on("request", local_only)  # a route would switch the cache off

    def note_error(message):
        if message.type == "error":
            wrong.append(f"{message.text} {message.location['url']}")

    def open_one(name):
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note_error)
        page.goto(address + name)
        page.wait_for_load_state("networkidle")
        return page

    yield open_one
    context.close()
    assert not wrong


# Building


def test_building_prints_one_line_with_the_page_to_open(built, html):
    root, done = built
    index = root / "_build" / "html" / "index.html"
    assert done.stdout == f"The book is built: {index.as_uri()}\n"
    assert done.stderr == ""
    assert index.is_file()


def test_building_again_changes_nothing(built, html):
    root, _ = built
    before = {path: path.read_bytes() for path in html.rglob("*.html")}
    done = run_build(root)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in html.rglob("*.html")} == before


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """Build two pages with the course's configuration, a broken link, and one that has no place."""
    root = tmp_path_factory.mktemp("small")
    copy_book(root, "_config.yml", "tools", "book/_static", "book/references.bib")
    set_address(root, "")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n- chapters: [{file: book/01_small}]\n",
        encoding="utf-8",
    )
    (root / LINKS).write_text("book/01_small.ipynb: {Nowhere: text}\n", encoding="utf-8")
    (root / "book/index.md").write_text("# Small\n\n[broken](nowhere.md)\n", encoding="utf-8")
    nbformat.write(small_notebook(), root / "book/01_small.ipynb")
    return root, build(root)


def small_notebook():
    picture = new_output("display_data", {"image/png": "iVBORw0KGgo="})
    cells = [
        new_markdown_cell("# A small chapter\n\nSome say 2.\nWhat is *one and one*?\n\nTwo."),
        new_code_cell("1 + 1", execution_count=1),
        new_code_cell("draw()", outputs=[picture], execution_count=2),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    parameters = {"dataset": "mnist"}
    stamp = {"parameters": parameters, "code_hash": code_hash(nb, parameters)}
    nb.metadata["lenetcourse"] = stamp
    return nb


def test_warning_fails_the_build(small_book):
    root, lines = small_book
    assert any("nowhere.md" in line for line in lines)
    no_place = f"{LINKS}: book/01_small.ipynb has 0 sections 'Nowhere'"
    assert sum(line.endswith(no_place) for line in lines) == 1
    # Sphinx would not warn again about a page that it has read: it must forget the pages.
    assert not (root / "_build/.doctrees").exists()


def test_without_an_address_there_are_no_buttons(small_book):
    root, _ = small_book
    for path in (root / "_build/html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search("colab|kaggle|mybinder|github|/issues/new|/edit/", text), path


def test_every_link_leads_to_what_the_release_holds(built, html):
    """Buttons, badges, pages and their places, and the wheel that the notebooks install."""
    root, _ = built
    links = hosts.links_of(root)
    server = servers.Server()
    hosts.hold_release(server, root, lenetcourse.__version__)
    addresses = sorted({address for _, address in links})
    wrong = list(filter(None, (hosts.follow(server, address) for address in addresses)))
    for address in (f"{hosts.PAGES}book/nowhere.html", f"{hosts.PAGES}book/labs.html#nowhere"):
        assert hosts.follow(server, address)
    server.close()
    print(f"{len(links)} links to {len(addresses)} addresses, {len(wrong)} of them broken")
    assert wrong == []
    for name in DOCUMENTS:
        leads_to = {urlsplit(link).hostname for where, link in links if where == f"{name}.html"}
        services = hosts.SERVICES if (ROOT / f"{name}.ipynb").is_file() else ()
        assert leads_to == {"github.com", "someone.github.io", *services}, name


# Links to the pages that one can touch


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if (ROOT / f"{name}.ipynb").is_file()])
def test_links_stand_in_the_page_and_not_in_the_notebook_that_it_offers(html, name):
    texts = read_links(ROOT, [f"{name}.ipynb" for name in DOCUMENTS]).get(f"{name}.ipynb", {})
    page = (html / f"{name}.html").read_text(encoding="utf-8")
    boxes = re.findall(
        r"<blockquote>\s*<div><p><strong>Touch it\.</strong>.*?</blockquote>", page, re.S
    )
    assert len(boxes) == len(texts)
    assert all(re.search(r'href="[^"#]*(draw|slide|plane|learn)\.html[#"]', box) for box in boxes)
    offered = html / "_sources" / f"{name}.ipynb"
    assert offered.read_bytes() == (ROOT / f"{name}.ipynb").read_bytes()


# What the pages say


@pytest.fixture
def chapter(tmp_path):
    nbformat.write(small_notebook(), tmp_path / "01_small.ipynb")
    return book_extension.Chapter(tmp_path / "01_small.ipynb")


def write_record(chapter, code_hash):
    record = {"code_hash": code_hash, "finished": "2026-01-31", "seconds": 125, "cores": 2}
    chapter.record_path.parent.mkdir()
    text = json.dumps(record | {"versions": {"torch": "9"}})
    chapter.record_path.write_text(text, encoding="utf-8")


def test_facts_of_a_recorded_run(chapter):
    write_record(chapter, chapter.meta["code_hash"])
    link = "[A small chapter](01_small.ipynb)"
    _, row = book_extension.chapters_table([chapter])
    assert row == [link, "Some say 2. What is one and one?", "1 minutes to read, 2.1 min to run"]
    _, row = book_extension.runs_table([chapter])
    assert row == [link, "mnist", "2026-01-31", "2.1 min", "2", "unchanged"]
    assert book_extension.versions_table([chapter]) == [["Run with", link], ["torch", "9"]]


def test_sums_over_the_runs_of_a_sweep(chapter):
    folder = chapter.record_path.parent / "sizes"
    folder.mkdir(parents=True)
    for seed, day in enumerate(["2026-02-01", "2026-01-31", "2026-01-30"]):
        record = {"dataset": "mnist", "finished": day, "seconds": 50.0}
        (folder / f"seed-{seed}.json").write_text(json.dumps(record), encoding="utf-8")
    _, row = book_extension.sweeps_table([chapter])
    assert row == ["`sizes`", "3", "mnist", "2026-02-01", "2.5 min", "unchanged"]


def test_pages_that_are_no_chapters_are_not_in_the_path(tmp_path):
    nbformat.write(small_notebook(), tmp_path / "table.ipynb")
    page = book_extension.Chapter(tmp_path / "table.ipynb")
    assert len(book_extension.chapters_table([page])) == 1  # the head
    assert len(book_extension.runs_table([page])) == 2


def test_record_of_another_run_is_not_shown(chapter):
    write_record(chapter, "0" * 64)
    _, row = book_extension.runs_table([chapter])
    assert row[2:4] == ["not recorded", "not recorded"]


def test_changed_code_shows(chapter):
    chapter.nb.cells[1].source = "1 + 2"
    _, row = book_extension.runs_table([chapter])
    assert row[-1] == "changed"


def test_every_public_name_is_on_the_api_page(html):
    page = (html / "book/api.html").read_text(encoding="utf-8")
    described = {
        name.rpartition(".")[2] for name in re.findall(r'id="(lenetcourse\.[\w.]+)"', page)
    }
    assert set(lenetcourse.__all__) - described == set()


def test_example_of_the_api_page_runs():
    text = (ROOT / "book/api.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.S)[1]
    done = subprocess.run(
        [sys.executable, "-c", example],
        env=os.environ | {"OMP_NUM_THREADS": "1", "LENETCOURSE_OFFLINE": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert re.search(r"\d\d\.\d% right, 95 % interval", done.stdout), done.stderr


# In the browser


@pytest.mark.parametrize("name", PAGES)
def test_page_works(open_page, name):
    page = open_page(name)
    formulas = page.locator(".math").count()
    assert page.locator("mjx-container").count() >= formulas
    assert page.locator("mjx-merror").count() == 0
    if name != "search.html":
        assert "\\(" not in page.locator("main").inner_text()
    images = page.eval_on_selector_all(
        "main img", "images => images.map(one => [one.src, one.alt.trim(), one.naturalWidth])"
    )
    assert [image for image in images if not image[1] or not image[2]] == []
    page.set_viewport_size(PHONE)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_front_address_leads_to_the_landing_page(open_page):
    page = open_page("index.html")
    page.wait_for_url("**/book/index.html")


@pytest.mark.parametrize("word", ["convolution", "卷积核"])
def test_search_finds(open_page, word):
    page = open_page(f"search.html?q={word}")
    page.wait_for_selector("#search-results li a[href*='glossary']")


def test_88_characters_of_code_fit_at_1280_pixels(open_page):
    page = open_page("book/00_learning.html")
    page.set_viewport_size({"width": 1280, "height": 800})
    room, needed = page.evaluate(
        """() => {
            const cell = document.querySelector("div.cell_input pre");
            const style = getComputedStyle(cell);
            const pen = document.createElement("canvas").getContext("2d");
            pen.font = style.font;
            const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
            return [cell.clientWidth - padding, pen.measureText("x".repeat(88)).width];
        }"""
    )
    assert room >= needed > 0


def test_dark_mode(open_page):
    page = open_page("book/index.html")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    seen = set()
    for _ in range(3):  # the button goes round: light, dark, as the system
        page.locator(".theme-switch-button:visible").click()
        page.wait_for_timeout(300)  # the colours fade
        seen.add(page.evaluate(colour))
    assert len(seen | {light}) == 2
