"""The instructors' page on the labs: goals against checks, minutes, typical mistakes."""

import re
from collections.abc import Sequence

from lab.source import LabSource

TIME = re.compile(r"\*\*Time:\*\*\s+(.+?)\.(?:\s|$)")
HEAD = """# The labs, task by task

Written by `make labs` from the checks and from the answers that `make test` tries: what a mistake
gets to read is what stands here.
"""


def guide(sources: Sequence[LabSource]) -> str:
    """Return the page in Markdown."""
    parts = [HEAD]
    for source in sources:
        parts += section(source)
    return "\n".join(parts) + "\n"


def section(source: LabSource) -> list[str]:
    """Return the lines on one lab."""
    lab = source.lab
    first = source.nb.cells[0].source
    minutes = TIME.search(first)
    tasks = list(lab.tasks.values())
    lines = [
        f"## Lab {lab.number}: {lab.title}",
        "",
        f"[Notebook](../labs/{source.path.name}), "
        f"[solution](../labs/solutions/{source.path.name}). "
        f"{len(tasks)} tasks, {minutes[1] if minutes else 'no time given'}.",
        "",
        "| task | what it is for | builds on |",
        "|---|---|---|",
    ]
    for task in tasks:
        lines.append(f"| {task.name}, {task.title} | {task.why} | {', '.join(task.needs)} |")
    lines += ["", "| typical mistake | the check says |", "|---|---|"]
    for tried in source.tried:
        if not tried.right:
            lines.append(f"| {tried.task}: {cell(tried.name)} | … {cell(tried.says)} … |")
    return [*lines, ""]


def cell(text: str) -> str:
    """Return text that does not end a table cell."""
    return text.replace("|", "\\|")
