"""The reading of handwriting that chapter 02 shows is that of the weights that lie here."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
sys.path.append(str(ROOT / "benchmarks"))  # last: it has a module named as one of tools/
handwriting = importlib.import_module("handwriting")
REMAKE = "run `python benchmarks/handwriting.py --record book`, then chapter 02"


@pytest.fixture(scope="module")
def stored():
    return json.loads((BOOK / "handwriting.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [handwriting.PLAIN, handwriting.READER])
def test_weights_are_those_that_were_measured(stored, name):
    assert stored["weights"][name] == handwriting.weights_digest(name), REMAKE


def test_pictures_are_those_that_were_measured(stored):
    for hand, options in handwriting.HANDS.items():
        kept = stored["sets"][hand]
        assert {"seed": 0, **options} == {name: kept[name] for name in ("seed", "each", "haste")}


def test_careful_hand_is_read_as_stored(stored):
    kept = stored["sets"]["careful"]
    assert handwriting.both_by_manner(handwriting.drawn("careful")) == kept["manners"], REMAKE


def test_hasty_hand_is_read_as_stored(stored):
    kept = stored["sets"]["hasty"]
    # The first manner, the hardest: all of them would take half a minute.
    found = handwriting.drawn("hasty")[: kept["each"]]
    for manner, row in handwriting.both_by_manner(found).items():
        assert row == kept["manners"][manner], REMAKE


def test_counts_agree_with_one_another(stored):
    for kept in stored["sets"].values():
        assert len(kept["manners"]) == 10
        for row in kept["manners"].values():
            assert row["pictures"] == kept["each"] >= max(row["lenet5"], row["reader"])
            only = row["only_reader"] - row["only_lenet5"]
            assert row["reader"] - row["lenet5"] == only


def test_a_picture_that_only_one_network_reads_is_counted_for_it(monkeypatch):
    answers = {"lenet5": [True, True, False, False], "reader": [True, False, True, True]}
    monkeypatch.setattr(
        handwriting, "read", lambda name, _: [("marker", right, False) for right in answers[name]]
    )
    assert handwriting.both_by_manner([None] * 4) == {
        "marker": {"pictures": 4, "lenet5": 2, "reader": 3, "only_lenet5": 1, "only_reader": 2}
    }


def test_picture_shows_each_manner_of_both_hands():
    with Image.open(BOOK / "handwriting.png") as image:
        stored = np.asarray(image.convert("RGB"), float)
    side = 110
    assert stored.shape == (2 * side, 10 * side, 3)
    now = np.asarray(handwriting.samples().convert("RGB"), float)
    assert np.abs(stored - now).mean() < 4, REMAKE  # it is stored with few colours
