"""`lenetcourse predict`: read the digit in pictures, or name what is in photographs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lenetcourse.command.photographs import name_photographs
from lenetcourse.command.report import fail
from lenetcourse.errors import UsageError


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its options."""
    predict = commands.add_parser("predict", help="read the digit in pictures, or name photographs")
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE")
    predict.add_argument("--weights", default="reader", help="reader (default), lenet5 or a file")
    predict.add_argument(
        "--json", action="store_true", help="print each file's answer and probabilities"
    )
    predict.add_argument("--show-steps", type=Path, metavar="OUT.png", help="draw the conversion")
    predict.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read every picture; print its digit, or its class; return 2 when one could not be read."""
    from lenetcourse import PictureError, WeightsError, load_model, predict_probabilities, to_mnist
    from lenetcourse.models.networks import CLASSIFIERS
    from lenetcourse.train.rejection import is_unsure

    model, facts = load_model(options.weights)
    if "classes" in facts:
        return name_photographs(model, facts, options)
    if not isinstance(model, tuple(CLASSIFIERS.values())):
        raise WeightsError(f"{options.weights}: a {facts['model']}, which names no digit")
    if (model.settings["input_size"], model.settings["in_channels"]) != (28, 1):
        raise WeightsError(f"{options.weights}: made for other pictures than 28x28 pixels of grey")
    results, drawn, code = [], [], 0
    for file in options.files:
        try:
            image, steps = to_mnist(file, return_steps=True)
        except (PictureError, OSError) as error:
            code = fail(error if str(file) in str(error) else f"{file}: {error}")
            continue
        probabilities = predict_probabilities(model, image[None])
        row = {"file": str(file), "digit": int(probabilities.argmax())}
        row["unsure"] = is_unsure(probabilities, facts)
        results.append(row | {"probabilities": probabilities[0].tolist()})
        drawn.append(steps)
    if options.json:
        print(json.dumps(results))
    else:
        for row in results:
            print(answer(row))
    if options.show_steps and drawn:
        draw_steps(drawn, options.show_steps)
    return code


def answer(row: dict) -> str:
    """Return the line to print for one picture: its digit, or that the network is unsure."""
    shares = row["probabilities"]
    best = sorted(range(len(shares)), key=shares.__getitem__, reverse=True)
    first, *others = (f"{digit} ({shares[digit]:.1%})" for digit in best)
    return f"{row['file']}: " + (f"unsure, {first} or {others[0]}" if row["unsure"] else first)


def draw_steps(drawn: list[dict], path: Path) -> None:
    """Draw the conversion of every picture into a file, a row each."""
    import matplotlib

    matplotlib.use("Agg")
    from lenetcourse import show_steps, use_course_style
    from lenetcourse.files import replacing

    use_course_style()
    figure, ending = show_steps(drawn), path.suffix[1:].lower() or "png"
    if ending not in figure.canvas.get_supported_filetypes():
        raise UsageError(f"{path}: format {ending!r} is not supported: take png, pdf or svg")
    with replacing(path) as temporary:
        figure.savefig(temporary, format=ending)
