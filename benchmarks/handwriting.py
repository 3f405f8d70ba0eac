"""Read pictures of other people's handwriting: how many are right, by manner of writing.

python benchmarks/handwriting.py [--seed 0] [--each 6] [--haste 1] [--weights lenet5 reader]
python benchmarks/handwriting.py --record book

The pictures are those of `handwriting_pictures.py`, which no weights were trained or chosen on:
sixty with the seed and the number that stand here; `--haste 2` makes them harder. A picture counts
as right when the digit is; "unsure" counts answers that `lenetcourse predict` would call so, right
or wrong. Of letters, and of two digits at once, only these are counted. `--seed 1` is for work on
the recipe. Exit status 1 when the last weights read fewer than 95 % right.

`--record` writes what chapter 02 shows: `handwriting.json`, the counts of a careful and of a hasty
hand for both networks that come with the library, with the sha256 of their files, and
`handwriting.png`, pictures of each manner.
"""

import argparse
import functools
import hashlib
import json
import sys
from collections import defaultdict
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from handwriting_pictures import Picture, no_digits, pictures, sheet
from PIL import Image

from lenetcourse import PictureError, load_model, predict_probabilities
from lenetcourse.files import replacing
from lenetcourse.train.rejection import is_unsure

TARGET = 0.95
PLAIN, READER = "lenet5", "reader"  # the networks that come with the library
# What `--record` draws, all with seed 0: the sixty, and five times as many of a hasty hand.
HANDS = {"careful": {"each": 6, "haste": 1.0}, "hasty": {"each": 30, "haste": 2.0}}


class Reading(NamedTuple):
    """What one network made of one picture."""

    manner: str
    right: bool
    unsure: bool


def read(weights: str, found: list, show_wrong: bool = False) -> list[Reading]:
    """Return how one network reads the pictures, in their order."""
    model, facts = load_model(weights)
    readings = []
    for picture in found:
        try:
            probabilities = predict_probabilities(model, picture.field[None])
        except PictureError as error:
            answer, unsure, share = str(error), True, 0.0
        else:
            answer, unsure = int(probabilities.argmax()), bool(is_unsure(probabilities, facts))
            share = float(probabilities.max())
        readings.append(Reading(picture.manner, answer == picture.digit, unsure))
        if show_wrong and answer != picture.digit:
            print(f"{weights}: {picture.manner}: {picture.digit} read as {answer} ({share:.1%})")
    return readings


def by_manner(readings: list[Reading]) -> dict[str, list[int]]:
    """Return manner -> [pictures, right, unsure, wrong and not unsure]."""
    rows = defaultdict(lambda: [0, 0, 0, 0])
    for manner, right, unsure in readings:
        for column, value in enumerate((True, right, unsure, not right and not unsure)):
            rows[manner][column] += value
    return rows


def both_by_manner(found: list) -> dict[str, dict[str, int]]:
    """Return manner -> how many pictures, how many each network reads, and how many only it."""
    plain, reader = read(PLAIN, found), read(READER, found)
    rows: dict[str, dict[str, int]] = {}
    for (manner, by_plain, _), (_, by_reader, _) in zip(plain, reader, strict=True):
        row = rows.setdefault(
            manner, dict.fromkeys(("pictures", PLAIN, READER, "only_lenet5", "only_reader"), 0)
        )
        row["pictures"] += 1
        row[PLAIN] += by_plain
        row[READER] += by_reader
        row["only_lenet5"] += by_plain and not by_reader
        row["only_reader"] += by_reader and not by_plain
    return rows


def weights_digest(name: str) -> str:
    """Return the sha256 of a weights file of the library."""
    path = resources.files("lenetcourse") / "weights" / f"{name}.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def drawn(hand: str) -> list:
    """Return the pictures of one of `HANDS`, drawn once: the counts and the samples need them."""
    return list(pictures(0, **HANDS[hand]))


def recorded() -> dict:
    """Return what `handwriting.json` holds."""
    sets = {}
    for hand, options in HANDS.items():
        sets[hand] = {"seed": 0, **options, "manners": both_by_manner(drawn(hand))}
    return {"weights": {name: weights_digest(name) for name in (PLAIN, READER)}, "sets": sets}


def unlikeness(one: Picture, other: Picture) -> float:
    """Return how far two pictures are apart in the form that a network reads."""
    return float((one.field.float() - other.field.float()).square().mean())


def samples() -> Image.Image:
    """Return one picture of each manner in a row, of a careful hand, and below of a hasty one.

    The hasty one shows the same digit and is, of all such, the least like the careful one.
    """
    careful, hasty = drawn("careful"), drawn("hasty")
    each = HANDS["careful"]["each"]
    # Not always the first of a manner: those would show the same digit again and again.
    above = [careful[each * k + k % each] for k in range(len(careful) // each)]
    below = []
    for picture in above:
        same = [p for p in hasty if (p.manner, p.digit) == (picture.manner, picture.digit)]
        below.append(max(same, key=lambda p: unlikeness(p, picture)))
    return sheet(above + below, len(above), ground=(255, 255, 255))


def record(folder: Path) -> None:
    """Write what the chapter shows."""
    text = json.dumps(recorded(), indent=1) + "\n"
    with replacing(folder / "handwriting.json") as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    with replacing(folder / "handwriting.png") as part:
        samples().quantize(64).save(part, "PNG", optimize=True)


def unsure_of_no_digits(weights: list[str], seed: int) -> dict[str, list[list[int]]]:
    """Return kind -> for each network [pictures that show not one digit, unsure]."""
    rows = defaultdict(lambda: [[0, 0] for _ in weights])
    for number, name in enumerate(weights):
        model, facts = load_model(name)
        for picture in no_digits(seed):
            cell = rows[picture.manner][number]
            cell[0] += 1
            try:
                probabilities = predict_probabilities(model, picture.field[None])
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
    parser.add_argument("--weights", nargs="+", default=[PLAIN, READER])
    parser.add_argument("--wrong", action="store_true", help="print each wrong reading")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="write what chapter 02 shows")
    options = parser.parse_args()
    if options.record:
        record(options.record)
        return 0
    found = list(pictures(options.seed, options.each, options.haste))
    tables = [by_manner(read(weights, found, options.wrong)) for weights in options.weights]
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
