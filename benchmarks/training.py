"""Time one epoch of LeNet-5 on 60,000 images: whole tensors against torchvision's usual script.

python benchmarks/training.py [--rounds 3] [--threads 2]

Ours is `lenetcourse.Batches`, `LeNet5`, `adam` and `train_one_epoch`. The usual script
(benchmarks/usual.py) is torchvision's `MNIST` with `ToTensor` in a shuffling `DataLoader`, without
workers and with two, the same network with ReLU before pooling, and `torch.optim.Adam`; the same
loss and batches of 64. They take turns; the table holds medians on the clock. "data only" goes
through the batches and does nothing with them, "compute only" trains on one batch again and again.
Exit status 1 when our epoch is not 2.8 times as fast as the script's without workers.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from usual import UsualLeNet5, torchvision_mnist, usual_epoch

from lenetcourse.data.datasets import choose_dataset, load_dataset
from lenetcourse.models.lenet import LeNet5
from lenetcourse.train.batches import Batches
from lenetcourse.train.loop import adam, train_one_epoch

BATCH_SIZE = 64
COUNT = 60_000
TARGET = 2.8
OURS = "lenetcourse"


def sixty_thousand() -> tuple[torch.Tensor, torch.Tensor]:
    """Return MNIST's whole training part, or the embedded digits again and again."""
    name = choose_dataset("auto")
    parts = [load_dataset(name, split) for split in ("train", "validation")]
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    times = -(-COUNT // len(images))
    return images.repeat(times, 1, 1)[:COUNT], labels.repeat(times)[:COUNT]


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def our_epoch(batches: Iterable) -> None:
    """Train a new network of ours for one epoch."""
    torch.manual_seed(0)
    model = LeNet5()
    train_one_epoch(model, batches, F.cross_entropy, adam(model.parameters()))


def their_epoch(batches: Iterable) -> None:
    """Train a new network of the usual script for one epoch."""
    torch.manual_seed(0)
    model = UsualLeNet5()
    usual_epoch(model, batches, torch.optim.Adam(model.parameters()))


def go_through(batches: Iterable) -> None:
    for _ in batches:
        pass


def measure(ways: dict, rounds: int) -> dict[str, dict[str, float]]:
    """Return name -> the medians of the whole epoch, the data alone and the computing alone."""
    times = {name: {"epoch": [], "data": [], "compute": []} for name in ways}
    one_batch = next(iter(ways[OURS]))
    for epoch in (our_epoch, their_epoch):
        epoch([one_batch] * 20)  # the first steps are slower
    for number in range(rounds):
        for name, batches in ways.items():
            found, same = times[name], [one_batch] * len(batches)
            epoch = our_epoch if name == OURS else their_epoch
            found["epoch"].append(seconds(partial(epoch, batches)))
            found["data"].append(seconds(partial(go_through, batches)))
            found["compute"].append(seconds(partial(epoch, same)))
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
            OURS: Batches(images, labels, BATCH_SIZE, torch.Generator().manual_seed(0)),
            "DataLoader": DataLoader(usual, BATCH_SIZE, shuffle=True),
            "DataLoader, 2 workers": DataLoader(usual, BATCH_SIZE, shuffle=True, num_workers=2),
        }
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batches of 64")
        found = measure(ways, options.rounds)

    ours = found[OURS]
    print(f"\n{'':22s}{'epoch':>9s}{'data only':>12s}{'compute only':>15s}{'epoch / ours':>15s}")
    for name, times in found.items():
        print(
            f"{name:22s}{times['epoch']:7.2f} s{times['data']:10.2f} s{times['compute']:13.2f} s"
            f"{times['epoch'] / ours['epoch']:15.2f}"
        )
    ratio = found["DataLoader"]["epoch"] / ours["epoch"]
    verdict = "met" if ratio >= TARGET else "MISSED"
    print(f"\nfaster than the usual script: {ratio:.2f} times, target {TARGET}: {verdict}")
    bound = found["DataLoader"]["epoch"] / ours["compute"]
    print(f"if our data cost nothing it would be {bound:.2f} times: the rest is the network itself")
    return int(ratio < TARGET)


if __name__ == "__main__":
    sys.exit(main())
