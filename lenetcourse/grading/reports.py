"""What an instructor gets: a CSV for Moodle, a results.json and a page a student, and a summary."""

from __future__ import annotations

import csv
import html
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lenetcourse.files import replacing, write_text
from lenetcourse.grading.parent import Marked
from lenetcourse.labs.frame import load_lab
from lenetcourse.labs.judge import RIGHT, Outcome
from lenetcourse.labs.shown import SIGNS

# Moodle's "download all submissions" puts each into "Full Name_1234567_assignsubmission_file".
MOODLE = re.compile(r"(.+)_(\d+)_assignsubmission_file_?")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute a cell that begins so


def student(name: str) -> tuple[str, str]:
    """Return (identifier, full name) of a submission; without Moodle's folders, its file name."""
    path = PurePosixPath(name)
    for part in path.parts:
        if match := MOODLE.fullmatch(part):
            return f"Participant {match[2]}", match[1]
    return "", path.with_suffix("").as_posix()


def titles(lab: str | None) -> dict[str, str]:
    """Return the title of each task of a lab."""
    return {name: task.title for name, task in load_lab(lab).tasks.items()} if lab else {}


def told(outcome: Outcome) -> str:
    """Return an outcome as lines of text."""
    lines = [outcome.kind, outcome.message]
    for label in ("given", "expected", "got"):
        if (text := getattr(outcome, label)) is not None:
            lines.append(f"{label}: {text}")
    return "\n".join(line for line in lines if line)


def write_student(marked: Marked, folder: Path) -> None:
    """Write results.json (Gradescope's form) and report.html of one submission. Raises OSError."""
    place = folder / PurePosixPath(marked.name).with_suffix("").as_posix()
    names = titles(marked.lab)
    tests = [
        {
            "name": f"{task} {names.get(task, '')}".strip(),
            "score": int(outcome.kind == RIGHT),
            "max_score": 1,
            "status": "passed" if outcome.kind == RIGHT else "failed",
            "output": told(outcome),
        }
        for task, outcome in in_order(marked)
    ]
    results = {"score": marked.points, "output": "\n".join(marked.trouble), "tests": tests}
    write_text(place / "results.json", json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    write_text(place / "report.html", page(marked))


def in_order(marked: Marked) -> list[tuple[str, Outcome]]:
    """Return a submission's outcomes in the order of the tasks."""
    return sorted(marked.outcomes.items(), key=lambda item: int(item[0][1:]))


def page(marked: Marked) -> str:
    """Return a page for one student: every task with its outcome, and what went wrong elsewhere."""
    names = titles(marked.lab)
    _, name = student(marked.name)
    lab = f"Lab {marked.lab}" if marked.lab else "Unknown lab"
    head = f"{lab}: {marked.points} of {len(marked.outcomes)}"
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{html.escape(head)}</title><style>:root{{color-scheme:light dark}}"
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        "pre{white-space:pre-wrap}</style></head><body>",
        f"<h1>{html.escape(head)}</h1><p>{html.escape(name)}</p>",
    ]
    for task, outcome in in_order(marked):
        title = f"{SIGNS[outcome.kind]} {task}, {names.get(task, '')}: {outcome.kind}"
        parts.append(f"<h2>{html.escape(title)}</h2>")
        detail = told(outcome).partition("\n")[2]
        if detail:
            parts.append(f"<pre>{html.escape(detail)}</pre>")
    if marked.trouble:
        parts.append("<h2>While the notebook ran</h2><ul>")
        parts += [f"<li>{html.escape(line)}</li>" for line in marked.trouble]
        parts.append("</ul>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def write_grades(all_marked: Sequence[Marked], path: Path) -> None:
    """Write the CSV: Moodle's columns first, then one for each task. Raises OSError."""
    tasks = sorted(
        {task for m in all_marked for task in m.outcomes}, key=lambda name: int(name[1:])
    )
    head = ["Identifier", "Full name", "Grade", "Maximum grade", "Feedback comments",
            "Submission", "Lab", *tasks]  # fmt: skip
    with replacing(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(head)
        for marked in sorted(all_marked, key=lambda one: one.name):
            identifier, name = student(marked.name)
            kinds = [marked.outcomes[t].kind if t in marked.outcomes else "" for t in tasks]
            row = [identifier, name, marked.points, len(marked.outcomes), feedback(marked),
                   marked.name, marked.lab or "", *kinds]  # fmt: skip
            table.writerow([plain(value) for value in row])


def plain(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def feedback(marked: Marked) -> str:
    """Return a submission's outcomes in one line."""
    wrong = [
        f"{task}: {outcome.message or outcome.kind}"
        for task, outcome in in_order(marked)
        if outcome.kind != RIGHT
    ]
    return " | ".join(" ".join(line.split()) for line in [*wrong, *marked.trouble])


def summary(all_marked: Sequence[Marked]) -> str:
    """Return a summary in Markdown: points, tasks, the most frequent messages, and the odd ones."""
    lines = ["# Summary", "", f"{len(all_marked)} notebooks."]
    for lab in sorted({marked.lab for marked in all_marked if marked.lab}):
        lines += _lab_summary(lab, [marked for marked in all_marked if marked.lab == lab])
    odd = sorted((m for m in all_marked if m.trouble), key=lambda one: one.name)
    if odd:
        lines += ["", "## Notebooks to look at", ""]
        for marked in odd:
            lines += [f"* {marked.name}: {line}" for line in marked.trouble[:3]]
    return "\n".join(lines) + "\n"


def _lab_summary(lab: str, group: Sequence[Marked]) -> list[str]:
    names = titles(lab)
    head = ["| task | right | most frequent message |", "|---|---|---|"]
    lines = ["", f"## Lab {lab}: {len(group)} notebooks", "", *head]
    for task in names:
        outcomes = [marked.outcomes[task] for marked in group if task in marked.outcomes]
        right = sum(outcome.kind == RIGHT for outcome in outcomes)
        said = Counter(o.message or o.kind for o in outcomes if o.kind != RIGHT).most_common(1)
        most = f"{said[0][1]} x {' '.join(said[0][0].split())}" if said else ""
        lines.append(
            f"| {task}, {names[task]} | {right} of {len(outcomes)} | {most.replace('|', '/')} |"
        )
    return lines
