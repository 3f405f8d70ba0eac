"""Where the published data sets come from, and what their files must contain."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceFile:
    """One IDX file, or an archive.

    Attributes:
        name: its raw name, without .gz.
        shape: of its array, images or labels; of an archive the bytes of the .gz file.
        md5: of the raw content; None where none is published.
        gz_md5: of the .gz file as the mirrors have it.
    """

    name: str
    shape: tuple[int, ...]
    md5: str | None = None
    gz_md5: str | None = None

    @property
    def content_bytes(self) -> int:
        """Bytes of what `shape` says: a byte an element, four where the name ends in -int."""
        return math.prod(self.shape) * (4 if self.name.endswith("-int") else 1)


@dataclass(frozen=True)
class Source:
    """One data set: SOURCES has those in MNIST's format.

    Attributes:
        name: as in `load_dataset`.
        torchvision: its folder in torchvision's layout.
        mirrors: addresses that hold the .gz files; each ends with a slash. With `archive`, the
            addresses of the archive.
        parts: "train" and "test" -> (images file, labels file).
        archive: md5 of one zip file that holds all the .gz files in its folder gzip/.
        archive_bytes: its size.
        transposed: True when rows and columns are exchanged in the published files.
    """

    name: str
    torchvision: str
    mirrors: tuple[str, ...]
    parts: dict[str, tuple[SourceFile, SourceFile]]
    archive: str | None = None
    archive_bytes: int = 0
    transposed: bool = False


def _same_names(*gz_md5: str) -> dict[str, tuple[SourceFile, SourceFile]]:
    """Return parts with MNIST's file names: train images, train labels, test images, labels."""
    shapes = {
        "train-images-idx3-ubyte": (60_000, 28, 28),
        "train-labels-idx1-ubyte": (60_000,),
        "t10k-images-idx3-ubyte": (10_000, 28, 28),
        "t10k-labels-idx1-ubyte": (10_000,),
    }
    files = [
        SourceFile(name, shape, None, md5)
        for (name, shape), md5 in zip(shapes.items(), gz_md5, strict=True)
    ]
    return {"train": (files[0], files[1]), "test": (files[2], files[3])}


SOURCES = {
    source.name: source
    for source in (
        Source(
            "mnist",
            "MNIST",
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            {
                "train": (
                    SourceFile(
                        "train-images-idx3-ubyte",
                        (60_000, 28, 28),
                        "6bbc9ace898e44ae57da46a324031adb",
                        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    ),
                    SourceFile(
                        "train-labels-idx1-ubyte",
                        (60_000,),
                        "a25bea736e30d166cdddb491f175f624",
                        "d53e105ee54ea40749a09fcbcd1e9432",
                    ),
                ),
                "test": (
                    SourceFile(
                        "t10k-images-idx3-ubyte",
                        (10_000, 28, 28),
                        "2646ac647ad5339dbf082846283269ea",
                        "9fb629c4189551a2d022fa330f9573f3",
                    ),
                    SourceFile(
                        "t10k-labels-idx1-ubyte",
                        (10_000,),
                        "27ae3e4e09519cfbb04c329615203637",
                        "ec29112dd5afa0611ce80d1b7f02629c",
                    ),
                ),
            },
        ),
        Source(
            "fashion-mnist",
            "FashionMNIST",
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ),
            _same_names(
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
        Source(
            "kmnist",
            "KMNIST",
            ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            _same_names(
                "bdb82020997e1d708af4cf47b453dcf7",
                "e144d726b3acfaa3e44228e80efcd344",
                "5c965bf0a639b31b8f53240b1b52f4d7",
                "7320c461ea6c1c855c0b718fb2a4b134",
            ),
        ),
        Source(
            "qmnist",
            "QMNIST",
            ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
            {
                "train": (
                    SourceFile(
                        "qmnist-train-images-idx3-ubyte",
                        (60_000, 28, 28),
                        None,
                        "ed72d4157d28c017586c42bc6afe6370",
                    ),
                    SourceFile(
                        "qmnist-train-labels-idx2-int",
                        (60_000, 8),
                        None,
                        "0058f8dd561b90ffdd0f734c6a30e5e4",
                    ),
                ),
                "test": (
                    SourceFile(
                        "qmnist-test-images-idx3-ubyte",
                        (60_000, 28, 28),
                        None,
                        "1394631089c404de565df7b7aeaf9412",
                    ),
                    SourceFile(
                        "qmnist-test-labels-idx2-int",
                        (60_000, 8),
                        None,
                        "5b5b05890a5e13444e108efe57b788aa",
                    ),
                ),
            },
        ),
        Source(
            "emnist-digits",
            "EMNIST",
            ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
            {
                "train": (
                    SourceFile("emnist-digits-train-images-idx3-ubyte", (240_000, 28, 28)),
                    SourceFile("emnist-digits-train-labels-idx1-ubyte", (240_000,)),
                ),
                "test": (
                    SourceFile("emnist-digits-test-images-idx3-ubyte", (40_000, 28, 28)),
                    SourceFile("emnist-digits-test-labels-idx1-ubyte", (40_000,)),
                ),
            },
            archive="58c8d27c78d21e728a6bc7b3cc06412e",
            archive_bytes=561_753_746,
            transposed=True,
        ),
    )
}
