"""Rewrite the pulled-in part of requirements.txt from its direct pins."""

import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
MARK = "# Pulled in by the lines above"
# torch pins its CUDA packages itself; a CPU-only torch must not drag them in.
LEFT_OUT = ("nvidia-", "cuda-", "triton")


def name_of(line):
    return line.split("==")[0]


def split_direct(text):
    """Return the lines down to and with the mark."""
    lines = text.splitlines()
    return lines[: next(i for i, line in enumerate(lines) if line.startswith(MARK)) + 1]


def resolve(direct):
    """Return every pin, direct or not, that satisfies the direct lines on Python 3.10 and newer."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "direct.in"
        source.write_text("\n".join(direct), encoding="utf-8")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                "--quiet",
                "--universal",
                "--python-version=3.10",
            ]
            + ["--fork-strategy=fewest", "--no-annotate", "--no-header", str(source)],
            check=True,
            capture_output=True,
            encoding="utf-8",
        )
    return done.stdout.splitlines()


def main():
    direct = split_direct(REQUIREMENTS.read_text(encoding="utf-8"))
    named = {name_of(line) for line in direct if "==" in line}
    pulled_in = [
        line
        for line in resolve(direct)
        if "==" in line and name_of(line) not in named and not line.startswith(LEFT_OUT)
    ]
    text = "\n".join(direct + pulled_in) + "\n"
    REQUIREMENTS.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
