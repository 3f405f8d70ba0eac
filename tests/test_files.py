"""Files that are either complete or not there, and locks between processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lenetcourse import files
from lenetcourse.files import FORSAKEN, locked, replacing, sweep, temporary_name, write_text


def test_the_new_file_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "numbers.txt"
    for content in ("first", "second"):
        with replacing(path) as temporary:
            temporary.write_text(content)
            assert path.exists() == (content == "second")
        assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="there no file is replaced while it is read")
def test_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")
    with path.open() as reader, replacing(str(path)) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert reader.read() == "old"
    assert path.read_text() == "new"


def write_and_fail(path, content: str | None, error: BaseException) -> None:
    with replacing(path) as temporary:
        if content is not None:
            temporary.write_text(content)
        raise error


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("content", ["half of the ne", None])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error, content):
    path = tmp_path / "numbers.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_and_fail(path, content, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_was_there_before(tmp_path):
    with pytest.raises(ValueError, match="bad"):
        write_and_fail(tmp_path / "numbers.txt", "half", ValueError("bad"))
    assert list(tmp_path.iterdir()) == []


def test_text_is_written_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "page.html"
    write_text(path, "über\nzwei Zeilen\n")
    assert path.read_bytes() == "über\nzwei Zeilen\n".encode()
    with pytest.raises(UnicodeEncodeError):  # half-way
        write_text(path, "a" * 100_000 + "\ud800")
    assert path.read_text(encoding="utf-8").startswith("über")
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_lies_beside_and_keeps_the_ending(tmp_path):
    """On the same disk, or it could not be renamed; some writers go by the ending."""
    with replacing(tmp_path / "weights.tar.gz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith("weights.tar.gz")
        assert temporary.name.startswith(".")
        temporary.touch()


def test_nothing_was_written(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "old"


def test_a_folder_is_in_the_way(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"), replacing(tmp_path / "taken") as temporary:
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_two_processes_do_not_share_a_temporary_file(tmp_path):
    command = """if True:
        import sys
        from lenetcourse.files import replacing
        with replacing(sys.argv[1]) as temporary:
            temporary.write_text("theirs")
    """
    path = tmp_path / "numbers.txt"
    with replacing(path) as temporary:
        temporary.write_text("ours")
        subprocess.run([sys.executable, "-c", command, os.fspath(path)], check=True)
        assert path.read_text() == "theirs"
        assert temporary.read_text() == "ours"
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_on_the_disk_before_the_old_file_is_given_up(tmp_path, monkeypatch, durable):
    path, done = tmp_path / "numbers.txt", []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("sync") or sync(file))
    monkeypatch.setattr(Path, "replace", lambda a, b: done.append("rename") or replace(a, b))
    with replacing(path, durable=durable) as temporary:
        temporary.write_text("new")
    assert done == ["sync"] * durable + ["rename"]
    assert path.read_text() == "new"


# Locks


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "one.lock"
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pass
    with locked(path, wait=False):
        pass
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none" / "one.lock"):
        pass


def test_the_lock_of_windows(tmp_path, monkeypatch):
    """It is asked for again until it is given; here by a stand-in, which refuses three times."""
    asked = []

    def locking(number, mode, count):
        asked.append((os.lseek(number, 0, os.SEEK_CUR), mode, count))
        if len(asked) % 4:
            raise PermissionError(13, "Permission denied")

    windows = SimpleNamespace(LK_NBLCK=2, locking=locking)
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    monkeypatch.setattr(files, "os", SimpleNamespace(name="nt", lseek=os.lseek, SEEK_SET=0))
    (tmp_path / "one.lock").write_bytes(b"x")
    with locked(tmp_path / "one.lock"):
        assert asked == [(0, 2, 1)] * 4
    with pytest.raises(BlockingIOError), locked(tmp_path / "one.lock", wait=False):
        pass
    assert len(asked) == 5


# What is left of a process that was killed

WAITING = """if True:
    import sys, time
    from pathlib import Path
    from lenetcourse.files import replacing, temporary_name
    folder = Path(sys.argv[1])
    with replacing(folder / "numbers.txt") as temporary:
        temporary.write_text("half")
        (folder / temporary_name("part")).mkdir()
        (folder / temporary_name("part") / "inside").write_text("half")
        print("written", flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="there only age tells")
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path):
    command = [sys.executable, "-c", WAITING, os.fspath(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout.readline() == "written\n"
            theirs = {path.name for path in tmp_path.iterdir()}
            assert len(theirs) == 2
            with replacing(tmp_path / "other.txt") as temporary:
                temporary.write_text("ours")
            assert {path.name for path in tmp_path.iterdir()} == theirs | {"other.txt"}
        finally:
            process.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 3
    with replacing(tmp_path / "other.txt") as temporary:
        temporary.write_text("ours again")
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


def test_another_machine_is_given_a_day(tmp_path):
    """It may share the folder, and its processes cannot be asked."""
    own = temporary_name("numbers.txt")
    machine = own.split("-")[2]
    other = own.replace(machine, "0" * 8 if machine != "0" * 8 else "1" * 8)
    for name in (own, other):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {own, other}
    old = time.time() - FORSAKEN - 60
    os.utime(tmp_path / other, (old, old))
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [own]


def test_hidden_files_of_others_are_left_alone(tmp_path):
    names = [".2024-notes.json", ".env", ".lenetcourse-notes", ".lenetcourse-1-abc-x", "a-1-b"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
