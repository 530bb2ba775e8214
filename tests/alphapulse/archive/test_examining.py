from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from alphapulse import lake
from alphapulse.archive.examining import CHECKS, Examined, examine_days
from alphapulse.archive.export import export_days
from alphapulse.archive.previewing import Bar, previewing
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from tests.alphapulse.test_lake import MIDNIGHT, Row, certify, write
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_market, store_trades


def examine(url: str, parquet: Path) -> Examined:
    (found,) = examine_days(url, parquet, [BTC_DAY])
    return found


@pytest.fixture
def path(store: Store, database_url: str, tmp_path: Path) -> Path:
    """The file of a day with the trades 1 to 3, as it was exported."""
    list(export_days(database_url, tmp_path, [store_day(store, BTC)]))
    return lake.path_of(tmp_path, BTC_DAY)


def test_an_exported_day_passes_every_check(path: Path, database_url: str, tmp_path: Path) -> None:
    assert examine(database_url, tmp_path) == Examined(BTC_DAY, {})


def test_a_day_in_its_months_file_passes_too_and_a_damaged_month_does_not(
    path: Path, database_url: str, tmp_path: Path
) -> None:
    place = lake.place_of(tmp_path, BTC_DAY)
    assert place is not None
    lake.write_month(lake.month_of(path), [place])
    path.unlink()
    assert examine(database_url, tmp_path) == Examined(BTC_DAY, {})
    lake.month_of(path).write_bytes(b"PAR1 no PAR1")
    assert set(examine(database_url, tmp_path).failures) == set(CHECKS)


@pytest.mark.parametrize(
    ("rows", "failing"),
    [
        ([Row(1), Row(2)], {"rows_match_store", "ids_match_store"}),
        ([Row(1), Row(2), Row(4)], {"ids_match_store"}),
        ([Row(1), Row(3), Row(3)], {"ids_do_not_repeat"}),
        ([Row(1), Row(2), Row(3, MIDNIGHT + timedelta(days=1))], {"times_inside_day"}),
        ([Row(1), Row(2), Row(3, MIDNIGHT - timedelta(seconds=1))], {"times_inside_day"}),
        ([Row(1), Row(2), Row(3, price=Decimal(0))], {"prices_and_sizes_positive"}),
        ([Row(1), Row(2), Row(3, size=Decimal(-1))], {"prices_and_sizes_positive"}),
    ],
)
def test_a_file_with_other_rows_fails_by_name(
    path: Path, database_url: str, tmp_path: Path, rows: list[Row], failing: set[str]
) -> None:
    write(path, rows, lake.read_certificate(path))
    found = examine(database_url, tmp_path)
    assert set(found.failures) == failing | {"certificate_verifies"}


def test_a_file_that_is_none_fails_whatever_is_asked(
    path: Path, database_url: str, tmp_path: Path
) -> None:
    path.write_bytes(b"PAR1 no PAR1")
    assert set(examine(database_url, tmp_path).failures) == set(CHECKS)


def test_rows_that_came_after_the_export_are_counted_apart(
    path: Path, store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [(99, f"{DAY} 12:00:00", "1", "1")])
    assert examine(database_url, tmp_path) == Examined(BTC_DAY, {}, late=1)


def test_a_row_that_the_store_lost_since_fails(
    path: Path, store: Store, database_url: str, tmp_path: Path
) -> None:
    store.execute("DELETE FROM trades WHERE trade_id = 3")
    assert set(examine(database_url, tmp_path).failures) == {"rows_match_store", "ids_match_store"}


def test_a_day_that_the_store_let_go_is_the_archives_alone(
    path: Path, store: Store, database_url: str, tmp_path: Path
) -> None:
    store.execute("DELETE FROM trades")
    assert examine(database_url, tmp_path).failures == {}


def test_a_day_without_a_file_fails_if_it_has_trades(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_market(store, ETH)
    store_day(store, BTC)
    days = [BTC_DAY, MarketDay(DAY, ETH)]
    failures = [found.failures for found in examine_days(database_url, tmp_path, days)]
    assert failures == [
        {"rows_match_store": "the store has 3 trades, and there is no file"},
        {},
    ]


def test_the_running_days_file_is_its_beginning(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    """Its certificate says so: what came since is no late row."""
    store_day(store, BTC)
    list(export_days(database_url, tmp_path, [BTC_DAY]))
    path = lake.path_of(tmp_path, BTC_DAY)
    write(path, [Row(1), Row(2), Row(3)], certify(rows=3, last_id=3, day_closed=False))
    store_trades(store, BTC, [(4, f"{DAY} 12:00:00", "1", "1")])
    assert examine(database_url, tmp_path).late == 0


def test_a_preview_shows_the_days_ends_and_half_hours(tmp_path: Path) -> None:
    """Of two trades in one instant the file's order says which came first."""
    rows = [
        Row(n, MIDNIGHT + timedelta(minutes=10 * (n // 2)), Decimal(n), Decimal(1))
        for n in range(1, 9)
    ]
    path = write(tmp_path / "one.parquet", rows, certify())
    with previewing() as look:
        found = look(path, 8)
    first, second = found.bars
    one, five, six, eight = map(Decimal, (1, 5, 6, 8))
    assert first == Bar(0, open=one, high=five, low=one, close=five, volume=5.0)
    assert second == Bar(1, open=six, high=eight, low=six, close=eight, volume=3.0)
    assert [edge.trade_id for edge in found.edges] == [1, 2, 3, 6, 7, 8]
