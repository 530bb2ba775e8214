"""Kraken spot trades, WebSocket v2 and REST; ids are consecutive per book.

https://docs.kraken.com/api/docs/websocket-v2/trade
https://docs.kraken.com/api/docs/rest-api/get-recent-trades
"""

from collections.abc import Sequence
from math import inf
from operator import attrgetter

from msgspec import Raw, Struct
from msgspec.json import Decoder

from alphapulse.trade import Gap, Micros, Side, Source, Trade
from collectors import exchange as say
from collectors import wire

NAME = "kraken"
URL = "wss://ws.kraken.com/v2"
REST = "https://api.kraken.com"
MARKETS: Sequence[str] = ("BTC/USD", "ETH/USD", "SOL/USD")
COUNTS_TRADES = True
SILENCE = 10.0  # a heartbeat each second when nothing else is sent
MAX_AGE = inf
SYMBOLS_PER_FRAME = 50
FRAME_PAUSE = 0.2
REQUEST_PAUSE = 1.1  # one request a second

SOURCE = {"snapshot": wire.SNAPSHOT, "update": wire.LIVE}
SIDE = {"buy": Side.BUY, "sell": Side.SELL, "b": Side.BUY, "s": Side.SELL}  # the taker's
REST_NAME = {"BTC": "XBT", "DOGE": "XDG"}
OVERLAP = 1_000_000_000  # ns asked again before a gap: after_at is cut, and ties may be left out


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


class PastRow(Struct, array_like=True, gc=False):
    price: Raw
    qty: Raw
    time: Raw  # seconds, a number of up to 7 decimals
    side: str
    kind: str
    misc: str
    trade_id: wire.Id


class Answer(Struct):
    error: list[str] = []
    result: dict[str, Raw] = {}


MESSAGE = Decoder(Message)
ROWS = Decoder(list[Row])
ANSWER = Decoder(Answer)
PAST = Decoder(list[PastRow])


def subscribe(symbols: Sequence[str]) -> str:
    params = {"channel": "trade", "symbol": list(symbols), "snapshot": True}
    return wire.encode({"method": "subscribe", "params": params})


def parse(frame: bytes, received_at: Micros) -> Sequence[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        if message.channel != "trade":
            return [control(message, frame)]
        source = SOURCE[message.type]
        trades = [
            trade(row, row.symbol, wire.micros(row.timestamp), received_at, source)
            for row in ROWS.decode(message.data)
        ]
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


def trade(
    row: Row | PastRow, symbol: str, at: Micros, received_at: Micros, source: Source
) -> Trade:
    price, size = wire.quantity(wire.text(row.price)), wire.quantity(wire.text(row.qty))
    return Trade(NAME, symbol, row.trade_id, price, size, SIDE[row.side], at, received_at, source)


def page_request(gap: Gap, cursor: str | None) -> say.Request:
    """Oldest first, from a nanosecond on: one before the last page's end, for its ties."""
    since = int(cursor) - 1 if cursor else gap.after_at * 1000 - OVERLAP
    pair = "".join(REST_NAME.get(asset, asset) for asset in gap.market.symbol.split("/"))
    return say.Request("/0/public/Trades", {"pair": pair, "since": str(since), "count": "1000"})


def parse_page(gap: Gap, body: bytes, received_at: Micros) -> say.Page:
    """The answer names the book in its own way: it is whatever is not `last`."""
    try:
        page = ANSWER.decode(body)
        if page.error:
            raise say.ExchangeError("; ".join(page.error))  # with HTTP status 200
        last = str(int(wire.text(page.result.pop("last"))))
        (rows,) = page.result.values()
        symbol = gap.market.symbol
        trades = [
            trade(row, symbol, wire.micros_of_seconds(row.time), received_at, wire.BACKFILL)
            for row in PAST.decode(rows)
        ]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(body, str(failure)) from failure
    newest_id = max((trade.id for trade in trades), default=-1)
    is_end = not trades or (gap.before_id is not None and newest_id >= gap.before_id - 1)
    return say.Page(trades, None if is_end else last)
