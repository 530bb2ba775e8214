"""The SQL of market_data.duckdb: what it says of its files, as tables, views and macros.

A view names each file that it shows. No reader lists folders, and none sees more or less than what
lay there when the archive was written: a file that came since is shown by the next archive.
"""

from collections.abc import Iterable, Mapping
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct

from alphapulse.trade import spell

SIZES = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "1d": 86_400}  # seconds


class Shelf(Struct, frozen=True):
    """One kind of file: the view that shows it, the variable that moves it, and its columns."""

    view: str
    variable: str
    files: str
    time: str
    order: str
    columns: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """What tells one file from another: the columns up to the day."""
        columns = list(self.columns)
        return columns[: columns.index("date") + 1]

    @property
    def payload(self) -> list[str]:
        """The columns of a file: no others are needed where market and size are known."""
        return [name for name in self.columns if name not in {"date", *self.names[:-3]}]

    def nothing(self) -> str:
        """No rows, in the columns' types."""
        typed = ", ".join(f"NULL::{kind} AS {name}" for name, kind in self.columns.items())
        return f"SELECT {typed} LIMIT 0"  # our own names


TRADES = Shelf(
    "trades",
    "parquet",
    "files",
    "traded_at",
    "traded_at, trade_id",
    {
        "exchange": "VARCHAR",
        "symbol": "VARCHAR",
        "date": "DATE",
        "trade_id": "BIGINT",
        "traded_at": "TIMESTAMPTZ",
        "price": "DECIMAL(38, 18)",
        "size": "DECIMAL(38, 18)",
        "side": "VARCHAR",
        "received_at": "TIMESTAMPTZ",
        "source": "VARCHAR",
    },
)
CANDLES = Shelf(
    "candles",
    "candles",
    "candle_files",
    "opened_at",
    "opened_at",
    {
        "size": "VARCHAR",
        "exchange": "VARCHAR",
        "symbol": "VARCHAR",
        "date": "DATE",
        "opened_at": "TIMESTAMPTZ",
        **dict.fromkeys(("open", "high", "low", "close"), "DECIMAL(38, 18)"),
        **dict.fromkeys(("volume", "buy_volume", "quote_volume"), "DECIMAL(38, 18)"),
        **dict.fromkeys(("trades", "first_id", "last_id"), "BIGINT"),
    },
)

# The names of files, and what is told from them alone: with it DuckDB leaves out files unopened.
BRANCH = """
SELECT {names}, string_split(filename, '/')[-1][:10]::DATE AS date, {columns}
FROM read_parquet(list_transform({days}, lambda day: {root} || '/{folder}/' || day || '.parquet'),
                  filename = true)"""


def shown(shelf: Shelf, root: Path, found: Iterable[tuple[Any, ...]]) -> str:
    """One query over `found`: rows that begin with what names the folder and end with the day.

    One branch per market: a question that names the market drops the others before it opens a file.
    """
    branches = [
        branch(shelf, root, folder, [day for *_, day in rows])
        for folder, rows in groupby(sorted(found), key=lambda row: row[:-1])
    ]
    return "\nUNION ALL".join(branches) or shelf.nothing()


def branch(shelf: Shelf, root: Path, folder: tuple[str, ...], days: Iterable[Any]) -> str:
    named = list(shelf.columns)[: len(folder)]
    rest = list(shelf.columns)[len(folder) + 1 :]
    return BRANCH.format(
        names=", ".join(
            f"{quoted(value)} AS {name}" for name, value in zip(named, folder, strict=True)
        ),
        columns=", ".join(rest),
        days="[" + ", ".join(quoted(str(day)) for day in days) + "]",
        root=root_of(shelf, root),
        folder="/".join((*folder[:-1], spell(folder[-1]))),
    )


# Spells the symbol as alphapulse.trade.spell does, and names no view of ours: whoever ATTACHes the
# file could not use it then. With the folder named, only that folder is listed.
OF_MARKET = """
CREATE MACRO {view}_of({arguments}, from_day, to_day) AS TABLE
    SELECT {names}, string_split(filename, '/')[-1][:10]::DATE AS date, {columns}
    FROM read_parquet(
        {root} || '/' || {folder} || '/'
        || regexp_replace(
            replace(replace(url_encode(symbol), '_', '%5F'), '%2F', '_'), '^[.]', '%2E')
        || '/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].parquet', filename = true)
    WHERE string_split(filename, '/')[-1][:10]::DATE BETWEEN from_day::DATE AND to_day::DATE"""


def of_market(shelf: Shelf, root: Path) -> str:
    """The macro `trades_of` or `candles_of`: one market's days, both ends included."""
    names = shelf.names[:-1]
    return OF_MARKET.format(
        view=shelf.view,
        arguments=", ".join(names),
        names=", ".join(f"{name}::VARCHAR AS {name}" for name in names),
        columns=", ".join(list(shelf.columns)[len(names) + 1 :]),
        root=root_of(shelf, root),
        folder=" || '/' || ".join(names[:-1]),
    )


def root_of(shelf: Shelf, root: Path) -> str:
    """Files that were moved are found by SET VARIABLE parquet (or candles) = '/new/place'."""
    return f"coalesce(getvariable('{shelf.variable}'), {quoted(escape(str(root)))})"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
