"""Weights and checkpoints: what is saved comes back, and no other file does harm."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from lenetcourse import LeNet5, load_dataset, load_model, predict_probabilities, save_model
from lenetcourse.models.weights import WeightsError
from lenetcourse.train.checkpoint import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)

SMALL = LeNet5((2, 3))
STATE = {"model": dict(SMALL.state_dict()), "epoch": 3, "names": ["a", None], "rate": 0.5}


def weights_file(path, metadata, weights=None):
    """Write a safetensors file as `save_model` would, with any metadata and weights."""
    weights = dict(SMALL.state_dict()) if weights is None else weights
    path.write_bytes(save(weights, {"lenetcourse": json.dumps(metadata)}))
    return path


class Harmful:
    """Pickled, it makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


# Weights


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kernels": (3, 8), "dropout": 0.25},
        {"input_size": 32, "conv3": True},
        {"num_classes": 26, "in_channels": 3},
    ],
    ids=str,
)
def test_round_trip(tmp_path, settings):
    model = LeNet5(**settings).train()
    facts = {"dataset": "digits", "recipe": {"lr": 0.1, "epochs": 2}, "test": {"accuracy": 0.5}}
    save_model(model, tmp_path / "x.safetensors", **facts)
    loaded, metadata = load_model(tmp_path / "x.safetensors")
    assert not loaded.training
    assert metadata == {"model": "LeNet5", "settings": model.settings, **facts}
    assert loaded.settings == model.settings
    for (name, one), (other_name, other) in zip(
        model.state_dict().items(), loaded.state_dict().items(), strict=True
    ):
        assert name == other_name
        assert torch.equal(one, other)


def test_same_bytes_every_time(tmp_path):
    path = tmp_path / "x.safetensors"
    contents = set()
    for _ in range(5):
        save_model(SMALL, path, test={"loss": 0.1, "accuracy": 0.9}, dataset="digits", seed=1)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_weights_that_are_no_longer_contiguous(tmp_path):
    model = LeNet5()
    model.fc1.weight.data = model.fc1.weight.data.t().contiguous().t()
    save_model(model, tmp_path / "x.safetensors")
    loaded, _ = load_model(str(tmp_path / "x.safetensors"))
    assert torch.equal(loaded.fc1.weight, model.fc1.weight)


@pytest.mark.parametrize(("name", "least"), [("lenet5", 0.985), ("reader", 0.99)])
def test_the_weights_that_come_with_the_library(name, least):
    model, metadata = load_model(name)
    assert metadata["dataset"] == "mnist"
    assert metadata["settings"] == LeNet5().settings
    assert least <= metadata["test"]["accuracy"] <= 0.997
    assert {"epochs", "lr", "schedule", "batch_size", "seed"} <= set(metadata["recipe"])
    # Of the 60,000 the rest chose the epoch.
    added = sum(metadata.get("added", {}).values())
    assert metadata["recipe"]["train_images"] == 55_000 + added
    assert all(weight.isfinite().all() for weight in model.parameters())


def test_the_reader_is_meant_by_default():
    model, metadata = load_model()
    assert metadata == load_model("reader")[1]
    assert metadata["recipe"]["augment"]["elastic"] > 0
    assert min(metadata["added"].values()) > 1000
    assert 0 < metadata["unsure_below"] < 1
    assert "unsure_below" not in load_model("lenet5")[1]
    assert not torch.equal(model.fc3.weight, load_model("lenet5")[0].fc3.weight)


def test_a_file_of_such_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(SMALL, "lenet5")
    assert load_model("./lenet5")[0].settings == SMALL.settings
    assert load_model("lenet5")[0].settings == LeNet5().settings


@pytest.mark.parametrize("name", ["lenet5", "reader"])
def test_they_read_digits_of_another_origin(name):
    """Trained on MNIST, measured on scikit-learn's digits: 94.3 % of 350 (plain) when written."""
    model, _ = load_model(name)
    digits = load_dataset("digits", "test")
    found = predict_probabilities(model, digits.images).argmax(1)
    assert (found == digits.labels).float().mean() > 0.9


# Files that are no weights


def garbage(path):
    path.write_bytes(bytes(range(256)) * 8)


def empty(path):
    path.write_bytes(b"")


def truncated(path):
    save_model(SMALL, path)
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(path):
    save_model(SMALL, path)
    path.write_bytes(path.read_bytes()[:60])


def pickled(path):
    torch.save(SMALL.state_dict(), path)


def foreign(path):
    path.write_bytes(save({"weight": torch.zeros(3)}, {"format": "pt"}))


def without_metadata(path):
    path.write_bytes(save(dict(SMALL.state_dict())))


def metadata_no_json(path):
    path.write_bytes(save(dict(SMALL.state_dict()), {"lenetcourse": "{"}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (garbage, "not a safetensors file"),
        (empty, "not a safetensors file"),
        (truncated, "not a safetensors file"),
        (cut_header, "not a safetensors file"),
        (pickled, "they can run code"),
        (foreign, "no weights saved by this course"),
        (without_metadata, "no weights saved by this course"),
        (metadata_no_json, "no weights saved by this course"),
    ],
)
def test_no_weights_file(tmp_path, make, message):
    path = tmp_path / "x.safetensors"
    make(path)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_harmful_pickle_is_not_run(tmp_path):
    harm = tmp_path / "harm"
    for write in (
        lambda path: torch.save({"model": Harmful(harm)}, path),
        lambda path: path.write_bytes(pickle.dumps(Harmful(harm))),
        lambda path: path.write_bytes(pickle.dumps(Harmful(harm), protocol=2)),
    ):
        path = tmp_path / "x.pt"
        write(path)
        with pytest.raises(WeightsError, match="not a safetensors file"):
            load_model(path)
        with pytest.raises(CheckpointError, match="not a readable checkpoint"):
            load_checkpoint(path)
    assert not harm.exists()
    pickle.loads(path.read_bytes()).close()
    assert harm.exists()  # so it would have done harm


SETTINGS = SMALL.settings


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        "LeNet5",
        None,
        {"settings": SETTINGS},
        {"model": "LeNet5"},
        {"model": "LeNet5", "settings": None},
        {"model": "LeNet5", "settings": SETTINGS | {"depth": 3}},
        {"model": "VAE", "settings": {}},
        {"model": "LeNet5", "settings": SETTINGS | {"kernels": [0, 3]}},
        {"model": "LeNet5", "settings": SETTINGS | {"kernels": "ab"}},
        {"model": "LeNet5", "settings": SETTINGS | {"kernels": [2.5, 3]}},
        {"model": "LeNet5", "settings": SETTINGS | {"kernels": [10**30, 3]}},
        {"model": "LeNet5", "settings": SETTINGS | {"dropout": 2}},
        {"model": "LeNet5", "settings": SETTINGS | {"input_size": 10**400}},
        {"model": "LeNet5", "settings": SETTINGS | {"num_classes": -1}},
        {"model": "LeNet5", "settings": SETTINGS | {"kernels": [6, 16]}},
        {"model": "LeNet5", "settings": SETTINGS | {"conv3": True}},
        {"model": "LeNet5", "settings": SETTINGS | {"num_classes": 7}},
    ],
    ids=lambda metadata: str(metadata)[:90],
)
def test_metadata_that_does_not_fit(tmp_path, metadata):
    path = weights_file(tmp_path / "x.safetensors", metadata)
    with pytest.raises(WeightsError, match=r"x\.safetensors: "):
        load_model(path)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit(tmp_path, change):
    weights = dict(SMALL.state_dict())
    if change == "missing":
        del weights["fc2.bias"]
    elif change == "extra":
        weights["fc4.bias"] = torch.zeros(3)
    else:
        weights["conv1.weight"] = torch.zeros(2, 1, 3, 3)
    metadata = {"model": "LeNet5", "settings": SETTINGS}
    path = weights_file(tmp_path / "x.safetensors", metadata, weights)
    with pytest.raises(WeightsError, match="no network that fits its weights"):
        load_model(path)


def test_no_file(tmp_path):
    for path in (tmp_path / "no.safetensors", tmp_path):
        with pytest.raises(FileNotFoundError, match="no such weights file"):
            load_model(path)
        with pytest.raises(FileNotFoundError, match="no checkpoint to resume from"):
            load_checkpoint(path)


# Checkpoints


def test_checkpoint_round_trip(tmp_path):
    save_checkpoint(STATE, tmp_path / "x.pt")
    state = load_checkpoint(tmp_path / "x.pt")
    assert {name: state[name] for name in ("epoch", "names", "rate")} == {
        "epoch": 3,
        "names": ["a", None],
        "rate": 0.5,
    }
    for name, weight in STATE["model"].items():
        assert torch.equal(state["model"][name], weight)


@pytest.mark.parametrize("name", ["x.pt", "x", ".x", "x.y.z"])
def test_any_name_and_always_the_same_bytes(tmp_path, name):
    save_checkpoint(STATE, tmp_path / name)
    save_checkpoint(STATE, tmp_path / "other.pt")
    assert load_checkpoint(tmp_path / name)["epoch"] == 3
    assert (tmp_path / name).read_bytes() == (tmp_path / "other.pt").read_bytes()


def damaged(content):
    """Yield copies of `content`: cut short, and with one byte changed, at many places."""
    for place in range(0, len(content), 211):
        yield content[:place]
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 0x9D
        yield bytes(changed)
    yield from (b"", b"\n", b"hello\nworld\n", b"\x80", b"PK\x03\x04", bytes(100), b"((((")
    yield b"\x80\x02}q\x00X\x02\x00\x00\x00\xad\xadq\x01K\x01s."  # a key that is not UTF-8


def test_damaged_checkpoints(tmp_path):
    path = tmp_path / "x.pt"
    save_checkpoint({"epoch": 3, "weight": torch.arange(40.0)}, path)
    refused = []
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        try:
            load_checkpoint(path)  # a changed weight is not seen: there is no checksum
        except CheckpointError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in refused)


def test_a_checkpoint_that_is_no_dictionary(tmp_path):
    torch.save([1, 2], tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="holds a list, not a checkpoint"):
        load_checkpoint(tmp_path / "x.pt")


# Interrupted writes


def half_a_write(self, content):
    with self.open("wb") as file:
        file.write(content[: len(content) // 2])
    raise KeyboardInterrupt


def test_interrupted_weights_leave_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    save_model(SMALL, path, seed=1)
    before = path.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", half_a_write)
    with pytest.raises(KeyboardInterrupt):
        save_model(LeNet5(), path, seed=2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_checkpoints_leave_the_old_file(tmp_path):
    class Unsaveable:
        def __reduce__(self):
            raise OSError("no space left on device")

    path = tmp_path / "x.pt"
    save_checkpoint(STATE, path)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint({"weights": torch.zeros(1000), "rest": Unsaveable()}, path)
    assert load_checkpoint(path)["epoch"] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_facts_that_are_no_json_leave_the_old_file(tmp_path):
    path = tmp_path / "x.safetensors"
    save_model(SMALL, path)
    with pytest.raises(TypeError, match="JSON"):
        save_model(SMALL, path, when=object())
    load_model(path)


def test_saving_where_nothing_can_be_saved(tmp_path):
    for save_it in (lambda path: save_model(SMALL, path), lambda path: save_checkpoint({}, path)):
        with pytest.raises(FileNotFoundError, match="no: no such folder: make it first"):
            save_it(tmp_path / "no" / "x")
        with pytest.raises(IsADirectoryError, match="is a folder: name a file"):
            save_it(tmp_path)
    assert list(tmp_path.iterdir()) == []
