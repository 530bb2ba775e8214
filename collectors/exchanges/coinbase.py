"""Coinbase Exchange trades, channels `matches` and `heartbeat`; a product counts its ids.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

import re
from collections.abc import Sequence
from math import inf
from typing import TypeAlias

from msgspec import Struct
from msgspec.json import Decoder

from alphapulse.trade import Micros, Source, Trade
from collectors import exchange as say
from collectors import wire
from collectors.exchanges import coinbase_rest
from collectors.exchanges.coinbase_rest import TAKER, Row

NAME = "coinbase"
URL = "wss://ws-feed.exchange.coinbase.com"
REST = coinbase_rest.REST
MARKETS: Sequence[str] = ("BTC-USD", "ETH-USD", "SOL-USD")
COUNTS_TRADES = True
SILENCE = 12.0  # each product has a heartbeat a second
MAX_AGE = inf
GREETING = ""
SYMBOLS_PER_FRAME = 50  # one bad product may void the whole frame
FRAME_PAUSE = 0.1  # 100 messages a second; the first within 5 s
REQUEST_PAUSE = coinbase_rest.REQUEST_PAUSE
PAGES = coinbase_rest.PAGES
page_request, parse_page = coinbase_rest.page_request, coinbase_rest.parse_page

PRODUCT = re.compile(r"\b[A-Z0-9]+-[A-Z0-9]+\b")


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


def subscribe(symbols: Sequence[str]) -> str:
    channels = ["matches", "heartbeat"]
    return wire.encode({"type": "subscribe", "product_ids": list(symbols), "channels": channels})


def parse(frame: bytes, received_at: Micros) -> Sequence[say.Event]:
    try:
        message = MESSAGE.decode(frame)
        if type(message) is Match:  # `is` tells it from LastMatch
            return [trade(message, received_at, wire.LIVE)]
        if isinstance(message, Match):
            return [trade(message, received_at, wire.SNAPSHOT)]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(frame, str(failure)) from failure
    if isinstance(message, Beat):
        return [say.Heartbeat(message.product_id, message.last_trade_id)]
    return refuse(message) if isinstance(message, Error) else [acknowledge(message)]


def trade(row: Match, received_at: Micros, source: Source) -> Trade:
    price, size = wire.quantity(row.price), wire.quantity(row.size)
    side, at = TAKER[row.side], wire.micros(row.time)
    return Trade(NAME, row.product_id, row.trade_id, price, size, side, at, received_at, source)


def acknowledge(state: Subscriptions) -> say.Event:
    """The whole state of the connection so far, in whatever order."""
    matches = [channel.product_ids for channel in state.channels if channel.name == "matches"]
    return say.Subscribed(matches[0]) if any(matches) else say.Heartbeat()


def refuse(error: Error) -> list[say.Refused]:
    reason = f"{error.message}: {error.reason}" if error.reason else error.message
    return [say.Refused(symbol, reason) for symbol in PRODUCT.findall(reason) or [None]]
