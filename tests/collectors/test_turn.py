"""One pace for all who ask an exchange: several processes at a door that tolerates no haste."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import monotonic

import pytest

from alphapulse.store.connect import Store, connect
from alphapulse.store.turn import LONGEST, Turn
from collectors.exchange import Request
from collectors.fetch import Busy, Fetcher
from tests.launcher.stage import ROOT

PAUSE = 0.05  # seconds

PROGRAM = """
import sys
from alphapulse.store.connect import connect
from alphapulse.store.turn import Turn
from collectors.exchange import Request
from collectors.fetch import Fetcher

url, rest, pause, count = sys.argv[1:]
with connect(url, "test") as store:
    fetcher = Fetcher(rest, float(pause))
    fetcher.turn = Turn(store, fetcher.base)
    for _ in range(int(count)):
        fetcher.get(Request("/", {}))
    fetcher.close()
"""


class Strict(ThreadingHTTPServer):
    """Answers 429 to a request that comes beside another one, or sooner after it than PAUSE."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Porter)
        self.lock = Lock()
        self.under_way = 0
        self.came_at = 0.0
        self.answered = 0
        self.refused = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def admit(self) -> int:
        with self.lock:
            now = monotonic()
            is_fine = not self.under_way and now - self.came_at >= PAUSE
            self.under_way += 1
            self.came_at = now
            self.answered += is_fine
            self.refused += not is_fine
            return 200 if is_fine else 429


class Porter(BaseHTTPRequestHandler):
    server: Strict

    def do_GET(self) -> None:
        status = self.server.admit()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Retry-After", "40")
        with self.server.lock:
            self.server.under_way -= 1
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' screen."""


@contextmanager
def strict() -> Iterator[Strict]:
    with Strict() as server:
        thread = Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def asking(url: str, rest: str) -> Iterator[Fetcher]:
    with connect(url, "test") as store:
        fetcher = Fetcher(rest, PAUSE)
        fetcher.turn = Turn(store, fetcher.base)
        yield fetcher
        fetcher.close()


def test_three_processes_together_keep_the_pace_of_one(database_url: str) -> None:
    with strict() as server:
        words = [sys.executable, "-c", PROGRAM, database_url, server.url, str(PAUSE), "12"]
        programs = [subprocess.Popen(words, cwd=ROOT) for _ in range(3)]
        codes = [program.wait(120) for program in programs]
        assert codes == [0, 0, 0]
        assert (server.answered, server.refused) == (36, 0)


def test_what_one_is_told_holds_for_all(database_url: str) -> None:
    with strict() as server, asking(database_url, server.url) as one:
        server.came_at = monotonic() + 60  # the next request comes too early
        with pytest.raises(Busy) as told:
            one.get(Request("/", {}))
        assert told.value.seconds == 40
        with asking(database_url, server.url) as other, pytest.raises(Busy) as heard:
            other.get(Request("/", {}))
        assert 0 < heard.value.seconds <= 40
        assert server.refused == 1  # the second one did not ask


def test_another_address_has_a_pace_of_its_own(database_url: str, store: Store) -> None:
    with connect(database_url, "other") as busy:
        Turn(busy, "http://a").begin(0.0)
        turn = Turn(store, "http://b")
        assert turn.begin(0.0) < 1
        turn.end(0)


def test_whoever_dies_in_its_turn_sets_it_free(database_url: str, store: Store) -> None:
    with connect(database_url, "dying") as dying:
        Turn(dying, "http://a").begin(0.25)
    turn = Turn(store, "http://a")
    assert turn.begin(0.0) <= 0.25
    turn.end(0)


def test_a_clock_that_was_set_back_does_not_stop_us(store: Store) -> None:
    turn = Turn(store, "http://a")
    turn.begin(0.0)
    turn.end(LONGEST * 24)
    assert turn.begin(0.0) <= 1
    turn.end(0)
