"""Columns of text: how trades and bars walk from where they lie to whoever reads them. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from alphapulse.spelling import full_time

Columns: TypeAlias = dict[str, list[Any]]

# By the names of JSON; the archive's names, in files of any form.
TRADE_COLUMNS = {
    "id": "trade_id",
    "price": "price",
    "size": "size",
    "side": "side",
    "time": "traded_at",
    "received": "received_at",
    "source": "source",
}
BAR_COLUMNS = (
    "opened_at", "open", "high", "low", "close", "volume", "buy_volume", "quote_volume", "trades",
    "first_id", "last_id",
)  # fmt: skip


def length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def joined(parts: Sequence[Columns], names: Sequence[str]) -> Columns:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    return {name: [value for part in parts for value in part[name]] for name in names}


def cut(columns: Columns, rows: int) -> Columns:
    """The first rows."""
    if length(columns) <= rows:
        return columns
    return {name: values[:rows] for name, values in columns.items()}


def sliced(columns: Columns, first: int, beyond: int) -> Columns:
    return {name: values[first:beyond] for name, values in columns.items()}


def bars_before(columns: Columns, at: datetime) -> int:
    """How many bars open before `at`; they lie in order of time."""
    return bisect_left(columns["opened_at"], full_time(at))  # texts of one length: as times


TRADE = '{"id":"%s","price":"%s","size":"%s","side":"%s","time":"%s","received":"%s","source":"%s"}'


def json_of_trades(columns: Columns) -> bytes:
    """An array of one object for each trade. Its texts are digits and our own words: nothing in
    them needs to be escaped, so none of them becomes a dict first.
    """
    rows = zip(*columns.values(), strict=True)
    return f"[{','.join([TRADE % row for row in rows])}]".encode()


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
