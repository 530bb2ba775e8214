"""Coinbase Advanced Trade, channels `market_trades` and `heartbeats`: the trades, and the ids, of
Coinbase Exchange, told once more. A product `X-USDC` is an alias: its trades come as `X-USD`.

https://docs.cdp.coinbase.com/advanced-trade/docs/ws-channels
"""

from collections.abc import Sequence
from math import inf
from operator import attrgetter
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.json import Decoder

from alphapulse.trade import Micros, Side, Trade
from collectors import exchange as say
from collectors import wire
from collectors.exchanges import coinbase

NAME = "coinbase-advanced"
URL = "wss://advanced-trade-ws.coinbase.com"
REST = coinbase.REST
MARKETS = coinbase.MARKETS
COUNTS_TRADES = True
SILENCE = 12.0  # a heartbeat a second
MAX_AGE = inf
GREETING = '{"type":"subscribe","channel":"heartbeats"}'
SYMBOLS_PER_FRAME = 50
FRAME_PAUSE = 0.2  # 8 messages a second; the first within 5 s
REQUEST_PAUSE = coinbase.REQUEST_PAUSE
PAGES = coinbase.PAGES
PAGES = coinbase.PAGES
page_request, parse_page = coinbase.page_request, coinbase.parse_page

SOURCE = {"snapshot": wire.SNAPSHOT, "update": wire.LIVE}
TAKER = {"BUY": Side.SELL, "SELL": Side.BUY}  # by the maker's side, which is what it publishes


class Row(Struct, gc=False):
    product_id: wire.Symbol
    trade_id: str
    price: str
    size: str
    time: str
    side: Literal["BUY", "SELL"]


class Batch(Struct):
    type: Literal["snapshot", "update"]
    trades: list[Row]


class Frame(Struct, tag_field="channel"):
    sequence_num: wire.Id


class Trades(Frame, tag="market_trades"):
    events: list[Batch]


class Beats(Frame, tag="heartbeats"):
    pass


class Held(Struct):
    subscriptions: dict[str, list[str]]


class State(Frame, tag="subscriptions"):
    events: list[Held]


Message: TypeAlias = Trades | Beats | State
MESSAGE: Decoder[Message] = Decoder(Message)
ERROR = Decoder(coinbase.Error)


def subscribe(symbols: Sequence[str]) -> str:
    wish = {"type": "subscribe", "product_ids": list(symbols), "channel": "market_trades"}
    return wire.encode(wish)


def parse(frame: bytes, received_at: Micros) -> Sequence[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        number = say.Numbered(message.sequence_num)
        if isinstance(message, Trades):
            return [number, *trades(message, received_at)]
    except wire.FAULTS as failure:
        return refuse(frame, failure)
    return [number, acknowledge(message) if isinstance(message, State) else say.Heartbeat()]


def trades(message: Trades, received_at: Micros) -> list[Trade]:
    """Oldest first; they come newest first."""
    found = [trade(row, each.type, received_at) for each in message.events for row in each.trades]
    return sorted(found, key=attrgetter("id"))


def trade(row: Row, kind: str, received_at: Micros) -> Trade:
    id, symbol = wire.id_of(row.trade_id), row.product_id
    price, size = wire.quantity(row.price), wire.quantity(row.size)
    side, at = TAKER[row.side], wire.micros(row.time)
    return Trade(NAME, symbol, id, price, size, side, at, received_at, SOURCE[kind])


def acknowledge(state: State) -> say.Event:
    """The whole state of the connection so far, in whatever order and by whichever alias."""
    products = [p for held in state.events for p in held.subscriptions.get("market_trades", [])]
    aliases = [f"{product}C" for product in products if product.endswith("-USD")]
    return say.Subscribed((*products, *aliases)) if products else say.Heartbeat()


def refuse(frame: bytes, failure: Exception) -> Sequence[say.Event]:
    try:
        return coinbase.refuse(ERROR.decode(frame))
    except wire.FAULTS:
        raise say.UnexpectedMessage(frame, str(failure)) from failure
