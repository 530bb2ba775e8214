"""What comes after a day has left: united with its file, and nobody takes it for the whole day."""

from datetime import timedelta
from pathlib import Path

import pytest

from alphapulse import lake
from alphapulse.archive.audit import compare_with_store
from alphapulse.archive.export import Failed, export_days, unarchived_days
from alphapulse.archive.leaving import let_go, review
from alphapulse.archive.verifying import verify_paths
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.retention import Decision, Policy, Why
from alphapulse.store.connect import Store
from alphapulse.store.days import market_ids, traded_days
from alphapulse.store.gaps import micros, newest
from alphapulse.store.judgements import judge_again, list_coverage
from alphapulse.store.reopening import look_for_late_rows, reopened_days
from alphapulse.store.retention import Dropped
from tests.alphapulse.archive.test_leaving import NEXT, POLICY, TODAY, export, leave, rows_of
from tests.stored import BTC, BTC_DAY, DAY, ETH, Row, store_day, store_trades

BEFORE, AFTER = DAY - timedelta(days=1), NEXT
NEIGHBOURS: list[Row] = [
    (0, f"{BEFORE} 23:59:59", "1", "1"),
    (9, f"{AFTER} 00:00:01", "1", "1"),
]
# Ids 1 to 8, but for 4 and 5; with times far from one another.
TRADES: list[Row] = [
    (id, f"{DAY} {2 * id:02}:00:00", f"{id}.50", "0.25") for id in (1, 2, 3, 6, 7, 8)
]
LATE: list[Row] = [(id, f"{DAY} {2 * id:02}:00:00", f"{id}.50", "0.25") for id in (4, 5)]


@pytest.fixture
def parquet(store: Store, database_url: str, tmp_path: Path) -> Path:
    """A day of which two ids are unrecoverable has left, with the day before; a third one stays."""
    store.execute("SELECT make_days(%s, %s)", [BEFORE, AFTER])
    store_trades(store, BTC, NEIGHBOURS + TRADES)
    parquet = tmp_path / "parquet"
    days = [MarketDay(day, BTC) for day in (BEFORE, DAY, AFTER)]
    export(database_url, parquet, *days)
    store.execute("UPDATE gaps SET state = 'unrecoverable', closed_at = now()")
    export(database_url, parquet, *days)
    left = list(let_go(database_url, parquet, POLICY))
    assert [(one.day, one.rows) for one in left if isinstance(one, Dropped)] == [
        (BEFORE, 1),
        (DAY, 6),
    ]
    return parquet


def certificate_of(parquet: Path) -> Certificate:
    found = lake.find_certificate(parquet, BTC_DAY)
    assert found is not None
    return found


def verdict_of(store: Store, day: MarketDay = BTC_DAY) -> str:
    (row,) = list_coverage(store, day.date, day.market)
    return row.verdict


def test_late_rows_join_their_file_and_leave(
    store: Store, database_url: str, parquet: Path
) -> None:
    before = certificate_of(parquet)
    assert (before.rows, before.verdict, before.missing) == (6, "incomplete", 2)
    store_trades(store, BTC, LATE)
    (decision,) = review(database_url, parquet, POLICY)
    assert [refusal.why for refusal in decision.refusals] == [Why.LATE_AFTER_LEAVING]
    assert "2 rows came after the day had left" in decision.refusals[0].words
    assert leave(database_url, parquet).rows == 2
    words = certificate_of(parquet)
    assert (words.rows, words.first_id, words.last_id) == (8, 1, 8)
    assert (words.verdict, words.missing, words.unexplained) == ("complete", 0, 0)
    (finding,) = verify_paths([lake.path_of(parquet, BTC_DAY)])
    assert finding.is_good, finding.failures
    assert lake.read(finding.path)["trade_id"].to_pylist() == list(range(1, 9))
    assert rows_of(store) == 0
    assert verdict_of(store) == "complete"
    assert list(finding.path.parent.glob(".*")) == []


def test_united_rows_equal_those_of_an_export_of_the_whole_day(
    store: Store, database_url: str, parquet: Path, tmp_path: Path
) -> None:
    """Rows, sums, checksum, verdict: all but when and how they came together."""
    store_trades(store, BTC, LATE)
    leave(database_url, parquet)
    united = lake.read(lake.path_of(parquet, BTC_DAY))
    store.execute("DELETE FROM dropped_days")
    store_trades(store, BTC, NEIGHBOURS[:1] + TRADES + LATE)
    (whole,) = export(database_url, tmp_path / "other", BTC_DAY)
    assert whole.path and whole.certificate
    assert united.equals(lake.read(whole.path))
    words = certificate_of(parquet)
    for name in (
        "rows",
        "checksum",
        "price_sum",
        "size_sum",
        "notional_sum",
        "verdict",
        "expected",
    ):
        assert getattr(words, name) == getattr(whole.certificate, name), name


def test_rows_that_the_file_has_already_change_nothing_in_it(
    store: Store, database_url: str, parquet: Path
) -> None:
    """As after a backfill of a day that had left."""
    before = lake.path_of(parquet, BTC_DAY).read_bytes()
    store_trades(store, BTC, TRADES)
    assert leave(database_url, parquet).rows == 6
    assert lake.path_of(parquet, BTC_DAY).read_bytes() == before
    assert rows_of(store) == 0


def test_a_row_that_contradicts_the_file_stays_and_is_named(
    store: Store, database_url: str, parquet: Path
) -> None:
    before = lake.path_of(parquet, BTC_DAY).read_bytes()
    store_trades(store, BTC, [(3, f"{DAY} 06:00:00", "777", "0.25")])
    outcome = leave(database_url, parquet)
    assert isinstance(outcome, Decision)
    assert "trade 3 with other values" in outcome.refusals[0].words
    assert lake.path_of(parquet, BTC_DAY).read_bytes() == before
    assert rows_of(store) == 1


def test_a_value_that_would_be_rounded_joins_nothing(
    store: Store, database_url: str, parquet: Path
) -> None:
    store_trades(store, BTC, [(4, f"{DAY} 08:00:00", "0.1234567890123456789", "1")])
    outcome = leave(database_url, parquet)
    assert isinstance(outcome, Decision)
    assert "trade 4 does not fit numeric(38,18) exactly" in outcome.refusals[0].words
    assert certificate_of(parquet).rows == 6 and rows_of(store) == 1


def test_without_its_file_a_late_row_stays(store: Store, database_url: str, parquet: Path) -> None:
    """A file of the late row alone would look like the day."""
    lake.path_of(parquet, BTC_DAY).unlink()
    store_trades(store, BTC, LATE[:1])
    outcome = leave(database_url, parquet)
    assert isinstance(outcome, Decision)
    assert "restore it" in outcome.refusals[0].words
    assert not lake.path_of(parquet, BTC_DAY).exists()


def test_a_run_that_was_killed_before_it_wrote_down_is_caught_up(
    store: Store, database_url: str, parquet: Path
) -> None:
    store_trades(store, BTC, LATE)
    (before,) = store.execute(
        "SELECT rows, checksum, certified, exported_at, snapshot FROM coverage WHERE day = %s",
        [DAY],
    ).fetchall()
    list(let_go(database_url, parquet, POLICY))
    store_trades(store, BTC, LATE)  # as if they had not been dropped yet
    store.execute(
        "UPDATE coverage SET rows = %s, checksum = %s, certified = %s, exported_at = %s, "
        "snapshot = %s::pg_snapshot WHERE day = %s",
        [*before[:4], str(before[4]), DAY],
    )
    assert isinstance(leave(database_url, parquet), Dropped)
    (row,) = list_coverage(store, DAY, BTC)
    assert (row.rows, row.verdict, row.reopened_at) == (8, "complete", None)


def test_nobody_takes_late_rows_for_the_day(store: Store, database_url: str, parquet: Path) -> None:
    store_trades(store, BTC, LATE)
    look_for_late_rows(store, None)
    assert traded_days(store) == [MarketDay(AFTER, BTC)]
    assert unarchived_days(database_url, parquet, BEFORE, DAY) == []
    assert list(compare_with_store(database_url, parquet, [BTC_DAY])) == []
    assert reopened_days(store) == []
    judge_again(store, market_ids(store)[BTC], BTC_DAY)
    (row,) = list_coverage(store, DAY, BTC)
    assert (row.first_id, row.last_id, row.missing) == (1, 8, 2)


@pytest.mark.parametrize("late", [[], LATE])
def test_the_day_after_it_is_judged_as_before(store: Store, parquet: Path, late: list[Row]) -> None:
    after = MarketDay(AFTER, BTC)
    store_trades(store, BTC, late)
    judge_again(store, market_ids(store)[BTC], after)
    query = "SELECT after_id, expected, missing, unexplained FROM coverage WHERE day = %s"
    assert store.execute(query, [AFTER]).fetchall() == [(8, 1, 0, 0)]
    store_trades(store, BTC, [(10, f"{AFTER + timedelta(days=1)} 00:00:00", "1", "1")])
    judge_again(store, market_ids(store)[BTC], after)
    assert verdict_of(store, after) == "complete"


def test_the_day_before_one_that_left_is_judged_as_before(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    """It stays, for another market's sake, while the one behind it goes."""
    store.execute("SELECT make_days(%s, %s)", [DAY, AFTER])
    store_trades(store, BTC, [*NEIGHBOURS, *TRADES, *LATE, (10, f"{TODAY} 12:00:00", "1", "1")])
    after = MarketDay(AFTER, BTC)
    export(database_url, tmp_path, BTC_DAY, after, MarketDay(BEFORE, BTC))
    store_day(store, ETH)
    policy = Policy(keep_days=30, today=TODAY + timedelta(days=1))
    outcomes = list(let_go(database_url, tmp_path, policy))
    assert [isinstance(one, Dropped) for one in outcomes] == [True, False, True]
    judge_again(store, market_ids(store)[BTC], BTC_DAY)
    assert verdict_of(store) == "complete"
    (row,) = list_coverage(store, DAY, BTC)
    assert (row.expected, row.missing, row.unexplained) == (8, 0, 0)


def test_a_market_goes_on_behind_its_last_trade_though_that_has_left(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    export(database_url, tmp_path, store_day(store, ETH))
    leave(database_url, tmp_path)
    at = micros(BTC_DAY.starts_at + timedelta(minutes=3))
    assert newest(store, ETH.exchange) == {ETH.symbol: (3, at)}
    store_trades(store, ETH, [(2, f"{DAY} 00:02:00", "100.20", "0.50")])
    assert newest(store, ETH.exchange) == {ETH.symbol: (3, at)}
    store_trades(store, ETH, [(7, f"{NEXT} 00:02:00", "1", "1")])
    assert newest(store, ETH.exchange)[ETH.symbol][0] == 7


def fold_into_month(parquet: Path, day: MarketDay) -> None:
    """The day's own file goes into its month's, as compaction does it."""
    path = lake.path_of(parquet, day)
    place = lake.place_of(parquet, day)
    assert place is not None
    lake.write_month(lake.month_of(path), [place])
    path.unlink()


def test_late_rows_join_a_day_that_lies_in_its_months_file(
    store: Store, database_url: str, parquet: Path
) -> None:
    fold_into_month(parquet, BTC_DAY)
    store_trades(store, BTC, LATE)
    assert leave(database_url, parquet).rows == 2
    assert lake.read(lake.path_of(parquet, BTC_DAY))["trade_id"].to_pylist() == list(range(1, 9))
    assert certificate_of(parquet).verdict == "complete"


@pytest.mark.parametrize("is_folded", [False, True])
def test_an_export_of_a_day_that_left_gives_its_file_as_it_is(
    store: Store, database_url: str, parquet: Path, is_folded: bool
) -> None:
    before = certificate_of(parquet)
    if is_folded:
        fold_into_month(parquet, BTC_DAY)
    store_trades(store, BTC, LATE)
    (done,) = export(database_url, parquet, BTC_DAY)
    assert done.certificate == before == certificate_of(parquet)
    assert done.path is not None and lake.is_month(done.path) is is_folded


def test_late_rows_alone_are_never_exported_as_the_day(
    store: Store, database_url: str, parquet: Path
) -> None:
    lake.path_of(parquet, BTC_DAY).unlink()
    store_trades(store, BTC, LATE)
    (outcome,) = export_days(database_url, parquet, [BTC_DAY])
    assert isinstance(outcome, Failed)
    assert "bring it back from the backup" in outcome.reason
    assert lake.find_certificate(parquet, BTC_DAY) is None
