"""The leaderboard of lab 03: nothing lost, nothing half-written, nothing in anybody's own file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import lenetcourse as lc
from lenetcourse.labs import board, lab_03


@pytest.fixture
def path(tmp_path, monkeypatch):
    file = tmp_path / "folder" / "board.json"
    monkeypatch.setenv(board.VARIABLE, str(file))
    return file


def entry(name="Ada", work=1000, errors=2, dataset="digits"):
    numbers = {"multiply_adds": work, "weights": 5, "errors": errors, "images": 197}
    return {"name": name, "dataset": dataset, **numbers}


def test_entries_are_kept_in_order_and_only_once(path):
    for one in (entry("Bea", 2000), entry("Ada", 1000), entry("Bea", 2000)):
        assert board.add(one) == path
    board.add(entry("Cy", dataset="mnist"))
    assert [e["name"] for e in board.entries("digits")] == ["Ada", "Bea"]
    assert len(json.loads(path.read_text(encoding="utf-8"))["entries"]) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"entries": 3}', "[" * 100_000])
def test_a_damaged_file_is_set_aside_and_not_lost(path, text):
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert board.entries("digits") == []
    board.add(entry())
    assert [e["name"] for e in board.entries("digits")] == ["Ada"]
    (aside,) = path.parent.glob("*.damaged")
    assert aside.read_text(encoding="utf-8") == text


def test_entries_that_cannot_be_shown_stay_in_the_file(path):
    path.parent.mkdir()
    strange = [3, None, {"name": "?"}, entry() | {"images": 0}, entry() | {"errors": "two"}]
    path.write_text(json.dumps({"entries": strange}), encoding="utf-8")
    board.add(entry())
    assert len(board.entries("digits")) == 1
    assert json.loads(path.read_text(encoding="utf-8"))["entries"][:5] == strange


def test_an_error_while_writing_leaves_the_board_as_it_was(path, monkeypatch):
    board.add(entry("Ada"))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(board.os, "fsync", full)
    with pytest.raises(board.NotKept, match="No space left"):
        board.add(entry("Bea"))
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == {"board.json", "board.json.lock"}


ADD_MANY = """
import sys
from lenetcourse.labs import board

for work in range(1, 11):
    numbers = {"multiply_adds": work, "weights": 5, "errors": 2, "images": 197}
    board.add({"name": sys.argv[1], "dataset": "digits", **numbers})
"""


def test_processes_that_write_at_once_lose_nothing(path):
    writers = [subprocess.Popen([sys.executable, "-c", ADD_MANY, name]) for name in "abc"]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert len(board.entries("digits")) == 30


def test_nothing_is_kept_when_it_is_off_or_there_is_no_home(monkeypatch):
    monkeypatch.setenv(board.VARIABLE, "off")
    assert board.board_path() is None
    assert board.entries("digits") == []
    with pytest.raises(board.NotKept):
        board.add(entry())
    monkeypatch.delenv(board.VARIABLE)

    def no_home(_):
        raise RuntimeError("no home directory")

    for folder in (no_home, lambda name: f"~/.local/share/{name}"):
        monkeypatch.setattr(board, "user_data_dir", folder)
        assert board.board_path() is None


def test_the_board_lies_in_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(board.VARIABLE, raising=False)
    monkeypatch.setattr(board, "user_data_dir", lambda name: str(tmp_path / name))
    assert board.board_path() == tmp_path / "lenetcourse" / "leaderboard.json"


class Sure(nn.Module):
    """Knows the right answers by heart; its dense layer works for nothing."""

    def __init__(self, validation):
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.images, self.labels = validation.images.float().flatten(1) / 255, validation.labels

    def forward(self, x):
        nearest = torch.cdist(x.flatten(1), self.images).argmin(1)
        return nn.functional.one_hot(self.labels[nearest], 10) + 0 * self.layer(x.flatten(1))


def test_enter_keeps_good_networks_only(path, capsys):
    validation = lc.load_dataset("digits", "validation")
    sure = Sure(validation)
    assert "Ada" in repr(lab_03.enter("Ada", sure, validation))
    for name in ("ours", " OURS ", ""):
        lab_03.enter(name, sure, validation)
    lab_03.enter("Bea", lc.LeNet5(), validation)  # untrained
    lab_03.enter("Cy", sure, lc.load_dataset("digits", "test"))
    assert [e["name"] for e in board.entries("digits")] == ["Ada"]
    assert "does not keep the limit" in capsys.readouterr().out


def test_enter_shows_what_it_cannot_keep(monkeypatch, capsys):
    monkeypatch.setenv(board.VARIABLE, "off")
    validation = lc.load_dataset("digits", "validation")
    assert "Ada" in repr(lab_03.enter("Ada", Sure(validation), validation))
    assert "not kept" in capsys.readouterr().out
    assert "Ada" not in repr(lab_03.leaderboard("digits"))


GROUPED = nn.Sequential(
    nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 8, 3, groups=4), nn.Flatten(), nn.Linear(968, 10)
)


@pytest.mark.parametrize("network", [lc.LeNet5((3, 8)), lc.MLP((20,)), GROUPED])
def test_multiply_adds_are_those_of_the_course(network):
    assert lab_03.multiply_adds(network) == lc.count_macs(network)
    assert repr(lab_03.work(network)).split()[-1] == f"{lc.count_macs(network):,}"


class ByHand(nn.Module):
    """The layers of a network with 1x1 kernels and one dense layer, without any of torch's own."""

    def __init__(self):
        super().__init__()
        self.point = nn.Parameter(torch.rand(3))
        self.dense = nn.Parameter(torch.rand(10, 784))

    def forward(self, x):
        maps = 2 * torch.einsum("nchw,kc->nkhw", x, self.point[:, None])
        return torch.stack([(maps.sum(1).flatten(1) * row).sum(1) for row in self.dense], 1)


def test_products_number_by_number_count():
    assert lab_03.multiply_adds(ByHand()) == 3 * 784 + 10 * 784


def test_multiply_adds_are_found_without_modules():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(784, 10))

        def forward(self, x):
            return x.flatten(1) @ self.weight

    assert lab_03.multiply_adds(Bare()) == 7840


def test_the_proof_writes_in_nobodys_board():
    for name in ("tools/lab/proof.py", "tools/make_labs.py", "tools/do.py"):
        text = (Path(__file__).parent.parent / name).read_text(encoding="utf-8")
        assert board.VARIABLE in text
