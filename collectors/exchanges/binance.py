"""Binance spot trades, combined streams and REST; ids are consecutive per symbol.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams
https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints
"""

from collections.abc import Sequence

from msgspec import UNSET, Raw, Struct, UnsetType, field
from msgspec.json import Decoder

from alphapulse.trade import Gap, Micros, Side, Source, Trade
from collectors import exchange as say
from collectors import wire

NAME = "binance"
URL = "wss://stream.binance.com:9443/stream"
REST = "https://api.binance.com"
MARKETS: Sequence[str] = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
COUNTS_TRADES = True
SILENCE = 50.0  # it pings every 20 s: two were lost
MAX_AGE = 23.5 * 3600  # it cuts after 24 h
GREETING = ""
SYMBOLS_PER_FRAME = 200  # 1024 streams per connection
FRAME_PAUSE = 0.3  # 5 messages a second, our pongs included
REQUEST_PAUSE = 0.3  # 25 of 6000 weights a minute each
PAGES = say.Pages("up", "fromId")

TAKER = {True: Side.SELL, False: Side.BUY}  # by "the buyer is the maker"


class Row(Struct, tag_field="e", tag="trade", gc=False):
    symbol: wire.Symbol = field(name="s")
    id: wire.Id = field(name="t")
    price: str = field(name="p")
    size: str = field(name="q")
    millis: wire.Millis = field(name="T")
    buyer_is_maker: bool = field(name="m")


class Shutdown(Struct, tag_field="e", tag="serverShutdown"):
    pass


class Problem(Struct):
    msg: str


class Message(Struct, gc=False):
    """Data wrapped by the combined endpoint, bare data (`e`), or an answer to a request."""

    data: Row | Shutdown | None = None
    e: str = ""
    result: Raw | UnsetType = UNSET
    error: Problem | None = None
    msg: str = ""


class PastRow(Struct, gc=False):
    id: wire.Id
    price: str
    size: str = field(name="qty")
    millis: wire.Millis = field(name="time")
    buyer_is_maker: bool = field(name="isBuyerMaker")


MESSAGE = Decoder(Message)
BARE: Decoder[Row | Shutdown] = Decoder(Row | Shutdown)
PAST = Decoder(list[PastRow])


def subscribe(symbols: Sequence[str]) -> str:
    streams = [f"{symbol.lower()}@trade" for symbol in symbols]
    return wire.encode({"method": "SUBSCRIBE", "params": streams, "id": 1})


def parse(frame: bytes, received_at: Micros) -> list[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        data = message.data or (BARE.decode(frame) if message.e else None)
        if isinstance(data, Row):
            return [trade(data, data.symbol, received_at, wire.LIVE)]
        return [control(message, data, frame)]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(frame, str(failure)) from failure


def trade(row: Row | PastRow, symbol: str, received_at: Micros, source: Source) -> Trade:
    price, size = wire.quantity(row.price), wire.quantity(row.size)
    side, at = TAKER[row.buyer_is_maker], row.millis * 1000
    return Trade(NAME, symbol, row.id, price, size, side, at, received_at, source)


def control(message: Message, data: Shutdown | None, frame: bytes) -> say.Event:
    if data:
        return say.Farewell("the server shuts down")
    if message.error or message.msg:
        return say.Refused(None, message.error.msg if message.error else message.msg)
    if message.result is not UNSET:
        return say.Subscribed()
    raise say.UnexpectedMessage(frame)


def page_request(gap: Gap, cursor: str | None) -> say.Request:
    first_id = cursor or str(gap.after_id + 1)  # inclusive; oldest first
    params = {"symbol": gap.market.symbol, "fromId": first_id, "limit": "1000"}
    return say.Request("/api/v3/historicalTrades", params)


def parse_page(gap: Gap, body: bytes, received_at: Micros) -> say.Page:
    try:
        rows = PAST.decode(body)
        trades = [trade(row, gap.market.symbol, received_at, wire.BACKFILL) for row in rows]
    except wire.FAULTS as failure:
        raise wire.page_error(body, failure) from failure
    next_id = max((trade.id for trade in trades), default=gap.after_id) + 1
    return say.Page(trades, str(next_id) if trades and gap.holds(next_id) else None)
