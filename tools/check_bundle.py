"""Try a bundle as a reader would: unpack, install, run and read, on a machine without a network.

    python tools/check_bundle.py [ZIP] [--shots FOLDER]

The zip (default: the one `make bundle` writes) must hold MNIST, and a wheelhouse for this platform
and Python. It is unpacked into a folder whose name has blanks and Chinese characters. On Linux all
of it runs in a network namespace without a way out; where there is no `unshare` it says so. Exits
with 1 when something went wrong, with 2 when the bundle cannot be tried.
"""

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from notebook.reading import ROOT, Unusable, output_text, read_notebook
from release.stamp import pages_of
from release.start import python_of, read_sums, sha256_of, this_wheelhouse, wheelhouses
from web.browser import find_chromium

import lenetcourse

FOLDER = "LeNet-5 课程 (U 盘)"
NOTEBOOKS = {  # in the bundle: from where
    "book/02_lenet5.ipynb": None,
    "labs/lab_02_solved.ipynb": "labs/solutions/lab_02_lenet5.ipynb",
}
CUT = 'ip link set lo up && exec "$@"'  # a namespace of its own has only a loopback that is down
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
TEXTS = (".html", ".ipynb", ".js", ".css", ".txt", ".py")
SECONDS = 120  # that JupyterLab has to answer


class Wrong(Exception):
    """The bundle does not do what it should; the message says what."""


def without_network(argv: Sequence[str]) -> None:
    """Go on in a namespace without a network, where there are such."""
    command = ["unshare", "-rn", "sh", "-c", CUT, "sh"]
    if shutil.which("unshare") and subprocess.run([*command, "true"], check=False).returncode == 0:
        this = [sys.executable, str(Path(__file__).resolve())]
        os.execvp("unshare", [*command, *this, "--cut", *argv])
    print("The network is not cut: there is no unshare here.", flush=True)


def variables(home: Path) -> dict[str, str]:
    """Return the variables of a reader who has nothing of ours, and no cache."""
    ours = ("LENETCOURSE", "PYTHON", "PIP_", "UV_", "JUPYTER", "VIRTUAL_ENV", "XDG_")
    found = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return found | {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}


def unpack(bundle: Path, folder: Path) -> str:
    """Unpack the bundle and compare all of it with SHA256SUMS."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    sums = read_sums(folder)
    if this_wheelhouse() not in wheelhouses(sums) or not (folder / "mnist").is_dir():
        raise Unusable(
            f"{bundle}: holds no MNIST, or no wheelhouse for this machine: "
            f'make bundle WHEELHOUSE="{this_wheelhouse()}" MNIST=1'
        )
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        name = path.relative_to(folder).as_posix()
        if name != "SHA256SUMS" and sums.get(name) != sha256_of(path):
            raise Wrong(f"{name} is not what SHA256SUMS says")
        if path.suffix in TEXTS and str(ROOT).encode() in path.read_bytes():
            raise Wrong(f"{name} names a folder of this machine")
    return f"{len(files)} files, as SHA256SUMS says"


def started(folder: Path, home: Path, *options: str) -> str:
    """Return what `start.py` printed with these options. Raises Wrong when it fails."""
    python = getattr(sys, "_base_executable", sys.executable)  # a reader's, with no package of ours
    done = subprocess.run(
        [python, "start.py", *options], cwd=folder, env=variables(home), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        raise Wrong(f"start.py {' '.join(options)}: {done.stdout.strip()}")
    return done.stdout


def first_start(folder: Path, home: Path) -> str:
    """Install, and see that the doctor finds MNIST and that a nine is read."""
    said = started(folder, home, "--check")
    answer = re.search(r"phone_large_9\.jpg: 9 \([\d.]+%\)", said)
    if f"MNIST in {folder / 'mnist'}" not in said or not answer:
        raise Wrong(f"start.py --check finds no MNIST or reads no 9: {said}")
    return f"installed; MNIST found; {answer.group()}"


def second_start(folder: Path, home: Path) -> str:
    """Start again, which must install nothing."""
    if "Installing" in started(folder, home, "--check"):
        raise Wrong("the second start installs again")
    return "nothing installed again"


def jupyterlab(folder: Path, home: Path) -> str:
    """Start JupyterLab as readers do, but for the browser, and ask it for a notebook."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    python = getattr(sys, "_base_executable", sys.executable)
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=check", "--allow-root"]
    command = [python, "start.py", "--", *options]
    with subprocess.Popen(
        command, cwd=folder, env=variables(home), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        address = f"http://127.0.0.1:{port}/api/contents/book/02_lenet5.ipynb?token=check"
        end = time.monotonic() + SECONDS
        try:
            while process.poll() is None and time.monotonic() < end:
                with contextlib.suppress(OSError), urllib.request.urlopen(address) as answer:
                    return f"answered {answer.status} for a notebook"
                time.sleep(0.3)
            raise Wrong("JupyterLab does not answer")
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """End start.py and the JupyterLab that it waits for."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False)
    else:
        os.killpg(process.pid, 15)
    process.wait()


def run_notebook(folder: Path, home: Path, name: str, source: str | None) -> str:
    """Run a notebook in the bundle's environment; it must say that it took MNIST."""
    if source:
        shutil.copyfile(ROOT / source, folder / name)
    place = folder / ".venv" / this_wheelhouse()
    done = subprocess.run(
        [python_of(place), "-m", "nbconvert", "--to=notebook", "--execute", "--inplace", name,
         "--ExecutePreprocessor.timeout=-1"],
        cwd=folder, env=variables(home) | {"LENETCOURSE_DATA": str(folder / "mnist")},
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if done.returncode:
        raise Wrong(f"{name}: {done.stderr[-2000:]}")
    cells = [cell for cell in read_notebook(folder / name).cells if cell.cell_type == "code"]
    text = "\n".join(output_text(output) for cell in cells for output in cell.outputs)
    if "Data set: mnist" not in text:
        raise Wrong(f"{name} did not run on MNIST")
    if not source:
        return "ran on MNIST"
    done = re.findall(r"(\d+) of (\d+) done", text)  # the last lines are those of the whole lab
    if not done or done[-1][0] != done[-1][1]:
        raise Wrong(f"{name}: what was solved does not pass: {done}")
    return f"ran on MNIST, {' of '.join(done[-1])} tasks right"


def read_pages(folder: Path, shots: Path | None) -> str:
    """Open every page from file:// in a browser: nothing is asked of a host, nothing fails."""
    path = find_chromium()
    if path is None:
        return "NOT TRIED: there is no Chromium here"
    from playwright.sync_api import sync_playwright

    asked, failed, formulas = 0, [], 0

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        page = browser.new_page()

        def note(request) -> None:
            nonlocal asked
            asked += 1
            if not request.url.startswith(("file:", "data:", "blob:")):
                failed.append(f"asked for {request.url}")

        page.on("request", note)
        page.on("requestfailed", lambda request: failed.append(f"did not get {request.url}"))
        page.on("pageerror", lambda error: failed.append(str(error)))
        names = [f"html/{name}.html" for name in ("index", *pages_of(ROOT))]
        for name in ("START.html", *names):
            page.goto((folder / name).as_uri())
            page.wait_for_load_state("networkidle")
            formulas += page.locator("mjx-container").count()
            if page.locator("[data-mjx-error], mjx-merror").count():
                failed.append(f"{name}: a formula is not drawn")
        hits = search(browser, folder)
        if shots:
            photograph(browser, folder / "START.html", shots)
        browser.close()
    if failed or not formulas or not hits:
        raise Wrong(f"{formulas} formulas, {hits} hits; failed: {failed[:5]}")
    return (
        f"{len(names) + 2} pages, {asked} requests, all for files of the bundle, 0 failed; "
        f"{formulas} formulas drawn; search for “convolution”: {hits} pages"
    )


def search(browser, folder: Path) -> int:
    """Return how many pages the search finds.

    From file:// it cannot read them, and shows their titles without an excerpt.
    """
    page = browser.new_page()
    page.goto((folder / "html" / "search.html").as_uri() + "?q=convolution")
    page.wait_for_selector("#search-results li a")
    page.wait_for_load_state("networkidle")
    return page.locator("#search-results li a").count()


def photograph(browser, page_file: Path, shots: Path) -> None:
    """Take pictures of START.html, wide and narrow, light and dark. Raises Wrong if it is cut."""
    shots.mkdir(parents=True, exist_ok=True)
    for width, (across, down) in SIZES.items():
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": across, "height": down}, color_scheme=scheme)
            page.goto(page_file.as_uri())
            page.screenshot(path=shots / f"start-{width}-{scheme}.png", full_page=True)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                raise Wrong(f"START.html is wider than {across} pixels")
            page.close()


def steps(bundle: Path, folder: Path, home: Path, shots: Path | None) -> Iterator[tuple]:
    """Yield what is tried, in order: its name, a function and its arguments."""
    yield "unpack", unpack, bundle, folder
    yield "read", read_pages, folder, shots
    yield "first start", first_start, folder, home
    yield "second start", second_start, folder, home
    yield "JupyterLab", jupyterlab, folder, home
    for name, source in NOTEBOOKS.items():
        yield name, run_notebook, folder, home, name, source


def main(argv: Sequence[str] | None = None) -> int:
    """Try everything; print a line for each step with its seconds; return 0, 1 or 2."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(description="Try a bundle without a network.")
    default = ROOT / "_build" / f"lenetcourse-{lenetcourse.__version__}.zip"
    parser.add_argument("zip", nargs="?", type=Path, default=default)
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="for pictures of START.html")
    parser.add_argument("--cut", action="store_true", help="the network is cut already")
    options = parser.parse_args(argv)
    if not options.cut:
        without_network(argv)
    try:
        with tempfile.TemporaryDirectory() as place:
            folder, home = Path(place, FOLDER), Path(place, "home")
            folder.mkdir(), home.mkdir()
            for name, function, *given in steps(options.zip.resolve(), folder, home, options.shots):
                begin = time.monotonic()
                said = function(*given)
                print(f"{name:26} {time.monotonic() - begin:6.1f} s  {said}", flush=True)
    except Wrong as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    except (Unusable, OSError, zipfile.BadZipFile) as error:
        print(f"check_bundle: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
