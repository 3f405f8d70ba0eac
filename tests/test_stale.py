"""Which changes of the real library make which recorded runs stale: on a copy, nothing patched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRAINED = {"kernels", "train_images", "dropout", "dropout_1000"}  # by `lenetcourse train`
CHAPTERS = {path.stem for path in (ROOT / "book").glob("0*.ipynb")}


@pytest.fixture
def copy(tmp_path):
    """The library, the tools and the book, to change at will."""
    for name in ("lenetcourse", "tools", "book"):
        ignored = shutil.ignore_patterns("__pycache__", "_static")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def run_tool(root, name, *words):
    return subprocess.run(
        [sys.executable, root / "tools" / name, *words],
        env=os.environ | {"PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def stale(root):
    """Return the names of the runs that the batch would do again."""
    done = run_tool(root, "regenerate.py", "--list")
    assert done.returncode == 0, done.stderr
    lines = [line.split(": ", 1) for line in done.stdout.splitlines()]
    assert len(lines) > 400
    return {name for name, cause in lines if cause.startswith("run: ") and "unless" not in cause}


def groups(names):
    return {name.split("/")[0] for name in names}


def test_nothing_changed(copy):
    assert stale(copy) == set()


def test_a_module_that_is_renamed_and_one_that_moves(copy):
    """Every file that names them is rewritten, as a maintainer would."""
    library = copy / "lenetcourse"
    (library / "show" / "plots.py").rename(library / "drawings.py")
    (library / "train" / "metrics.py").rename(library / "models" / "measures.py")
    for path in library.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for old, new in (("show.plots", "drawings"), ("train.metrics", "models.measures")):
            text = text.replace(f"lenetcourse.{old}", f"lenetcourse.{new}")
            text = text.replace(f'": "{old}"', f'": "{new}"')
        path.write_text(text, encoding="utf-8")
    hashes = copy / "tools" / "batch" / "hashes.py"
    change(hashes, 'frozenset({"plots"})', 'frozenset({"drawings"})')
    assert stale(copy) == set()


def test_one_more_source_and_other_data_in_colour(copy):
    """The runs on grey digits stop at the door to the data in colour."""
    data = copy / "lenetcourse" / "data"
    change(data / "colour_digits.py", "SEED = 2016", "SEED = 2017")
    change(data / "colour.py", 'COLOUR_NAMES = ("cifar10", ', 'COLOUR_NAMES = ("new", "cifar10", ')
    change(
        data / "sources.py",
        "    for source in (\n",
        "    for source in (\n"
        '        Source("new", "New", ("https://example.org/",), _same_names(*"abcd")),\n',
    )
    assert stale(copy) == set()


def test_one_more_option_of_train(copy):
    change(
        copy / "lenetcourse" / "command" / "train.py",
        '    train.add_argument("--dropout"',
        '    train.add_argument("--new", type=float, default=0.5)\n'
        '    train.add_argument("--dropout"',
    )
    assert stale(copy) == set()


def test_another_default_of_train(copy):
    """batch.yml names the options that it leaves at their defaults."""
    change(copy / "lenetcourse" / "command" / "train.py", "default=0.003", "default=0.03")
    assert groups(stale(copy)) >= TRAINED


def test_one_more_network_to_train(copy):
    change(
        copy / "lenetcourse" / "models" / "networks.py",
        '    "mlp": MLP,\n',
        '    "mlp": MLP,\n    "perceptron": MLP,\n',
    )
    change(copy / "lenetcourse" / "command" / "train.py", '("lenet5", "mlp",', '("lenet5",')
    assert not groups(stale(copy)) & TRAINED


def test_what_another_library_is_called(copy):
    change(
        copy / "lenetcourse" / "models" / "lenet.py",
        "from torch.nn import functional as F",
        "from torch import nn as F",
    )
    assert groups(stale(copy)) >= TRAINED


def test_a_colour_in_a_plot(copy):
    """The runs that keep such a picture, and the chapters that draw one."""
    change(copy / "lenetcourse" / "show" / "plots.py", '"o-", color="C1")', '"o-", color="C3")')
    found = stale(copy)
    assert {name for name in found if "/" in name} == pictured(copy)
    assert groups(found) <= TRAINED | CHAPTERS


def pictured(root):
    """Return the training runs of which a learning curve is kept."""
    paths = [path for name in TRAINED for path in (root / "book/figures" / name).glob("*.png")]
    return {f"{path.parent.name}/{path.stem.removesuffix('-curve')}" for path in paths}


def test_the_style_of_all_figures(copy):
    with (copy / "lenetcourse" / "course.mplstyle").open("a") as style:
        style.write("axes.labelpad: 5\n")
    # Sweeps that are notebooks set the style, too; those of a command do where they keep a picture.
    notebooks = {"vae_samples", "edges"}
    found = {name for name in stale(copy) if name.partition("/")[0] not in notebooks}
    assert found == pictured(copy) | CHAPTERS | {
        "primer",
        "published_vs_measured",
        "landing/run",
    }


def test_a_line_of_fit(copy):
    """The batch would run what was trained, and `make test` does not let it pass."""
    before = run_tool(copy, "check_notebooks.py")
    assert (before.returncode, before.stderr) == (0, "")
    change(
        copy / "lenetcourse" / "train" / "loop.py", "math.isfinite(losses[-1])", "losses[-1] < 1e30"
    )
    assert groups(stale(copy)) >= TRAINED | {"vae", "segmentation", "networks", "02_lenet5"}
    assert "baselines" not in groups(stale(copy))
    done = run_tool(copy, "check_notebooks.py")
    assert done.returncode == 1
    assert "kernels: 25 of 25 runs not up to date (the library, the data or what it" in done.stdout


def test_a_network_that_no_run_trains(copy):
    """A command trains one network. What opens a file of weights may need any of them."""
    networks = copy / "lenetcourse" / "models" / "segmentation.py"
    change(networks, "_two_convs(inputs: int, outputs: int)", "_two_convs(inputs: int, outputs)")
    openers = {"01_cnn_history", "02_lenet5", "landing", "05_vae", "vae_samples"}
    assert groups(stale(copy)) == {"segmentation", "06_segmentation"} | openers


def test_a_start_that_is_gone(copy):
    command = copy / "lenetcourse" / "command" / "train.py"
    change(command, "def run(", "def runs(")
    done = run_tool(copy, "regenerate.py", "--list")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "regenerate: lenetcourse.command.train has no run\n"
