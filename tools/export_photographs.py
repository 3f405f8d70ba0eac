"""Write the two pieces of photographs over which the page "Slide a kernel" slides its kernels.

    python tools/export_photographs.py [--check]

The photographs are those that come with scikit-learn, in greys, as `DigitScenes` takes them. From
each a square is cut and made smaller: a pixel here is the mean of 6x6 pixels there. The script,
book/_static/network/weights/photographs.js, registers them as `lenet.photographs`: bytes from 0,
black, to 255, white, as base64, and the licence. With --check nothing is written: exits with 1 when
the script is not what the photographs say. Exits with 2 when the file cannot be written.
"""

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from notebook.reading import ROOT
from PIL import Image
from sklearn.datasets import load_sample_images
from web.one_script import write_or_check

SCRIPT = Path("book", "_static", "network", "weights", "photographs.js")
SIDE, FACTOR = 48, 6  # pixels of a piece, and the pixels of the photograph in each, along a side
CORNERS = {"temple": (0, 20, 60), "flower": (1, 78, 163)}  # photograph, row, column
LICENCE = (
    "Two photographs that come with scikit-learn, cut and made smaller: a temple by danielbuechele "
    "(https://www.flickr.com/photos/danielbuechele/6061409035/) and a flower by vultilion "
    "(https://www.flickr.com/photos/vultilion/6056698931/), both under CC BY 2.0 "
    "(https://creativecommons.org/licenses/by/2.0/)."
)


def pieces() -> dict[str, np.ndarray]:
    """Return the pieces by name, each uint8 (48, 48)."""
    photos = load_sample_images().images
    found = {}
    for name, (number, row, column) in CORNERS.items():
        grey = np.asarray(Image.fromarray(photos[number]).convert("L"))
        cut = grey[row : row + SIDE * FACTOR, column : column + SIDE * FACTOR]
        means = cut.reshape(SIDE, FACTOR, SIDE, FACTOR).mean((1, 3))
        found[name] = means.round().astype(np.uint8)
    return found


def script() -> str:
    """Return the text of the script."""
    entries = [
        f'{json.dumps(name)}: {{"side": {SIDE}, '
        f'"bytes": "{base64.b64encode(piece.tobytes()).decode("ascii")}"}}'
        for name, piece in pieces().items()
    ]
    return (
        "// Made by tools/export_photographs.py: do not edit.\n"
        f"// {LICENCE}\n"
        "lenet.photographs = {\n" + ",\n".join(entries) + "\n};\n"
    )


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Export or check; return the exit code."""
    told = ("export_photographs", __doc__, SCRIPT.as_posix())
    return write_or_check(*told, root, SCRIPT, script, arguments)


if __name__ == "__main__":
    sys.exit(main())
