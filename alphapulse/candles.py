"""Candles: trades folded into bars, and bars into wider bars, exactly. Pure.

The reference that the fast way (`alphapulse.archive.candles`) is compared with. What a bar holds
depends on its trades alone, not on the order in which they are given: (traded_at, id) decides which
one opened it and which one closed it.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException, Inexact, Overflow
from enum import StrEnum
from functools import reduce
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from alphapulse.trade import Micros, Side, Trade

SMALLEST = Decimal("1e-18")  # what decimal(38, 18) can tell apart
TOO_LARGE = Decimal("1e20")  # what it cannot hold any more
EXACTLY = Context(prec=100, traps=[Inexact, Overflow])  # sums of such numbers need no more digits
ROUNDING = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[Overflow])


class BarSize(StrEnum):
    """How long a bar is. Each divides a UTC day, and those after the first are made from it."""

    ONE_MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    ONE_HOUR = "1h"
    ONE_DAY = "1d"

    @property
    def micros(self) -> Micros:
        return MINUTES[self] * 60_000_000

    def opening_of(self, at: Micros) -> Micros:
        """When the bar that holds `at` begins; bars begin at multiples of their size since 1970."""
        return at - at % self.micros


MINUTES = {
    BarSize.ONE_MINUTE: 1,
    BarSize.FIVE_MINUTES: 5,
    BarSize.FIFTEEN_MINUTES: 15,
    BarSize.ONE_HOUR: 60,
    BarSize.ONE_DAY: 1440,
}
WIDER = tuple(BarSize)[1:]  # made from bars of one minute


class BarTooLarge(ValueError):
    """A sum of a bar that decimal(38, 18) cannot hold; the message names the bar."""


class Candle(Struct, frozen=True, gc=False):
    """One bar of one market. There is none where nobody traded.

    `volume` and `buy_volume` (the taker bought) are in base currency; `quote_volume` is the sum of
    each trade's price x size in quote currency, see `quote_of`. `first_id` and `last_id` are the
    smallest and the largest trade id.
    """

    opened_at: Micros
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    buy_volume: Decimal
    quote_volume: Decimal
    trades: int
    first_id: int
    last_id: int


def quote_of(price: Decimal, size: Decimal) -> Decimal:
    """What a trade was worth, in quote currency; raises BarTooLarge from 1e20 on.

    Exact up to 18 decimals. What has more is rounded to 18, half to even, trade by trade: then the
    sums of narrow and wide bars agree to the last digit, whatever was merged first.
    """
    worth = ROUNDING.quantize(ROUNDING.multiply(price, size), SMALLEST)
    if worth >= TOO_LARGE:
        raise BarTooLarge(f"price {price} x size {size} is 1e20 or more: no column holds it")
    return worth


def bar_of(trade: Trade, size: BarSize) -> Candle:
    """The bar of a single trade."""
    return Candle(
        opened_at=size.opening_of(trade.traded_at),
        open=trade.price,
        high=trade.price,
        low=trade.price,
        close=trade.price,
        volume=trade.size,
        buy_volume=trade.size if trade.side is Side.BUY else Decimal(0),
        quote_volume=quote_of(trade.price, trade.size),
        trades=1,
        first_id=trade.id,
        last_id=trade.id,
    )


def merge(earlier: Candle, later: Candle) -> Candle:
    """One bar of two, of which `earlier` was traded first. Associative. Raises BarTooLarge."""
    return Candle(
        opened_at=earlier.opened_at,
        open=earlier.open,
        high=max(earlier.high, later.high),
        low=min(earlier.low, later.low),
        close=later.close,
        volume=add(earlier.volume, later.volume, earlier),
        buy_volume=add(earlier.buy_volume, later.buy_volume, earlier),
        quote_volume=add(earlier.quote_volume, later.quote_volume, earlier),
        trades=earlier.trades + later.trades,
        first_id=min(earlier.first_id, later.first_id),
        last_id=max(earlier.last_id, later.last_id),
    )


def add(one: Decimal, other: Decimal, bar: Candle) -> Decimal:
    try:
        total = EXACTLY.add(one, other)
    except DecimalException as failure:
        raise BarTooLarge(f"{one} + {other}: more digits than any archive holds") from failure
    if total >= TOO_LARGE:
        raise BarTooLarge(f"the bar at {bar.opened_at}: {one} + {other} is 1e20 or more")
    return total


def fold(trades: Iterable[Trade], size: BarSize) -> list[Candle]:
    """The bars of one market's trades, in order of time; raises BarTooLarge."""
    ordered = sorted(trades, key=lambda trade: (trade.traded_at, trade.id))
    bars = (bar_of(trade, size) for trade in ordered)
    return [reduce(merge, group) for _, group in groupby(bars, lambda bar: bar.opened_at)]


def widen(candles: Iterable[Candle], size: BarSize) -> list[Candle]:
    """Bars of `size` from one market's narrower ones; raises BarTooLarge."""
    ordered = sorted(candles, key=lambda bar: bar.opened_at)
    bars = (replace(bar, opened_at=size.opening_of(bar.opened_at)) for bar in ordered)
    return [reduce(merge, group) for _, group in groupby(bars, lambda bar: bar.opened_at)]
