"""Files that are either complete or not there."""

import os
import subprocess
import sys

import pytest

from lenetcourse.files import replacing


def test_the_new_file_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "numbers.txt"
    for content in ("first", "second"):
        with replacing(path) as temporary:
            temporary.write_text(content)
            assert path.exists() == (content == "second")
        assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


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
