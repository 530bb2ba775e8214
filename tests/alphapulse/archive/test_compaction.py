"""Months of small files become one file each; no reader notices, whatever is killed on the way."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse import lake
from alphapulse.archive import compaction
from alphapulse.archive.audit import newest_days, verify_files
from alphapulse.archive.compaction import Compacted, NotCompacted, Rules, compact, sweep
from alphapulse.archive.export import export_days, is_closed, unarchived_days
from alphapulse.archive.market_data import write_archive
from alphapulse.archive.reading import candles_between, open_archive, trades_between
from alphapulse.archive.verifying import verify_paths
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError, path_of
from alphapulse.store.connect import Store
from alphapulse.store.reopening import look_for_late_rows
from tests.alphapulse.archive.test_market_data import ask, put
from tests.stored import BTC, DAY, ETH, store_day, store_trades

ALL = Rules(below_bytes=1_000_000, after_days=35)
DAYS = [DAY + timedelta(days=n) for n in range(3)]
COUNT = "SELECT count(*), count(DISTINCT (exchange, symbol, trade_id)) FROM trades"
CANDLES = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("opened_at", lake.INSTANT),
        *((name, lake.EXACT) for name in ("open", "high", "low", "close")),
        *((name, lake.EXACT) for name in ("volume", "buy_volume", "quote_volume")),
        *((name, pa.int64()) for name in ("trades", "first_id", "last_id")),
    ]
)


def put_candles(candles: Path, day: MarketDay, trades: int, size: str = "1m") -> Path:
    """One bar, made without its trades."""
    path = path_of(candles / size, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), Decimal(trades))
    numbers |= dict.fromkeys(("buy_volume", "quote_volume"), Decimal(1))
    ids = {"trades": trades, "first_id": 1, "last_id": trades}
    names = {"exchange": day.market.exchange, "symbol": day.market.symbol}
    table = pa.Table.from_pylist([names | {"opened_at": day.starts_at} | numbers | ids], CANDLES)
    words = {"alphapulse.day_closed": "true", "alphapulse.date": str(day.date)}
    pq.write_table(table.replace_schema_metadata(words), path)
    return path


class Home:
    """A lake of small days, an archive over it, and the work of a night."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.archive = url, path / "market_data.duckdb"
        self.parquet, self.candles = path / "parquet", path / "candles"

    def compact(self, rules: Rules = ALL) -> list[Compacted | NotCompacted]:
        return list(compact(self.url, self.parquet, self.candles, rules))

    def renew(self) -> None:
        write_archive(self.archive, self.parquet)

    def sweep(self, grace: float = -1.0) -> list[Path]:
        return sweep(self.archive, self.parquet, self.candles, grace=grace)

    def names(self) -> list[str]:
        below = self.archive.parent
        return sorted(str(p.relative_to(below)) for p in below.rglob("*.parquet"))


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Home:
    found = Home(database_url, tmp_path)
    for n, day in enumerate(DAYS):
        put(found.parquet, MarketDay(day, BTC), *range(10 * n, 10 * n + 3))
        put_candles(found.candles, MarketDay(day, BTC), n + 1)
    put(found.parquet, MarketDay(DAY, ETH), 7)
    found.renew()
    return found


def test_each_market_gets_one_file_per_month_and_then_its_days_go(home: Home) -> None:
    done = home.compact()
    assert [(Path(m.path).name, m.days) for m in done if isinstance(m, Compacted)] == [
        ("2024-08.parquet", 3),
        ("2024-08.parquet", 1),
        ("2024-08.parquet", 3),
    ]
    home.renew()
    assert len(home.sweep()) == 7
    assert home.names() == [
        "candles/1m/coinbase/BTC-USD/2024-08.parquet",
        "parquet/coinbase/BTC-USD/2024-08.parquet",
        "parquet/kraken/ETH_USD/2024-08.parquet",
    ]
    home.renew()
    assert ask(home.archive, COUNT) == [(10, 10)]
    assert (home.compact(), home.sweep()) == ([], [])


def test_every_answer_is_the_same_before_and_after(home: Home) -> None:
    before = answers(home)
    home.compact()
    assert answers(home) == before, "month files that no archive names yet"
    home.renew()
    assert answers(home) == before
    home.sweep()
    assert answers(home) == before
    home.renew()
    assert answers(home) == before


def answers(home: Home) -> list[Any]:
    """Of views, macros, entry points, the lake, the certificates and the checks."""
    start, end = datetime(2024, 8, 8, tzinfo=UTC), datetime(2024, 8, 10, tzinfo=UTC)
    days = [MarketDay(day, BTC) for day in DAYS]
    with open_archive(home.archive) as duck:
        found = [
            duck.execute("FROM trades ORDER BY ALL").fetchall(),
            duck.execute("FROM candles ORDER BY ALL").fetchall(),
            duck.execute("SELECT * FROM trades WHERE date = '2024-08-09'").fetchall(),
            trades_between(duck, BTC, start, end).to_pylist(),
            candles_between(duck, BTC, "1m", start, end).to_pylist(),
            duck.execute("SELECT exchange, symbol, date, rows, verdict FROM files").fetchall(),
        ]
    for first, last in ((DAYS[0], DAYS[1]), (DAYS[1], DAYS[1]), (DAYS[2], date(2030, 1, 1))):
        of = "SELECT * FROM trades_of('coinbase', 'BTC-USD', ?, ?) ORDER BY ALL"
        found.append(ask(home.archive, of, first, last))
        of = "SELECT * FROM candles_of('1m', 'coinbase', 'BTC-USD', ?, ?) ORDER BY ALL"
        found.append(ask(home.archive, of, first, last))
    return [
        *found,
        lake.read_days(home.parquet, BTC, DAYS[0], DAYS[2]).to_pylist(),
        [lake.find_certificate(home.parquet, day) for day in days],
        [is_closed(home.parquet, day) for day in days],
        newest_days(home.parquet, 2),
        [offence.day for offence in verify_files(home.parquet, days)],
    ]


def test_a_session_that_was_open_goes_on_until_the_days_go(home: Home) -> None:
    with open_archive(home.archive) as duck:
        home.compact()
        home.renew()
        assert duck.execute(COUNT).fetchall() == [(10, 10)]
        home.sweep()
        with pytest.raises(duckdb.IOException, match="2024-08-"):
            duck.execute(COUNT)


@pytest.mark.parametrize("step", ["write_month", "places_in", "put_in_place", "extract"])
def test_a_failure_at_any_step_leaves_what_was(
    home: Home, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(home), home.names()

    def fail(*_: object) -> None:
        raise OSError(step)

    with monkeypatch.context() as patched:
        patched.setattr(lake, step, fail)
        done = home.compact()
    assert {m.reason for m in done if isinstance(m, NotCompacted)} == {step}
    if step != "extract":  # bars have no checksum to take them out for
        assert (answers(home), home.names()) == before
    home.compact()
    home.renew()
    assert answers(home) == before[0]


def test_killed_between_rename_and_archive_nothing_is_twice(home: Home) -> None:
    home.compact()
    assert home.sweep() == [], "the archive is behind"
    assert ask(home.archive, COUNT) == [(10, 10)]


def test_killed_half_way_through_sweeping_it_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.compact()
    home.renew()
    calls = iter([True])
    keep = compaction.remove
    with monkeypatch.context() as patched:
        patched.setattr(compaction, "remove", lambda *a: next(calls) and keep(*a))
        with pytest.raises(StopIteration):
            home.sweep()
    assert ask(home.archive, COUNT) == [(10, 10)]
    home.renew()
    assert len(home.sweep()) == 6


def test_days_stay_for_the_grace(home: Home) -> None:
    home.compact()
    home.renew()
    assert home.sweep(grace=3600) == []
    month = lake.month_of(path_of(home.parquet, MarketDay(DAY, ETH)))
    long_ago = time.time() - 7200
    os.utime(month, (long_ago, long_ago))
    home.renew()
    assert [path.name for path in home.sweep(grace=3600)] == ["2024-08-08.parquet"]


def test_a_copy_that_reads_otherwise_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = lake.write_month

    def lose_a_row(path: Path, places: Any) -> None:
        honest(path, places)
        table = pq.read_table(path, partitioning=None)
        pq.write_table(table.slice(1), path, row_group_size=2)

    monkeypatch.setattr(lake, "write_month", lose_a_row)
    done = home.compact()
    assert done and all(isinstance(month, NotCompacted) for month in done)
    assert not [name for name in home.names() if "2024-08.parquet" in name]


def test_a_month_whose_copy_was_damaged_keeps_its_days(home: Home) -> None:
    home.compact()
    home.renew()
    month = lake.month_of(path_of(home.parquet, MarketDay(DAY, ETH)))
    place = lake.Place(path_of(home.parquet, MarketDay(DAY, BTC)), DAY)
    lake.write_month(month, [place])
    assert not compaction.remove(lake.Place(path_of(home.parquet, MarketDay(DAY, ETH)), DAY), month)
    assert path_of(home.parquet, MarketDay(DAY, ETH)).exists()


@pytest.fixture
def night(store: Store, database_url: str, tmp_path: Path) -> Home:
    """The same with a store behind it, of which two days were exported and compacted."""
    found = Home(database_url, tmp_path)
    for day in DAYS[:2]:
        store_day(store, BTC, day, trades=3)
    list(export_days(database_url, found.parquet, unarchived_days(database_url, found.parquet)))
    found.compact()
    found.renew()
    found.sweep()
    found.renew()
    return found


def ids(home: Home) -> list[int]:
    with open_archive(home.archive, store_url=home.url) as duck:
        rows = duck.execute("SELECT trade_id FROM trades ORDER BY traded_at").fetchall()
    return [id for (id,) in rows]


def test_a_day_reopened_after_compaction_is_exported_again_and_folded_in(
    store: Store, night: Home
) -> None:
    day = MarketDay(DAY, BTC)
    assert ids(night) == [1, 2, 3, 1, 2, 3]
    assert unarchived_days(night.url, night.parquet) == []
    store_trades(store, BTC, [(4, f"{DAY} 12:00:00", "1", "1")])
    look_for_late_rows(store, None)
    assert ids(night) == [1, 2, 3, 4, 1, 2, 3]
    list(export_days(night.url, night.parquet, unarchived_days(night.url, night.parquet)))
    certificate = lake.find_certificate(night.parquet, day)
    assert certificate is not None and certificate.rows == 4
    night.renew()
    assert ids(night) == [1, 2, 3, 4, 1, 2, 3]
    assert night.sweep() == [], "its own file says more than the month's"
    (done,) = night.compact()
    assert isinstance(done, Compacted) and done.days == 2
    assert ids(night) == [1, 2, 3, 4, 1, 2, 3]
    night.renew()
    night.sweep()
    night.renew()
    assert ids(night) == [1, 2, 3, 4, 1, 2, 3]
    assert night.names() == ["parquet/coinbase/BTC-USD/2024-08.parquet"]


def test_a_day_added_to_a_compacted_month_is_shown_once_by_every_archive(
    store: Store, night: Home
) -> None:
    store_day(store, BTC, DAYS[2], trades=2)
    list(export_days(night.url, night.parquet, unarchived_days(night.url, night.parquet)))
    night.renew()
    with open_archive(night.archive) as before:
        night.compact()
        assert before.execute("SELECT count(*) FROM trades").fetchall() == [(8,)]
        night.renew()
        with open_archive(night.archive) as after:
            assert after.execute("SELECT count(*) FROM trades").fetchall() == [(8,)]


def test_a_compacted_day_never_shrinks(store: Store, night: Home) -> None:
    store.execute("DELETE FROM trades WHERE trade_id = 2")
    (failed, _) = export_days(night.url, night.parquet, [MarketDay(day, BTC) for day in DAYS[:2]])
    assert "the file stays" in str(failed)


@pytest.mark.parametrize("rules", [Rules(1_000_000, 100_000), Rules(100, 35), Rules(0, 0)])
def test_young_or_large_months_stay_as_they_are(home: Home, rules: Rules) -> None:
    assert home.compact(rules) == []


def test_a_month_waits_for_its_reopened_days(store: Store, home: Home) -> None:
    store_day(store, BTC, DAYS[0] + timedelta(days=10))
    done = home.compact()
    assert [month.path.parts[-2] for month in done] == ["ETH_USD"]


def test_a_month_whose_day_is_not_over_waits(home: Home) -> None:
    words = {"alphapulse.day_closed": "false"}
    path = path_of(home.candles / "1m", MarketDay(DAYS[2], BTC))
    pq.write_table(pq.read_table(path, partitioning=None).replace_schema_metadata(words), path)
    assert {month.path.parent.parent.parent.name for month in home.compact()} == {"parquet"}


def test_each_day_of_a_month_is_verified(home: Home) -> None:
    home.compact()
    month = lake.month_of(path_of(home.parquet, MarketDay(DAY, BTC)))
    found = list(verify_paths([month]))
    assert [finding.certificate and finding.certificate.date for finding in found] == DAYS
    month.write_bytes(month.read_bytes()[:-20])
    (finding,) = verify_paths([month])
    assert not finding.is_good
    with pytest.raises(LakeError, match=r"2024-08\.parquet is no Parquet file"):
        write_archive(home.archive, home.parquet)
