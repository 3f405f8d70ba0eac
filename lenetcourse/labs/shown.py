"""How outcomes, hints and progress are told: as text, and as HTML where a notebook shows it.

The word comes first, then the sign; colour only repeats what they say.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lenetcourse.labs.judge import NOT_ATTEMPTED, NOT_YET, RAISED, RIGHT, Outcome

SIGNS = {NOT_ATTEMPTED: "○", RAISED: "!", NOT_YET: "✗", RIGHT: "✓"}
# Readable as a line on a white and on a black page.
COLOURS = {NOT_ATTEMPTED: "#767676", RAISED: "#c2571a", NOT_YET: "#c2571a", RIGHT: "#1b8a5a"}


@dataclass(frozen=True)
class Message:
    """A heading, paragraphs, and labelled details such as numbers or code."""

    head: str
    paragraphs: Sequence[str] = ()
    details: Sequence[tuple[str, str]] = ()
    colour: str = "#767676"
    foot: str = ""

    def __str__(self) -> str:
        lines = [self.head, *self.paragraphs]
        for label, text in self.details:
            lines.append(f"{label}:" if label else "")
            lines += [f"    {line}" for line in text.splitlines()]
        lines += [self.foot] if self.foot else []
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = [f"<strong>{html.escape(self.head)}</strong>"]
        parts += [f"<p style='margin:.3em 0'>{_inline(text)}</p>" for text in self.paragraphs]
        for label, text in self.details:
            parts.append(
                f"<div>{html.escape(label)}</div><pre style='margin:.1em 0 .4em 1em;"
                f"white-space:pre-wrap;background:transparent'>{html.escape(text)}</pre>"
            )
        parts += [f"<p style='margin:.3em 0'>{_inline(self.foot)}</p>"] if self.foot else []
        style = f"border-left:4px solid {self.colour};padding:.2em .8em;margin:.3em 0"
        return f"<div role='status' style='{style}'>{''.join(parts)}</div>"


def _inline(text: str) -> str:
    """Return text as HTML, `code` between backticks as code."""
    parts = html.escape(text).replace("\n", "<br>").split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


def outcome_message(name: str, title: str, outcome: Outcome, why: str) -> Message:
    """Return what a reader sees after a check."""
    head = f"{outcome.kind.capitalize()} {SIGNS[outcome.kind]}  {name}, {title}"
    paragraphs = [outcome.message] if outcome.message else []
    if outcome.kind == RIGHT:
        paragraphs.append(why)
    elif outcome.kind == NOT_ATTEMPTED:
        paragraphs.append(
            f"Replace the `...` above by your answer, run its cell, then this one. "
            f"Stuck? `lab.{name}.hint()`"
        )
    wrong = outcome.kind in (RAISED, NOT_YET)
    foot = f"`lab.{name}.hint()` says more." if wrong else ""
    details = [
        (label, text)
        for label, text in (
            ("given", outcome.given),
            ("expected", outcome.expected),
            ("got", outcome.got),
        )
        if text is not None
    ]
    return Message(head, paragraphs, details, COLOURS[outcome.kind], foot)


def show(message: Message) -> None:
    """Show a message in a notebook, or print it where there is none."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(message)
    else:
        print(message)
