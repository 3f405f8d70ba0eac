"""The package as a whole: names, versions, requirements, the maintainers' small tools, figures."""

import ast
import graphlib
import importlib.metadata
import re
import subprocess
import sys
import warnings
from pathlib import Path

import check_python
import lock
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import yaml
from matplotlib.figure import Figure
from packaging.requirements import Requirement

import lenetcourse
from lenetcourse import (
    History,
    LeNet5,
    example_pictures,
    plot_confusion_matrix,
    plot_history,
    show_feature_maps,
    show_images,
    show_kernels,
    show_steps,
    to_mnist,
    use_course_style,
)

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

mpl.use("Agg")
ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = (ROOT / "requirements.txt").read_text(encoding="utf-8")


# Names


def test_import_is_light():
    code = (
        "import sys; before = set(sys.modules); import lenetcourse; dir(lenetcourse)\n"
        "new = set(sys.modules) - before\n"
        "print(*sorted({name.split('.')[0] for name in new} - set(sys.stdlib_module_names)))\n"
        "print(len(new))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    ours, count = done.stdout.splitlines()
    assert ours == "lenetcourse"
    assert int(count) < 20


@pytest.mark.parametrize("name", lenetcourse.__all__)
def test_every_public_name_is_there_and_explained(name):
    thing = getattr(lenetcourse, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("lenetcourse.")
    assert thing.__doc__
    assert name in dir(lenetcourse)


def test_names():
    assert lenetcourse.__all__ == sorted(set(lenetcourse.__all__))
    assert lenetcourse.LeNet5 is lenetcourse.models.lenet.LeNet5
    namespace = {}
    exec("from lenetcourse import *", namespace)
    assert set(lenetcourse.__all__) <= set(namespace)
    with pytest.raises(AttributeError, match="module 'lenetcourse' has no attribute 'LeNet6'"):
        _ = lenetcourse.LeNet6
    assert not hasattr(lenetcourse, "__wrapped__")


def test_the_stub_names_what_the_package_has():
    """Editors read __init__.pyi; the package imports by `_HOME`."""
    stub = ast.parse((ROOT / "lenetcourse" / "__init__.pyi").read_text(encoding="utf-8"))
    named = {}
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name  # this is what makes a name of a stub public
                named[alias.name] = node.module
    homes = {name: f"lenetcourse.{module}" for name, module in lenetcourse._HOME.items()}
    assert named == homes
    assert (ROOT / "lenetcourse" / "py.typed").is_file()


# Rooms

ROOMS = [{"errors"}, {"files", "tables"}, {"data"}, {"models"}, {"baselines", "train"}, {"show"},
         {"labs"}, {"doctor", "grading"}, {"command"}, {"cli"}, {"__main__"}]  # fmt: skip


def library_imports():
    """Return module -> the library's modules that it imports, lazily or not."""
    found = {}
    library = ROOT / "lenetcourse"
    for path in library.rglob("*.py"):
        name = ".".join(path.relative_to(library).with_suffix("").parts)
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found[name] |= {
                    inner
                    for alias in node.names
                    if (inner := alias.name.removeprefix("lenetcourse.")) != alias.name
                }
            if not isinstance(node, ast.ImportFrom) or node.module.split(".")[0] != "lenetcourse":
                continue
            place = node.module.removeprefix("lenetcourse").lstrip(".")
            for alias in node.names:
                inner = f"{place}.{alias.name}".lstrip(".")
                is_module = (library / f"{inner.replace('.', '/')}.py").is_file()
                found[name].add(inner if is_module else place or lenetcourse._HOME.get(alias.name))
        found[name].discard(None)  # `from lenetcourse import __version__`
    return found


def test_arrows_only_go_down():
    level = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    for module, others in library_imports().items():
        if module == "__init__":
            continue
        room = module.split(".")[0]
        for other in others:
            target = other.split(".")[0]
            assert target == room or level[target] < level[room], f"{module} imports {other}"


def test_every_room_is_packaged():
    """A room whose name is missing in pyproject.toml would not be installed."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    rooms = {path.parent for path in (ROOT / "lenetcourse").rglob("__init__.py")}
    names = {".".join(room.relative_to(ROOT).parts) for room in rooms} | {"lenetcourse.recorded"}
    assert set(tomllib.loads(text)["tool"]["setuptools"]["packages"]) == names


def test_no_circles():
    tuple(graphlib.TopologicalSorter(library_imports()).static_order())


# Versions and requirements


def test_version():
    """It stands in the library; packages read it there, and the citation names the same."""
    assert PROJECT["dynamic"] == ["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == lenetcourse.__version__
    assert importlib.metadata.version("lenetcourse") == lenetcourse.__version__


def pins():
    """Return (requirement, comment) for each line of requirements.txt that pins a package."""
    lines = [line for line in LOCKED.splitlines() if line and not line.startswith("#")]
    pairs = [line.partition("  # ")[::2] for line in lines]
    return [(Requirement(requirement), comment) for requirement, comment in pairs]


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_runtime_dependencies_have_a_lower_bound_and_a_pin_above_it(text):
    requirement = Requirement(text)
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    direct = "\n".join(lock.split_direct(LOCKED))
    pinned = [pin for pin, _ in pins() if pin.name == requirement.name]
    assert pinned
    for pin in pinned:
        (version,) = pin.specifier
        assert version.version in requirement.specifier
        assert f"{pin.name}=={version.version}" in direct


def test_every_pin_is_exact():
    for requirement, _ in pins():
        (version,) = requirement.specifier
        assert version.operator == "=="
        assert "*" not in version.version


def test_every_direct_pin_has_its_reason():
    direct = {lock.name_of(line) for line in lock.split_direct(LOCKED) if "==" in line}
    assert len(direct) > 20
    reasons = {requirement.name: reason for requirement, reason in pins()}
    assert [name for name in direct if not reasons[name]] == []


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_one_pin_for_each_package_and_python(python):
    here = {"python_full_version": f"{python}.1", "python_version": python}
    names = [
        requirement.name
        for requirement, _ in pins()
        if requirement.marker is None or requirement.marker.evaluate(here)
    ]
    assert sorted(names) == sorted(set(names))
    assert {Requirement(text).name for text in PROJECT["dependencies"]} <= set(names)


def test_what_the_code_imports_is_required():
    modules = {"scikit-learn": "sklearn", "pillow": "PIL"}
    required = [Requirement(text).name for text in PROJECT["dependencies"]]
    allowed = {modules.get(name, name) for name in required} | {"lenetcourse"}
    imported = set()
    for path in (ROOT / "lenetcourse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    # Extras of pyproject.toml, imported where they are asked for.
    extras = {"dask", "keras", "onnxruntime", "onnxscript"}
    assert imported - set(sys.stdlib_module_names) - extras == allowed


def test_package_data_is_all_there():
    folder = Path(lenetcourse.__file__).parent
    assert (folder / "course.mplstyle").is_file()
    for name in ("lenet5", "reader"):
        assert (folder / "weights" / f"{name}.safetensors").is_file()
    assert len(list((folder / "pictures").iterdir())) == len(example_pictures()) >= 16


# tools/check_python.py and tools/lock.py


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 9), (3, 9, 21, "final", 0)])
@pytest.mark.parametrize("has_venv", [True, False])
def test_old_pythons(version, has_venv):
    message = check_python.complaint(version, has_venv)
    number = ".".join(map(str, version[:3]))
    assert f"needs Python 3.10 or newer, and {sys.executable} is Python {number}: " in message
    assert "make PYTHON=python3.12 book" in message
    assert "\n" not in message


def test_a_python_that_cannot_make_environments():
    message = check_python.complaint((3, 12, 3), False)
    assert "Python 3.12.3 cannot make virtual environments" in message
    assert "sudo apt install python3-venv" in message
    assert "\n" not in message


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 14, 1), (4, 0, 0), tuple(sys.version_info)])
def test_good_pythons(version):
    assert check_python.complaint(version, True) is None


def test_split_direct():
    text = f"# Title\n\na==1  # why\nb==2 ; x < '3'  # why\n\n{lock.MARK} (...)\nc==3\nd==4\n"
    assert lock.split_direct(text) == text.splitlines()[:6]
    assert [lock.name_of(line) for line in ("a==1  # why", "b==2 ; x < '3'")] == ["a", "b"]
    with pytest.raises(StopIteration):
        lock.split_direct("a==1\n")


def test_lock_rewrites_only_what_is_pulled_in(tmp_path, monkeypatch):
    path = tmp_path / "requirements.txt"
    direct = f"torch==2  # networks\n{lock.MARK} (by `make lock`)\n"
    path.write_text(direct + "old==1\n", encoding="utf-8")
    monkeypatch.setattr(lock, "REQUIREMENTS", path)
    resolved = ["# comment", "torch==2", "nvidia-cublas==13", "triton==3", "new==1 ; x < '3'"]
    monkeypatch.setattr(lock, "resolve", lambda lines: resolved)
    lock.main()
    assert path.read_text(encoding="utf-8") == direct + "new==1 ; x < '3'\n"


# Figures


@pytest.fixture(autouse=True)
def style():
    with mpl.rc_context():
        use_course_style()
        yield
        plt.close("all")


def run(epochs):
    validation = [{"loss": 0.5 / k, "accuracy": 0.9} for k in range(1, epochs + 1)]
    losses = [[10 * k, 1 / k] for k in range(1, 4 * epochs + 1)]
    return History([0.5] * epochs, validation, batch_loss=losses, best_epoch=1)


IMAGES = torch.arange(3 * 28 * 28).reshape(3, 28, 28).to(torch.uint8)
SEVEN = np.zeros((60, 60))
SEVEN[10:16, 15:45] = SEVEN[10:50, 39:45] = 1
FIGURES = {
    "one image": lambda: show_images(IMAGES[:1]),
    "images": lambda: show_images(list(IMAGES), ["a", "b", "é – 5 × 5"], columns=2),
    "images, own range": lambda: show_images(IMAGES.float() / 255, vmax=None),
    "kernels": lambda: show_kernels(LeNet5().conv1),
    "one kernel": lambda: show_kernels(torch.nn.Conv2d(1, 1, 5)),
    "feature maps": lambda: show_feature_maps(LeNet5(), IMAGES[0], "conv2"),
    "history": lambda: plot_history(run(3)),
    "one epoch": lambda: plot_history(run(1)),
    "other metric": lambda: plot_history(run(2), "loss"),
    "confusion matrix": lambda: plot_confusion_matrix(np.arange(9).reshape(3, 3)),
    "no errors": lambda: plot_confusion_matrix(np.eye(10, dtype=int) * 50),
    "named classes": lambda: plot_confusion_matrix([[5, 1], [2, 4]], ["Größe", "no"]),
    "steps": lambda: show_steps([to_mnist(SEVEN, return_steps=True)[1]] * 2),
}


@pytest.mark.parametrize("make", FIGURES.values(), ids=list(FIGURES))
def test_figures(make, tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph or a layout that fails is a warning
        figure = make()
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / "x.png")
    drawn = plt.imread(tmp_path / "x.png")
    assert (drawn[[0, 0, -1, -1], [0, -1, 0, -1], :3] == 1).all()  # white corners
    assert drawn[..., :3].min() < 0.5
    assert capsys.readouterr() == ("", "")


def test_images_are_drawn_one_by_one_ink_dark():
    figure = show_images(IMAGES, ["one", "two", "three"], columns=2)
    assert [axis.get_title() for axis in figure.axes] == ["one", "two", "three", ""]
    for axis, image in zip(figure.axes, IMAGES, strict=False):
        (shown,) = axis.images
        assert np.array_equal(shown.get_array(), image.numpy())
        assert shown.get_clim() == (0, 255)
        assert shown.to_rgba(255)[0] < 0.1
        assert shown.to_rgba(0)[0] > 0.9
        assert axis.get_xticks().size == 0


def test_kernels_share_one_scale_around_zero():
    layer = torch.nn.Conv2d(2, 3, 5)
    figure = show_kernels(layer, columns=4)
    shown = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(shown) == 6
    limit = layer.weight.abs().max().item()
    assert {image.get_clim() for image in shown} == {(-limit, limit)}


def test_feature_maps_are_those_after_relu():
    model = LeNet5()
    figure = show_feature_maps(model, IMAGES[1], "conv1")
    maps = model.conv1(IMAGES[1][None, None] / 255).relu()[0].detach()
    assert len(figure.axes) == 6
    for axis, expected in zip(figure.axes, maps, strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), expected, atol=1e-6)


def test_history_has_epochs_on_its_axis():
    figure = plot_history(run(3))
    left, right = figure.axes
    training, validation = left.lines
    assert training.get_xdata()[-1] == 3
    assert training.get_ydata()[0] == 1
    assert validation.get_xdata().tolist() == [1, 2, 3]
    assert right.lines[0].get_ydata().tolist() == [0.9, 0.9, 0.9]
    assert right.get_title() == "Validation accuracy"
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["training", "validation"]


def test_confusion_matrix_writes_its_counts():
    matrix = np.array([[50, 2, 0], [0, 40, 9], [0, 0, 45]])
    axis = plot_confusion_matrix(matrix).axes[0]
    written = {text.get_position(): text.get_text() for text in axis.texts}
    assert written == {(0, 0): "50", (1, 0): "2", (1, 1): "40", (2, 1): "9", (2, 2): "45"}
    assert np.array_equal(axis.images[0].get_array(), matrix * (1 - np.eye(3)))
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "true")


def test_course_style():
    assert mpl.rcParams["savefig.facecolor"] == "white"
    assert mpl.rcParams["image.cmap"] == "gray_r"
    cycle = [entry["color"] for entry in mpl.rcParams["axes.prop_cycle"]]
    assert len(cycle) == len(set(cycle)) == 7
    text = (ROOT / "lenetcourse" / "course.mplstyle").read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z_.]+):", text, re.MULTILINE):
        assert name in mpl.rcParams
