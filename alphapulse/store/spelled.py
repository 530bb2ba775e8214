"""Pages of trades that PostgreSQL spells as JSON itself: seven values, not seven for each row.

A row that becomes objects of Python costs three times what it costs here, and its server may use
another core (docs/decisions/0012-api.md). All texts are digits and words of ours: nothing is to be
escaped. Columns come even where rows are asked for: the names of their fields would be most of what
is sent. One row more than the page is asked for, to know whether any follows; numbering the rows
for that would cost a tenth of the whole.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.sql import SQL

from alphapulse.columns import json_of_trades
from alphapulse.store.connect import Store
from alphapulse.store.pages import BETWEEN, GONE, SIDE, SOURCE, Stretch, days_of, values_of

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
# An aggregate takes the rows of a sorted subquery as they come; sorts of their own cost as much
# again. The days that left are looked for behind the rows: a page is none where any did.
PAGE = f"""
SELECT {{told}}, count(*), EXISTS ({GONE})
FROM (SELECT * FROM trades {BETWEEN} + 1) AS page"""  # noqa: S608 - words of ours alone

BETWEEN_VALUES = '","'
TOLD = ", ".join(f"string_agg(({field})::text, '{BETWEEN_VALUES}')" for field in FIELDS.values())
UP, DOWN = (SQL(PAGE.format(told=TOLD, order=order)) for order in ("", "DESC"))


class Spelled(Struct, frozen=True):
    """`json`: an array of objects, or an object of arrays; `place`: as of `history.Page`."""

    json: bytes
    place: tuple[datetime, int] | None


def read_spelled(store: Store, stretch: Stretch, limit: int, shape: str) -> Spelled | None:
    """The next `limit` trades; None where there is none, or where a day has left the store."""
    *told, rows, has_gone = ask(store, stretch.near, limit)
    if rows <= limit and stretch.near != stretch:
        *told, rows, has_gone = ask(store, stretch, limit)
    if rows == 0 or has_gone:
        return None
    place = None
    if rows > limit:
        told = [without_last(text) for text in told]
        shown = dict(zip(FIELDS, map(last_of, told), strict=True))
        place = datetime.fromisoformat(shown["time"]), int(shown["id"])
    return Spelled(rows_of(told) if shape == "rows" else columns_of(told), place)


def ask(store: Store, stretch: Stretch, limit: int) -> tuple[Any, ...]:
    values = values_of(stretch, limit) | days_of(stretch)
    row = store.execute(DOWN if stretch.is_descending else UP, values).fetchone()
    assert row, "an aggregate gives a row"
    return row


def rows_of(told: Sequence[str]) -> bytes:
    values = (text.split(BETWEEN_VALUES) for text in told)
    return json_of_trades(dict(zip(FIELDS, values, strict=True)))


def columns_of(told: Sequence[str]) -> bytes:
    arrays = (f'"{name}":["{text}"]' for name, text in zip(FIELDS, told, strict=True))
    return f"{{{','.join(arrays)}}}".encode()


def without_last(text: str) -> str:
    return text[: text.rindex(BETWEEN_VALUES)]


def last_of(text: str) -> str:
    return text.rpartition(BETWEEN_VALUES)[2]
