"""Write the digits on which the page "Watch it learn" trains, as a script that works from file://.

    python tools/export_training_digits.py [--check]

They are scikit-learn's own 8x8 digits, split as `load_dataset("digits")` splits them: to train on,
the first 200 of the training part, without its shifted and turned copies; held out, the 197 of the
validation part. The page brings them to MNIST's form itself, as the library does; so the script
holds 64 letters for a digit, "a" for paper to "q" for full ink, and not 784 numbers.

With --check nothing is written: exits with 1 when the script is not what the digits say.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from notebook.reading import ROOT
from sklearn.datasets import load_digits
from web.one_script import write_or_check

from lenetcourse.data.digits import SEED, SIZES

SCRIPT = Path("book", "_static", "network", "weights", "training_digits.js")
TRAINING = 200


def chosen() -> dict[str, np.ndarray]:
    """Return where in scikit-learn's data set the digits of each part lie."""
    order = np.random.RandomState(SEED).permutation(sum(SIZES.values()))
    start = SIZES["train"]
    return {"train": order[:TRAINING], "held": order[start : start + SIZES["validation"]]}


def script() -> str:
    """Return the script, which registers itself as `lenet.trainingDigits`."""
    digits = load_digits()
    parts = []
    for part, places in chosen().items():
        labels = "".join(map(str, digits.target[places]))
        grey = digits.images[places].reshape(len(places), 64).astype(int)  # 0 to 16
        images = [json.dumps("".join(chr(ord("a") + value) for value in image)) for image in grey]
        parts.append(f'{part}: {{ labels: "{labels}", images: [\n' + ",\n".join(images) + "\n]}")
    return (
        "// Made by tools/export_training_digits.py from scikit-learn's digits: do not edit.\n"
        "// Alpaydin and Kaynak, UCI repository, 1998; CC BY 4.0.\n"
        "lenet.trainingDigits = {\n" + ",\n".join(parts) + "\n};\n"
    )


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Export or check; return the exit code."""
    told = ("export_training_digits", __doc__, "digits of the page")
    return write_or_check(*told, root, SCRIPT, script, arguments)


if __name__ == "__main__":
    sys.exit(main())
