"""Kraken spot: WebSocket v2 `trade` (bare JSON numbers) and REST Trades. `side` is the taker's.

https://docs.kraken.com/api/docs/websocket-v2/trade
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import msgspec
from msgspec import Struct, field
from msgspec.json import decode, encode

from alphapulse.trade import Side
from replay.dialect import Desk, Manners, iso, micros
from replay.protocols.kraken_rest import failure, respond
from replay.protocols.kraken_spelling import bare, order_type
from replay.tape import Print

__all__ = [  # the whole of a Dialect: two of its functions live in kraken_rest
    "FORM", "MANNERS", "MARKETS", "NAME",
    "failure", "line", "read_frame", "respond", "shift", "trade_frames",
]  # fmt: skip

NAME = "kraken"
MARKETS: Sequence[str] = ("BTC/USD", "ETH/USD")
FORM = "v2"
MANNERS = Manners(beats_when_idle=True)
BACKLOG = 50
VERSION = "2.0.10"
CONNECTION = 13_834_774_380_200_032_777  # above a signed 64-bit integer, as the real one may be
DATE = re.compile(r'(?<="timestamp":")\d{4}-\d\d-\d\d(?=T)')


class Params(Struct):
    channel: str = ""
    symbol: list[str] = []
    snapshot: bool = False


class Request(Struct):
    method: str = ""
    params: Params = field(default_factory=Params)
    req_id: int | None = None


class KrakenLine:
    form = FORM

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.symbols: set[str] = set()

    def stamp(self, frames: bytes) -> bytes:
        return frames

    def open(self) -> list[str]:
        status = {
            "api_version": "v2",
            "connection_id": CONNECTION,
            "system": "online",
            "version": VERSION,
        }
        return [written({"channel": "status", "type": "update", "data": [status]})]

    def read(self, message: str) -> list[str]:
        try:
            request = decode(message, type=Request)
        except msgspec.DecodeError:
            return [self.refusal(Request(), "Malformed request")]
        match request:
            case Request(method="ping"):
                return [written({"method": "pong", **numbered(request), **self.stamps()})]
            case Request(method="subscribe" | "unsubscribe", params=Params(channel="trade")):
                turn = self.subscribe if request.method == "subscribe" else self.leave
                return [frame for name in request.params.symbol for frame in turn(request, name)]
        return [self.refusal(request, f"Unsupported method {request.method}")]

    def subscribe(self, request: Request, symbol: str) -> list[str]:
        """Each symbol is acknowledged alone; the good ones of a request succeed beside the bad."""
        if not self.desk.serves(symbol):
            return [self.refusal(request, f"Currency pair not supported {symbol}", symbol)]
        if symbol in self.symbols:
            return [self.refusal(request, "Already subscribed", symbol)]
        self.symbols.add(symbol)
        wanted = request.params.snapshot
        backlog = self.desk.tapes[symbol].latest(BACKLOG) if wanted else []
        ack = self.done(request, {"channel": "trade", "snapshot": wanted, "symbol": symbol})
        return [ack, trades("snapshot", symbol, backlog)] if backlog else [ack]

    def leave(self, request: Request, symbol: str) -> list[str]:
        if symbol not in self.symbols:
            return [self.refusal(request, "Subscription Not Found", symbol)]
        self.symbols.discard(symbol)
        return [self.done(request, {"channel": "trade", "symbol": symbol})]

    def done(self, request: Request, result: dict[str, object]) -> str:
        about = {"method": request.method, **numbered(request), "result": result}
        return written({**about, "success": True, **self.stamps()})

    def refusal(self, request: Request, words: str, symbol: str = "") -> str:
        named = {"symbol": symbol} if symbol else {}
        about = {"error": words, "method": request.method or "subscribe", **numbered(request)}
        return written({**about, "success": False, **named, **self.stamps()})

    def stamps(self) -> dict[str, object]:
        now = iso(self.desk.clock())
        return {"time_in": now, "time_out": now}

    def beat(self) -> list[str]:
        return ['{"channel":"heartbeat"}'] if self.symbols else []

    def refuse(self, symbol: str) -> list[str]:
        if symbol not in self.symbols:
            return []
        self.symbols.discard(symbol)
        words = f"Currency pair not supported {symbol}"
        return [self.refusal(Request("subscribe"), words, symbol)]

    def farewell(self) -> list[str]:
        return []  # it closes without a word


def line(path: str, params: Mapping[str, str], desk: Desk) -> KrakenLine:
    return KrakenLine(desk)


def numbered(request: Request) -> dict[str, object]:
    return {} if request.req_id is None else {"req_id": request.req_id}


def written(frame: dict[str, object]) -> str:
    return encode(frame).decode()


def trade_frames(form: str, symbol: str, prints: Sequence[Print]) -> list[str]:
    """Trades of one instant share a frame."""
    if len(prints) == 1:
        return [trades("update", symbol, prints)]
    instants = groupby(prints, key=attrgetter("traded_at"))
    return [trades("update", symbol, list(group)) for _, group in instants]


def trades(kind: str, symbol: str, prints: Sequence[Print]) -> str:
    rows = ",".join([trade(symbol, print) for print in prints])
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def trade(symbol: str, print: Print) -> str:
    return (
        f'{{"symbol":"{symbol}","side":"{print.side.value}","price":{bare(print.price)},'
        f'"qty":{bare(print.size)},"ord_type":"{order_type(print.id)}","trade_id":{print.id},'
        f'"timestamp":"{iso(print.traded_at)}"}}'
    )


class Row(Struct):
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    trade_id: int
    timestamp: str


class Recorded(Struct):
    channel: str = ""
    method: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


def read_frame(raw: str) -> list[tuple[str, Print]] | None:
    frame = decode(raw, type=Recorded)
    if frame.method or frame.channel == "status":
        return None
    if frame.channel != "trade":
        return []
    return [(row.symbol, read_row(row)) for row in decode(frame.data, type=list[Row])]


def read_row(row: Row) -> Print:
    at = micros(row.timestamp)
    return Print(row.trade_id, f"{row.price:f}", f"{row.qty:f}", row.side, at)


def shift(raw: str, days: int) -> str:
    return DATE.sub(lambda found: str(date.fromisoformat(found[0]) + timedelta(days)), raw)
