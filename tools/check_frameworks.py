"""Hold networks in Keras and in ONNX files to the scores that PyTorch gives for the same weights.

    python tools/check_frameworks.py

Compares scores on random images and on the digits, with weights from PyTorch to Keras, from Keras
to PyTorch, and from PyTorch to an ONNX file; the losses of training steps on the same batches; and
what Keras leaves in a home directory. Prints a line for each. Exits with 1 when a difference is
above its bound, and with 2 where Keras or ONNX Runtime is missing. Takes half a minute, so it is no
test.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lenetcourse as lc

SCORES = 1e-5  # times the largest score: a float32 holds seven digits
STEPS = 20
# Of losses. Adam divides a gradient by its own size: where it is next to nothing, rounding counts.
# With epsilon at its other place the losses differ by 2e-3.
BY_SGD, BY_ADAM = 1e-5, 3e-4
IMPORT = "import lenetcourse; lenetcourse.import_keras()"


class Row(NamedTuple):
    """One comparison: what was compared, the largest difference, and the bound that it keeps."""

    what: str
    difference: float
    bound: float

    @property
    def is_wrong(self) -> bool:
        return not self.difference <= self.bound  # nor nan

    def __str__(self) -> str:
        verdict = "  WRONG" if self.is_wrong else ""
        return f"{self.what:62} {self.difference:.2g} (bound {self.bound:.2g}){verdict}"


def networks() -> dict[str, tuple[nn.Module, Callable[[], nn.Module]]]:
    """Return name -> network in PyTorch, and what makes it in Keras."""
    torch.manual_seed(0)
    trained, _ = lc.load_model("lenet5")
    colour = {"kernels": (16, 32), "dropout": 0.25, "input_size": 32, "in_channels": 3}
    return {
        "LeNet-5, trained": (trained, lc.keras_lenet5),
        "LeNet-5, 29x29": (lc.LeNet5(input_size=29), lambda: lc.keras_lenet5(input_size=29)),
        "LeNet-5 in colour": (lc.LeNet5(**colour), lambda: lc.keras_lenet5(**colour)),
        "WideCNN": (lc.WideCNN(), lc.keras_wide_cnn),
        "WideCNN, 31x31": (lc.WideCNN(input_size=31), lambda: lc.keras_wide_cnn(input_size=31)),
    }


def pictures(model: nn.Module) -> dict[str, Tensor]:
    """Return random inputs of the size that `model` takes, and all test digits if they fit it."""
    size, channels = model.settings["input_size"], model.settings["in_channels"]
    found = {"random images": torch.rand(500, channels, size, size)}
    if (size, channels) == (28, 1):
        found["digits"] = lc.as_inputs(lc.load_dataset("digits", "test").images)
    return found


def compared(what: str, found: Tensor, expected: Tensor) -> Row:
    """Return the row of two tensors of scores."""
    bound = SCORES * max(1.0, expected.abs().max().item())
    return Row(what, (found - expected).abs().max().item(), bound)


@torch.no_grad()
def score_rows(folder: Path) -> Iterator[Row]:
    """Compare the scores of every network, in both directions and through a file."""
    for name, (model, make) in networks().items():
        for what, inputs in pictures(model).items():
            twin, back = make(), type(model)(**model.settings).eval()
            lc.load_keras_weights(back, twin.get_weights())  # as Keras has drawn them
            by_keras = torch.from_numpy(twin.predict(inputs.movedim(1, -1).numpy(), verbose=0))
            yield compared(f"{name}, {what}, from Keras", back(inputs), by_keras)
            twin.set_weights(lc.keras_weights(model))
            by_keras = torch.from_numpy(twin.predict(inputs.movedim(1, -1).numpy(), verbose=0))
            expected = model.eval()(inputs)
            yield compared(f"{name}, {what}, to Keras", by_keras, expected)
            lc.export_onnx(model, folder / "x.onnx", tuple(inputs.shape[1:]))
            by_onnx = lc.onnx_scores(folder / "x.onnx", inputs)
            yield compared(f"{name}, {what}, through ONNX", by_onnx, expected)


def step_rows() -> Iterator[Row]:
    """Train both forms on the same batches from the same weights, with SGD and with Adam."""
    optimizers = lc.import_keras().optimizers
    train = lc.load_dataset("digits", "train")
    generator = torch.Generator().manual_seed(0)
    batches = list(islice(lc.Batches(train.images, train.labels, 64, generator), STEPS))
    yield step_row(
        "SGD with momentum",
        BY_SGD,
        batches,
        lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9),
        optimizers.SGD(learning_rate=0.1, momentum=0.9),
    )
    yield step_row("Adam", BY_ADAM, batches, AdamAsInKeras, optimizers.Adam(learning_rate=0.001))


class AdamAsInKeras(torch.optim.Adam):
    """Adam with epsilon where Keras has it: beside the second moment before its bias is corrected.

    Kingma and Ba (arXiv:1412.6980) give both forms, section 2; PyTorch has the other one.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        super().__init__(weights, lr=0.001)
        self.steps = 0

    def step(self, closure: None = None) -> None:
        self.steps += 1
        self.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999**self.steps)
        super().step(closure)


def step_row(
    name: str,
    bound: float,
    batches: Sequence[tuple[Tensor, Tensor]],
    ours: Callable[[Iterable[Tensor]], torch.optim.Optimizer],
    theirs: object,
) -> Row:
    """Compare the losses of training steps with an optimizer of PyTorch and one of Keras."""
    torch.manual_seed(0)
    model, twin = lc.LeNet5(), lc.keras_lenet5()
    twin.set_weights(lc.keras_weights(model))
    loss = lc.import_keras().losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(optimizer=theirs, loss=loss)
    by_torch = lc.train_one_epoch(model, batches, F.cross_entropy, ours(model.parameters()))
    by_keras = []
    for inputs, labels in batches:
        twin.reset_metrics()  # older versions return the mean since the last reset
        by_keras.append(twin.train_on_batch(inputs.movedim(1, -1).numpy(), labels.numpy()))
    differences = [abs(a - float(b)) for a, b in zip(by_torch, by_keras, strict=True)]
    what = f"{name}, losses of {STEPS} steps, {by_torch[0]:.2f} to {by_torch[-1]:.2f}"
    return Row(what, max(differences), bound)


def home_row(home: Path) -> Row:
    """Count what Keras leaves in a home directory, outside the cache of the course."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    variables |= {"HOME": str(home), "USERPROFILE": str(home)}
    subprocess.run([sys.executable, "-c", IMPORT], env=variables, check=True)
    left = [path for path in home.rglob("*keras*") if "lenetcourse" not in path.parts]
    return Row("what Keras leaves in the home directory", len(left), 0)


def all_rows(folder: Path) -> Iterator[Row]:
    """Make every comparison; files go into `folder`."""
    yield from score_rows(folder)
    yield from step_rows()
    yield home_row(folder)


def printed(rows: Iterator[Row]) -> Iterator[Row]:
    """Print each row when it is there, and pass it on."""
    for row in rows:
        print(row, flush=True)
        yield row


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each comparison; return 1 when one is above its bound, 2 without Keras."""
    argparse.ArgumentParser(description="Compare Keras and ONNX with PyTorch.").parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        try:
            with lc.import_keras().device("cpu"):  # on a GPU other kernels round in other places
                rows = list(printed(all_rows(Path(name))))
        except lc.CourseError as error:
            print(f"check_frameworks: {error}", file=sys.stderr)
            return 2
    return int(any(row.is_wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
