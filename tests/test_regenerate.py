"""The batch on toy courses, with real processes: what it writes, what survives, what it skips."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import one_run
import psutil
import pytest
import regenerate
from batch.hashes import PACKAGE
from check_notebooks import check
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from notebook.outputs import give_stable_ids, joined_streams, what_stopped
from notebook.reading import read_notebook
from toy_course import code, course, listed, notebook, regenerated

from lenetcourse.files import temporary_name

TOOLS = Path(regenerate.__file__).parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
BATCH = """
dataset: digits
chapters:
  01_good:
    reads: [train, squares]
    files: [note.bin]
  02_bad:
  03_after:
    reads: [02_bad]
  04_dead:
  05_exit:
sweeps:
  train:
    command: lenetcourse train lenet5
    grid:
      kernels: [[1, 2]]
      train_images: [64]
      epochs: [1]
      seed: [0, 1]
    pictures: [curve.png]
  squares:
    notebook: sweeps/squares.ipynb
    grid:
      x: [3]
      seed: [0, 1]
    pictures: [plot.png]
"""
READING = """
import json
from pathlib import Path

for path in sorted(Path("results").rglob("*.json")):
    values = json.loads(path.read_text())["values"]
    print(path.stem, values.get("square") or len(values["train_loss"]))
len(Path("note.bin").read_bytes())
"""
SQUARE = """
import json
from PIL import Image

print(json.dumps({"square": x * x, "third": x / 9, "threads": os.environ["OMP_NUM_THREADS"]}))
Image.new("L", (4, 4), 40 + seed).save("plot.png")
"""


def good():
    """A chapter with all that a run must keep, and all that it must not."""
    nb = notebook(
        code("import os, sys", "setup"),
        "print(dataset, os.path.basename(os.getcwd()))\nsys.stdout.flush()\nprint(2)\n3",
        code("int('x')", "raises-exception"),
        READING,
        new_markdown_cell("The end."),
        budget={"words": 9, "reason": "toy"},
    )
    nb.cells[1].id, nb.cells[2].id = "0123abcd", "setup"
    nb.cells[3].metadata.update(execution={"start": "now"}, papermill={"duration": 1})
    nb.metadata.update(papermill={}, widgets={})
    nb.metadata.kernelspec = {"name": "conda-env", "display_name": "Ann's Python 3.10"}
    return nb


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    (root / "book" / "sweeps").mkdir(parents=True)
    (root / "book" / "note.bin").write_bytes(b"\xff\x00")
    squares = notebook(
        "import os", code(SQUARE, "values"), parameters='dataset = "auto"\nx = 1\nseed = 0'
    )
    return course(
        root,
        BATCH,
        **{"01_good": good(), "02_bad": notebook("print(1)", "1 / 0", "5"), "03_after": notebook()},
        **{"04_dead": notebook("import os", "os.kill(os.getpid(), 9)")},
        **{"05_exit": notebook("import sys", "sys.exit()", "5"), "sweeps/squares": squares},
    )


@pytest.fixture(scope="module")
def first_run(root):
    """Status and lines of the batch, run once as a whole; what stood in book/ before."""
    before = contents(root)
    status, out, err = regenerated(root, "--jobs", "2")
    assert err == []
    return status, out, before


def contents(root):
    return {path: path.read_bytes() for path in (root / "book").rglob("*") if path.is_file()}


def records(root):
    paths = sorted((root / "book" / "results").rglob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def test_failures_do_not_stop_the_rest(root, first_run):
    status, out, before = first_run
    assert status == 1
    ended = dict(line.split("] ")[1].split(": ", 1) for line in out if line.startswith("["))
    assert ended.pop("03_after") == "NOT RUN: it reads 02_bad, which failed"
    for name, problem in {
        "02_bad": "ZeroDivisionError: division by zero",
        "04_dead": "DeadKernelError: Kernel died",
        "05_exit": "SystemExit:",
    }.items():
        assert ended.pop(name) == f"FAILED: {problem} (_build/executed/{name}.log)"
    assert all(re.fullmatch(r"\d+\.\d s", text) for text in ended.values())
    assert set(ended) == {
        "01_good",
        "squares/x-3_seed-0",
        "squares/x-3_seed-1",
        "train/kernels-1-2_train_images-64_epochs-1_seed-0",
        "train/kernels-1-2_train_images-64_epochs-1_seed-1",
    }
    assert re.fullmatch(r"5 run, 0 skipped, 4 failed in [\d.]+ s", out[-2])
    assert out[-1].startswith("not written: ")
    for name in ("02_bad", "03_after", "04_dead", "05_exit"):
        path = root / "book" / f"{name}.ipynb"
        assert path.read_bytes() == before[path]


def test_what_is_kept_of_failed_runs(root, first_run):
    executed = root / "_build" / "executed"
    assert sorted(path.stem for path in executed.glob("*.log")) == ["02_bad", "04_dead", "05_exit"]
    assert "ZeroDivisionError" in (executed / "02_bad.log").read_text(encoding="utf-8")
    bad = read_notebook(executed / "02_bad.ipynb")
    assert [o.output_type for cell in bad.cells for o in cell.get("outputs", ())] == [
        "stream",
        "error",
    ]
    assert read_notebook(executed / "04_dead.ipynb")


def test_records(root, first_run):
    found = records(root)
    train = found["kernels-1-2_train_images-64_epochs-1_seed-0"]
    assert train["run"] == "train/kernels-1-2_train_images-64_epochs-1_seed-0"
    assert (train["dataset"], train["seed"]) == ("digits", 0)
    assert train["parameters"] == {
        "dataset": "digits",
        "kernels": [1, 2],
        "train_images": 64,
        "epochs": 1,
        "seed": 0,
    }
    values = train["values"]
    assert values["weights"] > 1000
    assert set(values["validation"]) == {"loss", "accuracy"}
    assert len(values["train_loss"]) == 1
    assert values != found["kernels-1-2_train_images-64_epochs-1_seed-1"]["values"]
    assert {"torch", "numpy", "Python"} <= set(train["versions"])
    assert train["cores"] == os.cpu_count()
    assert train["seconds"] > 0
    square = found["x-3_seed-1"]
    assert square["values"] == {"square": 9, "third": 0.333333, "threads": "1"}
    assert square["seed"] == 1
    assert found["01_good"]["values"] == {}
    text = (root / "book" / "results" / "squares" / "x-3_seed-1.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(square) + 2


def test_pictures_are_those_of_the_lowest_seed(root, first_run):
    figures = root / "book" / "figures"
    assert sorted(p.relative_to(figures).as_posix() for p in figures.rglob("*.*")) == [
        "squares/x-3_seed-0-plot.png",
        "train/kernels-1-2_train_images-64_epochs-1_seed-0-curve.png",
    ]


# A chapter that was written back


@pytest.fixture
def chapter(root, first_run):
    return read_notebook(root / "book" / "01_good.ipynb")


def test_outputs(chapter):
    """The run's outputs in the source's cells: no injected cell, one stream, counted 1..n."""
    codes = [cell for cell in chapter.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in codes] == [1, 2, 3, 4, 5]
    assert codes[0].source == 'dataset = "auto"'
    stream, result = codes[2].outputs
    assert stream.text == "digits book\n2\n"
    assert result.data == {"text/plain": "3"}
    assert result.execution_count == 3
    assert [output.ename for output in codes[3].outputs] == ["ValueError"]
    stream, size = codes[4].outputs
    name = "kernels-1-2_train_images-64_epochs-1_seed"
    assert stream.text == f"x-3_seed-0 9\nx-3_seed-1 9\n{name}-0 1\n{name}-1 1\n"
    assert size.data == {"text/plain": "2"}
    assert chapter.cells[-1].source == "The end."


def test_metadata(chapter):
    assert set(chapter.metadata) == {"kernelspec", "language_info", "lenetcourse"}
    assert chapter.metadata.kernelspec.display_name == "Python 3"
    assert "version" not in chapter.metadata.language_info
    assert chapter.metadata.lenetcourse.parameters == {"dataset": "digits"}
    assert chapter.metadata.lenetcourse.budget == {"words": 9, "reason": "toy"}
    assert [cell.metadata for cell in chapter.cells[:4]] == [
        {},
        {"tags": ["parameters"]},
        {"tags": ["setup"]},
        {},
    ]
    assert [cell.id for cell in chapter.cells[:4]] == ["toy-0", "cell-02", "setup", "toy-3"]


def test_the_check_knows_the_stamp(root, chapter, tmp_path):
    path = root / "book" / "01_good.ipynb"
    stale = "code or parameters changed since it was run"
    assert stale not in [finding.wrong for finding in check(path, root)]
    other = tmp_path / "book" / "01_good.ipynb"
    other.parent.mkdir()
    other.write_text(path.read_text(encoding="utf-8").replace("print(2)", "print(4)"))
    assert stale in [finding.wrong for finding in check(other, tmp_path)]


# Again


def test_what_ran_is_skipped(root, first_run):
    status, out, _ = regenerated(root, "01_good")
    assert status == 0
    assert [line.split(": ")[1] for line in out[:-1]] == ["unchanged, skipped"] * 5
    assert out[-1].startswith("0 run, 5 skipped, 0 failed in ")
    again = listed(root, "02_bad", "03_after")
    assert again == {"02_bad": "run: never run", "03_after": "run: never run"}


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("dask.distributed")
    dask = pytest.importorskip("dask")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    # A task whose worker dies is tried on another one, three times: here not at all.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(**options, dashboard_address=None) as cluster,
    ):
        yield cluster


def test_again_on_a_cluster_gives_the_same_files(root, first_run, cluster, tmp_path, monkeypatch):
    """No diff but in the seconds and the day: not from run to run, not from place to place."""
    shutil.copytree(root, tmp_path / "copy")
    root = tmp_path / "copy"
    before = contents(root)
    monkeypatch.setattr(regenerate, "local_executor", None)
    status, out, _ = regenerated(root, "01_good", "--force", "--dask", cluster.scheduler_address)
    assert status == 0
    assert out[-1].startswith("5 run, 0 skipped, 0 failed in ")
    assert out[0].count("/") == 2  # two at a time
    after = contents(root)
    assert set(after) == set(before)
    for path, content in after.items():
        if path.suffix == ".json":
            assert comparable(content) == comparable(before[path])
        else:
            assert content == before[path], path


def comparable(record):
    text = re.sub(r'"seconds": [\d.]+', '"seconds": 0', record.decode())
    return re.sub(r'"finished": "[\d-]+"', '"finished": ""', text)


def test_a_lost_worker(cluster, tmp_path):
    """The run on it fails, the rest goes on."""
    kill = "import psutil\n\npsutil.Process().parent().parent().kill()\nimport time; time.sleep(60)"
    batch = "chapters: {01_kill: , 02_well: {parameters: {dataset: digits}}}"
    course(tmp_path, batch, **{"01_kill": notebook(kill), "02_well": notebook("1")})
    status, out, _ = regenerated(tmp_path, "--dask", cluster.scheduler_address)
    assert status == 1
    ended = dict(line.split("] ")[1].split(": ", 1) for line in out if line.startswith("["))
    assert ended["01_kill"].startswith("FAILED: KilledWorker: ")
    assert re.fullmatch(r"\d+\.\d s", ended["02_well"])


# A batch that is stopped in the middle

SLOW = """
import subprocess, time
from pathlib import Path

if x == 2 and not Path(marker).exists():
    child = subprocess.Popen(["sleep", "600"])
    part = Path(marker + ".part")
    part.write_text(f"{os.getpid()} {child.pid} {os.getppid()} {os.path.dirname(os.getcwd())}")
    part.rename(marker)
    time.sleep(600)
"""


@POSIX
def test_killed_in_the_middle_and_started_again(tmp_path):
    parameters = 'dataset = "auto"\nx = 0\nmarker = ""'
    slow = notebook("import os", SLOW, code("print('{}')", "values"), parameters=parameters)
    marker = tmp_path / "marker"
    batch = f"sweeps: {{slow: {{notebook: slow.ipynb, grid: {{marker: [{marker}], x: [1, 2]}}}}}}"
    root = course(tmp_path, batch, slow=slow)
    command = (
        f"import regenerate, pathlib; regenerate.main(['--jobs', '1'], pathlib.Path({str(root)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", command], cwd=TOOLS)
    try:
        wait_until(marker.exists, 120)
        status, out, err = regenerated(root)
        assert (status, out) == (2, [])
        assert err == ["regenerate: another batch is running in this folder"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    *pids, folder = marker.read_text(encoding="utf-8").split()
    wait_until(lambda: not any(alive(int(pid)) for pid in pids), 10)
    wait_until(lambda: not Path(folder).exists(), 10)
    (record,) = records(root).values()
    assert record["parameters"]["x"] == 1
    name = temporary_name(f"{next(iter(records(root)))}.json")
    name = name.replace(f"-{os.getpid()}-", f"-{process.pid}-", 1)
    left = root / "book" / "results" / "slow" / name
    left.write_text("{", encoding="utf-8")
    status, out, _ = regenerated(root)
    assert status == 0
    assert out[-1].startswith("1 run, 1 skipped, 0 failed in ")
    assert [record["parameters"]["x"] for record in records(root).values()] == [1, 2]
    assert not [path for path in contents(root) if path.name.startswith(".")]


@POSIX
def test_interrupted(tmp_path):
    """Ctrl-C ends the batch at once; the lifeline ends what it started, as above."""
    root = course(
        tmp_path, "chapters: {01_a: , 02_b: }", **{"01_a": notebook(), "02_b": notebook()}
    )
    command = f"""
import pathlib, runpy, time
import one_run
from notebook import reading

def execute(payload):
    pathlib.Path({str(tmp_path / "marker")!r}).touch()
    time.sleep(60)

one_run.execute = execute
reading.ROOT = pathlib.Path({str(root)!r})
runpy.run_path("regenerate.py", run_name="__main__")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", command],
        cwd=TOOLS,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A shell starts background jobs with SIGINT ignored, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until((tmp_path / "marker").exists, 60)
        process.send_signal(signal.SIGINT)
        assert "regenerate: interrupted; finished runs are kept" in process.communicate(None, 10)[1]
    finally:
        process.kill()
    assert process.returncode == 130


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# One process


def payload(**more):
    made = {"kind": "command", "arguments": ["data", "info", "nothing"], "files": {}, "keep": []}
    return made | {"library": one_run.package_digest(PACKAGE), "limit": 100} | more


def test_another_library_on_the_worker():
    outcome = one_run.execute(payload(library="0"))
    assert outcome["error"].startswith("RuntimeError: the library here is not the one that the bat")


def test_a_run_that_hangs_is_stopped():
    """With its log, and nothing of it left behind."""
    start = time.perf_counter()
    outcome = one_run.execute(payload(limit=0.01))
    assert outcome == {"error": "stopped after 0.01 s", "log": "", "notebook": None, "kept": {}}
    assert time.perf_counter() - start < 10


NANNY = "MALLOC_TRIM_THRESHOLD_", "65536"


def test_what_dask_sets_for_its_workers_is_no_part_of_a_run(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setenv(*NANNY)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("A_WORD", "None")
    found = one_run.environment()
    assert found["A_WORD"] == "None"
    assert int(found[NANNY[0]]) > 1 << 30
    assert found["MALLOC_ARENA_MAX"] == "2"
    assert found["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv(NANNY[0], "131072")  # so the user set it: the nanny leaves it alone
    assert one_run.environment()[NANNY[0]] == "131072"


def test_without_dask_every_setting_is_the_users(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed.config", None)
    monkeypatch.setenv(*NANNY)
    assert one_run.environment()[NANNY[0]] == NANNY[1]


def test_a_worker_gives_its_runs_the_environment_of_the_pool(cluster):
    """What the nanny does in fact, and what a process below its worker then is given."""
    with cluster.get_client() as client:
        client.upload_file(one_run.__file__)
        set_by_nanny = client.submit(lambda: dict(os.environ), pure=False).result()
        given = client.submit(one_run.environment, pure=False).result()
    assert set_by_nanny[NANNY[0]] == NANNY[1]
    here = one_run.environment()
    for name in {*given, *here}:
        if name.startswith(("MALLOC_", "OMP_", "MKL_", "OPENBLAS_")):
            assert given.get(name) == here.get(name), name


def test_a_command_with_files():
    outcome = one_run.execute(
        payload(
            files={"a/b": base64.b64encode(b"\xff").decode()},
            keep=["a/b", "a/c"],
        )
    )
    assert outcome["error"] == "exit code 2"
    assert "lenetcourse: " in outcome["log"]
    assert outcome["kept"] == {"a/b": base64.b64encode(b"\xff").decode()}


# Parts


def test_stable_ids():
    uuid = "0f0e0d0c-1111-4222-8333-444455556666"
    ids = ["kept", "0123abcd", "kept", "cell-02", "A_b", None, uuid]
    cells = [new_code_cell("") for _ in ids]
    for cell, name in zip(cells, ids, strict=True):
        cell["id"] = name
    del cells[5]["id"]
    give_stable_ids(cells)
    expected = ["kept", "cell-02-b", "cell-03", "cell-02", "cell-05", "cell-06", "cell-07"]
    assert [cell.id for cell in cells] == expected
    give_stable_ids(cells)
    assert [cell.id for cell in cells] == expected


def test_prints_are_joined_in_place():
    def stream(text, name="stdout"):
        return new_output("stream", name=name, text=text)

    figure = new_output("display_data", {"image/png": ""})
    joined = joined_streams(
        [stream("a"), stream("b"), stream("!", "stderr"), stream("c"), figure, stream("d")]
    )
    assert [output.get("text") for output in joined] == ["ab", "!", "c", None, "d"]


def test_what_stopped():
    error = new_output("error", ename="E", evalue="a\nb", traceback=[])
    ran, meant = code("1"), code("2", "raises-exception")
    ran.execution_count = meant.execution_count = 1
    meant.outputs = [error]
    nb = notebook(ran, meant, "", parameters=None)
    assert what_stopped(nb) is None
    ran.execution_count = None
    assert what_stopped(nb) == "the cell toy-1 was not run"
    ran.execution_count, ran.outputs = 1, [error]
    assert what_stopped(nb) == "E: a b"
