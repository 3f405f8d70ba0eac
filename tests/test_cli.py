"""The command: what it writes and prints, and one clear line for every mistake."""

import functools
import importlib
import importlib.metadata
import json
import math
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from lenetcourse import (
    VAE,
    LeNet5,
    SkipSegmenter,
    SmallAlexNet,
    __version__,
    example_pictures,
    load_dataset,
    load_model,
    save_model,
)
from lenetcourse.cli import main
from lenetcourse.command.train import MODELS
from lenetcourse.data import digits
from lenetcourse.models.networks import CLASSIFIERS
from lenetcourse.train import loop as training_module
from lenetcourse.train.recipes import FAST

made_once = functools.cache(digits.load_digits_28)
PEN_8 = str(example_pictures()["pen_8"])
MOUSE_4 = str(example_pictures()["mouse_4"])
HELP = """
import sys
from lenetcourse.cli import main
try:
    main(["train", "--help"])
except SystemExit as stop:
    assert not stop.code
heavy = {"torch", "numpy", "matplotlib", "PIL", "sklearn", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
FILES = {"lenet5.safetensors", "history.json", "curve.png", "checkpoint.pt"}


@pytest.fixture(autouse=True)
def alone(tmp_path_factory, monkeypatch):
    """No network, no data set of this machine, and a working directory of its own."""
    for name in ("LENETCOURSE_DATA", "LENETCOURSE_DATASET", "LENETCOURSE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    monkeypatch.setattr(digits, "load_digits_28", made_once)
    empty = tmp_path_factory.mktemp("empty")
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(empty))
    monkeypatch.chdir(empty)


@pytest.fixture
def command(capsys):
    """Run the command in this process; return exit code, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return run


def train_arguments(out, **options):
    usual = {"dataset": "digits", "epochs": 1, "lr": 0.001, "schedule": "constant"}
    options = usual | {"train-images": 500, "out": out} | options
    pairs = [(f"--{name}", str(value)) for name, value in options.items()]
    return ["train", "lenet5", *(word for pair in pairs for word in pair)]


def assert_complaint(result, message):
    """One line on stderr, nothing on stdout, exit code 2."""
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("lenetcourse: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, encoding="utf-8", check=False, **options
    )


# The command itself


def test_help_needs_no_torch():
    done = python("-c", HELP)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--train-images" in done.stdout


def test_python_m_lenetcourse(tmp_path):
    """In a folder with a Chinese name, and told to print in an encoding that does not have it."""
    folder = tmp_path / "我的 课程"
    folder.mkdir()
    shutil.copy(PEN_8, folder / "数字 8.jpg")
    done = python(
        *("-X", "warn_default_encoding", "-W", "error::EncodingWarning"),
        *("-m", "lenetcourse", "predict", folder / "数字 8.jpg", "missing.png"),
        cwd=folder,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"},
    )
    assert done.returncode == 2
    assert r"\u8bfe\u7a0b" in done.stdout
    assert r"\u6570\u5b57 8.jpg: 8 (" in done.stdout
    assert done.stderr == "lenetcourse: missing.png: No such file or directory\n"


def test_installed_as_a_command():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="lenetcourse")
    assert script.load() is main


def test_version_and_help(command):
    assert command("--version") == (0, f"lenetcourse {__version__}\n", "")
    code, out, err = command("--help")
    assert (code, err) == (0, "")
    assert all(name in out for name in ("train", "predict", "data", "doctor"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND; see lenetcourse --help"),
        ("paint", "invalid choice: 'paint'"),
        ("train", "see lenetcourse train --help"),
        ("train vgg", "invalid choice: 'vgg'"),
        ("train lenet5 --epochs many", "invalid int value: 'many'"),
        ("train lenet5 --lr big", "invalid float value: 'big'"),
        ("train lenet5 --schedule cosine", "invalid choice: 'cosine'"),
        ("train lenet5 --kernels 6", "expected 2 arguments"),
        ("train lenet5 --colour red", "unrecognized arguments: --colour red"),
        ("predict", "required: FILE"),
        ("data", "required: ACTION"),
        ("data info", "required: NAME"),
        ("data sell digits", "invalid choice: 'sell'"),
        ("data export-png digits --split all", "invalid choice: 'all'"),
        ("data info mnits", "unknown data set 'mnits': one of auto, digits, mnist"),
        ("data info mnist", "LENETCOURSE_OFFLINE=1 forbids a download"),
        ("data export-png mnits", "unknown data set 'mnits'"),
        ("data export-json mnits", "unknown data set 'mnits'"),
        ("data download mnits", "'mnits' has no files to download"),
        ("data download digits", "'digits' has no files to download"),
        ("data download kmnist", "By hand: put train-images-idx3-ubyte"),
    ],
)
def test_mistakes(command, arguments, message):
    assert_complaint(command(*arguments.split()), message)


def test_ctrl_c(command, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("lenetcourse.data.datasets.load_dataset", stopped)
    monkeypatch.setattr("lenetcourse.load_dataset", stopped, raising=False)
    assert command("data", "info", "digits") == (130, "", "lenetcourse: interrupted\n")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, ArithmeticError, KeyError])
def test_our_own_faults_are_not_hidden(monkeypatch, kind):
    def broken(*arguments):
        raise kind("a bug")

    monkeypatch.setattr("lenetcourse.load_dataset", broken, raising=False)
    with pytest.raises(kind, match="a bug"):
        main(["data", "info", "digits"])


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("UsageError", ValueError),
        ("IDXError", ValueError),
        ("PictureError", ValueError),
        ("WeightsError", ValueError),
        ("data.datasets.DatasetError", RuntimeError),
        ("train.checkpoint.CheckpointError", ValueError),
        ("data.download.DownloadError", RuntimeError),
        ("TrainingDiverged", FloatingPointError),
    ],
)
def test_every_error_of_the_course_is_one_line(command, monkeypatch, name, base):
    """They have one base class, and the built-in one that callers knew before."""
    module, _, name = name.rpartition(".")
    kind = getattr(importlib.import_module(f"lenetcourse.{module}".rstrip(".")), name)
    assert issubclass(kind, base)

    def failing(*arguments):
        raise kind("what is wrong")

    monkeypatch.setattr("lenetcourse.load_dataset", failing, raising=False)
    assert_complaint(command("data", "info", "digits"), "what is wrong")


# train


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two epochs, not interrupted."""
    out = tmp_path_factory.mktemp("runs") / "new" / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load_digits_28", made_once)
        assert main(train_arguments(out, epochs=2, dropout=0.1)) == 0
    return out


def test_what_training_writes(finished):
    assert {path.name for path in finished.iterdir()} == FILES
    model, facts = load_model(finished / "lenet5.safetensors")
    assert model.settings == LeNet5(dropout=0.1).settings
    assert facts["dataset"] == "digits"
    recipe = {"epochs": 2, "lr": 0.001, "schedule": "constant", "batch_size": 64, "seed": 0}
    recipe |= {"train_images": 500, "evaluate_train": False, "optimizer": "Adam"}
    recipe |= {"augment": None, "loss": "cross_entropy"}
    assert facts["recipe"] == recipe
    test = load_dataset("digits", "test")
    with torch.no_grad():
        found = model(test.images.unsqueeze(1) / 255).argmax(1)
    share = (found == test.labels).float().mean().item()
    assert facts["test"]["accuracy"] == pytest.approx(share, abs=1e-6)
    with Image.open(finished / "curve.png") as curve:
        assert curve.format == "PNG"
        assert curve.width > 500


def test_fast_is_its_recipe(command, tmp_path):
    code, _, _ = command("train", "lenet5", "--fast", "--epochs", 1, "--dataset", "digits",
                         "--train-images", 300, "--out", tmp_path / "run")  # fmt: skip
    assert code == 0
    _, facts = load_model(tmp_path / "run" / "lenet5.safetensors")
    assert {name: facts["recipe"][name] for name in FAST} == dict(FAST) | {"epochs": 1}


@pytest.mark.parametrize(
    ("model", "options", "settings"),
    [
        ("mlp", ["--hidden", 20, 10], {"hidden": [20, 10]}),
        ("wide-cnn", ["--hidden", 8, "--dropout", 0.1], {"hidden": 8, "dropout": 0.1}),
        ("padded-cnn", [], {}),
        ("small-cnn", ["--dropout", 0], {"dropout": 0.0}),
        ("lenet5", ["--kernels", 2, 3], {"kernels": [2, 3]}),
    ],
)
def test_every_classifier_trains(command, tmp_path, model, options, settings):
    arguments = train_arguments(tmp_path / "run", **{"train-images": 64})
    arguments[1] = model
    code, out, err = command(*arguments, *options)
    assert (code, err) == (0, "")
    assert f"{model}.safetensors, history.json, curve.png" in out
    network, facts = load_model(tmp_path / "run" / f"{model}.safetensors")
    assert type(network) is CLASSIFIERS[model]
    assert network.settings == network.settings | settings
    assert facts["weights"] == sum(weight.numel() for weight in network.parameters())


def test_the_command_knows_all_classifiers():
    assert list(MODELS) == list(CLASSIFIERS)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("mlp", ["--kernels", 2, 3], "MLP has no setting 'kernels': it has hidden"),
        ("padded-cnn", ["--dropout", 0.1], "PaddedCNN has no setting 'dropout': it has num_"),
        ("lenet6", [], "invalid choice: 'lenet6'"),
        ("mlp", ["--hidden", 0], "every layer needs a unit"),
        ("wide-cnn", ["--hidden", -3], "the hidden layer needs a unit, not -3"),
        ("wide-cnn", ["--hidden", 8, 9], "wide-cnn has one hidden layer: give one number"),
        ("wide-cnn", ["--dropout", 1.5], "dropout is a probability from 0 to below 1, not 1.5"),
        ("small-cnn", ["--dropout", "nan"], "dropout is a probability"),
    ],
)
def test_options_that_a_network_does_not_have(command, tmp_path, model, options, message):
    arguments = train_arguments(tmp_path / "run")
    arguments[1] = model
    assert_complaint(command(*arguments, *options), message)
    assert not (tmp_path / "run").exists()


def test_training_for_handwriting(command, tmp_path):
    code, out, err = command(*train_arguments(tmp_path / "run"), "--augment")
    assert (code, err) == (0, "")
    assert "test accuracy" in out
    _, facts = load_model(tmp_path / "run" / "lenet5.safetensors")
    assert set(facts["recipe"]["augment"]) >= {"turn", "elastic", "pen", "hard"}
    assert facts["added"]["upstrokes"] > 5
    assert facts["added"]["no_digits"] == 500 // 11
    assert facts["recipe"]["train_images"] == 500 + sum(facts["added"].values())
    assert set(facts["shares"]) == {"of_upright_ones", "images_to_a_picture_without_a_digit"}
    assert facts["recipe"]["loss"] == "spread_cross_entropy"
    assert 0 <= facts["unsure_below"] <= 2
    command(*train_arguments(tmp_path / "again"), "--augment")
    one, other = (tmp_path / name / "lenet5.safetensors" for name in ("run", "again"))
    assert one.read_bytes() == other.read_bytes()


def test_training_for_handwriting_measures_no_training_images(command, tmp_path):
    result = command(*train_arguments(tmp_path / "run"), "--augment", "--evaluate-train")
    assert_complaint(result, "--augment adds pictures without a digit: drop it, or")
    assert not (tmp_path / "run").exists()


def test_history_json(finished):
    facts = json.loads((finished / "history.json").read_text(encoding="utf-8"))
    assert set(facts) == {"dataset", "model", "weights", "macs", "test", "history"}
    assert (facts["weights"], facts["macs"]) == (44_426, 281_640)
    assert facts["dataset"] == "digits"
    assert facts["model"] == LeNet5(dropout=0.1).settings
    assert set(facts["test"]) == {"loss", "accuracy"}
    history = facts["history"]
    assert len(history["train_loss"]) == len(history["validation"]) == 2
    assert all(set(row) == {"loss", "accuracy"} for row in history["validation"])
    assert history["best_epoch"] in (1, 2)
    assert history["interrupted"] is False
    assert history["settings"]["epochs"] == 2
    assert history["batch_loss"][-1][0] == 16  # 500 images are 8 batches


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_permissions_are_the_usual_ones(finished):
    umask = os.umask(0)
    os.umask(umask)
    for path in finished.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(finished.stat().st_mode) == 0o777 & ~umask


def test_what_training_prints(command, tmp_path):
    code, out, err = command(*train_arguments(tmp_path / "run", schedule="one-cycle"))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("epoch 1/1: train loss")
    assert lines[1].startswith("test accuracy ")
    assert lines[1].endswith("% on 350 images")
    assert lines[2].endswith("run: lenet5.safetensors, history.json, curve.png")


def test_default_folder_and_data_set(command, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_DATASET", "digits")
    code, out, _ = command(
        "train", "lenet5", "--epochs", 1, "--train-images", 64, "--seed", 3, "--kernels", 2, 3
    )
    assert code == 0
    assert out.startswith("Data set: digits, as LENETCOURSE_DATASET says.\n")
    assert {path.name for path in Path("runs/lenet5-digits-seed3").iterdir()} == FILES
    model, _ = load_model("runs/lenet5-digits-seed3/lenet5.safetensors")
    assert model.settings["kernels"] == [2, 3]


def test_a_finished_run_is_not_overwritten(command, finished):
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    assert_complaint(command(*train_arguments(finished)), "name another folder with --out")
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


def interrupt_epoch(number, monkeypatch):
    """Make Ctrl-C arrive in the middle of an epoch."""
    original, left = training_module.train_one_epoch, [number]

    def train_one_epoch(model, batches, loss_fn, *rest):
        left[0] -= 1
        if left[0] == 0:
            original(model, list(batches)[:2], loss_fn, *rest)
            raise KeyboardInterrupt
        return original(model, batches, loss_fn, *rest)

    monkeypatch.setattr(training_module, "train_one_epoch", train_one_epoch)


def test_interrupted_and_resumed(command, finished, tmp_path, monkeypatch):
    arguments = train_arguments(tmp_path / "run", epochs=2, dropout=0.1)
    with monkeypatch.context() as patch:
        interrupt_epoch(2, patch)
        code, out, err = command(*arguments)
    assert (code, err) == (130, "")
    assert "stopped in epoch 2: keeping the weights of epoch 1" in out
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    facts = json.loads((tmp_path / "run" / "history.json").read_text(encoding="utf-8"))
    assert facts["history"]["interrupted"] is True
    assert_complaint(command(*arguments), "go on with --resume")
    code, out, err = command(*arguments, "--resume")
    assert (code, err) == (0, "")
    assert "epoch 1/2" not in out
    for name in ("lenet5.safetensors", "history.json"):
        assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes()


def test_interrupted_in_the_first_epoch(command, tmp_path, monkeypatch):
    arguments = train_arguments(tmp_path / "run")
    with monkeypatch.context() as patch:
        interrupt_epoch(1, patch)
        code, _, err = command(*arguments)
    assert code == 130
    assert err.startswith("lenetcourse: interrupted in the first epoch: nothing written")
    assert err.count("\n") == 1
    assert list((tmp_path / "run").iterdir()) == []
    assert command(*arguments)[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"epochs": -2}, "epochs must be at least 1, not -2"),
        ({"batch-size": 0}, "batch_size must be at least 1, not 0"),
        ({"train-images": 0}, "--train-images must be at least 1, not 0"),
        ({"train-images": -5}, "--train-images must be at least 1, not -5"),
        ({"dropout": 1.5}, "dropout is a probability from 0 to below 1, not 1.5"),
        ({"dropout": "nan"}, "dropout is a probability"),
        ({"lr": -1}, "the learning rate must be 0 or more, not -1"),
        ({"lr": "nan"}, "the learning rate must be 0 or more, not nan"),
        ({"lr": 1e9}, "try a learning rate below"),
        ({"lr": "inf"}, "try a learning rate below"),
        ({"seed": 10**30}, "--seed must be from 0 to 2**63 - 1, not 1000"),
        ({"seed": -1}, "--seed must be from 0"),
        ({"device": "toaster"}, "unknown device 'toaster': auto, cpu, cuda or mps"),
        ({"device": ""}, "unknown device ''"),
        ({"device": "meta"}, "unknown device 'meta'"),
        ({"device": "cuda:77"}, "this machine has no cuda:77 device"),
        ({"dataset": "mnits"}, "unknown data set 'mnits'"),
        ({"dataset": "mnist"}, "LENETCOURSE_OFFLINE=1 forbids a download"),
    ],
    ids=str,
)
def test_bad_recipes(command, tmp_path, options, message):
    arguments = train_arguments(**({"out": tmp_path / "run", "train-images": 128} | options))
    assert_complaint(command(*arguments), message)
    assert not (tmp_path / "run" / "history.json").exists()


@pytest.mark.parametrize("kernels", [(0, 3), (-1, 3), (3, 0)])
def test_bad_kernels(command, tmp_path, kernels):
    result = command(*train_arguments(tmp_path / "run"), "--kernels", *kernels)
    assert_complaint(result, "kernels must be two positive numbers")


def test_a_failed_run_can_be_started_again(command, tmp_path):
    assert command(*train_arguments(tmp_path / "run", lr=1e9))[0] == 2
    assert command(*train_arguments(tmp_path / "run"))[0] == 0


def test_folders_that_cannot_be_written(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert_complaint(command(*train_arguments(tmp_path / "file")), "file")
    assert_complaint(command(*train_arguments(tmp_path / "file" / "run")), "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"

    def mkdir(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert_complaint(command(*train_arguments(tmp_path / "run")), "run: Permission denied")


def test_resume_that_cannot(command, finished, tmp_path):
    nothing = train_arguments(tmp_path / "none")
    assert_complaint(command(*nothing, "--resume"), "no checkpoint to resume from")
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    checkpoint.parent.mkdir()
    run = {"out": tmp_path / "run", "epochs": 2, "dropout": 0.1}
    checkpoint.write_bytes((finished / "checkpoint.pt").read_bytes())
    for changed, message in [
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"lr": 0.1}, "its lr is 0.001, not 0.1"),
        ({"train-images": 400}, "its train_images is 500, not 400"),
        ({"dropout": 0.2}, "another network, or another dropout"),
    ]:
        arguments = train_arguments(**(run | changed))
        assert_complaint(command(*arguments, "--resume"), message)
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    assert_complaint(command(*train_arguments(**run), "--resume"), "not a readable checkpoint")
    torch.save({"epoch": 3}, checkpoint)
    assert_complaint(command(*train_arguments(**run), "--resume"), "no checkpoint of this")


# predict


def test_predict_prints_a_line_a_picture(command):
    code, out, err = command("predict", PEN_8, MOUSE_4)
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith(f"{PEN_8}: 8 (")
    assert first.endswith("%)")
    assert second.startswith(f"{MOUSE_4}: 4 (")


def test_predict_json(command):
    code, out, err = command("predict", "--json", PEN_8, MOUSE_4)
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [set(row) for row in rows] == [{"file", "digit", "unsure", "probabilities"}] * 2
    assert [row["unsure"] for row in rows] == [False, False]
    assert [(row["file"], row["digit"]) for row in rows] == [(PEN_8, 8), (MOUSE_4, 4)]
    for row in rows:
        assert len(row["probabilities"]) == 10
        assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert max(row["probabilities"]) == row["probabilities"][row["digit"]]


def test_predict_is_unsure_below_the_limit_of_the_weights(command, tmp_path):
    path = tmp_path / "own.safetensors"
    model = LeNet5((2, 3))
    for weight in model.parameters():
        weight.data.zero_()
    model.fc3.bias.data[3], model.fc3.bias.data[5] = 1, 0.9
    shares = [math.exp(1) / (8 + math.exp(1) + math.exp(0.9)), math.exp(0.9)]
    shares[1] *= shares[0] / math.exp(1)
    for limit, unsure in ((0.5, True), (0.01, False), (None, None)):
        facts = {} if limit is None else {"unsure_below": limit}
        save_model(model, path, **facts)
        _, out, _ = command("predict", PEN_8, "--weights", path)
        first, second = f"3 ({shares[0]:.1%})", f"5 ({shares[1]:.1%})"
        assert out == f"{PEN_8}: " + (f"unsure, {first} or {second}\n" if unsure else first + "\n")
        row = json.loads(command("predict", PEN_8, "--weights", path, "--json")[1])[0]
        assert (row["digit"], row["unsure"]) == (3, unsure)


@pytest.mark.parametrize("model", [VAE(), SkipSegmenter()])
def test_predict_with_a_network_that_names_no_digit(command, tmp_path, model):
    save_model(model, tmp_path / "x.safetensors")
    result = command("predict", PEN_8, "--weights", tmp_path / "x.safetensors")
    assert_complaint(result, f"a {type(model).__name__}, which names no digit")


@pytest.mark.parametrize("name", ["reader", "lenet5"])
def test_predict_with_weights_of_the_library(command, name):
    code, out, err = command("predict", PEN_8, "--weights", name, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)[0]["digit"] == 8
    assert json.loads(out)[0]["unsure"] is (False if name == "reader" else None)


def test_predict_with_own_weights(command, tmp_path):
    model = LeNet5((2, 3))
    for weight in model.parameters():
        weight.data.zero_()
    model.fc3.bias.data[3] = 5
    save_model(model, tmp_path / "own.safetensors")
    code, out, _ = command("predict", PEN_8, "--weights", tmp_path / "own.safetensors")
    assert code == 0
    assert out.startswith(f"{PEN_8}: 3 (94.")  # e^5 against nine times one


@pytest.mark.parametrize("name", ["steps.png", "steps", "steps.pdf"])
def test_show_steps(command, tmp_path, name):
    code, out, err = command("predict", PEN_8, MOUSE_4, "--show-steps", tmp_path / name)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name == "steps.png":
        with Image.open(tmp_path / name) as figure:
            assert figure.format == "PNG"
            assert figure.width > figure.height > 300


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/steps.png", "missing: no such folder: make it first"),
        ("steps.doc", "steps.doc: format 'doc' is not supported: take png"),
        (".", "is a folder: name a file"),
    ],
)
def test_steps_that_cannot_be_drawn(command, tmp_path, name, message):
    code, out, err = command("predict", PEN_8, "--show-steps", tmp_path / name)
    assert_complaint((code, "", err), message)
    assert out.startswith(f"{PEN_8}: 8 (")  # the answer comes all the same
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def bad_files(tmp_path):
    """File -> the reason why it cannot be read."""
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("seven", encoding="utf-8")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(Path(PEN_8).read_bytes()[:400])
    Image.new("1", (20_000, 4_000)).save(tmp_path / "bomb.png")  # Pillow itself would warn
    (tmp_path / "folder").mkdir()
    return {
        tmp_path / "blank.png": "no ink found",
        tmp_path / "text.png": "not a picture that can be read",
        tmp_path / "empty.png": "not a picture that can be read",
        tmp_path / "cut.jpg": "not a picture that can be read",
        tmp_path / "bomb.png": "too many",
        tmp_path / "folder": "a folder, not a picture",
        tmp_path / "none.png": "No such file or directory",
        "a\0b": "not a picture that can be read",
    }


def test_every_bad_file(command, bad_files):
    for file, message in bad_files.items():
        result = command("predict", file)
        assert_complaint(result, message)
        assert str(file) in result[2]


def test_one_bad_file_among_good_ones(command, bad_files, tmp_path):
    code, out, err = command("predict", PEN_8, tmp_path / "none.png", MOUSE_4)
    assert code == 2
    assert err == f"lenetcourse: {tmp_path / 'none.png'}: No such file or directory\n"
    assert [line.split(" (")[0] for line in out.splitlines()] == [f"{PEN_8}: 8", f"{MOUSE_4}: 4"]
    code, out, err = command("predict", "--json", *bad_files, PEN_8)
    assert code == 2
    assert len(err.splitlines()) == len(bad_files)
    assert [row["digit"] for row in json.loads(out)] == [8]
    code, out, err = command("predict", "--json", *bad_files, "--show-steps", tmp_path / "x.png")
    assert (code, json.loads(out)) == (2, [])
    assert not (tmp_path / "x.png").exists()


def test_bad_weights(command, tmp_path):
    (tmp_path / "text").write_text("weights", encoding="utf-8")
    torch.save(LeNet5().state_dict(), tmp_path / "x.pt")
    save_model(LeNet5(input_size=32), tmp_path / "large")
    save_model(LeNet5(in_channels=3), tmp_path / "colour")
    for name, message in {
        "none": "no such weights file",
        ".": "no such weights file",
        "text": "not a safetensors file",
        "x.pt": "pickled weights (.pt, .pth) are not loaded",
        "large": "made for other pictures than 28x28 pixels of grey",
        "colour": "made for other pictures",
    }.items():
        assert_complaint(command("predict", PEN_8, "--weights", tmp_path / name), message)


@pytest.fixture
def flower_weights(tmp_path):
    """Weights that take whatever is red for a rose, green for grass, and the rest for sky."""
    model = SmallAlexNet((3, 3, 3, 3, 3), num_classes=3)
    for weight in model.parameters():
        weight.data.zero_()
    for layer in (model.conv1, model.conv2, model.conv3, model.conv4, model.conv5):
        middle = layer.kernel_size[0] // 2
        for channel in range(3):
            layer.weight.data[channel, channel, middle, middle] = 1
    model.out.weight.data.copy_(5 * torch.eye(3))
    path = tmp_path / "flowers.safetensors"
    save_model(model, path, classes=["rose", "grass", "sky"], image_size=32)
    return path


def test_predict_names_photographs(command, flower_weights, tmp_path):
    files = [tmp_path / f"{name}.png" for name in ("red", "green", "blue")]
    for file, colour in zip(files, [(255, 0, 0), (0, 255, 0), (0, 0, 255)], strict=True):
        Image.new("RGB", (300, 200), colour).save(file)
    arguments = ["predict", *files, "--weights", flower_weights]
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    names = ["rose", "grass", "sky"]
    share = math.exp(5) / (math.exp(5) + 2)
    for file, name, line in zip(files, names, out.splitlines(), strict=True):
        assert line.startswith(f"{file}: {name} ({share:.1%}), then ")
    rows = json.loads(command(*arguments, "--json")[1])
    assert [(row["file"], row["class"]) for row in rows] == list(
        zip(map(str, files), names, strict=True)
    )
    for row in rows:
        assert list(row["shares"]) == names
        assert row["shares"][row["class"]] == pytest.approx(share, abs=1e-4)


def test_photographs_that_cannot_be_read(command, flower_weights, bad_files, tmp_path):
    del bad_files[tmp_path / "blank.png"]  # a photograph of nothing is one
    arguments = [*bad_files, PEN_8, "--weights", flower_weights]
    code, out, err = command("predict", *arguments)
    assert code == 2
    assert len(err.splitlines()) == len(bad_files)
    for file in bad_files:
        assert str(file) in err
    assert out.startswith(f"{PEN_8}: ")
    result = command("predict", PEN_8, "--weights", flower_weights, "--show-steps", "x.png")
    assert_complaint(result, "--show-steps draws how a digit is found")


@pytest.mark.parametrize(
    ("model", "facts", "message"),
    [
        (SmallAlexNet((1, 1, 1, 1, 1)), {"classes": "abcde", "image_size": 8}, "not one name"),
        (SmallAlexNet((1, 1, 1, 1, 1)), {"classes": ["a"], "image_size": 8}, "not one name"),
        (SmallAlexNet((1, 1, 1, 1, 1)), {"classes": [1, 2, 3, 4, 5]}, "not one name"),
        (SmallAlexNet((1, 1, 1, 1, 1)), {"classes": [*"aacde"]}, "not one name"),
        (SmallAlexNet((1, 1, 1, 1, 1)), {"classes": [*"abcde"]}, "image_size is not from 1"),
        (
            SmallAlexNet((1, 1, 1, 1, 1)),
            {"classes": [*"abcde"], "image_size": 10**6},
            "image_size is not from 1",
        ),
        (
            SmallAlexNet((1, 1, 1, 1, 1), in_channels=1),
            {"classes": [*"abcde"], "image_size": 8},
            "made for other pictures than 8x8 in colour",
        ),
        (
            LeNet5((1, 1), in_channels=3, input_size=32, num_classes=2),
            {"classes": [*"ab"], "image_size": 64},
            "made for other pictures than 64x64",
        ),
        (VAE(), {"classes": [], "image_size": 28}, "not one name"),
    ],
)
def test_weights_whose_classes_do_not_fit(command, tmp_path, model, facts, message):
    save_model(model, tmp_path / "x", **facts)
    assert_complaint(command("predict", PEN_8, "--weights", tmp_path / "x"), message)


def test_a_photograph_of_several_megapixels(command, tmp_path):
    picture = Image.new("RGB", (3000, 4000), (190, 185, 180))
    pen = ImageDraw.Draw(picture)
    pen.line([(1500, 900), (1480, 3100)], fill=(40, 40, 60), width=220)
    picture.save(tmp_path / "one.jpg")
    code, out, err = command("predict", tmp_path / "one.jpg")
    assert (code, err) == (0, "")
    assert "one.jpg: 1 (" in out


# data


def test_data_info(command):
    code, out, err = command("data", "info", "digits")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[::2]] == [
        f"ImageSet(digits, {split}" for split in ("train", "validation", "test")
    ]
    assert "10,000 images" in lines[0]
    test = load_dataset("digits", "test")
    share = test.images.float() / 255
    assert f"mean {share.mean():.4f}, standard deviation {share.std():.4f}" in lines[4]
    counts = [int(word) for word in lines[5].split(": ")[1].split()]
    assert counts == [(test.labels == digit).sum() for digit in range(10)]


def test_auto_falls_back_to_digits(command):
    code, out, _ = command("data", "info", "auto")
    assert code == 0
    assert out.startswith("Data set: digits, because MNIST is not to be had here")


def test_a_bad_default_data_set(command, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_DATASET", "mnits")
    message = "LENETCOURSE_DATASET=mnits is no data set"
    assert_complaint(command("data", "info", "auto"), message)
    assert_complaint(command("train", "lenet5"), message)


def test_export_png(command, tmp_path):
    out = tmp_path / "new" / "digits"
    result = command("data", "export-png", "digits", "--split", "validation", "--out", out)
    assert result == (0, f"197 images written to {out}\n", "")
    assert sorted(path.name for path in out.iterdir()) == list("0123456789")
    assert len(list(out.glob("*/*.png"))) == 197
    assert_complaint(command("data", "export-png", "digits", "--out", out), "exists already")
    assert len(list(out.glob("*/*.png"))) == 197


def test_export_json(command, tmp_path):
    out = tmp_path / "digits.json"
    result = command("data", "export-json", "digits", "--split", "validation", "--out", out)
    assert result == (0, f"197 images written to {out}\n", "")
    records = json.loads(out.read_text(encoding="utf-8"))
    validation = load_dataset("digits", "validation")
    assert [record["label"] for record in records] == validation.labels.tolist()
    assert records[5]["img"] == validation.images[5].tolist()


def test_default_names_of_exports(command):
    assert command("data", "export-json", "digits") == (
        0,
        "350 images written to digits-test.json\n",
        "",
    )
    assert Path("digits-test.json").is_file()
    assert command("data", "export-png", "digits")[0] == 0
    assert len(list(Path("digits-test").glob("*/*.png"))) == 350


@pytest.mark.parametrize("action", ["export-png", "export-json"])
def test_exports_into_a_file_or_nothing(command, tmp_path, action):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    arguments = ("data", action, "digits", "--split", "validation", "--out")
    assert_complaint(command(*arguments, tmp_path / "file" / "x"), "file")
    assert_complaint(command(*arguments, tmp_path / "folder"), "folder")
    assert_complaint(command(*arguments, ""), ".")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
