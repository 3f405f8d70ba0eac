"""Have nbgrader and Otter mark the exported labs: the solution must get all points, the blank none.

    python tools/check_exports.py [LAB ...] [--folder DIR]

Each grader gets an environment of its own below the folder (_build/exports), made once, which also
sees the packages of the environment that runs this. Needs a package index the first time. Exits
with 1 when a grader gives other points than it should.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

from notebook.reading import ROOT

from lenetcourse.grading.export import export

PACKAGES = {"nbgrader": "nbgrader==0.9.6", "otter": "otter-grader==7.0.0"}


def environment(folder: Path, grader: str) -> dict[str, str]:
    """Make the environment of a grader; return the variables of its commands."""
    place = folder / f"env-{grader}"
    bin_folder = place / ("Scripts" if os.name == "nt" else "bin")
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        subprocess.run(
            [bin_folder / "python", "-m", "pip", "install", "--quiet", PACKAGES[grader]], check=True
        )
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = place / "lib" / version / "site-packages"
        ours = f"{sysconfig.get_path('purelib')}\n{ROOT}\n"
        (packages / "zz-course.pth").write_text(ours, encoding="utf-8")  # after its own packages
        (place / "ready").touch()
    return {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "LENETCOURSE_DATASET": "digits",
        "LENETCOURSE_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


def run(command: Sequence[str], where: Path, variables: dict[str, str]) -> str:
    """Run a grader's command; return what it said. Raises SystemExit with that when it fails."""
    done = subprocess.run(
        command, cwd=where, env=variables, encoding="utf-8", stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")
    return done.stdout


def by_nbgrader(course: Path, lab: str, variables: dict[str, str]) -> tuple[float, float, float]:
    """Return the points of the solution, of the blank, and the most there are."""
    run(["nbgrader", "generate_assignment", lab, "--force"], course, variables)
    for student, source in (("solution", "source"), ("blank", "release")):
        target = course / "submitted" / student / lab
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(course / source / lab, target)
    run(["nbgrader", "autograde", lab, "--force"], course, variables)
    run(["nbgrader", "export"], course, variables)
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == lab]
    points = {row["student_id"]: float(row["score"]) for row in rows}
    return points["solution"], points["blank"], float(rows[0]["max_score"])


def by_otter(course: Path, lab: Path, variables: dict[str, str]) -> tuple[float, float, float]:
    """Return the points of the solution, of the blank, and the most there are."""
    out = course / lab.stem
    run(["otter", "assign", "--no-pdfs", "--no-run-tests", lab.name, str(out)], course, variables)
    archive = next((out / "autograder").glob("*.zip"))
    points = []
    for folder in ("autograder", "student"):
        results = out / f"results-{folder}"
        results.mkdir()
        notebook = out / folder / lab.name
        command = ["otter", "run", "-a", str(archive), "-o", str(results), str(notebook)]
        run(command, course, variables)
        tests = json.loads((results / "results.json").read_text(encoding="utf-8"))["tests"]
        points.append(sum(test.get("score") or 0 for test in tests))
    most = sum(test.get("max_score") or 0 for test in tests)
    return points[0], points[1], most


def main(argv: Sequence[str] | None = None) -> int:
    """Export, mark, compare; return 1 when points are not as they should be."""
    parser = argparse.ArgumentParser(description="Have two other graders mark the exported labs.")
    parser.add_argument("labs", nargs="*", metavar="LAB", help="a number, as in 02; default: all")
    parser.add_argument("--folder", type=Path, default=ROOT / "_build" / "exports")
    options = parser.parse_args(argv)
    wrong = 0
    for grader in PACKAGES:
        variables = environment(options.folder, grader)
        course = options.folder / grader
        shutil.rmtree(course, ignore_errors=True)
        for lab in export(ROOT / "labs" / "solutions", grader, course):
            number = re.match(r"lab_(\d\d)", lab.stem)[1]
            if options.labs and number not in options.labs:
                continue
            if grader == "nbgrader":
                full, blank, most = by_nbgrader(course, lab.parent.name, variables)
            else:
                full, blank, most = by_otter(course, lab, variables)
            well = full == most > 0 and blank == 0
            wrong += not well
            verdict = "" if well else "  WRONG"
            points = f"solution {full:g}, blank {blank:g}, of {most:g}"
            print(f"{grader:8} {lab.stem}: {points}{verdict}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
