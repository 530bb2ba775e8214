"""An HTTP server of ours that takes messages and records them; `answers` may say otherwise."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

SECRET = "T0PSECRET"


class Post(ThreadingHTTPServer):
    """`answers`: status and headers of the next ones; then 200. `slow`: none before it is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Clerk)
        self.taken: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.slow: Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}"

    @property
    def subjects(self) -> list[str]:
        return [message["text"] for message in self.taken]


class Clerk(BaseHTTPRequestHandler):
    server: Post

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        if self.server.slow:
            self.server.slow.wait(30)
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        if 200 <= status < 300:
            self.server.taken.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        words = b"ok" if status < 300 else f"no: {SECRET}".encode()
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' screen."""


@contextmanager
def post_office() -> Iterator[Post]:
    with Post() as server:
        thread = Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server
        finally:
            if server.slow:
                server.slow.set()
            server.shutdown()
            thread.join()
