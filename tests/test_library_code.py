"""Which changes of a small library make a notebook's results stale, and which do not."""

import ast
import shutil

import pytest
from batch.library_code import code_digest, command_digest, read_package
from notebook.reading import Unusable

FILES = {
    "__init__.py": """
_HOME = {"fit": "training", "LeNet": "models.lenet"}

def __getattr__(name):
    return _HOME[name]
""",
    "training.py": '''
"""Training."""
from lenetcourse import settings
from lenetcourse.settings import RATE

STEPS = 3
TABLE = {}
TABLE["a"] = 1

def fit(model):
    """Fit it."""
    # Step by step.
    return step(model) * STEPS * RATE + settings.offset()

def step(model):
    from lenetcourse.batches import shuffled

    return shuffled(model)

def draw(model):
    return "a picture"

if STEPS > 2:
    def extra():
        return "extra"
''',
    "settings.py": """
RATE = 0.1
UNUSED = 0

def offset():
    return 7
""",
    "batches.py": """
class Batches:
    size = 64

@print
def shuffled(x):
    return x
""",
    "models/__init__.py": "",
    "models/lenet.py": """
class LeNet:
    def forward(self):
        return "forward"
""",
    "pictures.py": """
from importlib import resources

def load():
    return resources.files("lenetcourse") / "picture.png"

def folder():
    return resources.files("lenetcourse") / "drawn"

def style():
    plt.style.use("lenetcourse.course")
""",
    "picture.png": "pixels",
    "drawn/a.png": "ink",
    "course.mplstyle": "red",
}


@pytest.fixture
def package(tmp_path):
    """Return a function that writes the library, with one text replaced, and gives its folder."""
    made = []

    def make(file=None, old="", new=""):
        made.append(folder := tmp_path / str(len(made)) / "lenetcourse")
        for name, text in FILES.items():
            if name == file:
                assert text.count(old) == 1
                text = text.replace(old, new)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    return make


LAZY = "from lenetcourse import fit\nfit(1)"
SAME = [
    (LAZY, "training.py", "a picture", "another picture"),
    (LAZY, "training.py", "Fit it.", "Fit it well.\n\n    Really."),
    (LAZY, "training.py", "    # Step by step.\n", ""),
    (LAZY, "training.py", "def step", "\n\n\ndef step"),
    (LAZY, "training.py", '"""Training."""', ""),
    (LAZY, "training.py", '"extra"', '"more"'),
    (LAZY, "settings.py", "UNUSED = 0", "UNUSED = 1"),
    (LAZY, "batches.py", "size = 64", "size = 32"),
    (LAZY, "models/lenet.py", '"forward"', '"backward"'),
    (LAZY, "picture.png", "pixels", "other pixels"),
    ("from lenetcourse.pictures import load", "drawn/a.png", "ink", "other ink"),
    ("from lenetcourse.pictures import load", "course.mplstyle", "red", "blue"),
    ("import lenetcourse", "training.py", "STEPS = 3", "STEPS = 4"),
    ("fit = 1\nfit.real", "training.py", "STEPS = 3", "STEPS = 4"),
    ("from lenetcourse import training", "training.py", "STEPS = 3", "STEPS = 4"),
]
OTHER = [
    (LAZY, "training.py", "STEPS = 3", "STEPS = 4"),
    (LAZY, "training.py", "return step", "return 2 * step"),
    (LAZY, "training.py", "return shuffled", "return -shuffled"),
    (LAZY, "settings.py", "RATE = 0.1", "RATE = 0.2"),
    (LAZY, "settings.py", "return 7", "return 8"),
    (LAZY, "batches.py", "return x", "return x + 1"),
    (LAZY, "batches.py", "@print", "@repr"),
    ("from lenetcourse.training import fit as f", "training.py", "STEPS = 3", "STEPS = 4"),
    ("from lenetcourse.training import TABLE", "training.py", '"] = 1', '"] = 2'),
    ("from lenetcourse.training import extra", "training.py", '"extra"', '"more"'),
    ("from lenetcourse import *", "models/lenet.py", '"forward"', '"backward"'),
    ("from lenetcourse.batches import *", "batches.py", "size = 64", "size = 32"),
    ("from lenetcourse import training\ntraining.draw()", "training.py", "a picture", "none"),
    ("import lenetcourse\nlenetcourse.fit", "training.py", "STEPS = 3", "STEPS = 4"),
    ("import lenetcourse as lc\nlc.LeNet()", "models/lenet.py", '"forward"', '"backward"'),
    ("import lenetcourse\nlenetcourse.training.draw()", "training.py", "a picture", "none"),
    ("import lenetcourse.models.lenet\nlenetcourse.models.lenet.LeNet", "models/lenet.py",
     '"forward"', '"backward"'),
    ("import lenetcourse.batches as b\nb.Batches", "batches.py", "size = 64", "size = 32"),
    ("from lenetcourse.models import lenet\nlenet.LeNet", "models/lenet.py", "forward(", "call("),
    ("def f():\n    from lenetcourse import LeNet\n    return LeNet()", "models/lenet.py",
     '"forward"', '"backward"'),
    ("from lenetcourse.pictures import load", "picture.png", "pixels", "other pixels"),
    ("from lenetcourse.pictures import folder", "drawn/a.png", "ink", "other ink"),
    ("from lenetcourse.pictures import style", "course.mplstyle", "red", "blue"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "file", "old", "new"), SAME)
def test_not_reached(package, code, file, old, new):
    tree = ast.parse(code)
    assert code_digest(tree, package()) == code_digest(tree, package(file, old, new))


@pytest.mark.parametrize(("code", "file", "old", "new"), OTHER)
def test_reached(package, code, file, old, new):
    tree = ast.parse(code)
    assert code_digest(tree, package()) != code_digest(tree, package(file, old, new))


FIT = [("training", "fit")]


def test_a_command(package):
    before = command_digest(FIT, package())
    assert before == command_digest(FIT, package("training.py", "Fit it.", "Fit."))
    assert before != command_digest(FIT, package("settings.py", "7", "8"))


def test_the_walk_stops(package):
    stops = frozenset({"settings"})
    before = command_digest(FIT, package(), stops)
    assert before == command_digest(FIT, package("settings.py", "7", "8"), stops)
    assert before != command_digest(FIT, package("batches.py", "return x", "return 2 * x"), stops)


@pytest.mark.parametrize("place", [("training", "fits"), ("nothing", "fit"), ("", "fits")])
def test_a_start_that_is_not_there(package, place):
    with pytest.raises(Unusable, match=f"has no {place[1]}"):
        command_digest([place], package())
    with pytest.raises(Unusable, match=f"has no {place[1]}"):
        code_digest(ast.parse(f"from lenetcourse.{place[0]} import {place[1]}".replace(". ", " ")),
                    package())  # fmt: skip


def test_a_definition_may_be_a_stop(package):
    stops = frozenset({"settings.offset"})
    before = command_digest(FIT, package(), stops)
    assert before == command_digest(FIT, package("settings.py", "return 7", "return 8"), stops)
    assert before != command_digest(FIT, package("settings.py", "RATE = 0.1", "RATE = 1"), stops)


def test_other_names_for_the_same(package):
    """What a name stands for counts, of other libraries and of this one."""
    before = command_digest(FIT, package())
    new = "from lenetcourse.settings import UNUSED as RATE"
    old = "from lenetcourse.settings import RATE"
    assert before != command_digest(FIT, package("training.py", old, new))
    math = [package("training.py", old, f"{old}\nfrom {place} import STEPS as extra_steps")
            for place in ("math", "cmath")]  # fmt: skip
    assert len({command_digest(FIT, folder) for folder in math}) == 1  # nothing uses it
    for number, folder in enumerate(math):
        text = (folder / "training.py").read_text(encoding="utf-8")
        text = text.replace("settings.offset()", "settings.offset() * extra_steps")
        other = folder.parent / f"used-{number}" / "lenetcourse"
        shutil.copytree(folder, other)
        (other / "training.py").write_text(text, encoding="utf-8")
    used = {command_digest(FIT, f.parent / f"used-{n}" / "lenetcourse") for n, f in enumerate(math)}
    assert len(used) == 2


def test_a_module_that_moves_changes_nothing(package):
    folder = package()
    before = code_digest(ast.parse(LAZY), folder)
    moved = package("training.py", "from lenetcourse.batches import shuffled",
                    "from lenetcourse.data.piles import (\n        shuffled,\n    )")  # fmt: skip
    (moved / "data").mkdir()
    (moved / "batches.py").rename(moved / "data" / "piles.py")
    assert code_digest(ast.parse(LAZY), moved) == before


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("from . import settings", "training.py: line 3: relative imports are not followed"),
        ("from lenetcourse import (", "training.py: line 3: '(' was never closed"),
    ],
)
def test_what_cannot_be_followed(package, new, message):
    with pytest.raises(Unusable) as caught:
        read_package(package("training.py", "from lenetcourse import settings", new))
    assert str(caught.value) == message
