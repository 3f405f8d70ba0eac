"""Read pictures of other people's handwriting: how many are right, by manner of writing.

python benchmarks/handwriting.py [--seed 0] [--each 6] [--haste 1] [--weights lenet5 reader]

The pictures are those of `handwriting_pictures.py`, which no weights were trained or chosen on:
sixty with the seed and the number that stand here; `--haste 2` makes them harder. A picture counts
as right when the digit is; "unsure" counts answers that `lenetcourse predict` would call so, right
or wrong. Of letters, and of two digits at once, only these are counted. `--seed 1` is for work on
the recipe. Exit status 1 when the last weights read fewer than 95 % right.
"""

import argparse
import sys
from collections import defaultdict

from handwriting_pictures import no_digits, pictures

from lenetcourse import PictureError, load_model, predict_probabilities, to_mnist
from lenetcourse.train.rejection import is_unsure

TARGET = 0.95


def read(weights: str, found: list, show_wrong: bool) -> dict[str, list[int]]:
    """Return manner -> [pictures, right, unsure, wrong and not unsure] of one network."""
    model, facts = load_model(weights)
    rows = defaultdict(lambda: [0, 0, 0, 0])
    for picture in found:
        try:
            probabilities = predict_probabilities(model, to_mnist(picture.image)[None])
        except PictureError as error:
            answer, unsure, share = str(error), True, 0.0
        else:
            answer, unsure = int(probabilities.argmax()), bool(is_unsure(probabilities, facts))
            share = float(probabilities.max())
        right = answer == picture.digit
        for column, value in enumerate((True, right, unsure, not right and not unsure)):
            rows[picture.manner][column] += value
        if show_wrong and not right:
            print(f"{weights}: {picture.manner}: {picture.digit} read as {answer} ({share:.1%})")
    return rows


def unsure_of_no_digits(weights: list[str], seed: int) -> dict[str, list[list[int]]]:
    """Return kind -> for each network [pictures that show not one digit, unsure]."""
    rows = defaultdict(lambda: [[0, 0] for _ in weights])
    for number, name in enumerate(weights):
        model, facts = load_model(name)
        for picture in no_digits(seed):
            cell = rows[picture.manner][number]
            cell[0] += 1
            try:
                probabilities = predict_probabilities(model, to_mnist(picture.image)[None])
            except PictureError:  # refused: no answer is given
                cell[1] += 1
            else:
                cell[1] += bool(is_unsure(probabilities, facts))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=6, help="pictures of each manner (6)")
    parser.add_argument("--haste", type=float, default=1.0, help="2: a hasty hand (1)")
    parser.add_argument("--weights", nargs="+", default=["lenet5", "reader"])
    parser.add_argument("--wrong", action="store_true", help="print each wrong reading")
    options = parser.parse_args()
    found = list(pictures(options.seed, options.each, options.haste))
    tables = [read(weights, found, options.wrong) for weights in options.weights]
    manners = list(tables[0])
    totals = [[sum(column) for column in zip(*table.values(), strict=True)] for table in tables]
    head = "".join(f"{weights.rsplit('/')[-1][-30:]:>34s}" for weights in options.weights)
    print(f"\n{'':26s}{head}\n{'':26s}" + f"{'right   unsure   wrong, sure':>34s}" * len(tables))
    for name in [*manners, "all"]:
        rows = totals if name == "all" else [table[name] for table in tables]
        cells = [f"{right:8d}/{count}{unsure:9d}{sure:12d}" for count, right, unsure, sure in rows]
        print(f"{name:26s}" + "".join(f"{cell:>34s}" for cell in cells))
    count, right, *_ = totals[-1]
    for name, rows in unsure_of_no_digits(options.weights, options.seed).items():
        print(
            f"{name:26s}"
            + "".join(f"{'-':>8s}/{count}{unsure:9d}{'':12s}" for count, unsure in rows)
        )
    print(f"\n{options.weights[-1]}: {right / count:.1%} right, target {TARGET:.0%}")
    return int(right < TARGET * count)


if __name__ == "__main__":
    sys.exit(main())
