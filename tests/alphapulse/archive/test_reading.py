"""One query over Parquet and the live store: each trade once, exact, whatever lies where."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from psycopg.sql import SQL

from alphapulse.archive.export import export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.archive.reading import (
    ArchiveMissing,
    ArchiveUnreadable,
    candles_between,
    open_archive,
    trades_between,
)
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.store.reopening import look_for_late_rows
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

TOMORROW = DAY + timedelta(days=1)
NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/none"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ids(duck: DuckDBPyConnection, where: str = "true") -> list[int]:
    rows = duck.execute(f"SELECT trade_id FROM trades WHERE {where} ORDER BY ALL").fetchall()
    return [id for (id,) in rows]


class Home:
    """A store, a lake and an archive, and what a night does with them."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.parquet, self.archive = url, path / "parquet", path / "market_data.duckdb"

    def export(self, *days: MarketDay) -> None:
        list(export_days(self.url, self.parquet, days))

    def renew(self) -> None:
        write_archive(self.archive, self.parquet, store_url=self.url)

    def open(self) -> DuckDBPyConnection:
        return open_archive(self.archive, store_url=self.url)


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Home:
    return Home(database_url, tmp_path)


@pytest.fixture
def archived(store: Store, home: Home) -> Iterator[DuckDBPyConnection]:
    """Yesterday lies in both, today in the store alone."""
    store_day(store, BTC, trades=3)
    home.export(BTC_DAY)
    home.renew()
    store_trades(store, BTC, [(4, "2024-08-09 00:00:00", "1", "1")])
    with home.open() as duck:
        yield duck


def test_a_day_in_both_is_counted_once(archived: DuckDBPyConnection) -> None:
    assert ids(archived) == [1, 2, 3, 4]
    assert ids(archived, f"date = '{DAY}'") == [1, 2, 3]


def test_it_sees_a_trade_as_soon_as_it_is_stored(
    store: Store, archived: DuckDBPyConnection
) -> None:
    store_trades(store, ETH, [(9, "2024-08-09 10:00:00", "1", "1")])
    assert ids(archived, "exchange = 'kraken'") == [9]


def test_late_rows_around_midnight_are_there_once(store: Store, home: Home) -> None:
    store_day(store, BTC, trades=3)
    store_trades(store, BTC, [(10, "2024-08-09 00:00:00", "1", "1")])
    home.export(BTC_DAY)
    home.renew()
    with home.open() as duck:
        store_trades(
            store,
            BTC,
            [(8, "2024-08-08 23:59:59.999999", "1", "1"), (11, "2024-08-09 00:00:01", "1", "1")],
        )
        look_for_late_rows(store, None)
        assert ids(duck) == [1, 2, 3, 8, 10, 11]
        home.export(BTC_DAY)
        assert ids(duck) == [1, 2, 3, 8, 10, 11]
    home.renew()
    with home.open() as duck:
        assert ids(duck) == [1, 2, 3, 8, 10, 11]


def test_a_day_exported_after_the_archive_was_written_is_not_lost(store: Store, home: Home) -> None:
    store_day(store, BTC, trades=3)
    home.renew()
    with home.open() as before:
        home.export(BTC_DAY)
        assert ids(before) == [1, 2, 3]
    with home.open() as after:
        assert ids(after) == [1, 2, 3]


def test_days_that_left_the_store_are_read_from_the_files(
    store: Store, archived: DuckDBPyConnection
) -> None:
    store.execute("DELETE FROM trades WHERE traded_at < '2024-08-09'")
    assert ids(archived) == [1, 2, 3, 4]


def test_without_the_store_it_shows_what_is_archived(store: Store, home: Home) -> None:
    store_day(store, BTC)
    store_day(store, BTC, TOMORROW)
    home.export(BTC_DAY)
    home.renew()
    with open_archive(home.archive) as duck:
        assert ids(duck) == [1, 2, 3]
        assert duck.execute("SELECT exchange, symbol FROM markets").fetchall() == [
            ("coinbase", "BTC-USD")
        ]


def test_without_an_archive_it_shows_the_store(store: Store, home: Home) -> None:
    store_day(store, BTC)
    with home.open() as duck:
        assert ids(duck) == [1, 2, 3]
    assert not home.archive.exists()


def test_numbers_are_exact_to_the_18th_decimal_from_both(store: Store, home: Home) -> None:
    price, size = "12345678901234567890.123456789012345678", "0.000000000000000001"
    store_trades(store, BTC, [(1, f"{DAY} 10:00:00", price, size)])
    store_trades(store, BTC, [(2, f"{TOMORROW} 10:00:00", price, size)])
    home.export(BTC_DAY)
    home.renew()
    with home.open() as duck:
        rows = duck.execute("SELECT price, size FROM trades").fetchall()
        assert rows == [(Decimal(price), Decimal(size))] * 2


def test_a_market_is_asked_for_by_time(archived: DuckDBPyConnection) -> None:
    start, end = at("2024-08-08 00:02:00"), at("2024-08-09 00:00:00.000001")
    table = trades_between(archived, BTC, start, end)
    assert table["trade_id"].to_pylist() == [2, 3, 4]
    assert trades_between(archived, BTC, start, at("2024-08-09"))["trade_id"].to_pylist() == [2, 3]
    assert trades_between(archived, ETH, start, end).num_rows == 0


def test_candles_of_what_is_not_archived_are_made_from_the_store(
    archived: DuckDBPyConnection,
) -> None:
    bars = candles_between(archived, BTC, "1d", at("2024-08-08"), at("2024-08-10")).to_pylist()
    assert [(bar["open"], bar["close"], bar["volume"], bar["trades"]) for bar in bars] == [
        (Decimal("100.1"), Decimal("100.3"), Decimal("1.5"), 3),
        (Decimal(1), Decimal(1), Decimal(1), 1),
    ]
    sizes = archived.execute("SELECT size, count(*) FROM candles GROUP BY ALL ORDER BY ALL")
    assert sizes.fetchall() == [("15m", 2), ("1d", 2), ("1h", 2), ("1m", 4), ("5m", 2)]
    with pytest.raises(ValueError, match="'2m' is no size of a bar: use one of 1m"):
        candles_between(archived, BTC, "2m", at("2024-08-08"), at("2024-08-10"))


def test_coverage_gaps_and_markets_are_the_stores(archived: DuckDBPyConnection) -> None:
    coverage = "SELECT exchange, symbol, date, stored FROM coverage"
    assert archived.execute(coverage).fetchall() == [("coinbase", "BTC-USD", DAY, 3)]
    assert archived.execute("SELECT count(*) FROM gaps").fetchall() == [(0,)]
    markets = "SELECT exchange, symbol, trades, first_day, simulated FROM markets"
    assert archived.execute(markets).fetchall() == [("coinbase", "BTC-USD", 3, DAY, False)]


def test_times_are_utc(archived: DuckDBPyConnection) -> None:
    (found,) = archived.execute("SELECT max(traded_at)::VARCHAR FROM trades").fetchone() or ("",)
    assert found == "2024-08-09 00:00:00+00"


def test_neither_the_archive_nor_the_store_can_be_written(archived: DuckDBPyConnection) -> None:
    for table in ("archive.files", "store.trades"):
        with pytest.raises(duckdb.Error, match="read-only"):
            archived.execute(f"DELETE FROM {table}")


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "market_data.duckdb"
    with pytest.raises(ArchiveMissing, match=r"market_data\.duckdb does not exist: materialize"):
        open_archive(path)
    with duckdb.connect(str(path)):
        pass
    with pytest.raises(ArchiveUnreadable, match="materialize `market_data` again"):
        open_archive(path)
    with pytest.raises(StoreUnavailable) as failure:
        open_archive(tmp_path / "none.duckdb", store_url=NOWHERE)
    assert "secret" not in str(failure.value)


def test_a_question_for_an_hour_of_one_market_reads_that_hour_of_the_store(
    store: Store, home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    """What DuckDB sends is run once more by PostgreSQL, which counts the rows that it touches."""
    store_trades(store, ETH, [(n, f"{DAY} 10:00:00", "1", "1") for n in range(500)])
    store_trades(store, BTC, [(n, f"{DAY} {n % 24:02}:00:00", "1", "1") for n in range(480)])
    where = "exchange = 'coinbase' AND symbol = 'BTC-USD' AND traded_at >= '2024-08-08 23:00:00Z'"
    with home.open() as duck:
        duck.execute("SET pg_debug_show_queries = true")
        capfd.readouterr()
        assert len(ids(duck, where)) == 20
        asked = sent(capfd)
        assert len(ids(duck)) == 980
        everything = sent(capfd)
    assert touched(store, everything) >= 980
    assert touched(store, asked) < 100


def sent(capfd: pytest.CaptureFixture[str]) -> str:
    """The query of archive_trades that DuckDB sent last."""
    found = re.findall(r"COPY \((SELECT .*archive_trades.*?)\) TO STDOUT", capfd.readouterr().err)
    return str(found[-1])


def touched(store: Store, query: str) -> int:
    """Rows of trades that PostgreSQL reads to answer, those that it throws away included."""
    explain = SQL("EXPLAIN (ANALYZE, FORMAT JSON) ") + SQL(query)
    ((plan,),) = store.execute(explain).fetchone() or ([{}],)
    return sum(map(rows_of, scans(plan["Plan"])))


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "trades" in node.get("Relation Name", "") or "_hyper_" in node.get("Relation Name", ""):
        yield node
    for child in node.get("Plans", []):
        yield from scans(child)


def rows_of(node: dict[str, Any]) -> int:
    lost = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + lost) * node["Actual Loops"])
