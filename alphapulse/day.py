"""One UTC day of one market: the unit of the archive. Pure.

The exchange's clock decides the day. A key reads `2026-11-21|coinbase/BTC-USD`, see `Market.key`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from alphapulse.trade import Market

ONE_DAY = timedelta(days=1)


class MarketDay(Struct, frozen=True, order=True):
    """The trades of `market` from midnight UTC of `date` up to, and without, the next midnight."""

    date: date
    market: Market

    @property
    def key(self) -> str:
        return f"{self.date}|{self.market.key}"

    @classmethod
    def from_key(cls, key: str) -> "MarketDay":
        """The inverse of `key`; raises ValueError."""
        day, _, market = key.partition("|")
        return cls(date.fromisoformat(day), Market.from_key(market))

    @property
    def starts_at(self) -> datetime:
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + ONE_DAY


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    return (first + ONE_DAY * place for place in range((last - first).days + 1))
