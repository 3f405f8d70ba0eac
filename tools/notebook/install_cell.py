# @title Installs the course's library where it is missing, as on Colab; else it does nothing
import importlib.util

WHEEL = ""  # the address of a release's wheel: stands in the notebooks of a release
if importlib.util.find_spec("lenetcourse") is None:
    import subprocess
    import sys
    from pathlib import Path

    name = "lenetcourse-*.whl"
    files = sorted(Path().glob(name)) or sorted(Path("/kaggle/input").rglob(name))
    wheel, error = str(files[-1]) if files else WHEEL, "ERROR: this notebook names no release"
    if wheel:
        print(f"Installing lenetcourse from {wheel.partition('#')[0]}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries=1", wheel]
        error = subprocess.run(pip, stderr=subprocess.PIPE, text=True, errors="replace").stderr
        importlib.invalidate_caches()
    if importlib.util.find_spec("lenetcourse") is None:
        reason = error[max(error.find("ERROR"), 0) :][:300].strip()
        raise ImportError(
            f"lenetcourse is not installed. Without a network, put {name} beside this notebook, or "
            "on Kaggle attach it as a data set, and run this cell again. From the course's folder: "
            f"%pip install FOLDER. What went wrong: {reason}"
        )
