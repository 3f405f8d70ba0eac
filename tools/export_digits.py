"""Write the ten example digits of the pages: a script that works from file://, without a server.

    python tools/export_digits.py [--check]

`book/_static/network/weights/digits.js` sets `lenet.digits`: one digit of each class from the
embedded data set's test part (scikit-learn's digits in MNIST's form, not MNIST's files), 28x28
bytes each, as base64. Of each class it is the first that both networks of the pages read right and
without doubt. With --check nothing is written: exits with 1 when the script differs.
"""

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from notebook.reading import ROOT
from torch import Tensor
from web.one_script import write_or_check

from lenetcourse import load_dataset, load_model, predict_probabilities
from lenetcourse.models.weights import OWN_WEIGHTS

SCRIPT = Path("book", "_static", "network", "weights", "digits.js")
SURE = 0.9  # the least probability of the right class


def examples() -> Tensor:
    """Return ten digits, uint8 (10, 28, 28), of the classes 0 to 9."""
    test = load_dataset("digits", "test")
    own = torch.arange(len(test)), test.labels
    sure = torch.stack(
        [predict_probabilities(load_model(name)[0], test.images)[own] for name in OWN_WEIGHTS]
    ).amin(0)
    first = [int(((test.labels == digit) & (sure >= SURE)).nonzero()[0]) for digit in range(10)]
    return test.images[first]


def script(digits: Tensor) -> str:
    """Return the script of some digits, uint8 (n, 28, 28)."""
    numbers = base64.b64encode(digits.numpy().tobytes()).decode("ascii")
    return (
        "// Made by tools/export_digits.py from scikit-learn's digits: do not edit.\n"
        f'lenet.digits = {{\n"shape": {json.dumps([*digits.shape])},\n"uint8": "{numbers}"\n}};\n'
    )


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Export or check; return the exit code."""
    told = ("export_digits", __doc__, "example digits")
    return write_or_check(*told, root, SCRIPT, lambda: script(examples()), arguments)


if __name__ == "__main__":
    sys.exit(main())
