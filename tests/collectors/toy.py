"""A small exchange of our own, whose frames are words: what tests of the session speak.

`A:7 A:8` two trades, `snap A:7` a backlog, `ok A B` or `ok` an acknowledgement, `no A` or `no` a
refusal, `beat A 9` a heartbeat that knows trade 9, `bye` a farewell, `#7 A:8` the frame number 7.
Its pages have numbers too; what they hold is up to the test.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from alphapulse.trade import Gap, Micros, Side, Source, Trade
from collectors.exchange import (
    Event,
    Farewell,
    Heartbeat,
    Numbered,
    Page,
    Pages,
    Refused,
    Request,
    Subscribed,
    UnexpectedMessage,
)

SECOND: Micros = 1_000_000


def trade(symbol: str, id: int, source: Source = Source.LIVE) -> Trade:
    """Trade number `id` of the toy's market happened `id` seconds into 1970."""
    return Trade("toy", symbol, id, Decimal(1), Decimal(2), Side.BUY, id * SECOND, 7, source)


class Toy:
    """Implements collectors.exchange.Exchange."""

    NAME = "toy"
    URL = "ws://127.0.0.1"
    REST = "http://127.0.0.1"
    MARKETS: Sequence[str] = ("A", "B", "C")
    COUNTS_TRADES = True
    SILENCE = 10.0
    MAX_AGE = 1000.0
    GREETING = ""
    SYMBOLS_PER_FRAME = 2
    FRAME_PAUSE = 0.5
    REQUEST_PAUSE = 0.1
    PAGES = Pages("up", "page")

    def subscribe(self, symbols: Sequence[str]) -> str:
        return " ".join(symbols)

    def parse(self, frame: bytes, received_at: Micros) -> list[Event]:  # noqa: ARG002 - always 7
        return list(read(frame))

    def page_request(self, gap: Gap, cursor: str | None) -> Request:  # noqa: ARG002 - any gap
        return Request("/", {"page": cursor or "0"})

    def parse_page(self, gap: Gap, body: bytes, received_at: Micros) -> Page:  # noqa: ARG002
        return self.page(int(body))

    def page(self, number: int) -> Page:
        raise NotImplementedError


class Uncounted(Toy):
    """Its ids grow, but are not consecutive."""

    COUNTS_TRADES = False


def read(frame: bytes) -> Iterator[Event]:
    words = frame.decode().split()
    match words:
        case ["ok", *symbols]:
            yield Subscribed(tuple(symbols))
        case ["no"]:
            yield Refused(None, "no such stream")
        case ["no", symbol]:
            yield Refused(symbol, f"no {symbol} here")
        case ["beat"]:
            yield Heartbeat()
        case ["beat", symbol, id]:
            yield Heartbeat(symbol, int(id))
        case [number, *rest] if number.startswith("#"):
            yield Numbered(int(number[1:]))
            yield from read(" ".join(rest).encode()) if rest else ()
        case ["bye"]:
            yield Farewell("restarting")
        case ["snap", *fills]:
            yield from (fill(text, Source.SNAPSHOT) for text in fills)
        case [_, *_] if all(":" in word for word in words):
            yield from (fill(text, Source.LIVE) for text in words)
        case _:
            raise UnexpectedMessage(frame)


def fill(text: str, source: Source) -> Trade:
    symbol, _, id = text.partition(":")
    return trade(symbol, int(id), source)
