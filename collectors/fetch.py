"""Polite GET: one request at a time, a pause between two, back when the exchange says so."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep, time_ns

import httpx
from msgspec import Struct

from alphapulse.trade import Micros
from collectors.exchange import ExchangeError, Request

TIMEOUT = 20.0  # seconds without a byte
BUSY = frozenset({418, 429})  # 418 is Binance's "you were told 429"
TRANSIENT = frozenset({408, 425})  # the only other 4xx that may answer differently next time
LARGEST = 64 * 2**20  # bytes of a page
UNSAID = 10.0  # seconds to wait where the exchange does not say how long
LONGEST_WAIT = 300.0  # seconds; a longer Retry-After is honoured by trying again then


class Busy(ExchangeError):
    """The exchange wants us to wait `seconds` before the next request, whatever it asks for."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Rejected(ExchangeError):
    """The exchange will not answer this very request; others it may."""


class Answer(Struct, frozen=True):
    body: bytes
    received_at: Micros


class Fetcher:
    """GETs below one REST address, at least `pause` seconds apart."""

    def __init__(self, base: str, pause: float) -> None:
        self.base = base.rstrip("/")
        self.pause = pause
        self.free_at = 0.0
        self.client = httpx.Client(timeout=TIMEOUT, headers={"User-Agent": "AlphaPulse"})

    def get(self, request: Request) -> Answer:
        """The page's bytes; raises Busy, Rejected, or ExchangeError for other answers."""
        sleep(max(0.0, self.free_at - monotonic()))
        url = self.base + request.path
        try:
            with self.client.stream("GET", url, params=request.params) as answer:
                body = read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise ExchangeError(f"{url}: {failure!r}") from failure
        finally:
            self.free_at = monotonic() + self.pause
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
