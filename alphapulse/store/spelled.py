"""Pages of trades that PostgreSQL spells as JSON itself: one value instead of seven for each row.

A row that becomes objects of Python costs three times what it costs here, and its server may use
another core (docs/decisions/0012-api.md). All texts are digits and words of ours: nothing is to be
escaped.
"""

from datetime import datetime

from msgspec import Struct
from psycopg.sql import SQL

from alphapulse.store.connect import Store
from alphapulse.store.pages import BETWEEN, SIDE, SOURCE, Stretch, gone_days, values_of

TIME = """to_char({}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
FIELDS = {
    "id": "trade_id",
    "price": "price",
    "size": "size",
    "side": SIDE,
    "time": TIME.format("traded_at"),
    "received": TIME.format("received_at"),
    "source": SOURCE,
}
PAGE = f"""
SELECT {{told}}, count(*), max(traded_at) FILTER (WHERE n = %(limit)s),
       max(trade_id) FILTER (WHERE n = %(limit)s)
FROM (
    SELECT row_number() OVER (ORDER BY traded_at {{order}}, trade_id {{order}}) AS n, *
    FROM (SELECT * FROM trades {BETWEEN} + 1) AS found
) AS page"""  # noqa: S608 - words of ours alone
# An aggregate takes the rows of one sorted subquery as they come; seven sorts cost as much again.
SHOWN = ") FILTER (WHERE n <= %(limit)s)"

LINE = ' || \'","'.join(f'{name}":"\' || {field}' for name, field in FIELDS.items())
ROWS = f"'[{{\"' || string_agg('{LINE} || '\"', '}},{{\"' {SHOWN} || '}}]'"
COLUMNS = ' || \'"],"'.join(
    f'{name}":["\' || string_agg(({field})::text, \'","\' {SHOWN}' for name, field in FIELDS.items()
)


def statement(told: str, order: str) -> SQL:
    return SQL(PAGE.format(told=told, order=order))  # of words of ours alone


STATEMENTS = {
    (shape, is_descending): statement(told, "DESC" if is_descending else "")
    for shape, told in (("rows", ROWS), ("columns", f"'{{\"{COLUMNS} || '\"]}}'"))
    for is_descending in (False, True)
}


class Spelled(Struct, frozen=True):
    """`text`: an array of objects, or an object of arrays; `place`: as of `history.Page`."""

    text: str
    place: tuple[datetime, int] | None


def read_spelled(store: Store, stretch: Stretch, limit: int, shape: str) -> Spelled | None:
    """The next `limit` trades; None where there is none, or where a day has left the store."""
    values = values_of(stretch, limit)
    row = store.execute(STATEMENTS[shape, stretch.is_descending], values).fetchone()
    text, rows, at, trade_id = row or (None, 0, None, 0)
    if text is None or gone_days(store, stretch):
        return None
    return Spelled(text, (at, trade_id) if rows > limit else None)
