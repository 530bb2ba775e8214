"""Polite GET: one request at a time, a pause between two, back when the exchange says so."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep, time_ns
from typing import Protocol

import httpx
from msgspec import Struct

from alphapulse.trade import Micros
from collectors.exchange import ExchangeError, Rejected, Request

__all__ = ["Alone", "Answer", "Busy", "Fetcher", "Rejected", "Turn"]

TIMEOUT = 20.0  # seconds without a byte
BUSY = frozenset({418, 429})  # 418 is Binance's "you were told 429"
TRANSIENT = frozenset({408, 425})  # the only other 4xx that may answer differently next time
LARGEST = 64 * 2**20  # bytes of a page
UNSAID = 10.0  # seconds to wait where the exchange does not say how long
NAP = 5.0  # seconds that a request waits by itself; for more the caller is told
LONGEST_WAIT = 300.0  # seconds; a longer Retry-After is honoured by trying again then


class Busy(ExchangeError):
    """The exchange wants us to wait `seconds` before the next request, whatever it asks for."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Answer(Struct, frozen=True):
    body: bytes
    received_at: Micros


class Turn(Protocol):
    """Leave to ask one REST address: `alphapulse.store.turn.Turn` among processes, or `Alone`."""

    def begin(self, pause: float, /) -> float: ...  # seconds until the exchange may be asked
    def end(self, seconds: float, /) -> None: ...  # nobody may ask for so long


class Alone:
    """Nobody else asks."""

    def __init__(self) -> None:
        self.free_at = 0.0

    def begin(self, _: float) -> float:
        return max(0.0, self.free_at - monotonic())

    def end(self, seconds: float) -> None:
        self.free_at = monotonic() + seconds


class Fetcher:
    """GETs below one REST address, at least `pause` seconds apart, each in its `turn`."""

    def __init__(self, base: str, pause: float) -> None:
        self.base = base.rstrip("/")
        self.pause = pause
        self.turn: Turn = Alone()
        self.requests = 0  # made so far
        self.took = 0.0  # seconds that the last answer took
        self.client = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "AlphaPulse"})

    def get(self, request: Request) -> Answer:
        """The page's bytes; raises Busy, Rejected, or ExchangeError for other answers.

        Busy may be told without a request: somebody else of ours was told to wait.
        """
        rest = left = self.turn.begin(self.pause)
        try:
            self.nap(left)
            rest = self.pause
            return self.ask(request)
        except Busy as busy:
            rest = busy.seconds
            raise
        finally:
            self.turn.end(rest)

    def nap(self, seconds: float) -> None:
        if seconds > NAP:
            raise Busy(f"{self.base}: we were told to wait for {seconds:.0f} s yet", seconds)
        sleep(seconds)

    def ask(self, request: Request) -> Answer:
        url = self.base + request.path
        self.requests += 1
        asked_at = monotonic()
        try:
            with self.client.stream("GET", url, params=request.params) as answer:
                body = read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise ExchangeError(f"{url}: {failure!r}") from failure
        self.took = monotonic() - asked_at
        if answer.status_code != httpx.codes.OK:
            raise refusal(answer, url, body)
        return Answer(body, time_ns() // 1000)

    def close(self) -> None:
        self.client.close()


def read(answer: httpx.Response) -> bytes:
    """The whole body, as long as it is of a sane size."""
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise ExchangeError(f"{answer.url}: more than {LARGEST} bytes")
    return bytes(body)


def refusal(answer: httpx.Response, url: str, body: bytes) -> ExchangeError:
    words = f"{url}: HTTP {answer.status_code}: {body[:200].decode(errors='replace')}"
    if answer.status_code in BUSY:
        return Busy(words, retry_after(answer.headers.get("Retry-After", "")))
    if answer.is_client_error and answer.status_code not in TRANSIENT:
        return Rejected(words)
    return ExchangeError(words)


def retry_after(text: str) -> float:
    """Seconds to wait by this header, which holds a number of them or a date."""
    try:
        wanted = float(text)
    except ValueError:
        wanted = seconds_until(text)
    return min(wanted, LONGEST_WAIT) if wanted > 0 else UNSAID


def seconds_until(date: str) -> float:
    """0 where it is no date."""
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
