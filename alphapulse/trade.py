"""What every other room talks about: a trade, its market, and a stretch of missing trades."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import unquote

from msgspec import Struct

Micros: TypeAlias = int  # microseconds since 1970-01-01 00:00 UTC

SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-~"
UNSAFE = re.compile(f"[^{re.escape(SAFE)}/]")


class Side(StrEnum):
    """The taker's side: BUY means the aggressor bought."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class Source(StrEnum):
    """How a trade reached us: pushed live, in a backlog on subscribing, or asked for afterwards."""

    LIVE = "live"
    SNAPSHOT = "snapshot"
    BACKFILL = "backfill"


class Market(Struct, frozen=True, order=True):
    """A book of one exchange; `symbol` is the exchange's own spelling, such as `BTC/USD`."""

    exchange: str
    symbol: str

    @property
    def key(self) -> str:
        """`kraken/BTC_USD`: how paths and Dagster's partition keys spell this market.

        "/" becomes "_"; whatever else is not a letter, a digit, ".", "-" or "~" is percent-encoded
        ("_" itself too), so that `Market.from_key` gives the market back.
        """
        return f"{self.exchange}/{spell(self.symbol)}"

    @classmethod
    def from_key(cls, key: str) -> "Market":
        exchange, slash, spelling = key.partition("/")
        if not (exchange and slash and spelling):
            raise ValueError(f"{key!r} is no market key; expected EXCHANGE/SYMBOL")
        return cls(exchange, unspell(spelling))


def spell(symbol: str) -> str:
    """A symbol as one path segment: reversible, see `Market.key`."""
    encoded = UNSAFE.sub(percent_encode, symbol)
    dotted = "%2E" + encoded[1:] if encoded.startswith(".") else encoded  # never "." or ".."
    return dotted.replace("/", "_")


def percent_encode(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def unspell(spelling: str) -> str:
    return unquote(spelling.replace("_", "/"))


class Trade(Struct, frozen=True, gc=False):
    """One execution, as its exchange published it.

    `exchange`, `symbol` and `id` together name the trade: storing it twice stores it once.
    `price` is in quote currency, `size` in base currency; both exact. `traded_at` is the
    exchange's clock, cut (never rounded) to microseconds; `received_at` is ours.
    """

    exchange: str
    symbol: str
    id: int
    price: Decimal
    size: Decimal
    side: Side
    traded_at: Micros
    received_at: Micros
    source: Source = Source.LIVE


class Gap(Struct, frozen=True):
    """Trades of `market` with ids above `after_id` and below `before_id` may be missing.

    `before_id` None: everything from `after_id` to the newest trade may be missing (we were away
    and have seen no later trade yet). The times are those of the trades at the edges.
    """

    market: Market
    after_id: int
    after_at: Micros
    before_id: int | None = None
    before_at: Micros | None = None

    def holds(self, id: int) -> bool:
        return id > self.after_id and (self.before_id is None or id < self.before_id)
