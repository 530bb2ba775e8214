"""What an exchange file must offer.

An exchange is a module of pure functions: bytes in, values out. It opens no socket,
reads no clock and keeps no memory; `session` and `runner` do that for all of them.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from alphapulse.trade import Gap, Micros, Trade


class Heartbeat(Struct, frozen=True):
    """The line is alive, but this frame carries no trade.

    `last_id`: the exchange's newest trade id in `symbol`, where it says so; 0: it does not know.
    """

    symbol: str = ""
    last_id: int = 0


class Subscribed(Struct, frozen=True):
    """The exchange confirms a subscription; no symbols: all that were asked for last."""

    symbols: tuple[str, ...] = ()


class Refused(Struct, frozen=True):
    """The exchange will not serve `symbol` (None: it does not say which), for its own `reason`."""

    symbol: str | None
    reason: str


class Farewell(Struct, frozen=True):
    """The exchange announces that it will close this connection: leave now and dial again."""

    reason: str


class Numbered(Struct, frozen=True):
    """The frames of this connection have numbers, and here is this one's, before its trades.

    Each must be one more than the last: a frame that is lost may have held any market's trades.
    """

    number: int


Event: TypeAlias = Trade | Heartbeat | Subscribed | Refused | Farewell | Numbered


class Request(Struct, frozen=True):
    """A GET below the exchange's REST address that asks for one page of past trades."""

    path: str
    params: dict[str, str]


class Page(Struct, frozen=True):
    """One page of past trades; `cursor` asks for the page behind it, None ends the walk."""

    trades: Sequence[Trade]
    cursor: str | None


class Pages(Struct, frozen=True):
    """How an exchange turns the pages of its past, at most `rows` trades on each.

    By `order` a page begins with the oldest of its ids ("up"), with the newest ("down"), or at an
    instant ("time", upwards). `cursor` is the parameter without which the newest page comes.
    """

    order: Literal["up", "down", "time"]
    cursor: str
    rows: int = 1000


class ExchangeError(Exception):
    """Theirs, not ours: the message is the exchange's own words. Wait, then try again."""


class Rejected(ExchangeError):
    """The exchange will not answer this very request; others it may."""


class UnexpectedMessage(ExchangeError):
    """A frame or page that no branch of the parser knows; the frame is kept, the feed goes on."""

    def __init__(self, frame: bytes, why: str = "unknown message") -> None:
        super().__init__(f"{why}: {frame[:200]!r}")
        self.frame = frame


class Exchange(Protocol):
    """A module in `collectors.exchanges`. Every frame gives at least one event, or raises."""

    NAME: str
    URL: str  # of the WebSocket
    REST: str  # base address of its public REST API
    MARKETS: Sequence[str]  # collected unless the owner names others
    COUNTS_TRADES: bool  # ids of one symbol are consecutive integers: a jump is a gap
    SILENCE: float  # seconds without any frame (protocol pings count) after which a line is dead
    MAX_AGE: float  # seconds after which we leave, before the exchange cuts; inf: never
    GREETING: str  # a frame to send before any other; empty: none
    SYMBOLS_PER_FRAME: int  # symbols in one subscribe frame
    FRAME_PAUSE: float  # seconds between two frames that we send
    REQUEST_PAUSE: float  # seconds between two REST requests
    PAGES: Pages  # of its past trades

    def subscribe(self, symbols: Sequence[str]) -> str: ...
    def parse(self, frame: bytes, received_at: Micros) -> Iterable[Event]: ...
    def page_request(self, gap: Gap, cursor: str | None) -> Request: ...
    def parse_page(self, gap: Gap, body: bytes, received_at: Micros) -> Page: ...
