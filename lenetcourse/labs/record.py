"""What `make labs` left of a lab's notebook: its name, and each task's check and solution."""

from __future__ import annotations

import json
from importlib.resources import files


def read_record(number: str) -> dict:
    """Return the record of a lab: its "name", and "tasks": {"q1": {check, solution, reason}, ...}.

    Empty while the lab's notebook has not been made.
    """
    place = files("lenetcourse") / "labs" / "solutions" / f"lab_{number}.json"
    if not place.is_file():
        return {"name": f"lab_{number}", "tasks": {}}
    return json.loads(place.read_text(encoding="utf-8"))
