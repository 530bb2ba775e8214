"""What each protocol file offers, and the few words that all three share. Pure: text in, text out.

A dialect is a module of `replay.protocols`; a line is what the exchange knows of one connection.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from msgspec import Struct, field

from alphapulse.trade import Micros
from replay.tape import Print, Tape

JSON = "application/json; charset=utf-8"


class Answer(Struct, frozen=True):
    """What REST gives back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Manners(Struct, frozen=True):
    """What an exchange demands of a connection. Seconds; inf: it does not demand it."""

    subscribe_within: float = float("inf")
    max_age: float = float("inf")
    ping_every: float = float("inf")
    pong_within: float = float("inf")
    messages_per_second: float = float("inf")
    heartbeat_every: float = 1.0
    beats_when_idle: bool = False  # a heartbeat only where nothing else was sent


class Desk:
    """The exchange's side of every line: its markets, and what it presently will not do."""

    def __init__(self, tapes: Mapping[str, Tape], clock: Callable[[], Micros]) -> None:
        self.tapes = tapes
        self.clock = clock
        self.refused: set[str] = set()
        self.forgets_ids = False  # heartbeats say last_trade_id 0

    def serves(self, symbol: str) -> bool:
        return symbol in self.tapes and symbol not in self.refused


class Line(Protocol):
    """One connection, seen by the exchange. Every list holds frames to send, in order."""

    form: str  # how trades are written on this line; a key of frames that may be shared
    symbols: set[str]  # whose trades it is given

    def stamp(self, frames: bytes) -> bytes: ...  # what only this line knows, of the same length
    def open(self) -> list[str]: ...
    def read(self, message: str) -> list[str]: ...
    def beat(self) -> list[str]: ...  # once a second
    def refuse(self, symbol: str) -> list[str]: ...  # from now on
    def farewell(self) -> list[str]: ...  # announces that the line will be cut


class Dialect(Protocol):
    """A module of `replay.protocols`."""

    NAME: str
    MARKETS: Sequence[str]
    MANNERS: Manners
    FORM: str  # of the lines that our collector opens

    def line(self, path: str, params: Mapping[str, str], desk: Desk) -> Line: ...

    # One tick's trades, oldest first, as this exchange frames them.
    def trade_frames(self, form: str, symbol: str, prints: Sequence[Print]) -> list[str]: ...

    # Path and parameters of a GET below this exchange's REST address.
    def respond(self, path: str, params: Mapping[str, str], desk: Desk) -> Answer: ...

    # An error as REST gives it; `wait` is in seconds.
    def failure(self, status: int, wait: float) -> Answer: ...

    # The trades of a recorded frame by symbol; None: it answers a request, so we say it ourselves.
    def read_frame(self, raw: str) -> list[tuple[str, Print]] | None: ...

    # A recorded frame with its times moved by whole days.
    def shift(self, raw: str, days: int) -> str: ...


@lru_cache(maxsize=4096)
def second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso(at: Micros) -> str:
    """With six digits, as Kraken writes it."""
    second, rest = divmod(at, 1_000_000)
    return f"{second_text(second)}.{rest:06d}Z"


def micros(text: str) -> Micros:
    """RFC 3339 in UTC, any number of digits, cut to microseconds."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    second = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return second * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def page_size(text: str | None, most: int = 1000) -> int | None:
    """A limit between 1 and `most`; `most` where none is given, None where it is no number."""
    if text is None:
        return most
    return min(max(int(text), 1), most) if text.isdecimal() else None
