"""Which changes of the real library make which recorded runs stale: on a copy, nothing patched."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRAINED = {"kernels", "train_images", "dropout", "dropout_1000"}  # by `lenetcourse train`
# Runs tools of copies of the course, each with the modules of its own copy, which are forgotten
# after it. What comes from elsewhere is imported once: that takes longer than what is tested.
RUN_TOOLS = """
import contextlib, io, json, os, runpy, sys, traceback
import papermill, torch

sys.path.remove("")
for line in sys.stdin:
    root, tool, *words = json.loads(line)
    tools = os.path.join(root, "tools")
    sys.argv, sys.path[:0] = [tool, *words], [tools, root]
    os.chdir(root)
    code, out, err = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(os.path.join(tools, tool), run_name="__main__")
        except SystemExit as stop:
            code = stop.code
        except Exception:
            code = traceback.print_exc() or 1
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
    del sys.path[:2]
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(root):
            del sys.modules[name]
"""
CHAPTERS = {path.stem for path in (ROOT / "book").glob("[01]*.ipynb")}
IN_COLOUR = {"colour", "pixels", "flowers", "transfer", "transfer_digits"}
DIFFUSION = {"latent_diffusion", "diffusion", "diffusion_target"}


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


@pytest.fixture(scope="module")
def run_tool():
    """Return what runs a tool of a copy: exit code, stdout and stderr as of a process."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN_TOOLS],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:

        def run(root, *words):
            print(json.dumps([str(root), *words]), file=process.stdin, flush=True)
            return subprocess.CompletedProcess(words, *json.loads(process.stdout.readline()))

        yield run
        process.stdin.close()


@pytest.fixture
def stale(run_tool):
    """Return what names the runs of a copy that the batch would do again."""

    def names(root):
        done = run_tool(root, "regenerate.py", "--list")
        assert done.returncode == 0, done.stderr
        lines = [line.split(": ", 1) for line in done.stdout.splitlines()]
        assert len(lines) > 400
        found = (name for name, why in lines if why.startswith("run: ") and "unless" not in why)
        return set(found)

    return names


def groups(names):
    return {name.split("/")[0] for name in names}


def test_nothing_changed(copy, stale):
    assert stale(copy) == set()


def test_a_module_that_is_renamed_and_one_that_moves(copy, stale):
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


def test_one_more_source_and_other_data_in_colour(copy, stale):
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
    found = stale(copy)
    assert groups(found) == IN_COLOUR | {"08_colour", "09_transfer"}
    assert not [name for name in found if "dataset-mnist" in name]


def test_one_more_option_of_train(copy, stale):
    change(
        copy / "lenetcourse" / "command" / "train.py",
        '    train.add_argument("--dropout"',
        '    train.add_argument("--new", type=float, default=0.5)\n'
        '    train.add_argument("--dropout"',
    )
    assert stale(copy) == set()


def test_another_default_of_train(copy, stale):
    """batch.yml names the options that it leaves at their defaults."""
    change(copy / "lenetcourse" / "command" / "train.py", "default=0.003", "default=0.03")
    assert groups(stale(copy)) >= TRAINED


def test_one_more_network_to_train(copy, stale):
    change(
        copy / "lenetcourse" / "models" / "networks.py",
        '    "mlp": MLP,\n',
        '    "mlp": MLP,\n    "perceptron": MLP,\n',
    )
    change(copy / "lenetcourse" / "command" / "train.py", '("lenet5", "mlp",', '("lenet5",')
    assert not groups(stale(copy)) & TRAINED


def test_what_another_library_is_called(copy, stale):
    change(
        copy / "lenetcourse" / "models" / "lenet.py",
        "from torch.nn import functional as F",
        "from torch import nn as F",
    )
    assert groups(stale(copy)) >= TRAINED


def test_a_colour_in_a_plot(copy, stale):
    """The runs that keep such a picture, and the chapters that draw one."""
    change(copy / "lenetcourse" / "show" / "plots.py", '"o-", color="C1")', '"o-", color="C3")')
    found = stale(copy)
    assert {name for name in found if "/" in name} == pictured(copy)
    assert groups(found) <= TRAINED | CHAPTERS


def pictured(root):
    """Return the training runs of which a learning curve is kept."""
    paths = [path for name in TRAINED for path in (root / "book/figures" / name).glob("*.png")]
    return {f"{path.parent.name}/{path.stem.removesuffix('-curve')}" for path in paths}


def test_the_style_of_all_figures(copy, stale):
    with (copy / "lenetcourse" / "course.mplstyle").open("a") as style:
        style.write("axes.labelpad: 5\n")
    # Sweeps that are notebooks set the style, too; those of a command do where they keep a picture.
    notebooks = {"vae_samples", "edges"} | DIFFUSION
    found = {name for name in stale(copy) if name.partition("/")[0] not in notebooks}
    assert found == pictured(copy) | CHAPTERS | {
        "primer",
        "published_vs_measured",
        "landing/run",
    }


def test_a_line_of_fit(copy, stale, run_tool):
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


def test_a_network_that_no_run_trains(copy, stale):
    """A command trains one network. What opens a file of weights may need any of them."""
    networks = copy / "lenetcourse" / "models" / "segmentation.py"
    change(networks, "_two_convs(inputs: int, outputs: int)", "_two_convs(inputs: int, outputs)")
    openers = {"01_cnn_history", "02_lenet5", "landing", "05_vae", "vae_samples", "08_colour"}
    openers |= {"09_transfer", "flowers", "transfer", "transfer_digits"}
    unets = {"segmentation", "06_segmentation", "10_diffusion"} | DIFFUSION
    assert groups(stale(copy)) == unets | openers


def test_a_start_that_is_gone(copy, run_tool):
    command = copy / "lenetcourse" / "command" / "train.py"
    change(command, "def run(", "def runs(")
    done = run_tool(copy, "regenerate.py", "--list")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "regenerate: lenetcourse.command.train has no run\n"
