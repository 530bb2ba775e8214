"""Coinbase Advanced Trade: channels `market_trades` and `heartbeats`; REST is Coinbase Exchange's.

`side` is the MAKER's; trades come newest first, in batches; each frame of a line has its number.
https://docs.cdp.coinbase.com/advanced-trade/docs/ws-channels
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count

import msgspec
from msgspec import Struct
from msgspec.json import decode, encode

from alphapulse.trade import Micros, Side
from replay.dialect import Desk, Manners, iso, micros
from replay.protocols.coinbase import failure, respond
from replay.tape import Print

__all__ = [  # the whole of a Dialect: two of its functions are Coinbase Exchange's
    "FORM", "MANNERS", "MARKETS", "NAME",
    "failure", "line", "read_frame", "respond", "shift", "trade_frames",
]  # fmt: skip

NAME = "coinbase-advanced"
MARKETS: Sequence[str] = ("BTC-USD", "ETH-USD")
FORM = "market_trades"
MANNERS = Manners(subscribe_within=5.0)
BACKLOG = 100
MAKER = {Side.BUY: "SELL", Side.SELL: "BUY"}
TAKER = {"SELL": Side.BUY, "BUY": Side.SELL}
DATE = re.compile(r'((?<="time":")|(?<="timestamp":"))\d{4}-\d\d-\d\d(?=T)')

# JSON allows blanks before a number, so a frame keeps its length when the line numbers it.
UNNUMBERED = f'"sequence_num":{0:10}'
NUMBERS = re.compile(UNNUMBERED.encode())


class Request(Struct):
    type: str
    channel: str
    product_ids: list[str] = []


class AdvancedLine:
    form = FORM

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.symbols: set[str] = set()
        self.beats = False
        self.numbers = count()

    def open(self) -> list[str]:
        return []

    def stamp(self, frames: bytes) -> bytes:
        """A number for each frame, whatever its channel; what is lost behind us leaves a hole."""
        return NUMBERS.sub(lambda _: b'"sequence_num":%10d' % next(self.numbers), frames)

    def read(self, message: str) -> list[str]:
        try:
            request = decode(message, type=Request)
        except msgspec.DecodeError:
            return [error("Malformed JSON")]
        match request:
            case Request(type="subscribe" | "unsubscribe", channel="heartbeats"):
                self.beats = request.type == "subscribe"
                return [self.state()]
            case Request(type="subscribe", channel="market_trades"):
                return self.subscribe(request.product_ids)
            case Request(type="unsubscribe", channel="market_trades"):
                self.symbols.difference_update(request.product_ids)
                return [self.state()]
        return [error(f"{request.type} of {request.channel} is not supported")]

    def subscribe(self, products: Sequence[str]) -> list[str]:
        """The backlog of each product comes before the acknowledgement."""
        named = [
            product.removesuffix("C") if is_alias(product) else product for product in products
        ]
        for product, name in zip(products, named, strict=True):
            if not self.desk.serves(name):
                return [error(f"{product} is not a valid product")]
        if not named:
            return [error("product_ids must be given")]
        fresh = [name for name in dict.fromkeys(named) if name not in self.symbols]
        self.symbols.update(fresh)
        return [*(frame for name in fresh for frame in self.backlog(name)), self.state()]

    def backlog(self, product: str) -> list[str]:
        prints = self.desk.tapes[product].latest(BACKLOG)
        return [trades("snapshot", product, prints, self.desk.clock())] if prints else []

    def state(self) -> str:
        held = {"market_trades": sorted(self.symbols)} if self.symbols else {}
        beats = {"heartbeats": ["heartbeats"]} if self.beats else {}
        return frame("subscriptions", self.desk.clock(), {"subscriptions": held | beats})

    def beat(self) -> list[str]:
        if not self.beats:
            return []
        now = self.desk.clock()
        written = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        time = f"{written}.{now % 1_000_000:06d}000 +0000 UTC m=+{now // 1_000_000}.000000001"
        words = {"current_time": time, "heartbeat_counter": now // 1_000_000}
        return [frame("heartbeats", now, words)]

    def refuse(self, symbol: str) -> list[str]:
        if symbol not in self.symbols:
            return []
        self.symbols.discard(symbol)
        return [error(f"{symbol} is not a valid product")]

    def farewell(self) -> list[str]:
        return []  # it closes without a word


def line(path: str, params: Mapping[str, str], desk: Desk) -> AdvancedLine:
    return AdvancedLine(desk)


def is_alias(product: str) -> bool:
    return product.endswith("-USDC")


def trade_frames(form: str, symbol: str, prints: Sequence[Print]) -> list[str]:
    """What is due in one turn shares a frame, which is then cut into batches."""
    starts = range(0, len(prints), BACKLOG)
    batches = [prints[start : start + BACKLOG] for start in starts]
    return [trades("update", symbol, batch, batch[-1].traded_at) for batch in batches]


def trades(kind: str, product: str, prints: Sequence[Print], at: Micros) -> str:
    rows = [
        {
            "product_id": product,
            "trade_id": str(print.id),
            "price": print.price,
            "size": print.size,
            "time": short(print.traded_at),
            "side": MAKER[print.side],
        }
        for print in reversed(prints)
    ]
    return frame("market_trades", at, {"type": kind, "trades": rows})


def frame(channel: str, at: Micros, event: object) -> str:
    """`timestamp` has nine digits."""
    stamp = iso(at).replace("Z", "000Z")
    words = encode([event]).decode()
    return f'{{"channel":"{channel}","timestamp":"{stamp}",{UNNUMBERED},"events":{words}}}'


def short(at: Micros) -> str:
    """Without the zeros at the end."""
    return iso(at).removesuffix("Z").rstrip("0").removesuffix(".") + "Z"


def error(message: str) -> str:
    return encode({"type": "error", "message": message}).decode()


class Row(Struct):
    product_id: str
    trade_id: str
    price: str
    size: str
    time: str
    side: str


class Batch(Struct):
    trades: list[Row] = []


class Recorded(Struct):
    channel: str = ""
    events: list[Batch] = []


def read_frame(raw: str) -> list[tuple[str, Print]] | None:
    frame = decode(raw, type=Recorded)
    if frame.channel == "subscriptions":
        return None
    if frame.channel != "market_trades":
        return []
    rows = [row for batch in frame.events for row in batch.trades]
    return [(row.product_id, read_row(row)) for row in reversed(rows)]


def read_row(row: Row) -> Print:
    return Print(int(row.trade_id), row.price, row.size, TAKER[row.side], micros(row.time))


def shift(raw: str, days: int) -> str:
    return DATE.sub(lambda found: str(date.fromisoformat(found[0]) + timedelta(days)), raw)
