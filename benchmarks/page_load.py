"""Load the pages with a network from a server under a sub-path, with nothing cached, and time it.

python benchmarks/page_load.py [--html _build/html] [--rounds 3]

A page is interactive when its own script has put the controls in place of the picture that stands
there without JavaScript, and no later task holds the browser for more than 50 ms. Twice: as this
machine loads it, and as a phone on a slow network would: 1.6 Mbit/s, 150 ms for each answer and a
processor four times slower, the conditions of Lighthouse for mobile pages. The server compresses as
public ones do. The table shows what is sent, and medians of seconds after the address was entered.

Exit status 1 when a page asks another host, or asks for a file that is not there.
"""

import argparse
import gzip
import mimetypes
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from web.browser import find_chromium  # noqa: E402 (it lies beside the doors of tools/)

PAGES = ("draw", "slide", "plane", "learn")
PREFIX = "/some/course/"
COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg")
# Downloaded bits a second, milliseconds to an answer, how many times slower the processor is.
CONDITIONS = {"this machine": None, "phone, slow network": (1.6e6, 150, 4)}
QUIET = 1000  # milliseconds without a long task, after which nothing more is expected

WATCH = """
window.shown = 0;
window.busyUntil = 0;
new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.busyUntil = task.startTime + task.duration;
}).observe({ type: "longtask", buffered: true });
new MutationObserver((changes) => {
    const left = (node) => node.classList && node.classList.contains("network-fallback");
    const gone = changes.some((change) => [...change.removedNodes].some(left));
    if (gone && !window.shown) window.shown = performance.now();
}).observe(document, { childList: true, subtree: true });
"""
SETTLED = f"() => window.shown && performance.now() > {QUIET} + Math.max(shown, busyUntil)"


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder below PREFIX; yield its address, and a list that fills with what it lacks."""
    missing = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            file = (folder / path.removeprefix(PREFIX)).resolve()
            inside = path.startswith(PREFIX) and file.is_relative_to(folder) and file.is_file()
            if not inside:
                missing.append(path)
                self.send_error(404)
                return
            body, kind = file.read_bytes(), mimetypes.guess_type(file.name)[0] or ""
            self.send_response(200)
            self.send_header("Content-Type", kind or "application/octet-stream")
            if kind.startswith(COMPRESSED):
                body = gzip.compress(body, 6, mtime=0)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", missing
    finally:
        server.shutdown()
        server.server_close()


def load(
    browser: Browser, host: str, name: str, conditions: tuple[float, int, int] | None
) -> tuple[dict[str, float], list[str]]:
    """Load a page with an empty cache; return what was measured, and requests to other hosts."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_init_script(WATCH)
    page, sizes, foreign = context.new_page(), {}, []
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    if conditions:
        bits, latency, slower = conditions
        speed = {"downloadThroughput": bits / 8, "uploadThroughput": bits / 8, "latency": latency}
        session.send("Network.emulateNetworkConditions", {"offline": False, **speed})
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    local = (host, "data:", "blob:")
    page.on("request", lambda one: one.url.startswith(local) or foreign.append(one.url))
    page.goto(f"{host}{PREFIX}book/{name}.html", timeout=120_000)
    page.wait_for_function(SETTLED, timeout=120_000)
    shown, busy = page.evaluate("() => [window.shown, window.busyUntil]")
    context.close()
    found = {"requests": len(sizes), "kB": sum(sizes.values()) / 1000}
    return found | {"controls": shown / 1000, "interactive": max(shown, busy) / 1000}, foreign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    path = find_chromium()
    if path is None or not (options.html / "book").is_dir():
        print("page_load: needs Chromium, and the book as `make book` builds it", file=sys.stderr)
        return 2
    wrong = []
    with sync_playwright() as playwright, served(options.html.resolve()) as (host, missing):
        browser = playwright.chromium.launch(executable_path=path)
        for conditions, numbers in CONDITIONS.items():
            for name in PAGES:
                rounds = [load(browser, host, name, numbers) for _ in range(options.rounds)]
                wrong += [url for _, foreign in rounds for url in foreign]
                values = {
                    key: statistics.median(found[key] for found, _ in rounds)
                    for key in rounds[0][0]
                }
                print(
                    f"{conditions}, {name}: {values['requests']:.0f} requests, "
                    f"{values['kB']:,.0f} kB, controls after {values['controls']:.2f} s, "
                    f"interactive after {values['interactive']:.2f} s"
                )
        browser.close()
        wrong += missing
    for url in dict.fromkeys(wrong):
        print(f"page_load: {url} is asked for, which the book does not hold", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
