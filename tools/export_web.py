"""Write the weights that pages of the book run: scripts that work from file://, without a server.

    python tools/export_web.py [--check]

From each safetensors file of lenetcourse/weights/ and of book/networks/ (those of
`train_page_networks.py`) comes book/_static/network/weights/NAME.js, which registers itself as
`lenet.weights.NAME`: the shapes by name, the metadata (recipe, data set, test accuracy, the limit
below which an answer is unsure), and the numbers as base64 of float16 in the same order. With
--check nothing is written: exits with 1 when a script is not what its weights say. Exits with 2 on
weights that cannot be used.

Float16 keeps ten bits after the point, a relative error of 1/2048 at most: LeNet-5 takes 120 kB of
text where float32 would take 240 kB. `benchmarks/network_page.py` measures what that changes. Of an
autoencoder only the decoder is written, most of it as int8: `web/decoders.py` says how.
"""

import argparse
import base64
import json
import os
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import torch
from notebook.reading import ROOT, Unusable
from torch import Tensor, nn
from web.decoders import parts

from lenetcourse import WeightsError, load_model
from lenetcourse.files import write_text
from lenetcourse.models.vae import VAE
from lenetcourse.models.weights import OWN_WEIGHTS

FOLDER = Path("book", "_static", "network", "weights")
OTHERS = Path("book", "networks")  # weights that the library has no need of
LARGEST = 200_000  # bytes of a script; pages load it whole before they can read a digit
LARGEST_DECODER = 700_000  # one page has these, and says so


def script(name: str, path: str | os.PathLike) -> str:
    """Return the script of a weights file. Raises Unusable."""
    try:
        model, metadata = load_model(path)
    except (FileNotFoundError, WeightsError) as error:
        raise Unusable(str(error)) from None
    weights, int8, largest = model.state_dict(), {}, LARGEST
    if isinstance(model, VAE):
        weights, int8 = parts(model)
        largest = LARGEST_DECODER
    weights = {key: value.half() for key, value in weights.items()}
    if not all(value.isfinite().all() for value in weights.values()):
        raise Unusable(f"{path}: some weights are too large for float16")
    entry = {
        "tensors": {key: list(value.shape) for key, value in (weights | int8).items()},
        "metadata": metadata,
        "float16": as_text(weights, "<f2"),
    }
    if int8:
        entry["int8"] = as_text(int8, "i1")
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items()]
    text = (
        "// Made by tools/export_web.py from the weights of the same name: do not edit.\n"
        f"lenet.weights[{json.dumps(name)}] = {{\n" + ",\n".join(lines) + "\n};\n"
    )
    if len(text) > largest:
        raise Unusable(f"{path}: {len(text):,} bytes as a script; pages load {largest:,} at most")
    return text


def as_text(tensors: dict[str, Tensor], kind: str) -> str:
    """Return all numbers in their order, as base64 of NumPy's type `kind`."""
    numbers = b"".join(value.numpy().astype(kind).tobytes() for value in tensors.values())
    return base64.b64encode(numbers).decode("ascii")


def rounded(model: nn.Module) -> nn.Module:
    """Round the weights of `model`, in place, as its script does; return it."""
    with torch.no_grad():
        for value in model.state_dict().values():
            value.copy_(value.half())
    return model


def products(root: Path) -> dict[Path, str]:
    """Return the scripts of all weights: path -> text. Raises Unusable."""
    own = resources.files("lenetcourse") / "weights"
    files = {name: str(own / f"{name}.safetensors") for name in OWN_WEIGHTS}
    files |= {path.stem: path for path in sorted((root / OTHERS).glob("*.safetensors"))}
    return {root / FOLDER / f"{name}.js": script(name, path) for name, path in files.items()}


def differences(root: Path) -> list[str]:
    """Return a line for each script that is not what its weights say. Raises Unusable."""
    return [
        f"{path.relative_to(root).as_posix()}: differs from its weights: "
        "run `python tools/export_web.py`"
        for path, text in products(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Export or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            print("\n".join(lines := differences(root)) or "weights of the pages: nothing differs")
            return 1 if lines else 0
        for path, text in products(root).items():
            write_text(path, text)
            print(f"{path.relative_to(root).as_posix()}: {len(text):,} bytes")
    except (Unusable, OSError) as error:
        print(f"export_web: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
