"""Kraken spot trades, WebSocket v2; ids are consecutive per book.

https://docs.kraken.com/api/docs/websocket-v2/trade
"""

from collections.abc import Sequence
from math import inf
from operator import attrgetter

from msgspec import Raw, Struct
from msgspec.json import Decoder

from alphapulse.trade import Micros, Side, Source, Trade
from collectors import exchange as say
from collectors import wire
from collectors.exchanges import kraken_rest

NAME = "kraken"
URL = "wss://ws.kraken.com/v2"
REST = "https://api.kraken.com"
MARKETS: Sequence[str] = ("BTC/USD", "ETH/USD", "SOL/USD")
COUNTS_TRADES = True
SILENCE = 10.0  # a heartbeat each second when nothing else is sent
MAX_AGE = inf
GREETING = ""
SYMBOLS_PER_FRAME = 50
FRAME_PAUSE = 0.2
REQUEST_PAUSE = 1.1  # one request a second
PAGES = kraken_rest.PAGES
page_request, parse_page = kraken_rest.page_request, kraken_rest.parse_page

SOURCE = {"snapshot": wire.SNAPSHOT, "update": wire.LIVE}
SIDE = {"buy": Side.BUY, "sell": Side.SELL}  # the taker's


class Row(Struct, gc=False):
    symbol: wire.Symbol
    side: str
    price: Raw
    qty: Raw
    trade_id: wire.Id
    timestamp: str


class Result(Struct):
    symbol: str


class Message(Struct):
    """A push has a channel; an answer to a request of ours has a method, or says no success."""

    channel: str = ""
    type: str = ""
    data: Raw = Raw(b"")
    method: str = ""
    success: bool = True
    error: str = ""
    symbol: str | None = None
    result: Result | None = None


MESSAGE = Decoder(Message)
ROWS = Decoder(list[Row])


def subscribe(symbols: Sequence[str]) -> str:
    params = {"channel": "trade", "symbol": list(symbols), "snapshot": True}
    return wire.encode({"method": "subscribe", "params": params})


def parse(frame: bytes, received_at: Micros) -> Sequence[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        if message.channel != "trade":
            return [control(message, frame)]
        source = SOURCE[message.type]
        trades = [trade(row, received_at, source) for row in ROWS.decode(message.data)]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(frame, str(failure)) from failure
    # A book that never traded has an empty snapshot.
    return sorted(trades, key=attrgetter("id")) or [say.Heartbeat()]


def control(message: Message, frame: bytes) -> say.Event:
    match message:
        case Message(channel="heartbeat" | "status") | Message(method="pong"):
            return say.Heartbeat()
        case Message(method="subscribe", success=True, result=Result(symbol=symbol)):
            return say.Subscribed((symbol,))
        case Message(success=False, error="Already subscribed", symbol=str(symbol)):
            return say.Subscribed((symbol,))
        case Message(success=False, error="Exceeded msg rate"):
            return say.Farewell(message.error)
        case Message(success=False):
            return say.Refused(message.symbol, message.error)
    raise say.UnexpectedMessage(frame)


def trade(row: Row, received_at: Micros, source: Source) -> Trade:
    price, size = wire.quantity(wire.text(row.price)), wire.quantity(wire.text(row.qty))
    side, at = SIDE[row.side], wire.micros(row.timestamp)
    return Trade(NAME, row.symbol, row.trade_id, price, size, side, at, received_at, source)
