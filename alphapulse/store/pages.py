"""Trades between two places, as columns of text: what the API's pages are made of.

A place is a trade's (time, id), the order of a market's trades. PostgreSQL spells numbers and
times; nobody makes a Decimal or a datetime of them: those would cost more than all the rest.
"""

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from psycopg.sql import SQL

from alphapulse.columns import TRADE_COLUMNS, Columns
from alphapulse.store.connect import Store

SIDE = "CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END"
SOURCE = "CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END"
# Of trades: what lies between two places of one market.
BETWEEN = """
WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
  AND (traded_at, trade_id) > (%(after_at)s::timestamptz, %(after_id)s::bigint)
  AND (traded_at, trade_id) < (%(before_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY trades.traded_at {order}, trades.trade_id {order} LIMIT %(limit)s"""
PAGE = f"""
SELECT trade_id::text, price::text, size::text, {SIDE}, traded_at::text, received_at::text, {SOURCE}
FROM trades {BETWEEN}"""  # noqa: S608 - words of ours alone

GONE = """
SELECT day FROM dropped_days
WHERE market_id = %(market_id)s AND day >= %(first_day)s AND day <= %(last_day)s
ORDER BY day"""

UP = SQL(PAGE).format(order=SQL(""))
DOWN = SQL(PAGE).format(order=SQL("DESC"))
# By the length of PostgreSQL's text of an instant in UTC: what it lacks of six digits.
PAD = {22: ".000000", **{23 + n: "0" * (6 - n) for n in range(1, 7)}}

MOST, LEAST = 2**63 - 1, -(2**63)
MICRO = timedelta(microseconds=1)
A_DAY = timedelta(days=1)


class Stretch(Struct, frozen=True):
    """Trades of [start, end) beyond a place, from its beginning or (`is_descending`) its end."""

    market_id: int
    start: datetime
    end: datetime
    place: tuple[datetime, int] | None = None
    is_descending: bool = False

    @property
    def after(self) -> tuple[datetime, int]:
        if self.place and not self.is_descending:
            return self.place
        return self.start - MICRO, MOST

    @property
    def before(self) -> tuple[datetime, int]:
        return self.place if self.place and self.is_descending else (self.end, LEAST)

    @property
    def near(self) -> "Stretch":
        """What a walk meets first, at most a day of it. Where that fills a page, no other day needs
        to be planned for; a plan over a year of them costs more than the page.
        """
        if self.is_descending:
            edge = min(self.end, self.before[0] + MICRO)
            return replace(self, start=max(self.start, edge - A_DAY), end=edge)
        edge = max(self.start, self.after[0])
        return replace(self, start=edge, end=min(self.end, edge + A_DAY))


def read_page(store: Store, stretch: Stretch, limit: int) -> tuple[list[date], Columns]:
    """The next `limit` trades in the store, and the days of the stretch that had left it.

    The rows are read first: a day that leaves in between is told, and its rows were read.
    """
    rows = rows_of(store, stretch.near, limit)
    if len(rows) < limit and stretch.near != stretch:
        rows = rows_of(store, stretch, limit)
    return gone_days(store, stretch), columns_of(rows)


def rows_of(store: Store, stretch: Stretch, limit: int) -> list[tuple[Any, ...]]:
    query = DOWN if stretch.is_descending else UP
    return store.execute(query, values_of(stretch, limit)).fetchall()


def values_of(stretch: Stretch, limit: int) -> dict[str, Any]:
    after, before = stretch.after, stretch.before
    return {
        "market_id": stretch.market_id,
        "start": max(stretch.start, after[0]),
        "end": stretch.end,
        "after_at": after[0],
        "after_id": after[1],
        "before_at": before[0],
        "before_id": before[1],
        "limit": limit,
    }


def gone_days(store: Store, stretch: Stretch) -> list[date]:
    """Days of the stretch that have left the store."""
    values = days_of(stretch) | {"market_id": stretch.market_id}
    return [day for (day,) in store.execute(GONE, values).fetchall()]


def days_of(stretch: Stretch) -> dict[str, date]:
    return {"first_day": stretch.start.date(), "last_day": stretch.end.date()}


def columns_of(rows: list[tuple[Any, ...]]) -> Columns:
    if not rows:
        return {name: [] for name in TRADE_COLUMNS}
    ids, prices, sizes, sides, times, received, sources = map(list, zip(*rows, strict=True))
    return {
        "id": ids, "price": prices, "size": sizes, "side": sides, "time": instants(times),
        "received": instants(received), "source": sources,
    }  # fmt: skip


def instants(texts: list[str]) -> list[str]:
    """PostgreSQL's `2026-11-21 10:00:00.5+00` with a T, six digits and a Z."""
    return [f"{text[:10]}T{text[11:-3]}{PAD[len(text)]}Z" for text in texts]
