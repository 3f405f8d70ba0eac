"""Time the IDX reader on MNIST's 60,000 training images, beside NumPy, gzip and other readers.

python benchmarks/idx.py [--rounds 31]

The readers take turns, so that a busy moment of the machine hits them all, and the table holds
medians of processor time, which on a quiet machine is the time on the clock: each has one thread.
Without MNIST on this machine a file of the same size is made up. Exit status 1 when raw files are
read more than 10 % slower than by numpy.fromfile, or .gz files than by gzip.decompress.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import idx2numpy
import numpy as np
from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

from lenetcourse.data.datasets import DatasetError, _locate
from lenetcourse.data.idx import read_idx, write_idx
from lenetcourse.data.sources import SOURCES

with warnings.catch_warnings():  # the package compares text with "is"
    warnings.simplefilter("ignore", SyntaxWarning)
    from mnist import MNIST

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
SHAPE = (60_000, 28, 28)
HEADER = 16  # bytes
LIMIT = 1.10  # of the time of the reader that does the least work possible
SLOW = 15  # python-mnist takes part in every 15th round


def training_images() -> tuple[np.ndarray, str]:
    """Return MNIST's training images, or as many bytes that compress about as well."""
    try:
        path = _locate(SOURCES["mnist"], SOURCES["mnist"].parts["train"][0], None)
        return read_idx(path), "MNIST"
    except DatasetError:
        random = np.random.default_rng(0)
        ink = random.random(SHAPE) < 0.19
        return random.integers(1, 256, SHAPE, np.uint8) * ink, "made up (MNIST is not at hand)"


def readers(folder: Path) -> dict[str, dict[str, Callable[[], np.ndarray]]]:
    """Return kind of file -> name of the reader -> call; what ours is held to comes second."""
    raw, packed = folder / IMAGES, folder / f"{IMAGES}.gz"

    def python_mnist(gz: bool):
        return MNIST(str(folder), return_type="numpy", gz=gz).load_training()[0]

    def gunzip():
        return np.frombuffer(gzip.decompress(packed.read_bytes()), np.uint8, offset=HEADER)

    def idx2numpy_gz():
        with gzip.open(packed) as file:
            return idx2numpy.convert_from_file(file)

    return {
        "raw": {
            "lenetcourse.read_idx": lambda: read_idx(raw),
            "numpy.fromfile": lambda: np.fromfile(raw, np.uint8, offset=HEADER),
            "torchvision": lambda: read_sn3_pascalvincent_tensor(str(raw)).numpy(),
            "idx2numpy": lambda: idx2numpy.convert_from_file(str(raw)),
            "python-mnist": lambda: python_mnist(gz=False),
        },
        "gz": {
            "lenetcourse.read_idx": lambda: read_idx(packed),
            "gzip.decompress": gunzip,
            "idx2numpy": idx2numpy_gz,
            "python-mnist": lambda: python_mnist(gz=True),
        },
    }


def medians(calls: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Return name -> median of the seconds of a call, over `rounds` rounds of all of them."""
    times = {name: [] for name in calls}
    for number in range(rounds):
        order = list(calls) if number % 2 else reversed(calls)  # A B, B A, A B ...
        for name in order:
            if name == "python-mnist" and number % SLOW:
                continue
            start = time.process_time()
            calls[name]()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="how often each reader reads (31)")
    options = parser.parse_args()
    images, origin = training_images()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for ending in ("", ".gz"):
            write_idx(folder / (IMAGES + ending), images)
            write_idx(folder / (LABELS + ending), np.zeros(len(images), np.uint8))
        packed = (folder / f"{IMAGES}.gz").stat().st_size
        print(f"images: {origin}, {images.nbytes:,} bytes raw, {packed:,} as .gz")
        print(
            f"medians of {options.rounds} rounds, python-mnist in every {SLOW}th; processor time\n"
        )
        missed = False
        for kind, calls in readers(folder).items():
            for reader, call in calls.items():  # this also warms the system's file cache
                if not np.array_equal(call().ravel(), images.ravel()):
                    raise SystemExit(f"{reader} reads something else")
            ours, goal = list(calls)[:2]
            # The two that are held together run by themselves, without the others' disturbance.
            found = medians({name: calls[name] for name in (ours, goal)}, options.rounds)
            found |= medians({name: calls[name] for name in list(calls)[2:]}, options.rounds)
            for reader, seconds in found.items():
                print(f"{kind:4s}{reader:22s}{seconds * 1e3:9.1f} ms {seconds / found[ours]:8.2f}")
            ratio = found[ours] / found[goal]
            verdict = "met" if ratio <= LIMIT else "MISSED"
            missed |= ratio > LIMIT
            print(f"    ours / {goal} = {ratio:.3f}, target at most {LIMIT:.2f}: {verdict}\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
