"""Notebooks run alone: no way to the network, and no library but the wheel's."""

import sys

import pytest
import run_notebooks
from notebook.reading import Unusable

# 192.0.2.0/24 belongs to nobody (RFC 5737).
TRIES = """
import asyncio, socket, urllib.request
def attempt(name, call):
    try:
        call()
    except OSError as error:
        print(name, "the network is off in this test" in str(error))
    else:
        print(name, "went through")
server = socket.create_server(("127.0.0.1", 0))
attempt("here", lambda: socket.create_connection(server.getsockname()).close())
attempt("name here", lambda: socket.create_connection(("localhost", server.getsockname()[1])))
attempt("tcp", lambda: socket.create_connection(("192.0.2.1", 80), timeout=1))
attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"?", ("192.0.2.1", 53)))
attempt("name", lambda: socket.gethostbyname("example.org"))
attempt("page", lambda: urllib.request.urlopen("http://example.org", timeout=1))
attempt("asyncio", lambda: asyncio.run(asyncio.open_connection("192.0.2.1", 80)))
"""


def test_only_this_machine_is_reached():
    tried = run_notebooks.said([sys.executable, "-c", TRIES], run_notebooks.ROOT)
    assert tried.splitlines() == [
        "here went through",
        "name here went through",
        "tcp True",
        "udp True",
        "name True",
        "page True",
        "asyncio True",
    ]


def test_processes_that_a_notebook_starts_are_held_too():
    inner = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    with pytest.raises(Unusable, match="CalledProcessError"):
        run_notebooks.said([sys.executable, "-c", outer], run_notebooks.ROOT)


def test_the_library_is_not_that_of_the_running_environment(tmp_path):
    python = run_notebooks.make_environment(tmp_path / "env", None)
    # The packages are there, and the course, installed in the running environment, is not.
    assert run_notebooks.said([python, "-c", "import pytest; print('there')"], tmp_path) == "there"
    with pytest.raises(Unusable, match="No module named 'lenetcourse'"):
        run_notebooks.require_wheel(python, tmp_path)
    # A library that comes from anywhere but the environment is found out.
    (tmp_path / "lenetcourse.py").touch()
    with pytest.raises(Unusable, match="not the library of the wheel"):
        run_notebooks.require_wheel(python, tmp_path)


def test_a_missing_wheel_stops_the_run(tmp_path):
    with pytest.raises(Unusable, match=r"lenetcourse-0-py3-none-any\.whl"):
        run_notebooks.make_environment(
            tmp_path / "env", tmp_path / "lenetcourse-0-py3-none-any.whl"
        )


def test_a_copy_lies_alone_and_is_named_after_its_notebook(tmp_path):
    for name in (
        "book/x.ipynb",
        "book/beside.json",
        "labs/x.ipynb",
        "labs/.ipynb_checkpoints/x.ipynb",
    ):
        path = tmp_path / "course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = run_notebooks.all_notebooks(tmp_path / "course")
    copies = [run_notebooks.copy_alone(p, tmp_path / "course", tmp_path / "alone") for p in found]
    names = [copy.relative_to(tmp_path / "alone").as_posix() for copy in copies]
    assert names == ["book/x.ipynb/x.ipynb", "labs/x.ipynb/x.ipynb"]
    assert all(list(copy.parent.iterdir()) == [copy] for copy in copies)


@pytest.mark.parametrize("name", ["book/none.ipynb", "../other.ipynb"])
def test_a_notebook_that_is_not_there_is_one_clear_line(tmp_path, capsys, name):
    (tmp_path / "course").mkdir()
    (tmp_path / "other.ipynb").touch()
    path = tmp_path / "course" / name
    assert run_notebooks.main([str(path)], tmp_path / "course") == 2
    said = capsys.readouterr().err
    assert said == f"run_notebooks: {path}: no notebook of the course\n"


def test_other_families_than_the_internet_pass():
    lines = "from sitecustomize import is_local", "print(*map(is_local, ['/tmp/x', (0, 0), None]))"
    said = run_notebooks.said([sys.executable, "-c", "\n".join(lines)], run_notebooks.ROOT)
    assert said == "True True True"
