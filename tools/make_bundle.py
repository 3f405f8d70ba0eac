"""Write the bundle: one zip that makes the course work on a machine without a network.

    python tools/make_bundle.py [--wheelhouse PLATFORM-PYTHON ...] [--mnist] [--out FILE]

It holds the book, built anew, the notebooks, the wheel, a page START.html that explains it, and a
start.py that installs and starts it. With --wheelhouse it holds, too, all packages for a platform
and Python (linux-3.11, windows-3.12, macos-3.12): they come from the package index. With --mnist it
holds MNIST. The default of --out is _build/lenetcourse-VERSION.zip.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from build_book import build
from notebook.reading import ROOT, Unusable
from release.bundle import Content, bytes_of, contents, mnist_files, size, size_of, write_zip
from release.wheel import build_wheel
from release.wheelhouse import TORCH, make_wheelhouse, split_name

import lenetcourse

FAT32 = 2**32 - 1  # the largest file on a stick that is formatted so


def built_anew(root: Path) -> Path:
    """Build the book from nothing, so that no page of an older one is left; return its folder.

    Raises Unusable.
    """
    for folder in ("html", ".doctrees"):
        shutil.rmtree(root / "_build" / folder, ignore_errors=True)
    if warnings := build(root):
        raise Unusable("\n".join([*warnings, "the book was not built without warnings"]))
    return root / "_build" / "html"


def report(found: dict[str, Content], out: Path, wheelhouses: Sequence[str]) -> None:
    """Print where the bundle is, and how large its parts are."""
    parts = ["html", "book", "labs", "mnist", *(f"wheels/{name}" for name in wheelhouses)]
    for part in parts:
        if bytes_here := size_of(found, f"{part}/"):
            print(f"{part:20} {size(bytes_here):>8}")
    print(f"{'unpacked':20} {size(sum(map(bytes_of, found.values()))):>8}")
    print(f"{'the zip':20} {size(out.stat().st_size):>8}")
    if out.stat().st_size > FAT32:
        print("It is too large for a stick formatted as FAT32: exFAT takes it.")
    print(f"The bundle is written: {out}")


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the bundle; return 0, or 2 for what cannot be used or had."""
    parser = argparse.ArgumentParser(description="Write the course into one zip, for no network.")
    parser.add_argument("--wheelhouse", action="append", default=[], metavar="PLATFORM-PYTHON",
                        help="packages for it, as in windows-3.12; may be given again")  # fmt: skip
    parser.add_argument("--mnist", action="store_true", help="add MNIST, 11 MB")
    parser.add_argument("--torch", choices=TORCH, default="cpu",
                        help="PyTorch for Linux; cpu, the default, has no CUDA")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    out = options.out or root / "_build" / f"lenetcourse-{lenetcourse.__version__}.zip"
    try:
        for name in options.wheelhouse:
            split_name(name)  # before anything takes time
        mnist = mnist_files() if options.mnist else {}
        with tempfile.TemporaryDirectory() as place:
            wheel = build_wheel(root, Path(place))
            wheelhouses = {
                name: make_wheelhouse(name, wheel, root, options.torch)
                for name in dict.fromkeys(options.wheelhouse)
            }
            found = contents(root, built_anew(root), wheel, wheelhouses, mnist)
            write_zip(found, out)
            report(found, out, list(wheelhouses))
    except (Unusable, OSError) as error:
        print(f"make_bundle: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
