"""`lenetcourse train --tensorboard`: what TensorBoard itself reads back of a run."""

import json
import sys

import pytest

from lenetcourse.cli import main

FAST = ["train", "lenet5", "--dataset", "digits", "--kernels", "1", "2", "--train-images", "200"]
FAST += ["--device", "cpu"]


def read_back(folder):
    """Return tag -> [(step, value)] of the newest state that TensorBoard shows, and the texts."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder)).Reload()
    tags = found.Tags()
    scalars = {t: [(e.step, e.value) for e in found.Scalars(t)] for t in tags["scalars"]}
    texts = [e.tensor_proto.string_val[0].decode() for e in found.Tensors("recipe/text_summary")]
    return scalars, texts


def test_events_are_those_of_the_history(tmp_path, capsys):
    pytest.importorskip("tensorboard")
    words = [*FAST, "--epochs", "2", "--evaluate-train", "--out", str(tmp_path / "first")]
    assert main([*words, "--tensorboard", str(tmp_path / "events")]) == 0
    history = json.loads((tmp_path / "first" / "history.json").read_text())["history"]
    scalars, texts = read_back(tmp_path / "events" / "first")
    expected = {
        "loss/as the weights move": list(enumerate(history["train_loss"], 1)),
        "batches/loss": history["batch_loss"],
    }
    for part in ("training", "validation"):
        for name in ("loss", "accuracy"):
            values = [row[name] for row in history[part]]
            expected[f"{name}/{part}"] = list(enumerate(values, 1))
    assert set(scalars) == set(expected)
    for tag, points in expected.items():
        assert [step for step, _ in scalars[tag]] == [step for step, _ in points]
        assert [v for _, v in scalars[tag]] == pytest.approx([v for _, v in points], rel=1e-6)
    assert '"lr": 0.003' in texts[0]
    assert "tensorboard --logdir" in capsys.readouterr().out.splitlines()[-1]


def test_resumed_run_is_shown_once(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    words = [*FAST, "--schedule", "constant", "--evaluate-train", "last", "--tensorboard", "events"]
    assert main([*words, "--epochs", "1"]) == 0
    assert main([*words, "--epochs", "3", "--resume"]) == 0
    scalars, _ = read_back(tmp_path / "events" / "lenet5-digits-seed0")  # the run's usual folder
    assert [step for step, _ in scalars["loss/validation"]] == [1, 2, 3]
    assert [step for step, _ in scalars["loss/training"]] == [3]


def test_off_by_default(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if it were missing
    assert main([*FAST, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_without_tensorboard_one_line_and_nothing_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    words = [*FAST, "--out", str(tmp_path / "run"), "--tensorboard", str(tmp_path / "events")]
    assert main(words) == 2
    assert capsys.readouterr().err == (
        "lenetcourse: --tensorboard needs TensorBoard: pip install 'lenetcourse[tracking]'\n"
    )
    assert not list(tmp_path.iterdir())
