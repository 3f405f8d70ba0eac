"""A web server on 127.0.0.1 that answers as badly as real ones do, for tests of downloads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML_PAGE = b"<!DOCTYPE html>\n<html><body>Please log in to the network.</body></html>"


class Server:
    """Serves `answers`: path -> a body, a status, or a function that is given the request.

    Paths that are not there get 404. `requests` lists the paths asked for so far.
    """

    def __init__(self):
        self.answers: dict[str, bytes | int | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append(self.path)
                answer = server.answers.get(self.path, 404)
                if callable(answer):
                    answer(self)
                elif isinstance(answer, int):
                    send(self, b"no", answer)
                else:
                    send(self, answer)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def silent(self, request: BaseHTTPRequestHandler) -> None:
        """Promise much, send a little, and then nothing until the server closes."""
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"\x1f\x8b")
        request.wfile.flush()
        self.closing.wait(30)


def send(request, body: bytes, status: int = 200, length: int | None = None, **headers) -> None:
    """Answer with `body`; `length` is what the header says where that is not the truth."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def cut(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer that breaks off in the middle of `body`."""
    return lambda request: send(request, body[: len(body) // 2], length=len(body))


def closed_port() -> str:
    """Return an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"
