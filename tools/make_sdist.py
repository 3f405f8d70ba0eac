"""Write the sources of the built wheel beside it, and prove that they give this wheel again.

    python tools/make_sdist.py

Run it after `make book`, where _config.yml names a repository. What then lies in _build/dist is
what a release offers: the wheel whose sha256 stands in the notebooks of _build/notebooks, and its
sources. Prints one line each; exits with 2 where there is no wheel, or where they differ.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from notebook.reading import ROOT, Unusable
from release.wheel import build_sdist, build_wheel, sha256_of


def rebuilt(sdist: Path) -> str:
    """Return the sha256 of the wheel that the archive `sdist` gives. Raises Unusable."""
    with tempfile.TemporaryDirectory() as place:
        shutil.unpack_archive(sdist, place, filter="data")
        course = Path(place, sdist.name.removesuffix(".tar.gz"))
        return sha256_of(build_wheel(course, Path(place, "dist")))


def main(root: Path = ROOT) -> int:
    """Build the archive; return 0, or 2 when something is wrong."""
    dist = root / "_build" / "dist"
    try:
        wheels = list(dist.glob("*.whl"))
        if len(wheels) != 1:
            raise Unusable(f"{len(wheels)} wheels in {dist}: run `make book` with an address first")
        sdist = build_sdist(root, dist)
        if rebuilt(sdist) != sha256_of(wheels[0]):
            sdist.unlink()
            raise Unusable(f"{wheels[0].name} is not what its sources give: run `make book` again")
    except Unusable as error:
        print(f"make_sdist: {error}", file=sys.stderr)
        return 2
    for path in (wheels[0], sdist):
        print(f"{path.stat().st_size:>9,} bytes  sha256 {sha256_of(path)}  {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
