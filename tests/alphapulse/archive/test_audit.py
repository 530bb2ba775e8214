from datetime import date
from pathlib import Path

from alphapulse import lake
from alphapulse.archive.audit import compare_with_store, newest_days, verify_files
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from tests.alphapulse.test_lake import Row, certify, write
from tests.stored import BTC, BTC_DAY, DAY, store_day, store_market, store_trades


def test_an_archived_day_agrees_with_the_store(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    day = store_day(store, BTC)
    list(export_days(database_url, tmp_path, [day]))
    assert list(compare_with_store(database_url, tmp_path, [day])) == []
    assert list(verify_files(tmp_path, [day])) == []


def test_a_trade_that_came_later_is_an_offence(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    day = store_day(store, BTC, trades=3)
    list(export_days(database_url, tmp_path, [day]))
    store_trades(store, BTC, [(4, "2024-08-08 12:00:00", "1", "1")])
    (offence,) = compare_with_store(database_url, tmp_path, [day])
    assert offence.reason == "the store has 4 trades, the archive 3"


def test_a_day_that_was_not_exported_is_an_offence(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    (offence,) = compare_with_store(database_url, tmp_path, [store_day(store, BTC, trades=3)])
    assert offence.reason == "the store has 3 trades, the archive 0"


def test_a_day_without_trades_is_none(store: Store, database_url: str, tmp_path: Path) -> None:
    store_market(store, BTC)
    unknown = MarketDay(DAY, Market("kraken", "NEVER"))
    assert list(compare_with_store(database_url, tmp_path, [BTC_DAY, unknown])) == []
    assert list(verify_files(tmp_path, [BTC_DAY, unknown])) == []


def test_the_running_day_grows_without_offence(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC, trades=3)
    write(lake.path_of(tmp_path, BTC_DAY), [Row(1), Row(2)], certify(day_closed=False))
    assert list(compare_with_store(database_url, tmp_path, [BTC_DAY])) == []


def test_a_day_that_the_store_let_go_is_the_archives_alone(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    day = store_day(store, BTC)
    list(export_days(database_url, tmp_path, [day]))
    store.execute("DELETE FROM trades")
    assert list(compare_with_store(database_url, tmp_path, [day])) == []


def test_the_newest_days_are_those_that_have_files(tmp_path: Path) -> None:
    for day in (1, 2, 9):
        on = MarketDay(date(2024, 8, day), BTC)
        write(lake.path_of(tmp_path, on), [Row(1, on.starts_at)], certify(date=on.date))
    assert [day.date.day for day in newest_days(tmp_path, 2)] == [2, 9]
    assert newest_days(tmp_path / "none", 2) == []


def test_a_file_changed_since_is_an_offence(tmp_path: Path) -> None:
    write(lake.path_of(tmp_path, BTC_DAY), [Row(1), Row(3)], certify())
    (offence,) = verify_files(tmp_path, [BTC_DAY])
    assert offence.day == BTC_DAY
    assert "the store said" in offence.reason
