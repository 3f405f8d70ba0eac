"""Prove the labs in both directions, and print the table.

    python tools/prove_labs.py [LAB ...] [--jobs N]

For every lab: (a) its solution passes every check; (b) as handed out it runs, and every check says
"not attempted"; (c) each blank emptied alone fails its own check and those that build on it, and no
other; (d) typical mistakes fail, with the message that helps; (e) other right answers pass. On the
data set that LENETCOURSE_DATASET names, the embedded digits unless it says otherwise. Exits with 1
when anything is not as it should be, and says what.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lab.proof import Report, prove
from lab.source import all_sources
from notebook.reading import ROOT, Unusable

HEAD = ("lab", "tasks", "(c) blanks", "(d) mistakes", "(e) others", "slowest cell", "seconds")


def table(reports: Sequence[Report]) -> str:
    """Return what was tried, a line for each lab and one for all."""
    rows = [
        (r.lab, r.tasks, r.blanks, r.mistakes, r.others, f"{r.slowest:.1f} s", f"{r.seconds:.1f}")
        for r in reports
    ]
    counts = [sum(getattr(r, name) for r in reports) for name in
              ("tasks", "blanks", "mistakes", "others")]  # fmt: skip
    rows.append(("all", *counts, "", f"{sum(r.seconds for r in reports):.1f}"))
    lines = [HEAD, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Prove the named labs, or all; return 0, 1 when something is wrong, 2 on unusable input."""
    parser = argparse.ArgumentParser(description="Prove the labs in both directions.")
    parser.add_argument("labs", nargs="*", metavar="LAB", help="a number, as in 02; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="labs at a time")
    options = parser.parse_args(argv)
    os.environ.setdefault("LENETCOURSE_DATASET", "digits")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        paths = [
            source.path
            for source in all_sources(root)
            if not options.labs or source.number in options.labs
        ]
        reports = prove_all(paths, options.jobs)
    except Unusable as error:
        print(f"prove_labs: {error}", file=sys.stderr)
        return 2
    print(table(reports))
    wrong = [f"{report.lab}: {line}" for report in reports for line in report.wrong]
    print("\n".join(wrong) if wrong else f"{len(reports)} labs proved, nothing found")
    return 1 if wrong else 0


def prove_all(paths: Sequence[Path], jobs: int) -> list[Report]:
    """Return the reports, in order; each lab has a process of its own."""
    context = multiprocessing.get_context("spawn")
    jobs = max(1, min(jobs, len(paths)))  # Windows has a limit: 61 processes
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return list(pool.map(prove, paths))


if __name__ == "__main__":
    sys.exit(main())
