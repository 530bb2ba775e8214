"""Days leave the store when their files hold every row of them; the others say why they stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pyarrow.parquet as pq
import pytest

from alphapulse import lake
from alphapulse.archive.export import Exported, export_days
from alphapulse.archive.leaving import let_go, review
from alphapulse.archive.rejoining import Joined
from alphapulse.day import MarketDay
from alphapulse.retention import Decision, Policy, Why
from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import micros, report
from alphapulse.store.judgements import list_coverage
from alphapulse.store.reopening import look_for_late_rows
from alphapulse.store.retention import DayChanged, Dropped, drop_day, read_slots
from alphapulse.trade import Gap, Market
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, Row, store_day, store_trades

NEXT = DAY + timedelta(days=1)
TODAY = DAY + timedelta(days=31)  # DAY is due, NEXT is not
POLICY = Policy(keep_days=30, today=TODAY)
LATE: list[Row] = [(99, f"{DAY} 12:00:00", "1", "1")]


@pytest.fixture
def url(store: Store, database_url: str) -> str:
    """Native days have partitions, as writers make them."""
    store.execute("SELECT make_days(%s, %s)", [DAY, NEXT])
    return database_url


@pytest.fixture
def lake_below(tmp_path: Path) -> Path:
    return tmp_path / "parquet"


def export(url: str, parquet: Path, *days: MarketDay) -> list[Exported]:
    done = list(export_days(url, parquet, days))
    assert all(isinstance(one, Exported) for one in done), done
    return [one for one in done if isinstance(one, Exported)]


def rows_of(store: Store, day: date = DAY) -> int:
    query = "SELECT count(*) FROM trades WHERE (traded_at AT TIME ZONE 'UTC')::date = %s"
    (found,) = store.execute(query, [day]).fetchone() or (0,)
    return int(found)


def leave(url: str, parquet: Path, policy: Policy = POLICY, patience: float = 5) -> Any:
    (outcome,) = (
        one for one in let_go(url, parquet, policy, patience) if not isinstance(one, Joined)
    )
    return outcome


def reasons(url: str, parquet: Path, policy: Policy = POLICY) -> list[Why]:
    """Why the one due day stays; that it stays is checked too."""
    outcome = leave(url, parquet, policy, patience=0)
    assert isinstance(outcome, Decision) and not outcome.may_leave
    return [refusal.why for refusal in outcome.refusals]


def test_a_verified_day_leaves_and_its_neighbour_stays(
    store: Store, url: str, lake_below: Path
) -> None:
    days = [store_day(store, BTC), store_day(store, ETH, trades=5), store_day(store, BTC, NEXT)]
    export(url, lake_below, *days)
    outcome = leave(url, lake_below)
    assert isinstance(outcome, Dropped)
    assert (outcome.day, outcome.rows) == (DAY, 8)
    assert outcome.bytes > 0
    assert (rows_of(store), rows_of(store, NEXT)) == (0, 3)
    assert list(let_go(url, lake_below, POLICY)) == []
    assert lake.find_certificate(lake_below, BTC_DAY) is not None


def test_what_left_is_written_down(store: Store, url: str, lake_below: Path) -> None:
    (done,) = export(url, lake_below, store_day(store, BTC))
    leave(url, lake_below)
    assert done.certificate
    row = store.execute(
        "SELECT day, rows, checksum::text, last_id, last_at, last_tx > 0, first_ids, last_ids "
        "FROM dropped_days JOIN markets USING (market_id) WHERE symbol = %s",
        [BTC.symbol],
    ).fetchone()
    assert row is not None
    last_at = BTC_DAY.starts_at + timedelta(minutes=3)
    assert row[:6] == (DAY, 3, done.certificate.checksum, 3, last_at, True)
    assert set(row[6]) == set(row[7]) == {1, 2, 3}


def test_an_incomplete_day_leaves_too(store: Store, url: str, lake_below: Path) -> None:
    """Its file says what it lacks; nobody works at it any more."""
    export(url, lake_below, store_day(store, BTC))
    assert [row.verdict for row in list_coverage(store)] == ["incomplete"]
    assert isinstance(leave(url, lake_below), Dropped)


def test_a_day_without_rows_leaves_without_a_file(store: Store, url: str, lake_below: Path) -> None:
    found = list(let_go(url, lake_below, POLICY))
    assert [one.rows for one in found] == [0] * len(found)
    assert all(slot.since.date() != DAY for slot in read_slots(store))


def test_rows_that_no_partition_was_made_for_leave_as_well(
    store: Store, database_url: str, lake_below: Path
) -> None:
    export(database_url, lake_below, store_day(store, BTC))
    assert isinstance(leave(database_url, lake_below), Dropped)
    assert rows_of(store) == 0


def test_zero_days_keep_everything(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    assert list(let_go(url, lake_below, Policy(keep_days=0, today=TODAY))) == []
    assert rows_of(store) == 3


def test_a_dry_run_changes_nothing(store: Store, url: str, lake_below: Path) -> None:
    (done,) = export(url, lake_below, store_day(store, BTC))
    assert done.path
    before = (lake.files(lake_below), read_slots(store), list_coverage(store))
    (decision,) = review(url, lake_below, POLICY)
    assert decision.may_leave and decision.rows == 3
    assert (lake.files(lake_below), read_slots(store), list_coverage(store)) == before
    assert rows_of(store) == 3


def test_a_day_that_was_not_exported_stays(store: Store, url: str, lake_below: Path) -> None:
    store_day(store, BTC)
    assert reasons(url, lake_below) == [Why.NOT_EXPORTED]
    assert rows_of(store) == 3


def test_one_market_keeps_the_day_of_all(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    store_day(store, ETH)
    outcome = leave(url, lake_below)
    assert [(r.market, r.why) for r in outcome.refusals] == [(ETH.key, Why.NOT_EXPORTED)]
    assert rows_of(store) == 6


def test_rows_of_no_market_keep_the_day(store: Store, url: str, lake_below: Path) -> None:
    store.execute(
        "INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size) "
        "VALUES (%(at)s, %(at)s, 1, 999, 'b', 1, 1)",
        {"at": BTC_DAY.starts_at},
    )
    assert reasons(url, lake_below) == [Why.NOT_EXPORTED]


def test_a_file_of_a_day_that_was_not_over_keeps_it(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    store.execute("UPDATE coverage SET exported_at = %s", [BTC_DAY.ends_at - timedelta(hours=1)])
    assert reasons(url, lake_below) == [Why.NOT_OVER]


def test_a_missing_file_keeps_the_day(store: Store, url: str, lake_below: Path) -> None:
    (done,) = export(url, lake_below, store_day(store, BTC))
    assert done.path
    done.path.unlink()
    assert reasons(url, lake_below) == [Why.FILE_MISSING]


@pytest.mark.parametrize("column", lake.SCHEMA.names)
def test_a_file_of_which_a_byte_was_flipped_keeps_the_day(
    store: Store, url: str, lake_below: Path, column: str
) -> None:
    """Any column: before rows go, every value of the file is compared with them."""
    (done,) = export(url, lake_below, store_day(store, BTC))
    assert done.path
    chunk = pq.read_metadata(done.path).row_group(0).column(lake.SCHEMA.names.index(column))
    begins_at = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(done.path.read_bytes())
    content[begins_at + chunk.total_compressed_size - 3] ^= 0x10
    done.path.write_bytes(content)
    assert set(reasons(url, lake_below)) <= {Why.FILE_DAMAGED, Why.STORE_DIFFERS}
    assert rows_of(store) == 3


def test_a_file_that_certifies_another_verdict_keeps_the_day(
    store: Store, url: str, lake_below: Path
) -> None:
    (done,) = export(url, lake_below, store_day(store, BTC))
    assert done.path
    done.path.write_bytes(done.path.read_bytes().replace(b"incomplete", b"uncomplete"))
    assert reasons(url, lake_below) == [Why.STORE_DIFFERS]


def test_a_file_that_is_no_parquet_keeps_the_day(store: Store, url: str, lake_below: Path) -> None:
    (done,) = export(url, lake_below, store_day(store, BTC))
    assert done.path
    done.path.write_bytes(bytes(500))
    assert reasons(url, lake_below) == [Why.FILE_DAMAGED]


def test_a_file_of_another_market_keeps_the_day(store: Store, url: str, lake_below: Path) -> None:
    store_day(store, ETH)
    done, other = export(url, lake_below, store_day(store, BTC), MarketDay(DAY, ETH))
    assert done.path and other.path
    other.path.replace(done.path)
    assert set(reasons(url, lake_below)) == {Why.FILE_DAMAGED, Why.FILE_MISSING}


def test_a_reopened_day_stays(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    store_trades(store, BTC, LATE)
    look_for_late_rows(store, None)
    assert reasons(url, lake_below) == [Why.REOPENED]


def test_a_late_row_that_nobody_noticed_yet_keeps_the_day(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    store_trades(store, BTC, LATE)
    assert reasons(url, lake_below) == [Why.LATE_ROWS]
    export(url, lake_below, BTC_DAY)
    assert reasons(url, lake_below) == [Why.GAPS_OPEN], "ids 4 to 98 became a gap"
    store.execute("UPDATE gaps SET state = 'absent', closed_at = now()")
    assert isinstance(leave(url, lake_below), Dropped)


@pytest.mark.parametrize("ends", [True, False])
def test_an_open_gap_of_the_day_keeps_it(
    store: Store, url: str, lake_below: Path, ends: bool
) -> None:
    export(url, lake_below, store_day(store, BTC))
    at = micros(BTC_DAY.starts_at + timedelta(hours=1))
    end = (20, at + 60_000_000) if ends else (None, None)
    report(store, Gap(BTC, 10, at, *end), "disconnect")
    assert reasons(url, lake_below) == [Why.GAPS_OPEN]
    store.execute("UPDATE gaps SET state = 'unrecoverable', closed_at = now()")
    assert isinstance(leave(url, lake_below), Dropped)


def test_an_open_gap_of_another_day_does_not(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    report(store, Gap(BTC, 10, micros(BTC_DAY.ends_at + timedelta(hours=1)), None, None), "restart")
    assert isinstance(leave(url, lake_below), Dropped)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM trades WHERE trade_id = 2", "UPDATE trades SET price = 7 WHERE trade_id = 2"],
)
def test_a_store_that_differs_from_the_file_keeps_the_day(
    store: Store, url: str, lake_below: Path, change: str
) -> None:
    export(url, lake_below, store_day(store, BTC))
    store.execute(change.encode())
    assert reasons(url, lake_below) == [Why.STORE_DIFFERS]


def test_a_file_other_than_the_recorded_one_keeps_the_day(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    store.execute("UPDATE coverage SET checksum = checksum + 1")
    assert reasons(url, lake_below) == [Why.STORE_DIFFERS]


def test_with_backups_on_the_copy_must_be_of_this_file(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    policy = Policy(keep_days=30, today=TODAY, backups=True)
    assert reasons(url, lake_below, policy) == [Why.NOT_BACKED_UP]
    store.execute(
        "INSERT INTO copies (market_id, day, place, checksum) "
        "SELECT market_id, day, 'elsewhere', checksum + 1 FROM coverage"
    )
    assert reasons(url, lake_below, policy) == [Why.NOT_BACKED_UP]
    store.execute("UPDATE copies SET checksum = checksum - 1")
    assert isinstance(leave(url, lake_below, policy), Dropped)


def test_a_row_that_comes_between_decision_and_drop_stops_it(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    (decision,) = review(url, lake_below, POLICY)
    with connect(url, "another") as other:
        store_trades(other, BTC, LATE)
    with pytest.raises(DayChanged, match=r"coinbase/BTC-USD \(3 rows, now 4\)"):
        drop_day(store, decision)
    assert rows_of(store) == 4


def test_a_row_of_another_market_stops_it_too(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    (decision,) = review(url, lake_below, POLICY)
    store_day(store, SOL, trades=1)
    with pytest.raises(DayChanged, match=r"binance/SOLUSDT \(0 rows, now 1\)"):
        drop_day(store, decision)


def test_a_writer_that_has_not_committed_is_waited_for(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    with connect(url, "another") as other:
        with other.transaction():
            store_trades(other, BTC, LATE)
            outcome = leave(url, lake_below, patience=0.2)
            assert [refusal.why for refusal in outcome.refusals] == [Why.LOCKED]
        assert reasons(url, lake_below) == [Why.LATE_ROWS]


def test_a_reader_that_takes_its_time_only_postpones_it(
    store: Store, url: str, lake_below: Path
) -> None:
    export(url, lake_below, store_day(store, BTC))
    with connect(url, "another", read_only=True) as other, other.transaction():
        other.execute("SELECT count(*) FROM trades")
        outcome = leave(url, lake_below, patience=0.2)
        assert [refusal.why for refusal in outcome.refusals] == [Why.LOCKED]
        assert rows_of(store) == 3
    assert isinstance(leave(url, lake_below), Dropped)


@contextmanager
def writer_beside(url: str, market: Market, day: date) -> Iterator[list[int]]:
    """Somebody who stores row after row of another day; gives the ids that were committed."""
    done, stop = list[int](), Event()

    def write() -> None:
        with connect(url, "another") as other:
            while not stop.is_set():
                id = len(done) + 1
                store_trades(other, market, [(id, f"{day} 12:00:00", "1", "1")])
                done.append(id)

    thread = Thread(target=write)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join(30)


def test_a_writer_beside_it_goes_on(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    with writer_beside(url, ETH, NEXT) as done:
        while len(done) < 20:
            pass
        assert isinstance(leave(url, lake_below, patience=60), Dropped)
        reached = len(done)
        while len(done) < reached + 20:
            pass
    assert rows_of(store, NEXT) == len(done) > 40


def test_the_oldest_day_that_stays_does_not_keep_the_next(
    store: Store, url: str, lake_below: Path
) -> None:
    store_day(store, BTC)
    export(url, lake_below, store_day(store, BTC, NEXT))
    policy = Policy(keep_days=30, today=TODAY + timedelta(days=1))
    stays, leaves = let_go(url, lake_below, policy)
    assert isinstance(stays, Decision) and stays.day == DAY
    assert isinstance(leaves, Dropped) and leaves.day == NEXT
    assert (rows_of(store), rows_of(store, NEXT)) == (3, 0)


def test_a_day_in_its_months_file_leaves_too(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    place = lake.place_of(lake_below, BTC_DAY)
    assert place is not None
    lake.write_month(lake.month_of(place.path), [place])
    place.path.unlink()
    assert isinstance(leave(url, lake_below), Dropped)
    assert rows_of(store) == 0


def test_a_day_whose_months_file_is_damaged_stays(store: Store, url: str, lake_below: Path) -> None:
    export(url, lake_below, store_day(store, BTC))
    place = lake.place_of(lake_below, BTC_DAY)
    assert place is not None
    month = lake.month_of(place.path)
    lake.write_month(month, [place])
    place.path.unlink()
    content = bytearray(month.read_bytes())
    content[len(content) // 4] ^= 0xFF
    month.write_bytes(content)
    assert reasons(url, lake_below) == [Why.FILE_DAMAGED]
