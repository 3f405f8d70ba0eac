"""Time one epoch of LeNet-5 on 60,000 images: whole tensors against torchvision's usual script.

python benchmarks/training.py [--rounds 3] [--threads 2]

Network, loss, Adam, batch size (64) and the loop are the same; only what feeds them differs:
`lenetcourse.Batches`, or torchvision's `MNIST` with `ToTensor` in a shuffling `DataLoader`, without
workers and with two. They take turns; the table holds medians on the clock. "data only" goes
through the batches and does nothing with them, "compute only" trains on one batch again and again.
Exit status 1 when the epoch is not 3 times as fast as the script without workers.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from lenetcourse.data.datasets import choose_dataset, load_dataset
from lenetcourse.data.idx import write_idx
from lenetcourse.models.lenet import LeNet5
from lenetcourse.train.batches import Batches
from lenetcourse.train.loop import train_one_epoch

BATCH_SIZE = 64
COUNT = 60_000
TARGET = 3.0


def sixty_thousand() -> tuple[torch.Tensor, torch.Tensor]:
    """Return MNIST's whole training part, or the embedded digits again and again."""
    name = choose_dataset("auto")
    parts = [load_dataset(name, split) for split in ("train", "validation")]
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    times = -(-COUNT // len(images))
    return images.repeat(times, 1, 1)[:COUNT], labels.repeat(times)[:COUNT]


def torchvision_mnist(folder: Path, images: torch.Tensor, labels: torch.Tensor) -> MNIST:
    """Write the images where torchvision looks for them, and return its data set."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", len(images)), ("t10k", 1)):
        write_idx(raw / f"{part}-images-idx3-ubyte", images[:count].numpy())
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels[:count].numpy().astype("uint8"))
    return MNIST(str(folder), train=True, download=False, transform=ToTensor())


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def epoch(batches) -> list[float]:
    """Train a new network for one epoch; return the loss of each batch."""
    torch.manual_seed(0)
    model = LeNet5()
    return train_one_epoch(model, batches, F.cross_entropy, torch.optim.Adam(model.parameters()))


def go_through(batches) -> None:
    for _ in batches:
        pass


def measure(ways: dict, rounds: int) -> dict[str, dict[str, float]]:
    """Return name -> the medians of the whole epoch, the data alone and the computing alone."""
    times = {name: {"epoch": [], "data": [], "compute": []} for name in ways}
    one_batch = next(iter(ways["Batches"]))
    epoch([one_batch] * 20)  # the first steps are slower
    for number in range(rounds):
        for name, batches in ways.items():
            found, same = times[name], [one_batch] * len(batches)
            found["epoch"].append(seconds(lambda batches=batches: epoch(batches)))
            found["data"].append(seconds(lambda batches=batches: go_through(batches)))
            found["compute"].append(seconds(lambda same=same: epoch(same)))
            print(f"round {number + 1} of {rounds}: {found['epoch'][-1]:6.2f} s an epoch  {name}")
    return {
        name: {what: statistics.median(values) for what, values in found.items()}
        for name, found in times.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each way (3)")
    parser.add_argument("--threads", type=int, help="of torch; its own choice if not given")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    images, labels = sixty_thousand()
    with tempfile.TemporaryDirectory() as folder:
        usual = torchvision_mnist(Path(folder), images, labels)
        ways = {
            "Batches": Batches(images, labels, BATCH_SIZE, torch.Generator().manual_seed(0)),
            "DataLoader": DataLoader(usual, BATCH_SIZE, shuffle=True),
            "DataLoader, 2 workers": DataLoader(usual, BATCH_SIZE, shuffle=True, num_workers=2),
        }
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batches of 64")
        found = measure(ways, options.rounds)

    ours = found["Batches"]
    print(f"\n{'':22s}{'epoch':>9s}{'data only':>12s}{'compute only':>15s}{'epoch / ours':>15s}")
    for name, times in found.items():
        print(
            f"{name:22s}{times['epoch']:7.2f} s{times['data']:10.2f} s{times['compute']:13.2f} s"
            f"{times['epoch'] / ours['epoch']:15.2f}"
        )
    ratio = found["DataLoader"]["epoch"] / ours["epoch"]
    verdict = "met" if ratio >= TARGET else "MISSED"
    print(f"\nfaster than the usual script: {ratio:.2f} times, target {TARGET:.0f}: {verdict}")
    bound = found["DataLoader"]["epoch"] / ours["compute"]
    print(f"if our data cost nothing it would be {bound:.2f} times: the rest is the network itself")
    return int(ratio < TARGET)


if __name__ == "__main__":
    sys.exit(main())
