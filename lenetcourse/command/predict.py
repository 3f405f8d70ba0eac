"""`lenetcourse predict`: read the digit in pictures."""

from __future__ import annotations

import json
from pathlib import Path

from lenetcourse.command.errors import _fail


def _add_predict(commands) -> None:
    predict = commands.add_parser("predict", help="read the digit in pictures")
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE")
    predict.add_argument("--weights", type=Path, help="default: the LeNet-5 of the library")
    predict.add_argument("--json", action="store_true", help="print file, digit, probabilities")
    predict.add_argument("--show-steps", type=Path, metavar="OUT.png", help="draw the conversion")
    predict.set_defaults(run=_predict)


def _predict(options) -> int:
    from lenetcourse import PictureError, load_model, predict_probabilities, to_mnist

    model, _ = load_model(options.weights)
    if model.settings["input_size"] != 28 or model.settings["in_channels"] != 1:
        raise ValueError(f"{options.weights}: made for other pictures than 28x28 pixels of grey")
    results, drawn, code = [], [], 0
    for file in options.files:
        try:
            image, steps = to_mnist(file, return_steps=True)
        except (PictureError, OSError) as error:
            code = _fail(error if str(file) in str(error) else f"{file}: {error}")
            continue
        probabilities = predict_probabilities(model, image[None])[0].tolist()
        digit = max(range(len(probabilities)), key=probabilities.__getitem__)
        results.append({"file": str(file), "digit": digit, "probabilities": probabilities})
        drawn.append(steps)
    if options.json:
        print(json.dumps(results))
    else:
        for row in results:
            print(f"{row['file']}: {row['digit']} ({row['probabilities'][row['digit']]:.1%})")
    if options.show_steps and drawn:
        _draw_steps(drawn, options.show_steps)
    return code


def _draw_steps(drawn: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from lenetcourse import show_steps, use_course_style
    from lenetcourse.files import replacing

    use_course_style()
    with replacing(path) as temporary:
        show_steps(drawn).savefig(temporary, format=path.suffix[1:] or "png")
