"""`lenetcourse predict` on photographs, for weights that name their classes."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from lenetcourse.command.report import fail
from lenetcourse.errors import CourseError, UsageError

if TYPE_CHECKING:
    from torch import nn

LARGEST = 1024  # pixels a side: a file from elsewhere may claim any


def name_photographs(model: nn.Module, facts: dict, options: argparse.Namespace) -> int:
    """Print what is in each picture, by the classes of the weights; return 2 when one is unread.

    `facts` is the metadata of the weights: `classes`, a list of names, and `image_size`, the side
    in pixels of the images that the network was trained on. Raises WeightsError when these do not
    fit the network.
    """
    from lenetcourse import predict_probabilities
    from lenetcourse.data.folders import read_pictures

    classes, size = _classes_and_size(model, facts, options.weights)
    if options.show_steps:
        raise UsageError("--show-steps draws how a digit is found: a photograph is only made small")
    rows, code = [], 0
    for file in options.files:
        try:
            image = read_pictures([file], size)
        except (CourseError, OSError) as error:
            code = fail(error)
            continue
        shares = dict(zip(classes, predict_probabilities(model, image)[0].tolist(), strict=True))
        rows.append({"file": str(file), "class": max(shares, key=shares.get), "shares": shares})
    if options.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(_answer(row))
    return code


def _answer(row: dict) -> str:
    """Return the line to print for one photograph: its likeliest class and the next one."""
    best = sorted(row["shares"], key=row["shares"].get, reverse=True)
    first, *others = (f"{name} ({row['shares'][name]:.1%})" for name in best)
    return f"{row['file']}: {first}" + (f", then {others[0]}" if others else "")


def _classes_and_size(model: nn.Module, facts: dict, weights: str) -> tuple[list[str], int]:
    """Return the classes and the size of the images. Raises WeightsError when they do not fit."""
    from lenetcourse import WeightsError

    classes, size = facts["classes"], facts.get("image_size")
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    if not named or len({*classes}) != model.settings.get("num_classes"):
        raise WeightsError(f"{weights}: its classes are not one name for each output")
    if type(size) is not int or not 1 <= size <= LARGEST:
        raise WeightsError(f"{weights}: its image_size is not from 1 to {LARGEST} pixels")
    fits = model.settings.get("input_size", size) == size
    if not fits or model.settings.get("in_channels", 3) != 3:
        raise WeightsError(f"{weights}: made for other pictures than {size}x{size} in colour")
    return classes, size
