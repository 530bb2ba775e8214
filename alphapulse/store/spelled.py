"""Pages of trades that PostgreSQL spells as JSON itself: a few values, not seven for each row.

A row that becomes objects of Python costs three times what it costs here, and its server may use
another core (docs/decisions/0012-api.md). All texts are digits and words of ours: nothing is to be
escaped. One row more than the page is asked for, to know whether any follows; numbering the rows
for that would cost a tenth of the whole.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.sql import SQL

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

BETWEEN_ROWS, BETWEEN_VALUES = '"},{"id":"', '","'
# `||` costs less than concat(), and the fewer pieces the better.
LINE = "trade_id || " + " || ".join(
    f"""'","{name}":"' || {field}""" for name, field in FIELDS.items() if name != "id"
)
TOLD = {
    "rows": f"string_agg({LINE}, '{BETWEEN_ROWS}')",
    "columns": ", ".join(
        f"string_agg(({field})::text, '{BETWEEN_VALUES}')" for field in FIELDS.values()
    ),
}
STATEMENTS = {
    (shape, is_descending): SQL(PAGE.format(told=told, order="DESC" if is_descending else ""))
    for shape, told in TOLD.items()
    for is_descending in (False, True)
}


class Spelled(Struct, frozen=True):
    """`json`: an array of objects, or an object of arrays; `place`: as of `history.Page`."""

    json: bytes
    place: tuple[datetime, int] | None


def read_spelled(store: Store, stretch: Stretch, limit: int, shape: str) -> Spelled | None:
    """The next `limit` trades; None where there is none, or where a day has left the store."""
    *told, rows, has_gone = ask(store, stretch.near, limit, shape)
    if rows <= limit and stretch.near != stretch:
        *told, rows, has_gone = ask(store, stretch, limit, shape)
    if rows == 0 or has_gone:
        return None
    return (rows_of if shape == "rows" else columns_of)(told, is_last=rows <= limit)


def ask(store: Store, stretch: Stretch, limit: int, shape: str) -> tuple[Any, ...]:
    values = values_of(stretch, limit) | days_of(stretch)
    row = store.execute(STATEMENTS[shape, stretch.is_descending], values).fetchone()
    assert row, "an aggregate gives a row"
    return row


def rows_of(told: Sequence[str], *, is_last: bool) -> Spelled:
    (text,) = told
    place = None
    if not is_last:
        text = without_last(text, BETWEEN_ROWS)
        id, *rest = last_of(text, BETWEEN_ROWS).split('"')  # 1 "," price ":" …
        shown = dict(zip(rest[1::4], rest[3::4], strict=True))
        place = datetime.fromisoformat(shown["time"]), int(id)
    return Spelled(f'[{{"id":"{text}"}}]'.encode(), place)


def columns_of(told: Sequence[str], *, is_last: bool) -> Spelled:
    place = None
    if not is_last:
        told = [without_last(text, BETWEEN_VALUES) for text in told]
        shown = dict(zip(FIELDS, (last_of(text, BETWEEN_VALUES) for text in told), strict=True))
        place = datetime.fromisoformat(shown["time"]), int(shown["id"])
    arrays = (f'"{name}":["{text}"]' for name, text in zip(FIELDS, told, strict=True))
    return Spelled(f"{{{','.join(arrays)}}}".encode(), place)


def without_last(text: str, between: str) -> str:
    return text[: text.rindex(between)]


def last_of(text: str, between: str) -> str:
    return text.rpartition(between)[2]
