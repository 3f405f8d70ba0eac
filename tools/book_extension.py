"""What the book needs beyond Jupyter Book: facts about the runs, links, scripts, buttons, markup.

The directive `facts` writes a table from files, so that no page holds a number typed by hand:

    chapters  title, question, and how long reading and running take
    labs      title, what one will have made, and how long it takes
    runs      what every committed notebook was run on, and when
    sweeps    how many runs of each sweep are recorded, and how long they took
    versions  the libraries it was run with
    build     the tools that made these pages
"""

import functools
import importlib.util
import json
import math
import platform
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from batch.hashes import stale
from batch.runs import read_batch
from docutils import nodes
from docutils.statemachine import StringList
from nbformat import NotebookNode, v4
from notebook.links import LINKS, read_links, with_links
from notebook.reading import (
    CHAPTER,
    HEADING,
    Unusable,
    cells_of,
    code_hash,
    count_words,
    course_metadata,
    headings,
    prose,
    read_notebook,
    run_parameters,
)
from page_icons import keep_icons
from page_markup import mend_pages
from release.buttons import add_launch_buttons, edit_the_source, turn_on_buttons
from release.stamp import notebooks_of
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

WORDS_A_MINUTE = 200  # for a chapter that does not say its times itself
MADE = re.compile(r"At the end of this lab you will have (.+?)\.\s*$", re.M)
TIME = re.compile(r"\*\*Time:\*\*\s+(.+?)\.(?:\s|$)", re.M)  # "**Time:** 45 minutes to read, ..."
BUILT_WITH = ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme")
UNKNOWN = "not recorded"
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chapter:
    """A committed notebook, and the record that the batch left of its run."""

    path: Path

    @property
    def record_path(self) -> Path:
        return self.path.parent / "results" / f"{self.path.stem}.json"

    @functools.cached_property
    def nb(self) -> NotebookNode:
        return read_notebook(self.path)

    @functools.cached_property
    def record(self) -> dict:
        """The record, or nothing when there is none of the run whose outputs are stored."""
        if not self.record_path.is_file():
            return {}
        record = json.loads(self.record_path.read_text(encoding="utf-8"))
        return record if record.get("code_hash") == self.meta.get("code_hash") else {}

    @functools.cached_property
    def meta(self) -> dict:
        return dict(course_metadata(self.nb))

    @functools.cached_property
    def texts(self) -> list[str]:
        return [prose(cell.source) for _, cell in cells_of(self.nb, "markdown")]

    @property
    def link(self) -> str:
        title = next((title for text in self.texts for _, title in headings(text)), self.path.stem)
        return f"[{title}]({self.path.name})"

    @property
    def question(self) -> str:
        """The first paragraph that asks something, in the first two Markdown cells."""
        paragraphs = HEADING.sub("", "\n\n".join(self.texts[:2])).replace("*", "").split("\n\n")
        return next((" ".join(text.split()) for text in paragraphs if "?" in text), "")

    @property
    def times(self) -> str:
        """How long it takes: reading and tasks as its first cell says, running as the record."""
        said = TIME.search(self.texts[0]) if self.texts else None
        minutes = math.ceil(count_words(self.nb) / WORDS_A_MINUTE)
        times = [said[1] if said else f"{minutes} minutes to read"]
        if self.record:
            times.append(f"{duration(self.record)} to run")
        return ", ".join(times)

    @property
    def freshness(self) -> str:
        """Whether code, library, data and the results that it reads are those of the run."""
        if "code_hash" not in self.meta:
            return "never run"
        if self.meta["code_hash"] != code_hash(self.nb, run_parameters(self.nb)):
            return "changed"
        return "changed" if self.path.stem in stale_in(self.path.parent.parent) else "unchanged"


@functools.cache
def stale_in(root: Path) -> dict[str, list[str]]:
    """Return what the batch in `root` would run again; nothing where there is no batch."""
    return stale(read_batch(root), root) if (root / "book" / "batch.yml").is_file() else {}


# The tables, as rows of text: the head first


def chapters_table(chapters: list[Chapter]) -> list[list[str]]:
    rows = [["Chapter", "Question", "Time"]]
    for chapter in chapters:
        if not CHAPTER.fullmatch(chapter.path.stem):
            continue
        rows.append([chapter.link, chapter.question, chapter.times])
    return rows


def labs_table(labs: list[Chapter]) -> list[list[str]]:
    rows = [["Lab", "At its end you will have", "Time"]]
    for lab in labs:
        made = MADE.search(lab.texts[0])
        name = lab.link.replace("](", "](../labs/")
        rows.append([name, made[1] if made else "", lab.times])
    return rows


def runs_table(chapters: list[Chapter]) -> list[list[str]]:
    rows = [["Chapter", "Data set", "Run on", "Took", "Cores", "Code since then"]]
    for chapter in chapters:
        dataset = str(run_parameters(chapter.nb).get("dataset", UNKNOWN))
        day = chapter.record.get("finished", UNKNOWN)
        cores = str(chapter.record.get("cores", ""))
        took = duration(chapter.record)
        rows.append([chapter.link, dataset, day, took, cores, chapter.freshness])
    return rows


def sweeps_table(chapters: list[Chapter]) -> list[list[str]]:
    """Sum up the records in book/results/, where every sweep has a folder."""
    rows = [["Sweep", "Runs", "Data set", "Last run on", "Took in all", "Code since then"]]
    for folder in sorted(path for path in results_of(chapters).glob("*") if path.is_dir()):
        records = [json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("[!.]*.json")]
        datasets = ", ".join(sorted({str(record["dataset"]) for record in records}))
        last = max(record["finished"] for record in records)
        took = duration({"seconds": sum(record["seconds"] for record in records)})
        fresh = "changed" if folder.name in stale_in(folder.parents[2]) else "unchanged"
        rows.append([f"`{folder.name}`", str(len(records)), datasets, last, took, fresh])
    return rows


def results_of(chapters: list[Chapter]) -> Path:
    return chapters[0].record_path.parent if chapters else Path("results")


def versions_table(chapters: list[Chapter]) -> list[list[str]]:
    names = list(dict.fromkeys(n for c in chapters for n in c.record.get("versions", {})))
    rows = [["Run with", *(chapter.link for chapter in chapters)]]
    rows += [[n, *(c.record.get("versions", {}).get(n, "") for c in chapters)] for n in names]
    if not names:
        rows.append(["versions", *(UNKNOWN for _ in chapters)])
    return rows


def build_table(chapters: list[Chapter]) -> list[list[str]]:
    rows = [[name, version(name)] for name in ("lenetcourse", *BUILT_WITH)]
    return [["Built with", "Version"], ["Python", platform.python_version()], *rows]


def duration(record: dict) -> str:
    """Return the seconds of a run as a reader would say them."""
    if "seconds" not in record:
        return UNKNOWN
    seconds = float(record["seconds"])
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def table_line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


TABLES = {
    "chapters": chapters_table,
    "labs": labs_table,
    "runs": runs_table,
    "sweeps": sweeps_table,
    "versions": versions_table,
    "build": build_table,
}


class Facts(SphinxDirective):
    """Write one of the tables above."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in TABLES:
            raise self.error(f"facts: no table {name!r}: one of {', '.join(TABLES)}")
        source = Path(self.env.srcdir)
        names = [source / f"{docname}.ipynb" for docname in self.config.external_site_map]
        everything = [Chapter(path) for path in names if path.is_file()]
        labs = [one for one in everything if one.path.parent.name == "labs"]
        chapters = [one for one in everything if one not in labs]
        for pattern in ("lenetcourse/**/*.py", "book/batch.yml", "book/sweeps/*.ipynb"):
            for path in source.glob(pattern):  # what tells whether a run is up to date
                self.env.note_dependency(str(path))
        for chapter in everything:
            self.env.note_dependency(str(chapter.path))
            if chapter.record_path.is_file():
                self.env.note_dependency(str(chapter.record_path))
        for record in results_of(chapters).glob("*/[!.]*.json"):
            self.env.note_dependency(str(record))
        head, *rows = TABLES[name](labs if name == "labs" else chapters)
        lines = [table_line(row) for row in (head, ["---"] * len(head), *rows)]
        holder = nodes.container(classes=["facts"])
        self.state.nested_parse(StringList(lines, self.get_location()), 0, holder)
        return [holder]


def add_links(app, docname: str, source: list[str]) -> None:
    """Put the links to the pages that one can touch into a notebook as Sphinx reads it."""
    root, path = Path(app.srcdir), f"{docname}.ipynb"
    if not (root / path).is_file() or not (root / LINKS).is_file():
        return
    app.env.note_dependency(str(root / LINKS))
    try:
        links = read_links(root, notebooks_of(root))
        if path in links:
            source[0] = v4.writes(with_links(v4.reads(source[0]), path, links))
    except Unusable as error:
        LOGGER.warning(str(error), once=True)  # fails the build, as every warning does


def without_thebe(app, config) -> None:
    """Unplug the extension for live code: Jupyter Book loads it also where it is turned off."""
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if "thebe" not in one.handler.__module__]
    styles = app.registry.css_files
    styles[:] = [style for style in styles if "thebe" not in style[0]]


def copy_mathjax(app) -> None:
    """Copy the one file of MathJax that the pages load: the whole package has ten times as much."""
    if app.builder.format == "html":
        package = importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations[0]
        target = Path(app.outdir, "_static", app.config.mathjax_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(package, "static", app.config.mathjax_path), target)


def copy_static(app, exception: Exception | None) -> None:
    """Copy the scripts and styles of the pages: Sphinx does not when only they have changed."""
    if exception is None and app.builder.format == "html":
        for folder in app.config.html_static_path:
            if (source := Path(app.srcdir, folder)).is_dir():
                shutil.copytree(source, Path(app.outdir, "_static"), dirs_exist_ok=True)


def setup(app) -> dict:
    app.add_directive("facts", Facts)
    app.connect("config-inited", turn_on_buttons)
    app.connect("config-inited", without_thebe)
    app.connect("html-page-context", add_launch_buttons, priority=502)  # after the theme's
    app.connect("html-page-context", edit_the_source, priority=502)
    app.connect("builder-inited", copy_mathjax)
    app.connect("source-read", add_links)
    app.connect("build-finished", copy_static)
    app.connect("build-finished", keep_icons)
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
