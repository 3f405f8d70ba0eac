# @title Installs the course's library where it is missing, as on Colab; else it does nothing
import importlib.util

WHEEL = ""  # the address of a release's wheel: stands in the notebooks of a release


def is_missing():
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("lenetcourse")
    return spec is None or spec.origin is None  # a mere folder of that name is no library


if is_missing():
    import site
    import subprocess
    import sys
    from pathlib import Path

    name = WHEEL.partition("#")[0].rpartition("/")[2] or "lenetcourse-*.whl"
    files = sorted(Path().glob(name)) or sorted(Path("/kaggle/input").rglob(name))
    wheel, said = str(files[-1]) if files else WHEEL, "ERROR: this notebook names no release"
    if wheel:
        print(f"Installing lenetcourse from {wheel.partition('#')[0]}")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", wheel]
        said = subprocess.run(install, stderr=subprocess.PIPE, text=True, errors="replace").stderr
        site.addsitedir(site.getusersitepackages())  # pip's place where the usual one is closed
    if is_missing():
        reason = said[max(said.find("ERROR"), 0) :][:300].strip()
        raise ImportError(
            f"lenetcourse is not installed. Without a network, put {name} beside this notebook, or "
            "on Kaggle attach it as a data set, and run this cell again. From the course's folder: "
            f"%pip install FOLDER. What went wrong: {reason}"
        )
