"""`lenetcourse data`: look at, download and export data sets."""

from __future__ import annotations

from pathlib import Path

from lenetcourse.data.sources import SPLITS


def _add_data(commands) -> None:
    data = commands.add_parser("data", help="look at, download and export data sets")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, text in {
        "info": "print sizes and classes",
        "download": "fetch every file into the cache",
        "export-png": "write one folder of PNG files a digit",
        "export-json": "write records {img, label}",
    }.items():
        command = actions.add_parser(action, help=text)
        command.add_argument("name", metavar="NAME", help="mnist, digits, fashion-mnist, ...")
        if action.startswith("export"):
            command.add_argument("--split", choices=SPLITS, default="test", help="default: test")
            command.add_argument("--out", type=Path, help="default: NAME-SPLIT in this folder")
        command.set_defaults(run=_data)


def _data(options) -> int:
    from lenetcourse import export_json, export_png, load_dataset

    if options.action == "info":
        return _data_info(options.name)
    if options.action == "download":
        from lenetcourse.data.datasets import download_dataset

        for path in download_dataset(options.name):
            print(path)
        return 0
    image_set = load_dataset(options.name, options.split)
    stem = f"{image_set.name}-{image_set.split}"
    if options.action == "export-png":
        out = options.out or Path(stem)
        count = export_png(image_set, out)
    else:
        out = options.out or Path(f"{stem}.json")
        count = export_json(image_set, out)
    print(f"{count:,} images written to {out}")
    return 0


def _data_info(name: str) -> int:
    from lenetcourse import choose_dataset, load_dataset
    from lenetcourse.data.images import as_shares

    name = choose_dataset(name)
    for split in SPLITS:
        image_set = load_dataset(name, split)
        share = as_shares(image_set.images)
        print(f"{image_set!r}: mean {share.mean():.4f}, standard deviation {share.std():.4f}")
        print("  images of 0 to 9: " + " ".join(map(str, image_set.labels.bincount().tolist())))
    return 0
