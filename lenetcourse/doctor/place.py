"""Where the course runs, a reader's own machine or a service, and what matters there."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A machine or a service.

    Attributes:
        name: of the service, "" for a machine of the reader's own.
        notes: what a reader should know of it, a sentence or two each.
        data: how MNIST gets there without a download, "" where there is no way of its own.
        pip: how a command to pip begins there.
        restart: what must be done when a package that is in use was replaced.
        opens_notebooks: it needs no JupyterLab for that, only a kernel.
    """

    name: str = ""
    notes: tuple[str, ...] = ()
    data: str = ""
    pip: str = ""
    restart: str = "Then restart the kernel of every open notebook."
    opens_notebooks: bool = False


SERVICES = {
    # First, because Kaggle's images are built on Colab's and may carry its marks.
    "KAGGLE_KERNEL_RUN_TYPE": Place(
        "Kaggle",
        (
            "The course needs no internet here. Whether it is on cannot be seen; to turn it on: "
            "Session options, on the right, Internet (Kaggle asks once for a phone number).",
            "A changed notebook is kept by Save Version.",
        ),
        "Add Input, on the right: any data set that holds MNIST's four files is found by itself.",
        "%pip",
        "Then restart the session: Run, Restart.",
        True,
    ),
    "COLAB_RELEASE_TAG": Place(
        "Google Colab",
        (
            "Files here go when the session ends. A changed notebook is kept by File, Save a copy "
            "in Drive.",
            "No GPU is needed.",
        ),
        "",
        "%pip",
        "Then restart the session: Runtime, Restart session.",
        True,
    ),
    "BINDER_SERVICE_HOST": Place(
        "Binder",
        (
            "Binder ends after some minutes without use and keeps nothing: download the notebooks "
            "that you changed.",
        ),
    ),
    "CODESPACES": Place(
        "GitHub Codespaces",
        (
            "A codespace stops when it is not used and keeps its files; stop it yourself when you "
            "are done, because its hours are counted.",
        ),
        opens_notebooks=True,
    ),
}


def find_place() -> Place:
    """Return where this process runs, by what the services set in the environment."""
    for variable, place in SERVICES.items():
        if os.environ.get(variable):
            return place
    with contextlib.suppress(ImportError, ValueError):
        if importlib.util.find_spec("google.colab"):
            return SERVICES["COLAB_RELEASE_TAG"]
    return Place()


def pip_command(place: Place, *arguments: str) -> str:
    """Return a command to pip of the Python that runs now: another one's would not help."""
    start = place.pip or f"{_quoted(sys.executable)} -m pip"
    return " ".join([start, *map(_quoted, arguments)])


def _quoted(word: str) -> str:
    """Return a word as a shell reads it: in quotation marks, which all of them know, or bare."""
    return f'"{word}"' if set(word) & set(" ><&()[];") else word
