"""Candles of days that lie in month files: nothing is behind, checks pass, each bar shows once."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse import lake
from alphapulse.archive.candle_audit import SMALL, compare_with_minutes, compare_with_trades
from alphapulse.archive.candles import Made, NotMade, make_days, widen_days
from alphapulse.archive.compaction import Compacted, compact, sweep
from alphapulse.archive.export import export_days, unarchived_days
from alphapulse.archive.market_data import write_archive
from alphapulse.archive.reading import candles_between, open_archive
from alphapulse.archive.verifying import verify_paths
from alphapulse.archive.verifying_candles import CandleFinding
from alphapulse.candle_certificate import is_stale
from alphapulse.candles import WIDER, BarSize, fold
from alphapulse.day import MarketDay
from alphapulse.lake.behind import behind
from alphapulse.lake.candle_files import (
    bars_of,
    find_candle_certificate,
    path_of_candles,
    place_of_candles,
)
from alphapulse.lake.trades import trades_of
from alphapulse.store.connect import Store, connect
from alphapulse.store.reopening import look_for_late_rows
from tests.alphapulse.archive.test_compaction import ALL
from tests.conftest import made_database, seal
from tests.stored import BTC, DAY, store_day, store_trades

ONE, HOUR = BarSize.ONE_MINUTE, BarSize.ONE_HOUR
DAYS = [MarketDay(DAY + timedelta(days=n), BTC) for n in range(3)]
FIRST = DAYS[0]
MONTHS = sorted(f"{size}/coinbase/BTC-USD/2024-08.parquet" for size in BarSize)


class Lake:
    """Trades and candles of three days, exported from a real store, in the files of their month."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.archive = url, path / "market_data.duckdb"
        self.parquet, self.candles = path / "parquet", path / "candles"

    def export(self) -> None:
        list(export_days(self.url, self.parquet, unarchived_days(self.url, self.parquet)))

    def make(self, *days: MarketDay) -> None:
        made = list(make_days(self.parquet, self.candles, days))
        made += [one for size in WIDER for one in widen_days(self.candles, days, size)]
        assert all(isinstance(one, Made) for one in made), made

    def compact(self) -> None:
        done = list(compact(self.url, self.parquet, self.candles, ALL))
        assert done and all(isinstance(month, Compacted) for month in done), done
        write_archive(self.archive, self.parquet)
        sweep(self.archive, self.parquet, self.candles, grace=-1.0)
        write_archive(self.archive, self.parquet)

    def behind(self) -> list[MarketDay]:
        return [one.day for one in behind(self.parquet, self.candles, BTC.key)]

    def reasons(self) -> list[str]:
        """What all checks of candles say, by either way."""
        offences = [
            *compare_with_trades(self.parquet, self.candles, DAYS),
            *compare_with_trades(self.parquet, self.candles, DAYS, small=0),
        ]
        for size in WIDER:
            offences += compare_with_minutes(self.candles, DAYS, size)
        return [offence.reason for offence in offences]

    def shown(self, size: BarSize = ONE) -> list[dict[str, Any]]:
        start, end = datetime(2024, 8, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC)
        with open_archive(self.archive) as duck:
            viewed = duck.execute("SELECT count(*) FROM candles WHERE size = ?", [size]).fetchall()
            found: list[dict[str, Any]] = candles_between(duck, BTC, size, start, end).to_pylist()
        assert viewed == [(len(found),)]
        return found

    def names(self) -> list[str]:
        return sorted(str(p.relative_to(self.candles)) for p in self.candles.rglob("*.parquet"))


@pytest.fixture(scope="module")
def made(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lake, str]]:
    """To be copied, with the name of its database: each test has a lake of its own."""
    with made_database(server_url, template) as url:
        found = Lake(url, tmp_path_factory.mktemp("made"))
        with connect(url, "test") as store:
            for n, day in enumerate(DAYS, 1):
                store_day(store, BTC, day.date, trades=2 * n)
            name = store.info.dbname
        found.export()
        found.make(*DAYS)
        found.compact()
        seal(server_url, name)
        yield found, name


@pytest.fixture
def database_url(server_url: str, made: tuple[Lake, str]) -> Iterator[str]:
    with made_database(server_url, made[1]) as url:
        yield url


@pytest.fixture
def home(made: tuple[Lake, str], database_url: str, tmp_path: Path) -> Lake:
    found = Lake(database_url, tmp_path)
    copytree(made[0].parquet, found.parquet)
    copytree(made[0].candles, found.candles)
    write_archive(found.archive, found.parquet)
    return found


def test_after_compaction_nothing_is_behind_and_every_check_passes(home: Lake) -> None:
    assert home.names() == MONTHS
    assert home.behind() == []
    assert home.reasons() == []
    assert [row["trades"] for row in home.shown()] == [1] * 12
    assert [row["trades"] for row in home.shown(BarSize.ONE_DAY)] == [2, 4, 6]


def test_candles_of_a_compacted_day_are_made_again_as_they_were(home: Lake) -> None:
    day = DAYS[1]
    before = {size: home.shown(size) for size in BarSize}
    words = {size: find_candle_certificate(home.candles, size, day) for size in BarSize}
    trades = lake.place_of(home.parquet, day)
    assert trades is not None and trades.group == 1
    home.make(day)
    write_archive(home.archive, home.parquet)
    for size in BarSize:
        path = path_of_candles(home.candles, size, day)
        assert place_of_candles(home.candles, size, day) == lake.Place(path, day.date)
        assert list(bars_of(path)) == fold(trades_of(trades.path, trades.group), size)
        old, new = words[size], find_candle_certificate(home.candles, size, day)
        assert old and new and (new.bars, new.trades) == (old.bars, old.trades)
        assert home.shown(size) == before[size]
    assert (home.behind(), home.reasons()) == ([], [])


def test_a_late_row_makes_its_days_candles_stale_until_they_are_made_and_folded_in(
    store: Store, home: Lake
) -> None:
    store_trades(store, BTC, [(3, f"{DAY} 12:00:00", "7", "1")])
    look_for_late_rows(store, None)
    home.export()
    trades = lake.find_certificate(home.parquet, FIRST)
    assert trades is not None and trades.rows == 3
    assert is_stale(find_candle_certificate(home.candles, ONE, FIRST), trades)
    assert home.behind() == [FIRST]
    assert home.reasons() == ["the candles are not of these trades"] * 2
    home.make(FIRST)
    assert (home.behind(), home.reasons()) == ([], [])
    write_archive(home.archive, home.parquet)
    once = home.shown()
    assert [row["trades"] for row in once] == [1] * 13
    assert (once[2]["opened_at"], once[2]["close"]) == (
        datetime(2024, 8, 8, 12, tzinfo=UTC), Decimal(7),
    )  # fmt: skip
    home.compact()
    assert home.names() == MONTHS
    assert (home.behind(), home.reasons()) == ([], [])
    assert home.shown() == once
    assert [row["trades"] for row in home.shown(BarSize.ONE_DAY)] == [3, 4, 6]


def test_stale_candles_that_were_folded_in_are_still_behind(store: Store, home: Lake) -> None:
    """The month's file is younger than the trades then, which says nothing of its days."""
    store_trades(store, BTC, [(3, f"{DAY} 12:00:00", "7", "1")])
    look_for_late_rows(store, None)
    home.export()
    home.make(DAYS[1])
    home.compact()
    assert home.names() == MONTHS
    assert home.behind() == [FIRST]


def test_a_lost_month_of_candles_is_behind_and_made_from_the_month_of_trades(home: Lake) -> None:
    for size in BarSize:
        month = home.candles / size / BTC.key / "2024-08.parquet"
        kept = month.read_bytes()
        month.unlink()
        assert home.behind() == DAYS
        month.write_bytes(kept)
        assert home.behind() == []
    month.unlink()
    (home.candles / ONE / BTC.key / "2024-08.parquet").unlink()
    home.make(*DAYS)
    assert (home.behind(), home.reasons()) == ([], [])


def test_a_damaged_month_of_candles_is_behind(home: Lake) -> None:
    month = home.candles / HOUR / BTC.key / "2024-08.parquet"
    month.write_bytes(month.read_bytes()[:-9])
    assert home.behind() == DAYS


def test_a_damaged_month_of_trades_makes_nothing_and_asks_for_nothing(home: Lake) -> None:
    month = home.parquet / BTC.key / "2024-08.parquet"
    month.write_bytes(month.read_bytes()[:-9])
    assert home.behind() == []
    (done,) = make_days(home.parquet, home.candles, [FIRST])
    assert isinstance(done, NotMade) and "2024-08.parquet is no Parquet file" in done.reason
    assert home.names() == MONTHS


def test_candles_in_a_month_whose_trades_went_away_stay_and_are_told(home: Lake) -> None:
    (home.parquet / BTC.key / "2024-08.parquet").unlink()
    (done,) = make_days(home.parquet, home.candles, [FIRST])
    assert isinstance(done, NotMade) and "they stay" in done.reason
    assert home.reasons()[0] == "there are candles, and no file of trades"


def tamper(home: Lake, size: BarSize, **changes: Any) -> None:
    """Change the first bar of the second day, in its month's file, and nothing else."""
    place = place_of_candles(home.candles, size, DAYS[1])
    assert place is not None and place.group == 1
    with pq.ParquetFile(place.path) as file:
        groups = [file.read_row_group(n) for n in range(file.num_row_groups)]
    rows = groups[1].to_pylist()
    rows[0] |= changes
    groups[1] = pa.Table.from_pylist(rows, schema=groups[1].schema)
    with pq.ParquetWriter(place.path, groups[1].schema) as writer:
        for table in groups:
            writer.write_table(table)


LIES: list[dict[str, Any]] = [
    {"close": Decimal(9)},
    {"volume": Decimal("0.75")},
    {"quote_volume": Decimal("50.050000000000000003")},
    {"trades": 2},
    {"opened_at": datetime(2024, 8, 8, 0, 1, tzinfo=UTC)},
]


def test_any_wrong_number_in_a_month_is_found_and_no_other_day_accused(home: Lake) -> None:
    month = home.candles / ONE / BTC.key / "2024-08.parquet"
    honest = month.read_bytes()
    for lie in LIES:
        tamper(home, ONE, **lie)
        for small in (SMALL, 0):
            (offence,) = compare_with_trades(home.parquet, home.candles, DAYS, small)
            assert offence.day == DAYS[1], lie
            assert re.search("a bar is|the bar at|sum up", offence.reason), offence
        month.write_bytes(honest)
    assert home.reasons() == []


def test_a_wrong_wide_bar_in_a_month_is_found(home: Lake) -> None:
    tamper(home, HOUR, volume=Decimal(9))
    (offence,) = compare_with_minutes(home.candles, DAYS, HOUR)
    assert offence.day == DAYS[1] and "recomputed, a bar is" in offence.reason


def test_a_home_of_month_files_is_verified_day_by_day(home: Lake) -> None:
    found = list(verify_paths([home.archive.parent]))
    assert [finding.failures for finding in found if not finding.is_good] == []
    bars = [one.certificate for one in found if isinstance(one, CandleFinding) and one.certificate]
    assert sorted((words.size, words.date) for words in bars) == sorted(
        (size, day.date) for size in BarSize for day in DAYS
    )
    assert len(found) == len(bars) + len(DAYS)
    tamper(home, ONE, volume=Decimal(9))
    (bad,) = [finding for finding in verify_paths([home.candles]) if not finding.is_good]
    assert bad.certificate is not None and bad.certificate.date == date(2024, 8, 9)
    assert bad.held == ("columns", "bars", "times", "shape")
    assert "2024-08.parquet (2024-08-09): (volume, quote volume) sum up to" in bad.failures[0]
