"""The nightly export of one busy day, against PostgreSQL's own COPY and against pandas.

What is timed, in turn, each by a fresh process but COPY:
- copy per market: binary COPY of each market's day, its rows in the archive's order, to /dev/null;
- nightly: `export_days` over all markets, everything in it: one snapshot, PostgreSQL's sums and
  checksum, coverage, the rows in one pass, files read back by two libraries, fsync, rename, record;
- pass: of that only the data's way, the rows in one pass into closed Parquet files;
- partition: `export_days` of the market with the median number of trades, its pass, and its COPY;
- pandas: read_sql of PANDAS markets with exact decimals, then to_parquet; time per row.
"""

import json
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from psycopg import sql

from alphapulse.archive.copying import attached, copy_rows, snapshot
from alphapulse.archive.export import Exported, export_days
from alphapulse.day import MarketDay
from alphapulse.lake import DayFile
from alphapulse.postgres import Server
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids
from bench.day import store_day
from bench.stage import fresh_database, median, module

PANDAS = 3  # the last markets: the smallest, so that pandas' memory is not what is measured
PATIENCE = 1800.0  # seconds for one run

SELECT = """
SELECT trade_id, traded_at, price::numeric(38,18) AS price, size::numeric(38,18) AS size,
       CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END AS side, received_at,
       CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END AS source
FROM trades
WHERE market_id = {} AND traded_at >= {} AND traded_at < {}
ORDER BY traded_at, trade_id"""


def run(found: Server, rounds: int, trades: int) -> dict[str, float]:
    """Medians: rows per second, ratios, the largest process in megabytes, bytes per row."""
    url = fresh_database(found, "export")
    with connect(url, "bench") as store:
        days = store_day(store, trades)
    one = [days[len(days) // 2]]
    seen: dict[str, list[dict[str, float]]] = {}
    ways: dict[str, Callable[[], dict[str, float]]] = {
        "copy": lambda: copy_each(url, days),
        "nightly": lambda: child("nightly", url, days),
        "pass": lambda: child("pass", url, days),
        "copy one": lambda: copy_each(url, one),
        "partition": lambda: child("nightly", url, one),
        "partition pass": lambda: child("pass", url, one),
        "pandas": lambda: child("pandas", url, days[-PANDAS:]),
    }
    for _ in range(rounds):
        for name, measure in ways.items():
            seen.setdefault(name, []).append(measure())
    return figures({name: middle(runs) for name, runs in seen.items()})


def figures(seen: dict[str, dict[str, float]]) -> dict[str, float]:
    rate = {name: run["rows"] / run["seconds"] for name, run in seen.items()}
    return {
        "rows": seen["nightly"]["rows"],
        "COPY per market": rate["copy"],
        "nightly run": rate["nightly"],
        "its pass alone": rate["pass"],
        "nightly to COPY": rate["nightly"] / rate["copy"],
        "pass to COPY": rate["pass"] / rate["copy"],
        "pandas": rate["pandas"],
        "nightly to pandas": rate["nightly"] / rate["pandas"],
        "COPY of one": rate["copy one"],
        "one partition": rate["partition"],
        "one to its COPY": rate["partition"] / rate["copy one"],
        "its pass to COPY": rate["partition pass"] / rate["copy one"],
        "peak MB": seen["nightly"]["peak"],
        "bytes per row": seen["nightly"]["bytes"] / seen["nightly"]["rows"],
    }


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: median([run[name] for run in runs]) for name in runs[0]}


def copy_each(url: str, days: list[MarketDay]) -> dict[str, float]:
    """Binary COPY per market; the server writes to /dev/null, so that no client is measured."""
    rows = 0
    with connect(url, "bench") as store:
        ids = market_ids(store)
        started = time.perf_counter()
        for day in days:
            bounds = [sql.Literal(v) for v in (ids[day.market], day.starts_at, day.ends_at)]
            copy = sql.SQL("COPY ({}) TO '/dev/null' (FORMAT BINARY)").format(
                sql.SQL(SELECT).format(*bounds)
            )
            rows += store.execute(copy).rowcount
        return {"rows": rows, "seconds": time.perf_counter() - started}


def child(way: str, url: str, days: list[MarketDay]) -> dict[str, float]:
    """The figures of a process of its own, its peak memory among them."""
    with module("bench.export", way, url, *(day.key for day in days)) as process:
        text, _ = process.communicate(timeout=PATIENCE)
    found: dict[str, float] = json.loads(text)
    return found


def nightly(url: str, folder: Path, days: list[MarketDay]) -> dict[str, float]:
    rows = size = 0
    for done in export_days(url, folder, days):
        assert isinstance(done, Exported) and done.certificate, done
        rows += done.certificate.rows
        size += done.bytes
    return {"rows": rows, "bytes": size}


def only_pass(url: str, folder: Path, days: list[MarketDay]) -> dict[str, float]:
    folder.mkdir()
    with connect(url, "bench") as store:
        ids = market_ids(store)
    files = [
        DayFile(folder / f"{place}.parquet", day.market, len(days))
        for place, day in enumerate(days)
    ]
    with attached(url) as duck, snapshot(duck):
        copy_rows(duck, [ids[day.market] for day in days], days[0], files)
        for file in files:
            file.close({})
    return {"rows": sum(file.total for file in files)}


def pandas_way(url: str, folder: Path, days: list[MarketDay]) -> dict[str, float]:
    folder.mkdir()
    rows = 0
    with connect(url, "bench") as store:
        ids = market_ids(store)
        for place, day in enumerate(days):
            bounds = [sql.Literal(v) for v in (ids[day.market], day.starts_at, day.ends_at)]
            frame = read_sql(sql.SQL(SELECT).format(*bounds).as_string(store), store)
            frame.to_parquet(folder / f"{place}.parquet", compression="zstd")
            rows += len(frame)
    return {"rows": rows}


def read_sql(statement: str, store: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas would rather have SQLAlchemy
        return pd.read_sql(statement, store)


WAYS: dict[str, Callable[[str, Path, list[MarketDay]], dict[str, float]]] = {
    "nightly": nightly,
    "pass": only_pass,
    "pandas": pandas_way,
}


def peak_megabytes() -> float:
    """Of this process; getrusage would tell of the one that started it, too."""
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x[:5] == "VmHWM"]
    return int(line.split()[1]) / 1024


def main(way: str, url: str, *keys: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="alphapulse-bench-")) / "parquet"
    started = time.perf_counter()
    try:
        found = WAYS[way](url, folder, [MarketDay.from_key(key) for key in keys])
        seconds = time.perf_counter() - started
        print(json.dumps(found | {"seconds": seconds, "peak": peak_megabytes()}))
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
