"""Binance spot: `@trade` streams, raw and combined, and REST trades. `m` true: the taker sold.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.json import decode, encode

from alphapulse.trade import Side
from replay.dialect import JSON, Answer, Desk, Manners, page_size
from replay.tape import Print, Tape

NAME = "binance"
MARKETS: Sequence[str] = ("BTCUSDT", "ETHUSDT")
FORM = "stream"
MANNERS = Manners(max_age=86_400.0, ping_every=20.0, pong_within=60.0, messages_per_second=5.0)
STREAM = "@trade"
MILLIS = re.compile(r'(?<="[ET]":)\d+')
DAY_MILLIS = 86_400_000
METHODS = {"SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"}


class Request(Struct):
    method: str = ""
    params: list[str] = []
    id: int | str | None = None


class BinanceLine:
    """`form` "stream": frames are wrapped with their stream's name; "ws": they are bare."""

    def __init__(self, form: str, streams: Sequence[str], desk: Desk) -> None:
        self.form = form
        self.desk = desk
        self.streams: dict[str, None] = {}
        self.symbols: set[str] = set()
        self.take(streams)

    def take(self, streams: Sequence[str]) -> None:
        """An unknown stream is no error: it is silent for ever."""
        self.streams |= dict.fromkeys(streams)
        self.symbols |= {symbol for s in streams if self.desk.serves(symbol := symbol_of(s))}

    def stamp(self, frames: bytes) -> bytes:
        return frames

    def open(self) -> list[str]:
        return []

    def read(self, message: str) -> list[str]:
        try:
            request = decode(message, type=Request)
        except msgspec.DecodeError as failure:
            return [written({"code": 3, "msg": f"Invalid JSON: {failure}"})]
        if request.method not in METHODS:
            words = f"Invalid request: unknown variant `{request.method}`"
            return [written({"code": 2, "msg": words, "id": request.id})]
        return [written({"result": self.obey(request), "id": request.id})]

    def obey(self, request: Request) -> list[str] | None:
        match request.method:
            case "SUBSCRIBE":
                self.take(request.params)
            case "UNSUBSCRIBE":
                self.leave(request.params)
            case _:
                return list(self.streams)
        return None

    def leave(self, streams: Sequence[str]) -> None:
        for stream in streams:
            self.streams.pop(stream, None)
            self.symbols.discard(symbol_of(stream))

    def beat(self) -> list[str]:
        return []

    def refuse(self, symbol: str) -> list[str]:
        self.leave([stream_of(symbol)])
        return []  # it falls silent

    def farewell(self) -> list[str]:
        event = f'{{"e":"serverShutdown","E":{self.desk.clock() // 1000}}}'
        return [wrapped("!serverShutdown", event) if self.form == "stream" else event]


def line(path: str, params: Mapping[str, str], desk: Desk) -> BinanceLine:
    """/stream?streams=a/b is combined; /ws and /ws/a/b are raw."""
    form, *named = path.strip("/").split("/")
    if form == "stream":
        return BinanceLine("stream", [s for s in params.get("streams", "").split("/") if s], desk)
    return BinanceLine("ws", named, desk)


def symbol_of(stream: str) -> str:
    """BTCUSDT of btcusdt@trade; names no market where the stream is not one of trades."""
    return stream.removesuffix(STREAM).upper() if is_trade_stream(stream) else ""


def is_trade_stream(stream: str) -> bool:
    return stream.endswith(STREAM) and stream == stream.lower()


def stream_of(symbol: str) -> str:
    return symbol.lower() + STREAM


def written(frame: dict[str, Any]) -> str:
    return encode(frame).decode()


def wrapped(stream: str, data: str) -> str:
    return f'{{"stream":"{stream}","data":{data}}}'


def trade_frames(form: str, symbol: str, prints: Sequence[Print]) -> list[str]:
    bare = [trade(symbol, print) for print in prints]
    if form == "ws":
        return bare
    stream = stream_of(symbol)
    return [wrapped(stream, frame) for frame in bare]


def trade(symbol: str, print: Print) -> str:
    millis = print.traded_at // 1000
    taker_sold = "true" if print.side is Side.SELL else "false"
    return (
        f'{{"e":"trade","E":{millis + 1},"s":"{symbol}","t":{print.id},"p":"{print.price}",'
        f'"q":"{print.size}","T":{millis},"m":{taker_sold},"M":true}}'
    )


def respond(path: str, params: Mapping[str, str], desk: Desk) -> Answer:
    match path.strip("/"):
        case "api/v3/exchangeInfo":
            return answer({"timezone": "UTC", "symbols": [listing(t) for t in desk.tapes.values()]})
        case "api/v3/historicalTrades":
            return page(params, desk, weight=25)
        case "api/v3/trades":
            latest = {name: text for name, text in params.items() if name != "fromId"}
            return page(latest, desk, weight=25)
        case "api/v3/time":
            return answer({"serverTime": desk.clock() // 1000})
    return answer({"code": -1000, "msg": "Not found."}, status=404)


def page(params: Mapping[str, str], desk: Desk, weight: int) -> Answer:
    """Oldest first; from `fromId` on (inclusive), or else the latest."""
    symbol = params.get("symbol", "")
    if not desk.serves(symbol):
        return answer({"code": -1121, "msg": "Invalid symbol."}, status=400)
    tape, size = desk.tapes[symbol], page_size(params.get("limit", "500"))
    first = params.get("fromId", "0")
    if size is None or not first.isdecimal():
        return answer(
            {"code": -1100, "msg": "Illegal characters found in a parameter."}, status=400
        )
    start = tape.place(int(first)) if "fromId" in params else max(0, len(tape) - size)
    return answer([row(p) for p in tape.prints(start, start + size)], weight=weight)


def row(print: Print) -> dict[str, object]:
    return {
        "id": print.id,
        "price": print.price,
        "qty": print.size,
        "quoteQty": f"{Decimal(print.price) * Decimal(print.size):.8f}",
        "time": print.traded_at // 1000,
        "isBuyerMaker": print.side is Side.SELL,
        "isBestMatch": True,
    }


def listing(tape: Tape) -> dict[str, object]:
    return {"symbol": tape.market.symbol, "status": "TRADING"}


def failure(status: int, wait: float) -> Answer:
    words = {429: "Too much request weight used; current limit is 6000 per 1 MINUTE."}
    body = {"code": -1003, "msg": words.get(status, "Internal error.")}
    return answer(body, status=status, headers={"Retry-After": f"{wait:g}"})


def answer(
    body: object, status: int = 200, weight: int = 1, headers: dict[str, str] | None = None
) -> Answer:
    usual = {"Content-Type": JSON, "X-MBX-USED-WEIGHT-1M": str(weight)}
    return Answer(status, encode(body), usual | (headers or {}))


class Row(Struct):
    e: str = ""
    s: str = ""
    t: int = 0
    p: str = ""
    q: str = ""
    T: int = 0
    m: bool = False


class Recorded(Struct):
    data: Raw = Raw(b"")
    e: str = ""
    id: int | str | None = None


def read_frame(raw: str) -> list[tuple[str, Print]] | None:
    frame = decode(raw, type=Recorded)
    if frame.id is not None:
        return None
    row = decode(frame.data if bytes(frame.data) else raw, type=Row)
    if row.e != "trade":
        return []
    side = Side.SELL if row.m else Side.BUY
    return [(row.s, Print(row.t, row.p, row.q, side, row.T * 1000))]


def shift(raw: str, days: int) -> str:
    return MILLIS.sub(lambda found: str(int(found[0]) + days * DAY_MILLIS), raw)
