"""A second reading of every trade, slow and plain: json, Decimal and the fact sheets of the
exchanges. It shares no code with collectors; where both read a frame they must agree to the digit.

It has an opinion on frames that were accepted only: what is to be refused is the parser's word.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of naive UTC times
RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
FLIPPED = {"buy": "sell", "sell": "buy", "BUY": "sell", "SELL": "buy"}


class NoOpinion(Exception):
    """A spelling that the fact sheets do not know, yet no wrong one."""


class Number(str):
    """A JSON number with its digits."""

    __slots__ = ()


class Fill(NamedTuple):
    symbol: str
    id: int
    price: Decimal
    size: Decimal
    side: str
    at: int
    source: str


def load(body: bytes) -> Any:
    """Without an opinion on keys that come twice: no exchange sends them."""
    try:
        return json.loads(body, parse_int=Number, parse_float=Number, object_pairs_hook=plain)
    except (ValueError, RecursionError) as failure:  # in a field that nobody reads
        raise NoOpinion from failure


def plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise NoOpinion
    return dict(pairs)


def at_of(written: str) -> int:
    found = RFC_3339.fullmatch(written)
    if not found:
        raise NoOpinion
    day, time, fraction, sign, hours, minutes = found.groups()
    try:
        naive = datetime.strptime(f"{day} {time}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - see EPOCH
    except ValueError as failure:  # 24:00:00
        raise NoOpinion from failure
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    since = naive - EPOCH - (-offset if sign == "-" else offset)
    whole = since.days * 86_400 + since.seconds
    return whole * 1_000_000 + int(Fraction(f"0.{fraction or 0}") * 1_000_000)


def seconds_of(written: str) -> int:
    return int(Fraction(written) * 1_000_000)


def binance_frame(message: Any) -> Iterable[Fill]:
    row = message.get("data") or message
    side = "sell" if row["m"] else "buy"
    at = int(row["T"]) * 1000
    yield Fill(row["s"], int(row["t"]), Decimal(row["p"]), Decimal(row["q"]), side, at, "live")


def binance_page(symbol: str, body: Any) -> Iterable[Fill]:
    for row in body:
        side = "sell" if row["isBuyerMaker"] else "buy"
        price, size, at = Decimal(row["price"]), Decimal(row["qty"]), int(row["time"]) * 1000
        yield Fill(symbol, int(row["id"]), price, size, side, at, "backfill")


def coinbase_fill(symbol: str, row: Any, source: str) -> Fill:
    price, size, at = Decimal(row["price"]), Decimal(row["size"]), at_of(row["time"])
    return Fill(symbol, int(row["trade_id"]), price, size, FLIPPED[row["side"]], at, source)


def coinbase_frame(message: Any) -> Iterable[Fill]:
    source = {"match": "live", "last_match": "snapshot"}[message["type"]]
    yield coinbase_fill(message["product_id"], message, source)


def coinbase_page(symbol: str, body: Any) -> Iterable[Fill]:
    return [coinbase_fill(symbol, row, "backfill") for row in body]


def advanced_frame(message: Any) -> Iterable[Fill]:
    for event in message["events"]:
        source = {"update": "live", "snapshot": "snapshot"}[event["type"]]
        for row in event["trades"]:
            yield coinbase_fill(row["product_id"], row, source)


def kraken_frame(message: Any) -> Iterable[Fill]:
    source = {"update": "live", "snapshot": "snapshot"}[message["type"]]
    for row in message["data"]:
        price, size, at = Decimal(row["price"]), Decimal(row["qty"]), at_of(row["timestamp"])
        yield Fill(row["symbol"], int(row["trade_id"]), price, size, row["side"], at, source)


def kraken_page(symbol: str, body: Any) -> Iterable[Fill]:
    (rows,) = [rows for name, rows in body["result"].items() if name != "last"]
    for price, size, time, side, _, _, id, *_ in rows:
        word = {"b": "buy", "s": "sell"}[side]
        at = seconds_of(time)
        yield Fill(symbol, int(id), Decimal(price), Decimal(size), word, at, "backfill")


FRAMES: dict[str, Callable[[Any], Iterable[Fill]]] = {
    "binance": binance_frame,
    "coinbase": coinbase_frame,
    "coinbase-advanced": advanced_frame,
    "kraken": kraken_frame,
}
PAGES: dict[str, Callable[[str, Any], Iterable[Fill]]] = {
    "binance": binance_page,
    "coinbase": coinbase_page,
    "coinbase-advanced": coinbase_page,
    "kraken": kraken_page,
}
