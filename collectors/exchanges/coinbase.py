"""Coinbase Exchange trades, channels `matches` and `heartbeat`, and REST; a product counts its ids.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-trades
"""

import re
from collections.abc import Sequence
from math import inf
from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from alphapulse.trade import Gap, Micros, Side, Source, Trade
from collectors import exchange as say
from collectors import wire

NAME = "coinbase"
URL = "wss://ws-feed.exchange.coinbase.com"
REST = "https://api.exchange.coinbase.com"
MARKETS: Sequence[str] = ("BTC-USD", "ETH-USD", "SOL-USD")
COUNTS_TRADES = True
SILENCE = 12.0  # each product has a heartbeat a second
MAX_AGE = inf
SYMBOLS_PER_FRAME = 50  # one bad product may void the whole frame
FRAME_PAUSE = 0.1  # 100 messages a second; the first within 5 s
REQUEST_PAUSE = 0.15  # 10 requests a second

TAKER = {"buy": Side.SELL, "sell": Side.BUY}  # by the maker's side, which is what it publishes
PRODUCT = re.compile(r"\b[A-Z0-9]+-[A-Z0-9]+\b")


class Row(Struct, gc=False):
    trade_id: wire.Id
    side: Literal["buy", "sell"]
    size: str
    price: str
    time: str


class Match(Row, tag_field="type", tag="match", gc=False):
    product_id: wire.Symbol


class LastMatch(Match, tag="last_match", gc=False):
    """The newest trade before we subscribed, maybe hours old."""


class Beat(Struct, tag_field="type", tag="heartbeat", gc=False):
    product_id: str
    last_trade_id: wire.Id = 0


class Channel(Struct):
    name: str
    product_ids: tuple[str, ...] = ()


class Subscriptions(Struct, tag_field="type", tag="subscriptions"):
    channels: list[Channel]


class Error(Struct, tag_field="type", tag="error"):
    message: str
    reason: str = ""


Message: TypeAlias = Match | LastMatch | Beat | Subscriptions | Error
MESSAGE: Decoder[Message] = Decoder(Message)
PAST = Decoder(list[Row])


def subscribe(symbols: Sequence[str]) -> str:
    channels = ["matches", "heartbeat"]
    return wire.encode({"type": "subscribe", "product_ids": list(symbols), "channels": channels})


def parse(frame: bytes, received_at: Micros) -> Sequence[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        if type(message) is Match:  # `is` tells it from LastMatch
            return [trade(message, message.product_id, received_at, wire.LIVE)]
        if isinstance(message, Match):
            return [trade(message, message.product_id, received_at, wire.SNAPSHOT)]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(frame, str(failure)) from failure
    if isinstance(message, Beat):
        return [say.Heartbeat(message.product_id, message.last_trade_id)]
    return refuse(message) if isinstance(message, Error) else [acknowledge(message)]


def trade(row: Row, symbol: str, received_at: Micros, source: Source) -> Trade:
    price, size = wire.quantity(row.price), wire.quantity(row.size)
    side, at = TAKER[row.side], wire.micros(row.time)
    return Trade(NAME, symbol, row.trade_id, price, size, side, at, received_at, source)


def acknowledge(state: Subscriptions) -> say.Event:
    """The whole state of the connection so far, in whatever order."""
    matches = [channel.product_ids for channel in state.channels if channel.name == "matches"]
    return say.Subscribed(matches[0]) if any(matches) else say.Heartbeat()


def refuse(error: Error) -> list[say.Refused]:
    reason = f"{error.message}: {error.reason}" if error.reason else error.message
    return [say.Refused(symbol, reason) for symbol in PRODUCT.findall(reason) or [None]]


def page_request(gap: Gap, cursor: str | None) -> say.Request:
    after = cursor or gap.before_id  # older than this; newest first
    params = {"limit": "1000"} | ({"after": str(after)} if after is not None else {})
    return say.Request(f"/products/{quote(gap.market.symbol, safe='')}/trades", params)


def parse_page(gap: Gap, body: bytes, received_at: Micros) -> say.Page:
    try:
        rows = PAST.decode(body)
        trades = [trade(row, gap.market.symbol, received_at, wire.BACKFILL) for row in rows]
    except wire.FAULTS as failure:
        raise wire.page_error(body, failure) from failure
    oldest_id = min((trade.id for trade in trades), default=0)
    return say.Page(trades, str(oldest_id) if gap.after_id + 1 < oldest_id else None)
