"""Late rows reopen a day: exactly those that the export did not see."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alphapulse.coverage import Coverage, Verdict
from alphapulse.day import MarketDay
from alphapulse.extent import Jump
from alphapulse.store.connect import Store, connect
from alphapulse.store.judgements import list_coverage, write_judgement
from alphapulse.store.reopening import (
    Shipment,
    look_for_late_rows,
    record_export,
    recorded_days,
    reopened_days,
    report_unexplained,
)
from tests.chunk import make_first_chunk
from tests.stored import BTC, DAY, store_day, store_market, store_trades

ON = datetime(2026, 1, 31, tzinfo=UTC)
TODAY = MarketDay(ON.date(), BTC)
WHOLE = Coverage(1, 3, 0, 4, 3, 3, 0, 0, 0, 0, 1.0, Verdict.COMPLETE, "all", is_provisional=False)


def snapshot(store: Store) -> str:
    (found,) = store.execute("SELECT pg_current_snapshot()::text").fetchone() or ("",)
    return str(found)


def ship(store: Store, day: MarketDay = TODAY, seen: str = "", **others: Any) -> None:
    """As if the day had just been exported, or with what was `seen`."""
    at = day.ends_at + timedelta(minutes=10)
    shipment = Shipment(day, 3, "123", others.get("at", at), seen or snapshot(store))
    record_export(store, store_market(store, day.market), shipment, WHOLE)


def late(store: Store, id: int = 9) -> None:
    store_trades(store, BTC, [(id, f"{TODAY.date} 12:00:00", "1", "1")])


@pytest.fixture
def url(database_url: str) -> str:
    return make_first_chunk(database_url)


def waiting(store: Store) -> list[MarketDay]:
    return [found.day for found in reopened_days(store)]


def test_what_was_exported_is_written_down(store: Store) -> None:
    ship(store, store_day(store, BTC))
    (row,) = list_coverage(store)
    assert (row.rows, row.checksum, row.verdict) == (3, "123", "complete")
    assert row.reopened_at is None
    assert recorded_days(store) == {MarketDay(DAY, BTC)}
    assert recorded_days(store, first=DAY + timedelta(days=1)) == set()


def test_a_row_that_came_later_reopens_the_day_once(store: Store) -> None:
    ship(store, store_day(store, BTC, TODAY.date))
    since = look_for_late_rows(store, None)
    assert waiting(store) == []
    late(store)
    since = look_for_late_rows(store, since)
    assert waiting(store) == [TODAY]
    assert recorded_days(store) == set()
    ship(store)
    look_for_late_rows(store, since)
    assert waiting(store) == []


def test_another_export_has_another_key(store: Store) -> None:
    store_day(store, BTC, TODAY.date)
    keys = set()
    for minute in (10, 20):
        ship(store, at=TODAY.ends_at + timedelta(minutes=minute))
        late(store, minute)
        look_for_late_rows(store, None)
        keys |= {found.key for found in reopened_days(store)}
    assert len(keys) == 2


def test_rows_of_a_day_that_was_not_exported_reopen_nothing(store: Store) -> None:
    ship(store, store_day(store, BTC, TODAY.date))
    store_trades(store, BTC, [(9, "2026-02-01 12:00:00", "1", "1")])
    look_for_late_rows(store, None)
    assert waiting(store) == []


def test_the_running_days_file_grows_without_being_reopened(store: Store) -> None:
    ship(store, store_day(store, BTC, TODAY.date), at=TODAY.ends_at - timedelta(hours=1))
    late(store)
    look_for_late_rows(store, None)
    assert waiting(store) == []


def test_a_writer_that_was_open_during_the_export_reopens_the_day(url: str) -> None:
    with connect(url, "test") as store, connect(url, "slow") as slow:
        store_market(store, BTC)
        with slow.transaction():
            late(slow)
            ship(store, store_day(store, BTC, TODAY.date))
            since = look_for_late_rows(store, None)
            assert waiting(store) == []
        look_for_late_rows(store, since)
        assert waiting(store) == [TODAY]


def test_a_long_transaction_of_somebody_reopens_nothing(url: str) -> None:
    """It holds the snapshot's xmin back, so that rows above it were seen all the same."""
    with connect(url, "test") as store, connect(url, "long") as other, other.transaction():
        other.execute("SELECT pg_current_xact_id()")
        ship(store, store_day(store, BTC, TODAY.date))
        look_for_late_rows(store, None)
        assert waiting(store) == []


def test_rows_that_came_while_the_file_was_made_are_the_next_exports(store: Store) -> None:
    store_day(store, BTC, TODAY.date)
    seen = snapshot(store)
    late(store)
    since = look_for_late_rows(store, None)
    ship(store, seen=seen)
    assert waiting(store) == [TODAY]
    assert look_for_late_rows(store, since) >= since


def test_a_cursor_of_another_database_begins_anew(store: Store) -> None:
    ship(store, store_day(store, BTC, TODAY.date))
    late(store)
    look_for_late_rows(store, 2**60)
    assert waiting(store) == [TODAY]


def test_without_an_export_there_is_nothing_to_look_for(store: Store) -> None:
    store_day(store, BTC)
    assert look_for_late_rows(store, None) > 0
    assert waiting(store) == []


def test_another_verdict_than_the_files_reopens_the_day(store: Store) -> None:
    ship(store, store_day(store, BTC, TODAY.date))
    market_id = store_market(store, BTC)
    write_judgement(store, market_id, TODAY, WHOLE)
    assert waiting(store) == []
    open_day = Coverage(**{name: getattr(WHOLE, name) for name in WHOLE.__struct_fields__}
                        | {"verdict": Verdict.INCOMPLETE})  # fmt: skip
    write_judgement(store, market_id, TODAY, open_day)
    assert waiting(store) == [TODAY]


def test_unexplained_ids_become_a_gap_to_repair(store: Store) -> None:
    store_day(store, BTC)
    report_unexplained(store, BTC, [Jump(3, 7, ON, ON + timedelta(seconds=1))])
    rows = store.execute("SELECT after_id, before_id, state, cause FROM gaps").fetchall()
    assert rows == [(3, 7, "suspected", "sequence hole")]
