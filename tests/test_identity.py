"""What decides a run: described so that equal things look equal and others do not."""

import re
import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lenetcourse import VAE, LeNet5, SkipSegmenter, accuracy, vae_loss
from lenetcourse.train.identity import (
    describe_run,
    difference,
    digest,
    network_words,
    optimizer_words,
    words,
)

IMAGES = torch.arange(4 * 9, dtype=torch.uint8).reshape(4, 3, 3)
BETA = 1.0


def made(beta):
    def loss(outputs, targets):
        return beta * F.mse_loss(outputs, targets)

    return loss


def with_a_global(outputs, targets):
    return BETA * F.mse_loss(outputs, targets)


def with_a_helper(outputs, targets):
    return with_a_global(outputs, targets)


class Weighted:
    def __init__(self, beta):
        self.beta = beta

    def __call__(self, outputs, targets):
        return self.beta * F.mse_loss(outputs, targets)

    def method(self, outputs, targets):
        return self(outputs, targets)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (vae_loss, F.cross_entropy),
        (vae_loss, partial(vae_loss, beta=4)),
        (partial(vae_loss, beta=1), partial(vae_loss, beta=4)),
        (partial(vae_loss, beta=1), partial(vae_loss, beta=1, reconstruction="bce")),
        (partial(torch.add, 1), partial(torch.add, 2)),
        (partial(partial(vae_loss, beta=1)), partial(partial(vae_loss, beta=2))),
        (made(1), made(4)),
        (lambda outputs, targets: 1, lambda outputs, targets: 2),
        (lambda outputs, targets: outputs + targets, lambda outputs, targets: outputs - targets),
        (lambda outputs, targets: [(lambda: 1)()], lambda outputs, targets: [(lambda: 2)()]),
        (lambda outputs, targets, beta=1: beta, lambda outputs, targets, beta=2: beta),
        (lambda outputs, *, beta=1: beta, lambda outputs, *, beta=2: beta),
        (Weighted(1), Weighted(4)),
        (Weighted(1).method, Weighted(4).method),
        (made(partial(vae_loss, beta=1)), made(partial(vae_loss, beta=4))),
        (made(torch.ones(3)), made(torch.zeros(3))),
        (made({"a": [1]}), made({"a": [2]})),
        (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
        (
            nn.CrossEntropyLoss(weight=torch.ones(10)),
            nn.CrossEntropyLoss(weight=torch.arange(10.0)),
        ),
        (torch.sum, torch.mean),
    ],
)
def test_functions_that_differ(one, other):
    assert digest(one) != digest(other)
    assert digest(one) == digest(one)


def test_functions_made_alike_are_the_same():
    assert digest(partial(vae_loss, beta=4)) == digest(partial(vae_loss, beta=4))
    assert digest(made(4)) == digest(made(4))
    assert digest(Weighted(4)) == digest(Weighted(4))
    assert digest(nn.CrossEntropyLoss()) == digest(nn.CrossEntropyLoss())
    assert digest({1, 2, "a"}) == digest({"a", 2, 1})


def test_a_global_decides_too(monkeypatch):
    before = digest(with_a_global), digest(with_a_helper)
    monkeypatch.setitem(globals(), "BETA", 4.0)
    assert digest(with_a_global) != before[0]
    assert digest(with_a_helper) != before[1]


def test_what_hangs_together_is_written_once():
    """Twenty steps that each name the next one twice: a million ways to the last one."""
    chain = Weighted(1.0)
    for _ in range(20):
        chain = Weighted({"a": chain, "b": chain})
    assert digest(made(chain)) == digest(made(chain))


def test_neither_notes_nor_circles_matter():
    notes = []

    def loss(outputs, targets):
        notes.append(outputs)
        return loss  # a circle

    before = digest(loss)
    notes.append(1)
    assert digest(loss) == before


def test_neither_lines_nor_docstrings_matter():
    head, body = "from torch.nn import functional as F\n", "    return 2 * F.mse_loss(a, b)\n"
    found = set()
    for text in ("    'Words.'\n", "    'Other words.'\n\n    # a comment\n"):
        space = {"__name__": "somewhere"}
        exec(f"{head}def loss(a, b):\n{text}{body}", space)
        found.add(digest(space["loss"]))
    assert len(found) == 1


def test_the_same_in_another_process(capsys):
    code = (
        "from functools import partial; from lenetcourse import *;"
        "from lenetcourse.train.identity import digest;"
        "print(digest([partial(vae_loss, beta=4), LeNet5(), accuracy, {'a', 'b', 'c'},"
        "lambda x: x in {'a', 'b', 'c'}]))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    exec(code, {"__name__": "__main__"})
    assert capsys.readouterr().out == there.stdout


class OtherForward(SkipSegmenter):
    def forward(self, x):
        return self.out(self.conv1(x))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LeNet5(), LeNet5((3, 8))),
        (LeNet5(), LeNet5(dropout=0.1)),
        (LeNet5(), LeNet5(conv3=True)),
        (VAE(), VAE(sample=False)),
        (SkipSegmenter(), OtherForward()),
        (nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2), nn.ReLU())),
        (nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3, padding=1)),
    ],
)
def test_networks_that_differ(one, other):
    assert digest(one) != digest(other)


def test_weights_and_the_mode_are_no_part_of_a_network():
    one, other = LeNet5(), LeNet5().eval()
    assert digest(one) == digest(other)


def optimizers(make):
    return make(nn.Linear(2, 2).parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (torch.optim.Adam, "Adam"),
        (partial(torch.optim.Adam, fused=True), "Adam"),
        (partial(torch.optim.Adam, betas=(0.8, 0.9)), "Adam, betas (0.8, 0.9)"),
        (torch.optim.SGD, "SGD"),
        (partial(torch.optim.SGD, momentum=0.5), "SGD, momentum 0.5"),
        (
            partial(torch.optim.SGD, momentum=0.5, nesterov=True),
            "SGD, momentum 0.5, nesterov True",
        ),
    ],
)
def test_names_of_optimizers(make, name):
    assert optimizer_words(optimizers(make)) == name


def test_words():
    assert words(accuracy) == "accuracy"
    assert words(partial(vae_loss, beta=4)) == "vae_loss(beta=4)"
    assert words(partial(torch.add, 1, alpha=torch.ones(2))) == "add(1, alpha=Tensor)"
    assert words(Weighted(1)) == "Weighted"
    assert network_words(LeNet5((3, 8), 0.1)).startswith("LeNet5(kernels=[3, 8], dropout=0.1, ")
    assert network_words(nn.Linear(2, 2)) == "Linear()"


def described(
    loss=vae_loss,
    metrics=None,
    make=torch.optim.Adam,
    images=IMAGES,
    labels=IMAGES,
    augment=None,
):
    metrics = {"accuracy": accuracy} if metrics is None else metrics
    data = {"training data": (images, labels)}
    return describe_run(VAE(), loss, metrics, optimizers(make), data, augment)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"loss": F.mse_loss}, "its loss is vae_loss, not mse_loss"),
        ({"loss": partial(vae_loss, beta=4)}, r"its loss is vae_loss, not vae_loss\(beta=4\)"),
        ({"metrics": {}}, "its metrics is accuracy, not none"),
        ({"metrics": {"accuracy": F.l1_loss}}, "its metric accuracy is accuracy, not l1_loss"),
        ({"make": torch.optim.SGD}, "its optimizer is Adam, not SGD"),
        (
            {"make": partial(torch.optim.Adam, weight_decay=0.1)},
            r"its optimizer is Adam, not Adam, weight_decay 0\.1",
        ),
        ({"augment": Weighted(1)}, "its augment is none, not Weighted"),
        ({"images": IMAGES[:3]}, r"its training data is uint8 \(4, 3, 3\) and .* not uint8 \(3,"),
        ({"images": IMAGES.float()}, "its training data is uint8 .* not float32"),
        ({"images": IMAGES + 1}, "its training data, uint8 .* other images and labels"),
        ({"labels": IMAGES.flip(0)}, "its training data, uint8 .* other images and labels"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_differences(other, message):
    assert difference(described(), described()) is None
    found = difference(described(), described(**other))
    assert found is not None
    assert re.search(message, found)


def test_two_functions_of_one_name():
    one, other = described(made(1)), described(made(2))
    assert difference(one, other) == "its loss, loss, has the same name but other code or values"
