"""Which data set in colour a chapter runs on."""

from __future__ import annotations

import os

from lenetcourse.data.colour import COLOUR_NAMES, STAND_INS
from lenetcourse.data.datasets import NAMES, load_dataset
from lenetcourse.errors import DatasetError, UsageError


def choose_colour_dataset(
    name: str = "auto", real: str = "cifar10", *, folder: str | os.PathLike | None = None
) -> str:
    """Return the data set in colour that `name` means, and print it in one line when it was "auto".

    "auto" is `real`, "cifar10" or "flowers", if it is on this machine or can be downloaded, else
    the embedded set that stands in for it: "colour-digits", or "colour-digits-64" with five classes
    as the flowers have. The environment variable LENETCOURSE_DATASET decides it as far as it can:
    "digits" means the stand-in here, the name of either means that one, and other data sets of the
    course are for the grey chapters.

    Raises UsageError when there is no such `real`, or the variable names no data set.
    """
    if name != "auto":
        return name
    if real not in STAND_INS:
        raise UsageError(f"no data set stands in for {real!r}: one of {', '.join(STAND_INS)}")
    chosen = os.environ.get("LENETCOURSE_DATASET", "auto")
    known = NAMES + COLOUR_NAMES
    if chosen not in known:
        raise UsageError(f"LENETCOURSE_DATASET={chosen} is no data set: one of {', '.join(known)}")
    stand_in = STAND_INS[real]
    if chosen in ("digits", real, stand_in):
        chosen = stand_in if chosen == "digits" else chosen
        print(f"Data set: {chosen}, as LENETCOURSE_DATASET says.")
        return chosen
    try:
        # The smaller part of the training files, so that these are known to be whole.
        load_dataset(real, "validation", folder=folder)
    except DatasetError as error:
        reason = str(error).splitlines()[0]
        print(f"Data set: {stand_in}, because {real} is not to be had here ({reason})")
        return stand_in
    print(f"Data set: {real}.")
    return real
