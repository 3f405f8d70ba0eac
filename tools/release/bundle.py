"""The bundle: one zip with all that the course needs on a machine without a network."""

import gzip
import hashlib
import io
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import nbformat
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from notebook.links import read_links, with_links
from notebook.reading import Unusable, headings, read_notebook

import lenetcourse
from lenetcourse.data.datasets import download_dataset, load_dataset
from lenetcourse.errors import CourseError
from lenetcourse.files import replacing
from release.stamp import linked, notebooks_of, pages_of
from release.start import SUMS
from release.wheelhouse import installed_size

HERE = Path(__file__).parent
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows: equal files, equal bundles
COMPRESSED = (".whl", ".gz", ".png", ".jpg", ".woff2")
COMMANDS = {"windows": "py -{}", "macos": "python{}", "linux": "python{}"}
# JupyterLab opens a link to a page in a frame of its own, which lets no script of the page run.
IN_JUPYTERLAB = (
    " (JupyterLab shows the page, but nothing on it moves. Your browser does better: open "
    '`START.html`, there the book, and the page under "Touch it".)'
)
NETWORK = {"windows": "py", "macos": "python3", "linux": "python3"}

Content = Path | bytes


@dataclass(frozen=True)
class Wheelhouse:
    """A wheelhouse of the bundle, as START.html tells of it.

    Attributes:
        name: as in "windows-3.12".
        size: bytes of its wheels.
        installed: bytes that they take once installed.
    """

    name: str
    size: int
    installed: int

    @property
    def system(self) -> str:
        """The platform alone."""
        return self.name.partition("-")[0]

    @property
    def python(self) -> str:
        """The version of Python."""
        return self.name.partition("-")[2]

    @property
    def command(self) -> str:
        """What a reader types."""
        return f"{COMMANDS[self.system].format(self.python)} start.py"


def contents(
    root: Path, html: Path, wheel: Path, wheelhouses: dict[str, Path], mnist: dict[str, Content]
) -> dict[str, Content]:
    """Return what the bundle holds: the name of each file in it, and its path or its bytes.

    `html` is the built book of the course in `root`, `wheelhouses` the folder of each by its name,
    `mnist` the files of `mnist_files`. Raises Unusable.
    """
    found: dict[str, Content] = {"LICENSE": root / "LICENSE", "start.py": HERE / "start.py"}
    for path in sorted(html.rglob("*")):
        name = path.relative_to(html)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[f"html/{name.as_posix()}"] = path
    pages = pages_of(root)
    for page in pages:
        if f"html/{page}.html" not in found:
            raise Unusable(f"{html}: no {page}.html: build the book again")
    notebooks = notebooks_of(root)
    links = read_links(root, notebooks)
    for path in notebooks:
        nb = with_links(read_notebook(root / path), path, links, IN_JUPYTERLAB)
        # JupyterLab shows a page of the book without its styles: notebooks lead to notebooks.
        nb = linked(nb, path, pages, "../html/", beside=notebooks)
        found[path] = (nbformat.writes(nb) + "\n").encode()
    found[f"wheels/{wheel.name}"] = wheel
    for name, folder in wheelhouses.items():
        for path in folder.glob("*.whl"):
            found[f"wheels/{name}/{path.name}"] = path
    found |= {f"mnist/{name}": content for name, content in mnist.items()}
    houses = [
        Wheelhouse(name, size_of(found, f"wheels/{name}/"), installed_size(folder))
        for name, folder in sorted(wheelhouses.items())
    ]
    found["START.html"] = start_page(root, found, houses).encode()
    sums = [f"{digest(content)}  {name}\n" for name, content in sorted(found.items())]
    found[SUMS] = "".join(sums).encode()
    return dict(sorted(found.items()))


def mnist_files() -> dict[str, Content]:
    """Return MNIST's four files, from where the library finds them, gzipped; all are checked.

    Raises Unusable when they are not to be had whole.
    """
    try:
        paths = download_dataset("mnist")
        for split in ("train", "test"):  # compares the md5 of images and labels
            load_dataset("mnist", split)
    except CourseError as error:
        raise Unusable(f"MNIST is not to be had: {str(error).splitlines()[0]}") from error
    files: dict[str, Content] = {}
    for path in paths:
        packed = path.suffix == ".gz"
        name = path.name.removesuffix(".gz").replace(".idx", "-idx")
        files[f"{name}.gz"] = path if packed else gzip.compress(path.read_bytes(), mtime=0)
    return files


def start_page(root: Path, found: dict[str, Content], wheelhouses: Sequence[Wheelhouse]) -> str:
    """Return START.html, filled in with the facts of this bundle."""
    environment = Environment(
        loader=FileSystemLoader(HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = size
    folders = ("html", "book", "labs", "wheels", "mnist")
    notebooks = [(path[: -len(".ipynb")], title_of(root / path)) for path in notebooks_of(root)]
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return environment.get_template("START.html").render(
        title=config["title"],
        version=lenetcourse.__version__,
        chapters=[(page, title) for page, title in notebooks if page.startswith("book/")],
        labs=[(page, title) for page, title in notebooks if page.startswith("labs/")],
        sizes={folder: size_of(found, f"{folder}/") for folder in folders},
        wheelhouses=wheelhouses,
        systems={"windows": "Windows", "macos": "macOS", "linux": "Linux"},
        network=NETWORK,
    )


def title_of(path: Path) -> str:
    """Return the title of a notebook. Raises Unusable."""
    for cell in read_notebook(path).cells:
        if found := headings(cell.source) if cell.cell_type == "markdown" else []:
            return found[0][1]
    raise Unusable(f"{path}: no title")


def size_of(found: dict[str, Content], start: str) -> int:
    """Return the bytes of all files whose names begin with `start`."""
    return sum(bytes_of(content) for name, content in found.items() if name.startswith(start))


def bytes_of(content: Content) -> int:
    """Return the size of a file's content."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def size(count: int) -> str:
    """Return a size as people read it, as in 12 MB."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"


def opened(content: Content) -> BinaryIO:
    """Open the content of a file for reading."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def digest(content: Content) -> str:
    """Return the sha256 of a file's content, without holding it all."""
    found = hashlib.sha256()
    with opened(content) as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def write_zip(found: dict[str, Content], out: Path) -> None:
    """Write the bundle: the same contents give the same bytes. Raises OSError."""
    with replacing(out) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in found.items():
            member = zipfile.ZipInfo(name, FIRST_DAY)
            member.create_system = 3  # Unix, wherever it is made
            member.external_attr = (0o100755 if name == "start.py" else 0o100644) << 16
            stored = name.endswith(COMPRESSED)
            member.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            member.file_size = bytes_of(content)
            with opened(content) as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
