"""`lenetcourse data`: look at, download, export and split data sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from lenetcourse.data.splits import SPLITS

SHOWN = 30  # pairs of pictures that look alike


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its actions."""
    data = commands.add_parser("data", help="look at, download, export and split data sets")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, (text, do) in {
        "info": ("print sizes and classes", info),
        "download": ("fetch every file into the cache", download),
        "export-png": ("write one folder of PNG files a digit", export),
        "export-json": ("write records {img, label}", export),
    }.items():
        command = actions.add_parser(action, help=text)
        command.add_argument("name", metavar="NAME", help="mnist, digits, fashion-mnist, ...")
        if do is export:
            command.add_argument("--split", choices=SPLITS, default="test", help="default: test")
            command.add_argument("--out", type=Path, help="default: NAME-SPLIT in this folder")
        command.set_defaults(run=do)
    command = actions.add_parser("split", help="split a folder of pictures by class in two")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="has a folder for each class")
    command.add_argument("--out", type=Path, required=True, help="folder for train and test; new")
    command.add_argument("--test", type=float, default=0.1, help="its share (default: 0.1)")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument("--copy", action="store_true", help="copies, no links")
    command.set_defaults(run=split)


def info(options: argparse.Namespace) -> int:
    """Print size, mean, deviation and classes of every split."""
    from lenetcourse import ColourImageSet, choose_dataset, load_dataset
    from lenetcourse.data.images import as_shares

    name = choose_dataset(options.name)
    for split in SPLITS:
        image_set = load_dataset(name, split)
        share = as_shares(image_set.images)
        print(f"{image_set!r}: mean {share.mean():.4f}, standard deviation {share.std():.4f}")
        counts = [str(count) for count in image_set.labels.bincount().tolist()]
        if isinstance(image_set, ColourImageSet):
            print(f"  from: {image_set.origin}")
            named = zip(image_set.classes, counts, strict=True)
            print("  images of " + ", ".join(f"{name}: {count}" for name, count in named))
        else:
            print("  images of 0 to 9: " + " ".join(counts))
    return 0


def download(options: argparse.Namespace) -> int:
    """Fetch every file of a data set; print where they are."""
    from lenetcourse.data.cifar import CIFAR10, locate_cifar10
    from lenetcourse.data.datasets import download_dataset

    is_cifar10 = options.name == CIFAR10.name
    for path in [locate_cifar10()] if is_cifar10 else download_dataset(options.name):
        print(path)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a split as PNG files or as JSON."""
    from lenetcourse import export_json, export_png, load_dataset

    image_set = load_dataset(options.name, options.split)
    stem = f"{image_set.name}-{image_set.split}"
    as_png = options.action == "export-png"
    out = options.out or Path(stem if as_png else f"{stem}.json")
    count = export_png(image_set, out) if as_png else export_json(image_set, out)
    print(f"{count:,} images written to {out}")
    return 0


def split(options: argparse.Namespace) -> int:
    """Split a folder of pictures; print what looks alike, and what is where."""
    from lenetcourse.data.split_folder import split_folder

    folder = options.folder
    made = split_folder(folder, options.out, options.test, options.seed, options.copy)
    copies = sum(is_copy for *_, is_copy in made.pairs)
    alike = len(made.pairs) - copies
    print(f"{folder}: {copies:,} pairs of copies (=), {alike:,} that look alike (~): kept together")
    for first, second, is_copy in made.pairs[:SHOWN]:
        print(f"  {first} {'=' if is_copy else '~'} {second}")
    if len(made.pairs) > SHOWN:
        print(f"  and {len(made.pairs) - SHOWN:,} more: see {options.out / 'split.json'}")
    for name, (train, test) in zip(made.classes, made.counts.T.tolist(), strict=True):
        print(f"{name}: {train:,} train, {test:,} test")
    print(f"{made.counts.sum():,} {made.how} written to {options.out}")
    return 0
