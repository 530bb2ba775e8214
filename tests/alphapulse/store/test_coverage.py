"""Coverage by the statements, on a real PostgreSQL."""

from datetime import date, datetime, timedelta

import pytest

from alphapulse.coverage import Coverage, Verdict
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.coverage import judge_day
from alphapulse.store.judgements import days_to_judge, judge_again, list_coverage, today_of
from alphapulse.store.uptime import Served, count_trades, extend_uptime
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_market, store_trades

START, END = BTC_DAY.starts_at, BTC_DAY.ends_at

GAP = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, state, cause)
VALUES (%s, %s, %s, %s, %s, %s, 'sequence hole')"""


def store_ids(store: Store, *ids: int, start: datetime = START, step: float = 60.0) -> int:
    """Trades of coinbase/BTC-USD, of which id n is traded n steps after `start`."""
    at = {id: start + timedelta(seconds=id * step) for id in ids}
    rows = [(id, when.replace(tzinfo=None).isoformat(" "), "1", "1") for id, when in at.items()]
    store_trades(store, BTC, rows)
    return store_market(store, BTC)


def store_gap(
    store: Store, market_id: int, after_id: int, before_id: int | None, state: str, step: int = 60
) -> None:
    at = [START + timedelta(seconds=id * step) for id in (after_id, before_id or after_id)]
    before_at = at[1] if before_id is not None else None
    store.execute(GAP, [market_id, after_id, before_id, at[0], before_at, state])


def serve(store: Store, since: int, until: int) -> None:
    """Hours from the day's midnight on."""
    hours = [START + timedelta(hours=hour) for hour in (since, until)]
    extend_uptime(store, BTC.exchange, Served([BTC.symbol, "NEVER"], *hours))


def judged(store: Store, counted: int | None = None) -> Coverage:
    return judge_day(store, store_market(store, BTC), BTC_DAY, counted)[0]


LAST = 24 * 60 - 1  # a trade a minute: ids -1 and 1440 are those of the neighbouring days


def test_a_whole_day_is_complete(store: Store) -> None:
    store_ids(store, *range(-5, LAST + 5))
    found = judged(store, counted=LAST + 1)
    assert (found.verdict, found.expected, found.unexplained) == (Verdict.COMPLETE, LAST + 1, 0)
    assert (found.after_id, found.first_id, found.last_id) == (-1, 0, LAST)
    assert found.before_id == LAST + 1


def test_each_kind_of_gap_is_counted_by_what_is_not_stored(store: Store) -> None:
    lost = {100, 101, 200, 300}
    market_id = store_ids(store, *(set(range(-1, LAST + 2)) - lost))
    store_gap(store, market_id, 99, 103, "suspected")
    store_gap(store, market_id, 199, 202, "absent")
    store_gap(store, market_id, 299, 301, "unrecoverable")
    store_gap(store, market_id, 400, 411, "repaired")
    found = judged(store, counted=LAST + 1 - len(lost))
    assert (found.missing, found.absent, found.unexplained) == (3, 1, 0)
    assert found.repaired == 1 + 1 + 10
    assert found.reason == "3 ids are missing; 1 id is absent at the exchange"


def test_a_gap_without_an_end_is_counted_to_the_days_end(store: Store) -> None:
    market_id = store_ids(store, *range(-1, 100), *range(110, LAST + 2))
    store_gap(store, market_id, 99, None, "suspected")
    assert judged(store, counted=LAST + 1 - 10).missing == 10


def test_a_hole_across_midnight_counts_against_both_days(store: Store) -> None:
    market_id = store_ids(store, *range(-1, LAST - 9), *range(LAST + 11, 2 * LAST))
    store_gap(store, market_id, LAST - 10, LAST + 11, "suspected")
    tomorrow = MarketDay(DAY + timedelta(days=1), BTC)
    assert judged(store).missing == 20
    assert judge_day(store, market_id, tomorrow)[0].missing == 20


def test_ids_out_of_order_at_midnight_are_counted_exactly(store: Store) -> None:
    store_ids(store, -3, -2, *range(1, LAST), LAST + 2, LAST + 3)
    edges = [(-1, "2024-08-08 00:00:01"), (0, "2024-08-07 23:59:59"),
             (LAST, "2024-08-09 00:00:00.5"), (LAST + 1, "2024-08-08 23:59:59.9")]  # fmt: skip
    store_trades(store, BTC, [(id, at, "1", "1") for id, at in edges])
    found = judged(store, counted=LAST + 1)
    assert (found.verdict, found.expected) == (Verdict.COMPLETE, LAST + 1)


def test_unexplained_ids_name_themselves_and_their_times(store: Store) -> None:
    lost = {0, 500, 501, LAST}
    store_ids(store, *(set(range(-1, LAST + 2)) - lost))
    found, names = judge_day(store, store_market(store, BTC), BTC_DAY, LAST + 1 - len(lost))
    assert (found.verdict, found.unexplained) == (Verdict.INCOMPLETE, 4)
    assert found.reason.endswith(f": 0, 500 to 501, {LAST}")
    assert [(jump.after_id, jump.before_id) for jump in names] == [
        (-1, 1),
        (499, 502),
        (LAST - 1, LAST + 1),
    ]
    assert names[0].after_at == START - timedelta(minutes=1)
    assert names[2].before_at == END


def test_the_first_day_has_no_beginning_and_the_last_no_end(store: Store) -> None:
    store_ids(store, *range(10, LAST - 10))
    found = judged(store)
    assert found.verdict is Verdict.INCOMPLETE and found.is_provisional
    assert "nobody saw its beginning" in found.reason and "not proven" in found.reason


def test_a_market_that_never_traded_is_not_complete(store: Store) -> None:
    store_market(store, BTC)
    assert "nothing is stored" in judged(store).reason


def test_markets_that_do_not_count_their_trades_are_unknown(store: Store) -> None:
    store_ids(store, -5, 3, 9, 2000)
    count_trades(store, BTC.exchange, [BTC.symbol], counts=False)
    found = judged(store, counted=2)
    assert (found.verdict, found.stored, found.missing) == (Verdict.UNKNOWN, 2, None)


def test_another_market_is_another_day(store: Store) -> None:
    store_trades(store, ETH, [(5, "2024-08-08 12:00:00", "1", "1")])
    store_ids(store, *range(-1, LAST + 2))
    assert judged(store, counted=LAST + 1).verdict is Verdict.COMPLETE


def test_uptime_is_the_union_of_what_was_told(store: Store) -> None:
    store_ids(store, *range(-1, LAST + 2))
    for since, until in ((-6, 3), (-6, 6), (3, 5), (12, 15), (12, 14), (23, 30)):
        serve(store, since, until)
    assert judged(store).observed == pytest.approx((6 + 3 + 1) / 24)
    rows = store.execute("SELECT count(*) FROM uptime").fetchone()
    assert rows == (4,)


def test_a_clock_that_went_back_takes_nothing_away(store: Store) -> None:
    store_ids(store, 1)
    for hour in (5, -5):
        serve(store, 0, hour)
    assert judged(store).observed == pytest.approx(5 / 24)


def test_a_judgement_is_written_and_read_by_name(store: Store) -> None:
    market_id = store_ids(store, *range(-1, LAST + 2))
    judge_again(store, market_id, BTC_DAY)
    judge_again(store, market_id, BTC_DAY)
    (row,) = list_coverage(store)
    assert (row.exchange, row.symbol, row.day) == (BTC.exchange, BTC.symbol, DAY)
    assert (row.verdict, row.stored, row.rows, row.exported_at) == ("complete", 1440, None, None)
    assert list_coverage(store, DAY, BTC) == [row]
    assert list_coverage(store, DAY, ETH) == list_coverage(store, date(2024, 1, 1)) == []


def test_a_day_that_the_store_let_go_of_keeps_its_judgement(store: Store) -> None:
    market_id = store_ids(store, *range(-1, 2 * LAST))
    tomorrow = MarketDay(DAY + timedelta(days=1), BTC)
    for day in (BTC_DAY, tomorrow):
        judge_again(store, market_id, day)
    store.execute("DELETE FROM trades WHERE traded_at < %s", [END])
    for day in (BTC_DAY, tomorrow):
        judge_again(store, market_id, day)
    whole, after = list_coverage(store)
    assert (whole.verdict, whole.stored) == ("complete", 1440)
    assert after.expected == 2 * LAST - LAST - 1
    assert "nobody saw" not in after.reason


def test_recent_and_unsettled_days_are_judged_again(store: Store) -> None:
    today = today_of(store)
    market_id = store_ids(store, *range(-1, LAST + 2))
    for back in (3, 4, 8):
        judge_again(store, market_id, MarketDay(today - timedelta(days=back), BTC))
    store.execute(
        "UPDATE coverage SET verdict = 'complete', is_provisional = false WHERE day = %s",
        [today - timedelta(days=4)],
    )
    store.execute(
        "UPDATE coverage SET verdict = 'incomplete' WHERE day <> %s", [today - timedelta(days=4)]
    )
    found = days_to_judge(store, today)
    assert [(today - day.date).days for day in found] == [3, 1, 0]


def test_a_market_without_trades_is_not_judged(store: Store) -> None:
    store_market(store, BTC)
    assert days_to_judge(store, today_of(store)) == []
