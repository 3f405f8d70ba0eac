"""book/batch.yml: what it makes of grids and chapters, what it refuses. No kernel starts here."""

import base64
import contextlib
import itertools
import json
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import nbformat
import one_run
import pytest
import regenerate
import torch
from batch.results import rounded
from batch.runs import choose, read_batch
from notebook.reading import read_notebook, write_notebook
from safetensors.torch import load_file, save
from toy_course import code, course, listed, notebook, regenerated

from lenetcourse.files import temporary_name

TRAIN = "lenetcourse train lenet5"
ONE_CHAPTER = "chapters: {01_a: }"


@pytest.fixture
def root(tmp_path):
    """A course with the notebooks 01_a and 02_b, the sweep notebook s and a file."""
    root = course(
        tmp_path,
        ONE_CHAPTER,
        **{"01_a": notebook("1"), "02_b": notebook("2")},
        s=notebook(code("print('{}')", "values"), parameters='dataset = "auto"\nx = 1\nseed = 0'),
        untagged=notebook("1", parameters=None),
    )
    (root / "book" / "note.txt").write_text("a note", encoding="utf-8")
    return root


def batch(root, text, dataset=None):
    (root / "book" / "batch.yml").write_text(text, encoding="utf-8")
    return read_batch(root, dataset)


def test_a_grid(root):
    text = f"""
dataset: digits
sweeps:
  sizes:
    command: {TRAIN} --evaluate-train
    grid:
      - {{kernels: [[1, 2], [3, 8]], train_images: [64], seed: [5, 4]}}
      - {{lr: [0.1], seed: [7]}}
    pictures: [curve.png]
"""
    runs = batch(root, text)
    assert [run.name for run in runs] == [
        "sizes/kernels-1-2_train_images-64_seed-5",
        "sizes/kernels-1-2_train_images-64_seed-4",
        "sizes/kernels-3-8_train_images-64_seed-5",
        "sizes/kernels-3-8_train_images-64_seed-4",
        "sizes/lr-0.1_seed-7",
    ]
    assert runs[4].parameters == {"dataset": "digits", "lr": 0.1, "seed": 7}
    words = "train lenet5 --evaluate-train --dataset digits --lr 0.1 --seed 7"
    assert " ".join(runs[4].source) == f"{words} --device cpu --out run"
    assert runs[4].record == root / "book" / "results" / "sizes" / "lr-0.1_seed-7.json"
    # Of every combination the lowest seed keeps its pictures.
    assert [bool(run.pictures) for run in runs] == [False, True, False, True, True]
    assert batch(root, text, "mnist")[0].parameters["dataset"] == "mnist"


def test_a_sweep_of_a_notebook(root):
    (run, other) = batch(root, "sweeps: {s: {notebook: s.ipynb, grid: {x: [1, true]}}}")
    assert run.parameters == {"dataset": "mnist", "x": 1}
    assert run.passed == {"dataset": "mnist"}  # x is 1 by default
    assert other.passed == {"dataset": "mnist", "x": True}
    (run,) = batch(root, "sweeps: {s: {notebook: s.ipynb, pictures: [a.png]}}")
    assert (run.name, run.pictures) == ("s/run", ("a.png",))


def test_chapters(root):
    write_notebook(notebook("3", parameters=None), root / "book" / "table.ipynb")
    text = "chapters: {01_a: {reads: [02_b, s]}, 02_b: {parameters: {dataset: auto}}, table: }"
    runs = batch(root, text + "\nsweeps: {s: {notebook: s.ipynb}}")
    assert [run.name for run in runs] == ["s/run", "02_b", "table", "01_a"]  # sources first
    assert [run.parameters for run in runs[1:]] == [{"dataset": "auto"}, {}, {"dataset": "mnist"}]
    assert [run.passed for run in runs[1:]] == [{}, {}, {"dataset": "mnist"}]
    assert [run.name for run in choose(runs, ["01_a"])] == ["s/run", "02_b", "01_a"]
    assert [run.name for run in choose(runs, ["table", "02_b"])] == ["02_b", "table"]


SWEEP = "sweeps: {s: {notebook: s.ipynb, %s}}"
COMMAND = f"sweeps: {{s: {{command: {TRAIN}, %s}}}}"
REFUSED = [
    ("", "no chapters and no sweeps"),
    ("[1", "not YAML"),
    ("- 1", "the file: expected names with values, got [1]"),
    ("chapter: {}", "unknown key 'chapter': there are chapters, dataset, sweeps"),
    ("dataset: 5\n" + ONE_CHAPTER, "dataset: expected a name, got 5"),
    ("chapters: [01_a]", "chapters: expected names with values, got ['01_a']"),
    ("chapters: {1: }", "chapters: expected names with values, got {1: None}"),
    ("chapters: {01_a: [reads]}", "01_a: expected names with values, got ['reads']"),
    ("chapters: {01_a: {read: [s]}}", "01_a: unknown key 'read': there are files, parameters, re"),
    ("chapters: {01_a: {reads: s}}", "01_a: reads: expected a list of names, got 's'"),
    ("chapters: {01_a: {reads: [s]}}", "01_a: reads 's', which nothing makes"),
    ("chapters: {01_a: {reads: [01_a]}}", "these read one another: 01_a"),
    ("chapters: {01_a: {reads: [02_b]}, 02_b: {reads: [01_a]}}", "one another: 01_a, 02_b"),
    ("chapters: {01_a: {files: null}}", "01_a: files: expected a list of names, got None"),
    ("chapters: {01_a: {files: [no.txt]}}", "01_a: no file book/no.txt"),
    ("chapters: {01_a: {files: [../x]}}", "files: '../x' is not a path inside the folder"),
    ("chapters: {01_a: {files: [/etc/hosts]}}", "files: '/etc/hosts' is not a path inside"),
    ("chapters: {../01_a: }", "chapter '../01_a': letters, digits, _ and - only"),
    ("chapters: {03_no: }", "03_no: no notebook book/03_no.ipynb"),
    ("chapters: {01_a: {parameters: {y: 1}}}", "01_a: no parameter 'y': there are dataset"),
    ("chapters: {01_a: {parameters: {dataset: 2026-01-01}}}", "01_a: dataset: datetime.date"),
    ("chapters: {untagged: {parameters: {y: 1}}}", "untagged: no cell tagged parameters"),
    ("chapters: {broken: }\ndataset: x", "broken.ipynb: not a notebook"),
    ("sweeps: {s: }", "s: give either a command or a notebook"),
    (f"sweeps: {{s: {{notebook: s.ipynb, command: {TRAIN}}}}}", "s: give either a command or"),
    ("sweeps: {s: {notebook: null}}", "s: notebook is a string"),
    ("sweeps: {s: {notebook: no.ipynb}}", "s: no notebook book/no.ipynb"),
    ("sweeps: {s: {notebook: ../book/s.ipynb}}", "s: notebook: '../book/s.ipynb' is not a path"),
    ("sweeps: {s: {notebook: untagged.ipynb}}", "untagged: no cell tagged parameters"),
    ("sweeps: {../s: {notebook: s.ipynb}}", "sweep '../s': letters, digits and _ only"),
    ("chapters: {s: }\nsweeps: {s: {notebook: s.ipynb}}", "s: a chapter and a sweep have this na"),
    (SWEEP % "alone: 1", "alone is true or false"),
    (SWEEP % "pictures: [curve.svg]", "pictures: 'curve.svg' does not end in .png"),
    (SWEEP % "pictures: [../curve.png]", "pictures: '../curve.png' is not a path inside"),
    (SWEEP % "pictures: ['..\\\\curve.png']", "is not a path inside the folder"),
    (SWEEP % "pictures: ['C:curve.png']", "pictures: 'C:curve.png' is not a path inside"),
    (SWEEP % "pictures: [a.png, b/a.png]", "s/run and s/run both write book/figures/s/run-a.png"),
    (SWEEP % "weights: [a.pt]", "weights: 'a.pt' does not end in .safetensors"),
    (SWEEP % "weights: [../a.safetensors]", "weights: '../a.safetensors' is not a path inside"),
    (SWEEP % "grid: []", "s: grid: an empty list makes no runs"),
    (SWEEP % "grid: [x]", "s: grid: expected names with values, got 'x'"),
    (SWEEP % "grid: {x: 1}", "s: x: expected a list of values"),
    (SWEEP % "grid: {x: []}", "s: x: expected a list of values"),
    (SWEEP % "grid: {y: [1]}", "s: no parameter 'y': there are dataset, x, seed"),
    (SWEEP % "grid: {x: [.nan]}", "s: x: nan cannot be a parameter"),
    (SWEEP % "grid: {x: [[.inf]]}", "s: x: inf cannot be a parameter"),
    (SWEEP % "grid: {seed: [one]}", "s: seed: no whole number: 'one'"),
    (SWEEP % "grid: {seed: [1, null]}", "s: seed: no whole number: None"),
    (SWEEP % "grid: {seed: [0, 0]}", "s/seed-0 and s/seed-0 both write book/results/s/seed-0.j"),
    (SWEEP % "grid: {x: [a b, a-b]}", "s/x-a-b and s/x-a-b both write"),
    (SWEEP % "grid: {x: [ab, aB]}", "s/x-ab and s/x-aB both write book/results/s/x-aB.json"),
    (SWEEP % f"grid: {{x: [{'a' * 200}]}}", "s: too long for the name of a file: x-aaaaa"),
    ("sweeps: {s: {command: rm -rf x}}", "s: a command starts with `lenetcourse train`"),
    (f"sweeps: {{s: {{command: {TRAIN} 'x}}}}", "s: command: No closing quotation"),
    (f"sweeps: {{s: {{command: {TRAIN} --help}}}}", "s: this command trains nothing"),
    (f"sweeps: {{s: {{command: {TRAIN} --slow}}}}", "s: lenetcourse: unrecognized arguments: --s"),
    (COMMAND % "grid: {speed: [1]}", "s: lenetcourse: unrecognized arguments: --speed 1"),
    (COMMAND % "grid: {kernel: [[1, 2]]}", "s: 'kernel' is not a parameter of the command"),
    (COMMAND % "grid: {out: [x]}", "s: 'out' is not a parameter of the command"),
    (COMMAND % "grid: {epochs: [many]}", "argument --epochs: invalid int value: 'many'"),
    (COMMAND % "grid: {epochs: [null]}", "argument --epochs: invalid int value: 'None'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_before_anything_starts(root, text, message):
    (root / "book" / "broken.ipynb").write_text("{", encoding="utf-8")
    (root / "book" / "batch.yml").write_text(text, encoding="utf-8")
    status, out, err = regenerated(root)
    assert (status, out, len(err)) == (2, [], 1)
    assert err[0].startswith("regenerate: ")
    assert message in err[0]
    assert not (root / "_build").exists()


def test_unusable_files_and_options(root):
    assert "nothing called 'x' in book/batch.yml: 01_a" in regenerated(root, "x")[2][0]
    for argv in (["--jobs", "0"], ["--jobs", "two"], ["--fast"]):
        status, out, err = regenerated(root, *argv)
        assert (status, out, len(err)) == (2, [], 1)
    path = root / "book" / "batch.yml"
    path.write_bytes(b"chapters: \xff")
    assert "not YAML" in regenerated(root)[2][0]
    path.unlink()
    assert "batch.yml: No such file" in regenerated(root)[2][0]


def test_no_scheduler_no_library_for_it(root, monkeypatch):
    monkeypatch.setattr(regenerate, "CONNECT", 0.3)
    status, out, err = regenerated(root, "--dask", "tcp://127.0.0.1:1")
    assert (status, out) == (2, [])
    assert "no Dask scheduler at 'tcp://127.0.0.1:1'" in err[-1]
    monkeypatch.setitem(__import__("sys").modules, "dask.distributed", None)
    assert "--dask needs dask.distributed" in regenerated(root, "--dask", "tcp://x:1")[2][-1]


def test_rounded():
    value = {"a": [0.123456789, 1, True, None], "b": {"c": 1234567.8}}
    assert rounded(value) == {"a": [0.123457, 1, True, None], "b": {"c": 1234570.0}}


# What follows stands in for the processes.

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


class Fake:
    """`one_run.execute`, which takes no time, and counts what runs at once."""

    def __init__(self, printed="{}", **outcome):
        self.printed, self.outcome = printed, outcome
        self.payloads, self.most, self.now = [], 0, 0
        self.lock = threading.Lock()

    def __call__(self, payload):
        with self.lock:
            self.payloads.append(payload)
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.1)
        with self.lock:
            self.now -= 1
        nb = nbformat.reads(payload["notebook"], as_version=4)
        count = itertools.count(1)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.execution_count = next(count)
                stream = nbformat.v4.new_output("stream", name="stdout", text=self.printed)
                cell.outputs = [stream] if "values" in cell.metadata.get("tags", ()) else []
        outcome = {"error": None, "log": "log", "notebook": nbformat.writes(nb)}
        outcome["kept"] = {"a.png": PIXEL}
        return outcome | {"seconds": 60.0, "cores": 1, "versions": {}} | self.outcome


@pytest.fixture
def fake(monkeypatch):
    def install(*args, **kwargs):
        fake = Fake(*args, **kwargs)
        monkeypatch.setattr(one_run, "execute", lambda payload: fake(payload))
        return fake

    return install


FOUR = """
chapters: {01_a: }
sweeps: {s: {notebook: s.ipynb, grid: {seed: [0, 1, 2]}, alone: %s}}
"""


@pytest.mark.parametrize(
    ("alone", "most", "lefts"),
    [
        ("false", 2, ["1 done; about 2 min left", "2 done; about 1 min left"]),
        ("true", 1, ["1 done; about 2 min left"]),
    ],
)
def test_at_a_time(root, fake, alone, most, lefts):
    fake = fake()
    (root / "book" / "batch.yml").write_text(FOUR % alone, encoding="utf-8")
    status, out, _ = regenerated(root, "--jobs", "2")
    assert status == 0
    assert (len(fake.payloads), fake.most) == (4, most)
    running = ", ".join(["s/seed-0", "s/seed-1"][:most])
    assert out[0] == f"  running: {running}; 0 done"
    done = [line.split(":")[0] for line in out if line.startswith("[")]
    assert [line[:6] for line in done] == ["[1/4] ", "[2/4] ", "[3/4] ", "[4/4] "]
    assert any(line.endswith(left) for line in out for left in lefts)
    assert out[-1].startswith("4 run, 0 skipped, 0 failed in ")
    assert regenerated(root)[1][-1].startswith("0 run, 4 skipped, 0 failed in ")


@pytest.mark.parametrize(
    ("fake_run", "problem"),
    [
        ({"printed": '{"a": NaN}'}, "its values hold a NaN or an infinity, which JSON cannot"),
        ({"printed": '{"a": [1e999]}'}, "its values hold a NaN or an infinity"),
        ({"printed": "a\n{}"}, "the cell tagged values printed no JSON object"),
        ({"printed": "[1]"}, "the cell tagged values printed no JSON object"),
        ({"kept": {}}, "left no a.png"),
        ({"kept": {"a.png": "YWJj"}}, "UnidentifiedImageError: cannot identify image file"),
        ({"notebook": "{}"}, "ValidationError: "),
        ({"error": "two\nlines " + "x" * 999}, "two lines xxx"),
    ],
)
def test_what_no_run_should_leave(root, fake, fake_run, problem):
    """A failed run, which leaves nothing in book/; the other one goes on."""
    fake(**fake_run)
    text = "sweeps: {s: {notebook: s.ipynb, pictures: [a.png]}}\n" + ONE_CHAPTER
    (root / "book" / "batch.yml").write_text(text, encoding="utf-8")
    status, out, _ = regenerated(root, "s")
    assert status == 1
    (line,) = (line for line in out if line.startswith("["))
    assert line.startswith(f"[1/1] s/run: FAILED: {problem}")
    assert line.endswith(" (_build/executed/s/run.log)")
    assert len(line) < 300
    assert not (root / "book" / "results").exists()
    assert not (root / "book" / "figures").exists()
    assert (root / "_build" / "executed" / "s" / "run.log").read_text().startswith("log")


WEIGHTS = "sweeps: {s: {notebook: s.ipynb, grid: {seed: [4, 3]}, weights: [w.safetensors]}}"
TWO_NUMBERS = base64.b64encode(save({"w": torch.tensor([1.0, 2.0])})).decode()


def test_weights_of_the_lowest_seed_are_kept(root, fake):
    fake(kept={"w.safetensors": TWO_NUMBERS})
    (root / "book" / "batch.yml").write_text(WEIGHTS, encoding="utf-8")
    status, out, _ = regenerated(root)
    assert (status, out[-1][:9]) == (0, "2 run, 0 ")
    (path,) = (root / "book" / "networks" / "s").iterdir()
    assert path.name == "seed-3-w.safetensors"
    assert load_file(path)["w"].tolist() == [1, 2]
    assert not (root / "book" / "figures").exists()
    path.unlink()
    assert set(listed(root).values()) == {"skip: unchanged", "run: its weights are missing"}


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        ({}, "left no w.safetensors"),
        ({"w.safetensors": PIXEL}, "w.safetensors is not a safetensors file: "),
        ({"w.safetensors": "A" * 2_000_004}, "w.safetensors has 1,500,003 bytes: 1,500,000 at"),
    ],
)
def test_weights_that_are_none(root, fake, kept, problem):
    fake(kept=kept)
    (root / "book" / "batch.yml").write_text(WEIGHTS.replace("[4, 3]", "[3]"), encoding="utf-8")
    status, out, _ = regenerated(root)
    assert status == 1
    assert any(f"FAILED: {problem}" in line for line in out)
    assert not (root / "book" / "networks").exists()
    assert not (root / "book" / "results").exists()


def test_a_lost_worker_and_a_deleted_notebook(root, fake, monkeypatch):
    fake = fake()

    def execute(payload):
        if not fake.payloads:
            fake(payload)
            (root / "book" / "02_b.ipynb").unlink()
            raise ConnectionError("worker lost")
        return fake(payload)

    monkeypatch.setattr(one_run, "execute", execute)
    text = "chapters: {01_a: , 02_b: , s: {reads: [01_a]}, untagged: }"
    (root / "book" / "batch.yml").write_text(text, encoding="utf-8")
    status, out, _ = regenerated(root, "--jobs", "1")
    ended = [line for line in out if line.startswith("[")]
    assert status == 1
    assert "[1/4] 01_a: FAILED: ConnectionError: worker lost (_build" in ended[0]
    assert "02_b: FAILED: " in ended[1]
    assert ended[1].endswith("02_b.ipynb' (_build/executed/02_b.log)")
    assert ended[2:] == ["[3/4] untagged: 60.0 s", "[4/4] s: NOT RUN: it reads 01_a, which failed"]
    assert out[-1] == "not written: 01_a, 02_b, s; the logs are in _build/executed/"


class LostExecutor:
    """An executor whose first run is cancelled by the cluster, or cannot even be sent."""

    def __init__(self, closed):
        self.closed, self.sent = closed, 0

    def submit(self, *args):
        self.sent += 1
        if self.closed:
            raise RuntimeError("Client is closed")
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize("closed", [True, False])
def test_a_lost_cluster(root, monkeypatch, closed):
    """Nothing more is sent to it, and the batch ends."""
    executor = LostExecutor(closed)
    place = contextlib.nullcontext((executor, 1))
    monkeypatch.setattr(regenerate, "local_executor", lambda jobs: place)
    (root / "book" / "batch.yml").write_text("chapters: {01_a: , 02_b: }", encoding="utf-8")
    status, out, _ = regenerated(root)
    assert (status, executor.sent) == (1, 1)
    ended = [line.split("] ")[1] for line in out if line.startswith("[")]
    assert ended == [f"{name}: NOT RUN: the cluster is lost" for name in ("01_a", "02_b")]


def test_a_chapter_edited_meanwhile_is_kept(root, fake, monkeypatch):
    path = root / "book" / "01_a.ipynb"
    fake, edited = fake(), notebook("1", "a new idea")

    def execute(payload):
        write_notebook(edited, path)
        return fake(payload)

    monkeypatch.setattr(one_run, "execute", execute)
    status, out, _ = regenerated(root)
    assert status == 1
    assert "01_a: FAILED: edited while it ran, not written back" in out[1]
    assert read_notebook(path) == edited
    assert not (root / "book" / "results").exists()


def test_success_removes_what_a_failure_kept(root, fake):
    fake(error="broken")
    assert regenerated(root)[0] == 1
    kept = root / "_build" / "executed"
    assert sorted(path.name for path in kept.iterdir()) == ["01_a.ipynb", "01_a.log"]
    fake()
    assert regenerated(root)[0] == 0
    assert list(kept.iterdir()) == []
    stamp = read_notebook(root / "book" / "01_a.ipynb").metadata.lenetcourse
    assert stamp.parameters == {"dataset": "mnist"}
    record = json.loads((root / "book" / "results" / "01_a.json").read_text(encoding="utf-8"))
    assert record["code_hash"] == stamp.code_hash


def test_half_written_files_are_removed(root, fake):
    fake()
    regenerated(root)
    results = root / "book" / "results"
    left = [
        results
        / ".lenetcourse-12-0123abcd-01_a.json",  # under the batch's lock, nobody writes them
        results.parent / temporary_name("01_a.ipynb"),
    ]
    others = [results / ".2024-notes.json", results / ".x-01_a.json", results.parent / ".env-x"]
    for path in left + others:
        path.touch()
    assert regenerated(root)[0] == 0
    assert [path.exists() for path in left + others] == [False] * 2 + [True] * 3


FULL = OSError(28, "No space left on device")


def disk_is_full(monkeypatch, full):
    """Let every write fail of which `full(path)` is true, after half of it."""
    write = Path.write_bytes

    def write_bytes(path, content):
        if full(path):
            write(path, content[: len(content) // 2])
            raise FULL
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_stops_one_run_and_not_the_batch(root, fake, monkeypatch):
    """Not even the log can be written."""
    fake()
    text = "chapters: {01_a: , 02_b: }"
    (root / "book" / "batch.yml").write_text(text, encoding="utf-8")
    disk_is_full(monkeypatch, lambda path: "01_a" in path.name)
    before = (root / "book" / "01_a.ipynb").read_bytes()
    status, out, _ = regenerated(root, "--jobs", "1")
    ended = [line for line in out if line.startswith("[")]
    assert status == 1
    assert ended[0].startswith("[1/2] 01_a: FAILED: OSError: [Errno 28] No space left on device")
    assert "01_a.log could not be written: No space left on device" in ended[0]
    assert ended[1] == "[2/2] 02_b: 60.0 s"
    assert (root / "book" / "01_a.ipynb").read_bytes() == before
    left = [path.name for path in root.rglob("*") if path.is_file() and "01_a" in path.name]
    assert left == ["01_a.ipynb"]
    monkeypatch.undo()
    assert listed(root) == {"01_a": "run: never run", "02_b": "skip: unchanged"}


def test_a_full_disk_changes_none_of_the_files_of_a_run(root, fake, monkeypatch):
    """The chapter and its record take their places together, the record last."""
    fake()
    assert regenerated(root, "01_a")[0] == 0
    paths = [root / "book" / "01_a.ipynb", root / "book" / "results" / "01_a.json"]
    before = [path.read_bytes() for path in paths]
    for full in paths:
        with monkeypatch.context() as patch:
            disk_is_full(patch, lambda path, name=full.name: path.name.endswith(name))
            fake(printed='{"other": 1}')
            assert regenerated(root, "01_a", "--force")[0] == 1
        assert [path.read_bytes() for path in paths] == before
        assert sorted(path.name for path in (root / "book" / "results").iterdir()) == ["01_a.json"]
    order = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda a, b: order.append(b) or replace(a, b))
    assert regenerated(root, "01_a", "--force")[0] == 0
    assert order == paths


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_record_that_was_cut_counts_as_none(root, fake, share):
    fake()
    regenerated(root, "01_a")
    record = root / "book" / "results" / "01_a.json"
    content = record.read_bytes().rstrip()
    record.write_bytes(content[: int(share * len(content))])
    assert listed(root)["01_a"] == "run: never run"


# Why a run is not skipped


@pytest.fixture
def done(root, fake):
    """A course that is up to date: 01_a reads 02_b, the sweep s and a file."""
    fake()
    text = "chapters: {01_a: {reads: [s, 02_b], files: [note.txt]}, 02_b: }\n"
    text += "sweeps: {s: {notebook: s.ipynb, grid: {x: [1, 2]}}}"
    course(root, text)
    assert regenerated(root)[0] == 0
    assert set(listed(root).values()) == {"skip: unchanged"}
    return root


def changed(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


CODE = "run: its code or parameters changed"
INPUTS = "run: the library, the data or what it reads changed"
MISSING = "run: outputs are missing"
OUTPUTS = "run: its outputs are not those of the recorded run"
CHANGES = [
    ("01_a.ipynb", '"1"', '"one"', {"01_a": CODE}),
    ("01_a.ipynb", "# Toy", "# A toy", {}),
    ("01_a.ipynb", '"code_hash": "', '"code_hash": "0', {"01_a": OUTPUTS}),
    ("01_a.ipynb", '"execution_count": 1', '"execution_count": null', {"01_a": MISSING}),
    ("note.txt", "a note", "another note", {"01_a": INPUTS}),
    ("results/02_b.json", '"values": {}', '"values": {"a": 1}', {"01_a": INPUTS}),
    ("results/02_b.json", '"seconds": 60.0', '"seconds": "?"', {}),
    ("results/01_a.json", '"run"', '<<<<<< "run"', {"01_a": "run: never run"}),
    ("s.ipynb", "print", "print  ", {"s/x-1": CODE, "s/x-2": CODE}),
    ("batch.yml", "x: [1, 2]", "x: [1, 3]", {"s/x-2": None, "s/x-3": "run: never run"}),
]


@pytest.mark.parametrize(("name", "old", "new", "expected"), CHANGES)
def test_causes(done, name, old, new, expected):
    before = listed(done)
    changed(done / "book" / name, old, new)
    now = listed(done)
    place = "book/results/s/x-2.json"
    assert now.pop(place, None) == (
        "no run in batch.yml makes this: delete it" if name == "batch.yml" else None
    )
    if any(run.startswith("s/") for run in expected):
        reads = INPUTS if name == "batch.yml" else "run: unless s, which it reads, comes out the sa"
        assert now.pop("01_a").startswith(reads)
        del before["01_a"]
    assert now == {k: v for k, v in (before | expected).items() if v}


def test_force_and_dataset(done):
    assert set(listed(done, "--force").values()) == {"run: asked to"}
    assert set(listed(done, "--dataset", "digits").values()) == {CODE}


def test_a_name_pulls_what_it_reads(done):
    assert set(listed(done, "02_b")) == {"02_b"}
    assert set(listed(done, "s")) == {"s/x-1", "s/x-2"}
    assert set(listed(done, "01_a")) == {"s/x-1", "s/x-2", "02_b", "01_a"}
