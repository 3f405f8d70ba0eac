"""Build the container of instructors/Dockerfile, and see that it marks, and that it has no network.

    python tools/check_container.py

Where docker does not run it says so and exits with 0: nothing was tried. Exits with 1 when the
container marks otherwise than it should.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from notebook.reading import ROOT

IMAGE = "lenetcourse-marking"
LIMITS = [
    *("--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "512", "--memory", "12g"),
]
REACHES_OUT = "import socket\nsocket.create_connection(('1.1.1.1', 53), timeout=5)"


def main() -> int:
    """Build, mark three notebooks, compare; return 0 or 1."""
    there = shutil.which("docker") is not None
    if not there or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        print("docker does not run here: the container was not tried")
        return 0
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "dist", "."]
    build = ["docker", "build", "-t", IMAGE, "-f", "instructors/Dockerfile", "."]
    for command in (wheel, build):
        subprocess.run(command, cwd=ROOT, check=True)
    name = "lab_01_convolution.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        given, marks = Path(folder, "in"), Path(folder, "out")
        given.mkdir(), marks.mkdir()
        shutil.copy(ROOT / "labs" / "solutions" / name, given / "solution.ipynb")
        shutil.copy(ROOT / "labs" / name, given / "blank.ipynb")
        reaching = json.loads((ROOT / "labs" / name).read_text(encoding="utf-8"))
        cell = {"cell_type": "code", "id": "out", "source": REACHES_OUT, "metadata": {},
                "outputs": [], "execution_count": None}  # fmt: skip
        reaching["cells"].append(cell)
        (given / "reaching.ipynb").write_text(json.dumps(reaching), encoding="utf-8")
        volumes = ["-v", f"{given}:/in:ro", "-v", f"{marks}:/out", "--user", str(os.getuid())]
        grade = ["labs", "grade", "/in", "--out", "/out/grades.csv"]
        subprocess.run(["docker", "run", "--rm", *LIMITS, *volumes, IMAGE, *grade], check=True)
        with (marks / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {row["Full name"]: row for row in csv.DictReader(file)}
    full = rows["solution"]["Grade"] == rows["solution"]["Maximum grade"]
    well = (
        full and rows["blank"]["Grade"] == "0" and "out: " in rows["reaching"]["Feedback comments"]
    )
    print("the container marks, and has no network" if well else f"WRONG: {rows}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
