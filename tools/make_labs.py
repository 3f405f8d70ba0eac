"""Write what readers get of the labs: notebooks with blanks, and the solutions behind `solution()`.

    python tools/make_labs.py [--run] [--check] [LAB ...]

From labs/solutions/lab_NN_name.ipynb come labs/lab_NN_name.ipynb, the record in
lenetcourse/labs/solutions/, and the instructors' page on the labs. With --run the solutions are
first run on the embedded digits and stored with their outputs. With --check nothing is written:
exits with 1 when a file is not what its solution says. Exits with 2 on input that cannot be used.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
from lab.guide import guide
from lab.source import LabSource, all_sources, handed_out, read_source, record
from notebook.outputs import cleaned, what_stopped, with_outputs
from notebook.reading import ROOT, Unusable, code_hash, write_notebook

from lenetcourse.files import write_text

PARAMETERS = {"dataset": "digits"}  # with these the solutions are run
CELL_SECONDS = 120


def run(source: LabSource) -> None:
    """Run a solution on the embedded digits and store it with its outputs. Raises Unusable."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    clean = cleaned(source.nb)
    os.environ |= {"LENETCOURSE_DATASET": PARAMETERS["dataset"], "LENETCOURSE_OFFLINE": "1"}
    os.environ["LENETCOURSE_LEADERBOARD"] = "off"  # what its owner entered stays out of the outputs
    ran = cleaned(source.nb)
    try:
        NotebookClient(ran, timeout=CELL_SECONDS, resources={}).execute()
    except CellExecutionError as error:
        raise Unusable(f"{source.path.name}: {error.ename}: {error.evalue}") from None
    if stopped := what_stopped(ran):
        raise Unusable(f"{source.path.name}: {stopped}")
    done = with_outputs(clean, ran)
    done.metadata["lenetcourse"] = {
        **dict(source.nb.metadata.get("lenetcourse", {})),
        "parameters": PARAMETERS,
        "code_hash": code_hash(done, PARAMETERS),
    }
    write_notebook(done, source.path)


def products(source: LabSource, root: Path) -> dict[Path, str]:
    """Return the files that come from one solution: path -> text. Raises Unusable."""
    kept = root / "lenetcourse" / "labs" / "solutions" / f"lab_{source.number}.json"
    return {
        root / "labs" / source.path.name: nbformat.writes(handed_out(source)) + "\n",
        kept: json.dumps(record(source), indent=1, ensure_ascii=False) + "\n",
    }


def differences(sources: Sequence[LabSource], root: Path) -> list[str]:
    """Return a line for each file that is not what its solution says."""
    lines = []
    for source in sources:
        for path, text in products(source, root).items():
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                place = path.relative_to(root).as_posix()
                lines.append(f"{place}: differs from its solution: run `make labs`")
    page = root / "instructors" / "labs.md"
    if page.is_file() and page.read_text(encoding="utf-8") != guide(all_sources(root)):
        lines.append("instructors/labs.md: differs from the labs: run `make labs`")
    return lines


def write(path: Path, text: str, root: Path) -> None:
    """Write a file and print its place. Raises OSError."""
    write_text(path, text)
    print(path.relative_to(root).as_posix())


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the labs; return 0, 1 with differences, 2 on unusable input."""
    parser = argparse.ArgumentParser(description="Write the labs from their solutions.")
    parser.add_argument("labs", nargs="*", metavar="LAB", help="a number, as in 02; default: all")
    parser.add_argument("--run", action="store_true", help="run the solutions first, on the digits")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    options = parser.parse_args(argv)
    try:
        sources = [s for s in all_sources(root) if not options.labs or s.number in options.labs]
        if options.check:
            print("\n".join(lines := differences(sources, root)) or "labs: nothing differs")
            return 1 if lines else 0
        for source in sources:
            if options.run:
                run(source)
            for path, text in products(read_source(source.path), root).items():
                write(path, text, root)
        if (root / "instructors").is_dir():
            write(root / "instructors" / "labs.md", guide(all_sources(root)), root)
    except Unusable as error:
        print(f"make_labs: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
