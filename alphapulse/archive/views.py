"""The SQL of market_data.duckdb: what it says of its files, as tables, views and macros.

A view names each file that it shows. No reader lists folders, and none sees more or less than what
lay there when the archive was written: a file that came since is shown by the next archive.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from glob import escape
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from alphapulse.candles import BarSize
from alphapulse.trade import spell

SIZES = {size.value: size.micros // 1_000_000 for size in BarSize}  # seconds


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

# What is told from the names of files: by them DuckDB leaves out files before it opens any.
OWN = """
SELECT {names}, string_split(filename, '/')[-1][:10]::DATE AS date, {columns}
FROM read_parquet(list_transform({days}, lambda day: {root} || '/{folder}/' || day || '.parquet'),
                  filename = true)"""

# A month's file may gain days that these views show from files of their own: each day is named.
MONTHS = """
SELECT {names}, date, {columns}
FROM read_parquet(list_transform({days}, lambda day: {root} || '/{folder}/' || day || '.parquet'))
WHERE {dates}"""

# One text says of each market's days whether they lie in a file of their own (1) or of the month
# (2): the macro names the files that it needs, lists no folder and asks no table (whoever ATTACHes
# the file could not use it then). Where there is none, it looks for the day in vain in another.
OF_MARKET = """
CREATE MACRO {view}_of({arguments}, from_day, to_day) AS TABLE
    SELECT {names}, ({time} AT TIME ZONE 'UTC')::DATE AS date, {columns}
    FROM (SELECT {bits} AS bits), read_parquet(
        list_transform(
            coalesce(nullif(list_distinct(list_transform([{bits}], lambda bits:
                list_transform(
                    list_filter(range(greatest(from_day::DATE - {first}, 0),
                                      least(to_day::DATE - {first} + 1, length(bits))),
                                lambda n: bits[n + 1] <> '0'),
                    lambda n: left(({first} + n::INTEGER)::VARCHAR,
                                   CASE WHEN bits[n + 1] = '1' THEN 10 ELSE 7 END)))[1]), []),
                [{any}]),
            lambda name: {root} || '/' || CASE WHEN contains(name, '/') THEN name
                                               ELSE {folder} || '/' || name END || '.parquet'),
        filename = true)
    WHERE {time} >= from_day::DATE::TIMESTAMP AT TIME ZONE 'UTC'
      AND {time} < (to_day::DATE + 1)::TIMESTAMP AT TIME ZONE 'UTC'
      AND bits[({time} AT TIME ZONE 'UTC')::DATE - {first} + 1]
          = CASE WHEN length(string_split(filename, '/')[-1]) = 15 THEN '2' ELSE '1' END"""

# As alphapulse.trade.spell does.
SPELLED = """regexp_replace(
            replace(replace(url_encode(symbol), '_', '%5F'), '%2F', '_'), '^[.]', '%2E')"""

ONE_DAY = timedelta(days=1)


class Day(Struct, frozen=True, order=True):
    """A market-day (`folder`: exchange and symbol, and before them a bar's size)."""

    folder: tuple[str, ...]
    date: date
    in_month: bool

    @property
    def path(self) -> str:
        """Below the root, without the ending."""
        return f"{folder_of(self.folder)}/{str(self.date)[:7] if self.in_month else self.date}"


def shown(shelf: Shelf, root: Path, days: Iterable[Day]) -> str:
    """One query over `days`, of which each is read from where it lies.

    One branch per market: a question that names it drops the others before it opens a file.
    """
    grouped = groupby(sorted(days, key=placed), key=placed)
    branches = [branch(shelf, root, list(group)) for _, group in grouped]
    return "\nUNION ALL".join(branches) or shelf.nothing()


def placed(day: Day) -> tuple[tuple[str, ...], bool]:
    return day.folder, day.in_month


def branch(shelf: Shelf, root: Path, days: list[Day]) -> str:
    folder = days[0].folder
    named = zip(shelf.names, folder, strict=False)
    stems = dict.fromkeys(day.path.rpartition("/")[2] for day in days)
    query = MONTHS if days[0].in_month else OWN
    return query.format(
        names=", ".join(f"{quoted(value)} AS {name}" for name, value in named),
        columns=", ".join(list(shelf.columns)[len(folder) + 1 :]),
        days="[" + ", ".join(map(quoted, stems)) + "]",
        root=root_of(shelf, root),
        folder=folder_of(folder),
        dates=" OR ".join(map(between, stretches(day.date for day in days if day.in_month))),
    )


def stretches(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """The first and last day of each run of neighbouring days."""
    ordered = sorted(days)
    found = set(ordered)
    starts = [day for day in ordered if day - ONE_DAY not in found]
    ends = [day for day in ordered if day + ONE_DAY not in found]
    return zip(starts, ends, strict=True)


def between(stretch: tuple[date, date]) -> str:
    return f"date BETWEEN '{stretch[0]}' AND '{stretch[1]}'"


def of_market(shelf: Shelf, root: Path, days: Sequence[Day]) -> str:
    """The macro `trades_of` or `candles_of`: one market's days, both ends included."""
    names = shelf.names[:-1]
    arguments = ", ".join(names)
    columns = ", ".join(list(shelf.columns)[len(names) + 1 :])
    if not days:
        signature = f"{shelf.view}_of({arguments}, from_day, to_day)"
        return f"CREATE MACRO {signature} AS TABLE {shelf.nothing()}"
    first, last = min(day.date for day in days), max(day.date for day in days)
    folder = " || '/' || ".join((*names[:-1], SPELLED))
    table = quoted(index(days, first, last))
    bits = f"split_part(split_part({table}, ';' || {folder} || '=', 2), ';', 1)"
    return OF_MARKET.format(
        view=shelf.view,
        arguments=arguments,
        names=", ".join(f"{name}::VARCHAR AS {name}" for name in names),
        columns=columns,
        time=shelf.time,
        first=f"DATE '{first}'",
        bits=bits,
        folder=folder,
        any=quoted(days[0].path),
        root=root_of(shelf, root),
    )


def index(days: Iterable[Day], first: date, last: date) -> str:
    """`;kraken/BTC_USD=0112;`: where each market's days from `first` to `last` lie."""
    length = (last - first).days + 1
    lines = []
    for folder, group in groupby(sorted(days), key=lambda day: day.folder):
        bits = ["0"] * length
        for day in group:
            bits[(day.date - first).days] = "2" if day.in_month else "1"
        lines.append(f"{folder_of(folder)}={''.join(bits)}")
    return ";" + ";".join(lines) + ";"


def folder_of(folder: tuple[str, ...]) -> str:
    return "/".join((*folder[:-1], spell(folder[-1])))


def root_of(shelf: Shelf, root: Path) -> str:
    """Files that were moved are found by SET VARIABLE parquet (or candles) = '/new/place'."""
    return f"coalesce(getvariable('{shelf.variable}'), {quoted(escape(str(root)))})"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
