"""Time four short training runs of the batch: in the local pool, and on a Dask cluster of its size.

python benchmarks/batch.py [--rounds 3] [--epochs 1] [--images 20000] [--dataset mnist]

Both do the same `lenetcourse train` runs, two at a time, one thread each, through
tools/regenerate.py: two processes of the pool, or two workers of one thread under Dask's nanny on
this machine, started before the clock. They take turns. Exit status 1 when the batch on Dask has
less than 0.95 of the pool's speed (medians).
"""

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dask.distributed import LocalCluster

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import regenerate

TARGET = 0.95  # of the pool's speed
AT_A_TIME = 2
BATCH = """
dataset: {dataset}
sweeps:
  short:
    command: lenetcourse train lenet5
    grid: {{kernels: [[3, 8], [6, 16]], epochs: [{epochs}], train_images: [{images}], seed: [0, 1]}}
"""


def seconds(root: Path, *where: str) -> float:
    """Run the whole batch in `root`, up to date or not; return how long it took."""
    out = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(out):
        status = regenerate.main(["--force", *where], root)
    took = time.perf_counter() - start
    if status:
        sys.exit(f"the batch failed:\n{out.getvalue()}")
    return took


def measure(root: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round in the pool and on the cluster."""
    found: dict[str, list[float]] = {"pool": [], "Dask": []}
    options = {"n_workers": AT_A_TIME, "threads_per_worker": 1, "processes": True}
    with LocalCluster(**options, dashboard_address=None) as cluster:
        places = {"pool": ("--jobs", str(AT_A_TIME)), "Dask": ("--dask", cluster.scheduler_address)}
        for number in range(rounds):
            for name, where in places.items():
                found[name].append(seconds(root, *where))
                print(
                    f"round {number + 1} of {rounds}: {found[name][-1]:6.1f} s  {name}", flush=True
                )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="batches in each place (3)")
    parser.add_argument("--epochs", type=int, default=1, help="of each run (1)")
    parser.add_argument("--images", type=int, default=20_000, help="of each run (20,000)")
    parser.add_argument("--dataset", default="mnist", help="mnist, digits, ... (mnist)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "book").mkdir()
        sizes = {"epochs": options.epochs, "images": options.images, "dataset": options.dataset}
        (root / "book" / "batch.yml").write_text(BATCH.format(**sizes), encoding="utf-8")
        found = measure(root, options.rounds)
    ratio = statistics.median(found["pool"]) / statistics.median(found["Dask"])
    verdict = "met" if ratio >= TARGET else "MISSED"
    print(f"the batch on Dask has {ratio:.2f} of the pool's speed, target {TARGET}: {verdict}")
    return int(ratio < TARGET)


if __name__ == "__main__":
    sys.exit(main())
