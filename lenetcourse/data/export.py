"""Image sets to PNG folders and JSON."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from lenetcourse.data.images import ImageSet
from lenetcourse.files import replacing, sweep, temporary_name


def export_png(image_set: ImageSet, folder: str | os.PathLike) -> int:
    """Write every image as `folder/<label>/<index>.png` and return how many there are.

    The folder appears complete or not at all. Raises FileExistsError when it is there already.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already: name a new folder, or delete it first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    work = Path(tempfile.mkdtemp(prefix=temporary_name(f"{folder.name}-"), dir=folder.parent))
    try:
        # mkdtemp makes a folder for its owner alone; readers of an export expect the usual mode.
        work.chmod(0o755)
        for label in np.unique(image_set.labels.numpy()):
            (work / str(label)).mkdir()
        digits = len(str(len(image_set) - 1))
        for index, (image, label) in enumerate(
            zip(image_set.images.numpy(), image_set.labels.tolist(), strict=True)
        ):
            Image.fromarray(_last(image)).save(work / str(label) / f"{index:0{digits}d}.png")
        work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return len(image_set)


def export_json(image_set: ImageSet, path: str | os.PathLike) -> int:
    """Write a JSON list of records {"img": rows of values, "label": digit}.

    A colour image is three such lists of rows: red, green, blue. Returns how many records there
    are. One record stands on one line. The file appears whole or not at all.
    """
    records = zip(image_set.images, image_set.labels.tolist(), strict=True)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        for index, (image, label) in enumerate(records):
            record = json.dumps({"img": image.tolist(), "label": label}, separators=(",", ":"))
            file.write((",\n" if index else "\n") + record)
        file.write("\n]\n")
    return len(image_set)


def _last(image: np.ndarray) -> np.ndarray:
    """Return an image with its colours last, as Pillow has them."""
    return image.transpose(1, 2, 0) if image.ndim == 3 else image
