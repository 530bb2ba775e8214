"""Trades between two places, as columns of text: what the API's pages are made of.

A place is a trade's (time, id), the order of a market's trades. One row with an array for each
column is read, not a row for each trade: that costs a quarter (bench/api.py).
"""

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct
from psycopg.sql import SQL

from alphapulse.columns import TRADE_COLUMNS, Columns
from alphapulse.store.connect import Store

TIME = '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\''

PAGE = """
SELECT ARRAY(SELECT day FROM dropped_days
             WHERE market_id = %(market_id)s AND day >= %(first_day)s AND day <= %(last_day)s
             ORDER BY day),
       coalesce(array_agg(trade_id::text), '{{}}'), coalesce(array_agg(price::text), '{{}}'),
       coalesce(array_agg(size::text), '{{}}'),
       coalesce(array_agg(CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END), '{{}}'),
       coalesce(array_agg(to_char(traded_at AT TIME ZONE 'UTC', {time})), '{{}}'),
       coalesce(array_agg(to_char(received_at AT TIME ZONE 'UTC', {time})), '{{}}'),
       coalesce(array_agg(
           CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END), '{{}}')
FROM (
    SELECT trade_id, price, size, side, traded_at, received_at, source FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
      AND (traded_at, trade_id) > (%(after_at)s::timestamptz, %(after_id)s::bigint)
      AND (traded_at, trade_id) < (%(before_at)s::timestamptz, %(before_id)s::bigint)
    ORDER BY traded_at {order}, trade_id {order} LIMIT %(limit)s
) AS page"""

UP = SQL(PAGE).format(time=SQL(TIME), order=SQL(""))
DOWN = SQL(PAGE).format(time=SQL(TIME), order=SQL("DESC"))

MOST, LEAST = 2**63 - 1, -(2**63)
MICRO = timedelta(microseconds=1)


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


def read_page(store: Store, stretch: Stretch, limit: int) -> tuple[list[date], Columns]:
    """The next `limit` trades in the store, and the days of the stretch that left it before.

    Both are of one instant: a day is dropped and recorded in one transaction.
    """
    after, before = stretch.after, stretch.before
    values: dict[str, Any] = {
        "market_id": stretch.market_id,
        "start": max(stretch.start, after[0]),
        "end": stretch.end,
        "first_day": stretch.start.date(),
        "last_day": stretch.end.date(),
        "after_at": after[0],
        "after_id": after[1],
        "before_at": before[0],
        "before_id": before[1],
        "limit": limit,
    }
    with store.cursor(binary=True) as cursor:
        row = cursor.execute(DOWN if stretch.is_descending else UP, values).fetchone()
    assert row, "an aggregate gives a row"
    days, *columns = row
    return days, dict(zip(TRADE_COLUMNS, columns, strict=True))
