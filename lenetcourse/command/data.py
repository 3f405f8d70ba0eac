"""`lenetcourse data`: look at, download and export data sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from lenetcourse.data.splits import SPLITS


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand and its actions."""
    data = commands.add_parser("data", help="look at, download and export data sets")
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


def info(options: argparse.Namespace) -> int:
    """Print size, mean, deviation and classes of every split."""
    from lenetcourse import choose_dataset, load_dataset
    from lenetcourse.data.datasets import splits_of
    from lenetcourse.data.images import as_shares

    name = choose_dataset(options.name)
    for split in splits_of(name):
        image_set = load_dataset(name, split)
        share = as_shares(image_set.images)
        print(f"{image_set!r}: mean {share.mean():.4f}, standard deviation {share.std():.4f}")
        print("  images of 0 to 9: " + " ".join(map(str, image_set.labels.bincount().tolist())))
    return 0


def download(options: argparse.Namespace) -> int:
    """Fetch every file of a data set; print where they are."""
    from lenetcourse.data.datasets import download_dataset

    for path in download_dataset(options.name):
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
