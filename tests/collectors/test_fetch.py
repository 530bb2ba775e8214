"""GETs against a real HTTP server that answers as it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import fetch
from collectors.exchange import ExchangeError, Request
from collectors.fetch import LONGEST_WAIT, UNSAID, Busy, Fetcher, Rejected, retry_after

Told: TypeAlias = tuple[int, dict[str, str], bytes]

PAGE = Request("/trades", {"symbol": "BTC/USD", "limit": "1000"})


class Library(ThreadingHTTPServer):
    """Gives its answers in turn, the last one for ever; remembers the paths."""

    def __init__(self, answers: list[Told]) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.answers = answers
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Desk(BaseHTTPRequestHandler):
    server: Library

    def do_GET(self) -> None:
        answers = self.server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.paths.append(self.path)
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' screen."""


@contextmanager
def library(*answers: Told) -> Iterator[Library]:
    with Library(list(answers)) as server:
        thread = Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def fetcher(base: str, pause: float = 0.0) -> Iterator[Fetcher]:
    found = Fetcher(base, pause)
    yield found
    found.close()


def test_a_page_is_its_bytes_and_when_they_came() -> None:
    with library((200, {}, b"[1, 2]")) as server, fetcher(server.url + "/api/") as get:
        answer = get.get(PAGE)
    assert answer.body == b"[1, 2]"
    assert abs(answer.received_at / 1e6 - datetime.now(UTC).timestamp()) < 60
    assert server.paths == ["/api/trades?symbol=BTC%2FUSD&limit=1000"]


@pytest.mark.parametrize("status", [429, 418])
def test_a_busy_exchange_says_when_to_come_back(status: int) -> None:
    with (
        library((status, {"Retry-After": "7"}, b"slow down")) as server,
        fetcher(server.url) as get,
        pytest.raises(Busy, match=f"{status}: slow down") as busy,
    ):
        get.get(PAGE)
    assert busy.value.seconds == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 451])
def test_a_question_that_is_wrong_is_told_from_an_exchange_in_trouble(status: int) -> None:
    with (
        library((status, {}, b"Invalid symbol.")) as server,
        fetcher(server.url) as get,
        pytest.raises(Rejected, match=rf"/trades: HTTP {status}: Invalid symbol\."),
    ):
        get.get(PAGE)


@pytest.mark.parametrize("status", [301, 408, 500, 502, 503, 504])
def test_an_exchange_in_trouble_may_answer_later(status: int) -> None:
    with library((status, {}, b"oops"), (200, {}, b"[]")) as server, fetcher(server.url) as get:
        with pytest.raises(ExchangeError) as trouble:
            get.get(PAGE)
        assert type(trouble.value) is ExchangeError
        assert get.get(PAGE).body == b"[]"


def test_nobody_there_is_an_exchange_in_trouble() -> None:
    with fetcher("http://127.0.0.1:1") as get, pytest.raises(ExchangeError, match=":1/trades"):
        get.get(PAGE)


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    with (
        Library([]) as deaf,
        fetcher(deaf.url) as get,
        pytest.raises(ExchangeError, match="Timeout"),
    ):
        get.get(PAGE)


def test_a_page_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    with (
        library((200, {}, b"x" * 5000)) as server,
        fetcher(server.url) as get,
        pytest.raises(ExchangeError, match="more than 1000 bytes"),
    ):
        get.get(PAGE)


def test_there_is_a_pause_between_two_requests() -> None:
    with library((200, {}, b"[]")) as server, fetcher(server.url, 0.15) as get:
        started = monotonic()
        for _ in range(3):
            get.get(PAGE)
        assert monotonic() - started >= 0.3


@given(st.integers(1, 10**9))
def test_seconds_are_kept_up_to_the_longest_wait(seconds: int) -> None:
    assert retry_after(str(seconds)) == min(seconds, LONGEST_WAIT)


@given(st.one_of(st.text(), st.sampled_from(["", "0", "-5", "nan", "-inf", "soon", "²", "1_0"])))
def test_whatever_the_header_says_the_wait_is_sane(text: str) -> None:
    assert 0 < retry_after(text) <= max(LONGEST_WAIT, UNSAID)


def test_a_fraction_of_a_second_is_one() -> None:
    assert retry_after("0.5") == 0.5


def test_a_date_is_as_good_as_a_number() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < retry_after(at) <= 60
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert retry_after(past) == UNSAID
