"""`lenetcourse doctor`: each fault provoked, and the order in which they are told."""

import contextlib
import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import lenetcourse
from lenetcourse.cli import main
from lenetcourse.command import doctor
from lenetcourse.doctor import findings, packages, place, probe
from lenetcourse.doctor.place import Place, find_place, pip_command

ROOT = Path(__file__).parents[1]
GOOD = "Everything that the course needs is here."
# What fake packages do when they are imported.
BAD = {
    "raises": "raise RuntimeError('built for\\nanother NumPy')",
    "leaves": "import sys; sys.exit('no licence')",
    "ends": "import os; os._exit(3)",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "lacks": "import unheard_of",
}


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No service, no data set and no network; an empty folder to work in."""
    for name in [name for name in os.environ if name.startswith("LENETCOURSE_")]:
        monkeypatch.delenv(name)
    for name in (*place.SERVICES, "TERM_PROGRAM", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LENETCOURSE_OFFLINE", "1")
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """A folder of packages that this Python and the ones that it starts find first."""
    folder = tmp_path / "fakes"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))
    return folder


@pytest.fixture
def here(monkeypatch):
    """Do the steps in this process, where torch has been imported before."""

    def in_this_process(steps):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            probe.main(steps)
        return probe._reports(out.getvalue()), ""

    monkeypatch.setattr(probe, "_in_a_process", in_this_process)


@pytest.fixture
def examine(capsys):
    """Run the command; return its exit code, and its page in one line with single spaces."""

    def run():
        capsys.readouterr()
        code = main(["doctor"])
        out, err = capsys.readouterr()
        assert err == ""
        return code, " ".join(out.split())

    return run


def install(folder, name, version="1.0", code="", **metadata):
    """Put a package into a folder as pip does; `metadata` are other lines of its METADATA."""
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    lines = [f"Name: {name}", f"Version: {version}"]
    for key, values in metadata.items():
        lines += [f"{key.replace('_', '-')}: {value}" for value in values]
    (about / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]), encoding="utf-8")
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    return about


def course(folder, *requirements):
    """Put metadata of the course into a folder: it needs these packages."""
    about = install(folder, "lenetcourse", Requires_Dist=requirements)
    (folder / "lenetcourse.py").unlink()
    return about


def faults(page):
    """Return the first words of the numbered entries, in their order."""
    return re.findall(r" \d+\. (\S+)", page)


# Where all is well


def test_a_process_of_its_own(fakes):
    """As a reader calls it, from an empty folder; a few packages will do."""
    course(fakes, "torch>=2.2", "scikit-learn>=1.3", "pillow>=10.1")
    command = [sys.executable, "-m", "lenetcourse", "doctor"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    page = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
    assert page.startswith(GOOD + "\n\nNo fault, but good to know:\n  - MNIST is not on this")
    for name in ("torch", "scikit-learn", "pillow"):
        assert f"{name} {importlib.metadata.version(name)}" in " ".join(page.split())
    assert list(Path.cwd().iterdir()) == []


def test_facts(here, examine, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_MIRROR", "https://me:secret@mirror.example")
    code, page = examine()
    assert (code, page.startswith(GOOD)) == (0, True)
    assert f"lenetcourse {lenetcourse.__version__} in {ROOT / 'lenetcourse'} Python" in page
    assert f"({sys.executable})" in page
    assert "Device: cpu" in page or "Device: cuda" in page
    assert "Weights: reader 99." in page
    assert "Pictures: 16 of digits Data: 1,797 digits of scikit-learn" in page
    assert page.endswith("LENETCOURSE_MIRROR=... LENETCOURSE_OFFLINE=1")
    assert "secret" not in page


def test_mnist(here, examine, monkeypatch, tmp_path):
    page = examine()[1]
    cache = doctor._cache()
    assert (
        f"MNIST is not on this machine: neither in LENETCOURSE_DATA (not set) nor in {cache}"
        in page
    )
    assert "Nothing is fetched, because LENETCOURSE_OFFLINE=1 is set." in page
    assert f"t10k-labels-idx1-ubyte (raw or .gz) into {cache / 'mnist'}, or into any folder" in page
    monkeypatch.delenv("LENETCOURSE_OFFLINE")
    monkeypatch.setenv("LENETCOURSE_DATA", "no/such")
    page = examine()[1]
    assert "LENETCOURSE_DATA (no/such, no folder)" in page
    assert "Notebooks download it, 11 MB" in page
    monkeypatch.setattr("lenetcourse.data.datasets.dataset_folder", lambda name: tmp_path / name)
    page = examine()[1]
    assert f"Data: MNIST in {tmp_path / 'mnist'}" in page
    assert "MNIST is not" not in page


def test_nobodys_home(here, examine, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_DATA", "~nobody-of-that-name/data")
    code, page = examine()
    assert code == 0
    assert "MNIST cannot be read: ~nobody-of-that-name/data: no home directory here" in page


def test_mnist_that_is_damaged(here, examine, monkeypatch, tmp_path):
    from lenetcourse.data.sources import SOURCES

    for part in SOURCES["mnist"].parts.values():
        for file in part:
            (tmp_path / "work" / file.name).write_bytes(b"\0\0\x08\x01\0\0\0\x01\0")
    monkeypatch.setenv("LENETCOURSE_DATA", str(tmp_path / "work"))
    code, page = examine()
    assert code == 0
    assert "MNIST cannot be read: " in page
    assert "truncated or altered" in page
    assert "Chapters and labs then run on the digits that come with scikit-learn." in page


# Packages


def test_the_order_of_faults(fakes, examine, monkeypatch):
    """All at once: what stops a reader first comes first."""
    bounds = ["gone>=1.5", "old>=2.10", *(f"{name}>=1" for name in BAD)]
    course(fakes, *bounds)
    install(fakes, "old", "2.9")
    for name, code in BAD.items():
        install(fakes, name, code=code)
    monkeypatch.setattr(packages, "PYTHON", "3.99")
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    code, page = examine()
    assert code == 1
    assert page.startswith("9 things to mend. The first: Python 3.")
    assert faults(page) == ["Python", "gone", "old", *BAD, "Jupyter"]
    pip = f"{sys.executable} -m pip install"
    assert f'gone is missing. {pip} "gone>=1.5"' in page
    assert f'old 2.9 (it takes 2.10) is too old. {pip} "old>=2.10" Then restart the kernel' in page
    assert f"cannot be imported: built for another NumPy. {pip} --force-reinstall --no-deps" in page
    assert "cannot be imported: no licence. " in page
    assert "cannot be imported: it ends Python (exit status 3). " in page
    if os.name != "nt":
        assert "cannot be imported: it crashes Python (SIGSEGV)" in page
    assert f"cannot be imported: No module named 'unheard_of'. {pip} lacks==1.0" in page
    assert "add --no-index --find-links" in page
    assert "Then run `lenetcourse doctor` again" in page
    assert "Device" not in page  # nothing that takes torch is tried


def test_a_file_that_hides_a_package(fakes, examine):
    """What breaks because of it is not told: installing that again would not help."""
    course(fakes, "hidden>=1", "victim>=1")
    install(fakes, "hidden", code="tensor = 1")
    install(fakes, "victim", code="from hidden import tensor")
    Path("hidden.py").touch()  # in the working folder: notebooks look there first
    code, page = examine()
    assert (code, faults(page)) == (1, [str(Path("hidden.py").absolute())])
    assert "hidden.py hides the package hidden. Give that file another name" in page


def test_many_missing_packages(fakes, examine):
    names = [f"gone{number}" for number in range(5)]
    course(fakes, *(f"{name}>=1" for name in names), 'extra_gone>=1; extra == "dask"')
    code, page = examine()
    assert code == 1
    assert page.startswith(
        "1 thing to mend. The first: gone0, gone1 and 3 other packages are missing."
    )
    assert " ".join(f'"{name}>=1"' for name in names) in page
    assert "Packages: no gone0, no gone1" in page
    assert "extra_gone" not in page


def test_torch_is_large(fakes, examine, monkeypatch):
    course(fakes, "torch>=2.2")
    (fakes / "torch.py").write_text("raise ImportError('fake')", encoding="utf-8")
    monkeypatch.setattr(packages, "version_of", lambda name: "")
    monkeypatch.setattr(doctor, "version_of", lambda name: "")
    monkeypatch.setattr(sys, "platform", "linux")
    assert "choose Pip and CPU at pytorch.org/get-started" in examine()[1]


def test_a_terminal_that_cannot_show_everything(fakes):
    course(fakes, "odd>=1")
    install(fakes, "odd", code="raise ImportError('\u7f3a\u5c11 \\ud800')")
    done = subprocess.run(
        [sys.executable, "-m", "lenetcourse", "doctor"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"odd 1.0 is there, but cannot be imported: ?? ?" in done.stdout


def test_a_package_that_prints(fakes):
    (fakes / "chatty.py").write_text("print('{}'); print('[1]'); print('hello', end='')", "utf-8")
    found = probe._in_a_process(["chatty"])[0]
    assert found == {"chatty": {"step": "chatty", "file": str(fakes / "chatty.py"), "found": None}}


@pytest.mark.skipif(not shutil.which("false"), reason="needs a program that fails")
def test_no_second_process(monkeypatch, examine):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    code, page = examine()
    assert code == 1
    assert (
        "1. The packages cannot be tried: no second Python could be started: it ends Python" in page
    )


def test_the_library_is_not_installed(here, examine, monkeypatch):
    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError(name)

    for function in ("requires", "distribution"):
        monkeypatch.setattr(importlib.metadata, function, nowhere)
    code, page = examine()
    assert code == 1
    assert faults(page) == ["lenetcourse"]
    assert f"lenetcourse is not installed: its folder in {ROOT} is used. {sys.executable}" in page
    assert f"-m pip install {ROOT} " in page


VERSIONS = ["2", "2.0", "2.1", "2.9.1", "2.10", "2.10.0", "10.0", "0.4", "2.2.0+cu121", "2025.1"]


@pytest.mark.parametrize("bound", VERSIONS[:-2])
def test_is_older(bound):
    """As the library `packaging` has it."""
    for version in VERSIONS:
        assert packages.is_older(version, bound) == (Version(version) < Version(bound))


def test_required():
    """Our reader of requirements, which must work where no package does, against `packaging`."""
    wanted = map(Requirement, importlib.metadata.requires("lenetcourse"))
    wanted = [each for each in wanted if not each.marker]
    expected = {(each.name, next(iter(each.specifier)).version) for each in wanted}
    assert set(packages.required()) == expected


def test_the_oldest_python():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={packages.PYTHON}"\n' in text


# The library's own things


def test_lost_files(fakes, monkeypatch):
    (fakes / "lenetcourse" / "weights").mkdir(parents=True)
    (fakes / "lenetcourse" / "whole.py").write_bytes(b"12345")
    (fakes / "lenetcourse" / "cut.json").write_bytes(b"1")
    record = ["lenetcourse/whole.py,,5", "lenetcourse/cut.json,,7", "../../bin/lenetcourse,,9"]
    record += ["lenetcourse/weights/reader.safetensors,,9", "lenetcourse/__pycache__/whole.pyc,,"]
    (course(fakes) / "RECORD").write_text("\n".join(record), encoding="utf-8")
    assert findings.lost_files(Place()) == []  # another copy of the library runs
    monkeypatch.setattr(findings, "_package_folder", lambda: fakes / "lenetcourse")
    (found,) = findings.lost_files(Place())
    assert found.what == (
        "Files of the library are missing or altered: "
        "lenetcourse/cut.json, lenetcourse/weights/reader.safetensors."
    )
    assert f"--force-reinstall --no-deps lenetcourse=={lenetcourse.__version__}" in found.command


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("lenetcourse.models.weights", "The trained weights cannot be read: "),
        ("lenetcourse.data.pictures", "The pictures of digits cannot be read: "),
    ],
)
def test_weights_and_pictures(here, examine, monkeypatch, tmp_path, module, words):
    monkeypatch.setattr(f"{module}.resources.files", lambda name: tmp_path / "empty")
    code, page = examine()
    assert code == 1
    assert words in page
    assert "--force-reinstall --no-deps lenetcourse==" in page


def test_results(here, examine, monkeypatch, tmp_path):
    assert f" recorded runs in {ROOT / 'book' / 'results'} " in examine()[1]
    monkeypatch.setattr("lenetcourse.show.results.LIBRARY", tmp_path / "lenetcourse")
    code, page = examine()
    assert (code, faults(page)) == (1, ["The"])
    assert (
        "The recorded results, which chapters from 03 on show, cannot be read: no published" in page
    )
    Path("published.json").touch()
    Path("results").mkdir()
    code, page = examine()
    assert (code, faults(page)) == (1, ["The"])
    assert "results is empty" in page
    Path("results", "one.json").touch()
    assert examine()[0] == 0


def test_a_wrong_name_of_a_data_set(here, examine, monkeypatch):
    monkeypatch.setenv("LENETCOURSE_DATASET", "minst")
    code, page = examine()
    assert code == 1
    assert "LENETCOURSE_DATASET stops every notebook: minst is no data set: one of auto" in page


# Jupyter, folders, room


@pytest.mark.parametrize(
    ("gone", "command"),
    [
        (["ipykernel"], "pip install ipykernel"),
        (["jupyterlab", "notebook"], "pip install jupyterlab ipykernel"),
    ],
)
def test_no_jupyter(here, examine, monkeypatch, gone, command):
    for name in gone:
        monkeypatch.setitem(sys.modules, name, None)
    code, page = examine()
    assert (code, faults(page)) == (1, ["Jupyter" if "ipykernel" in gone else "JupyterLab"])
    assert f"{command} An editor such as VS Code" in page
    monkeypatch.setenv("TERM_PROGRAM", "vscode")
    assert examine()[0] == ("ipykernel" in gone)


def test_a_cache_that_cannot_be_written(here, examine, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    if doctor._cache() != tmp_path / "file" / "lenetcourse":
        pytest.skip("the cache of this system goes by no variable")
    code, page = examine()
    assert code == 1
    assert f"Downloads cannot be kept in {tmp_path / 'file' / 'lenetcourse'}: Not a dir" in page
    monkeypatch.setattr("lenetcourse.data.datasets.dataset_folder", lambda name: tmp_path / name)
    assert examine()[0] == 0  # MNIST is there: it is not needed


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which nobody can write")
def test_a_working_folder_that_cannot_be_written(here, examine, monkeypatch):
    monkeypatch.chdir("/proc")
    code, page = examine()
    assert code == 1
    assert "Nothing can be written into this folder, /proc: " in page


def test_little_room(here, examine, monkeypatch):
    monkeypatch.setattr(findings, "memory", lambda: 1 << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 1 << 20))
    code, page = examine()
    assert code == 0
    assert page.index("Little memory, 1.0 GB") < page.index("Little space on the disk: 1 MB")


def test_a_look_that_fails(here, examine, monkeypatch):
    def jupyter(place):
        raise ZeroDivisionError("whatever")

    monkeypatch.setattr(findings, "jupyter", jupyter)
    code, page = examine()
    assert code == 1
    assert "1. The look at jupyter failed: ZeroDivisionError: whatever" in page
    assert "What was found:" in page


# Services


@pytest.mark.parametrize("variable", place.SERVICES)
def test_services(fakes, examine, monkeypatch, variable):
    course(fakes, "gone>=1", "old>=2")
    install(fakes, "old", "1.9")
    for name in ("jupyterlab", "notebook"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv(variable, "something")
    service = place.SERVICES[variable]
    code, page = examine()
    assert code == 1
    assert f" GB of memory, {service.name} " in page
    assert all(note in page for note in service.notes)
    if variable in ("KAGGLE_KERNEL_RUN_TYPE", "COLAB_RELEASE_TAG"):
        assert '%pip install "gone>=1"' in page
        assert '%pip install "old>=2" Then restart the session' in page
    no_browser = variable == "BINDER_SERVICE_HOST"
    assert faults(page) == ["gone", "old", *["JupyterLab"] * no_browser]


def test_kaggle_is_known_by_its_own_mark(here, examine, monkeypatch):
    """Its images are built on Colab's."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "something")
    assert find_place().name == "Google Colab"
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert find_place().name == "Kaggle"
    assert "Add Input" not in examine()[1]  # offline, attached data sets are not looked at
    monkeypatch.delenv("LENETCOURSE_OFFLINE")
    assert "Add Input, on the right: any data set that holds MNIST's four files" in examine()[1]


def test_colab_is_known_by_its_module(fakes, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "google"]:
        monkeypatch.delitem(sys.modules, name)
    (fakes / "google" / "colab").mkdir(parents=True)
    (fakes / "google" / "colab" / "__init__.py").touch()
    assert find_place().name == "Google Colab"


def test_pip_command(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/home/first last/bin/python")
    assert pip_command(Place(), "install", "torch>=2.2", "tqdm") == (
        '"/home/first last/bin/python" -m pip install "torch>=2.2" tqdm'
    )
