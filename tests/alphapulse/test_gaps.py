"""Holes as rows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import (
    instant,
    micros,
    newest,
    open_gaps,
    refuse_market,
    report,
    serve_markets,
)
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Side, Trade

BTC = Market("kraken", "BTC/USD")
ETH = Market("kraken", "ETH/USD")
NOON = 1_723_118_400_000_000
SECOND = 1_000_000


def trade(id: int, traded_at: int | None = None, market: Market = BTC) -> Trade:
    at = NOON + id * SECOND if traded_at is None else traded_at
    one = Decimal(1)
    return Trade(market.exchange, market.symbol, id, one, one, Side.BUY, at, at)


def gap(after_id: int, before_id: int | None, market: Market = BTC) -> Gap:
    before_at = None if before_id is None else NOON + before_id * SECOND
    return Gap(market, after_id, NOON + after_id * SECOND, before_id, before_at)


def states(store: Store) -> list[str]:
    return [state for (state,) in store.execute("SELECT state FROM gaps ORDER BY gap_id")]


@pytest.mark.parametrize("hole", [gap(10, 20), gap(10, None)])
def test_a_reported_gap_waits_for_repair_as_it_was(store: Store, hole: Gap) -> None:
    report(store, hole, "sequence hole")
    (found,) = open_gaps(store, "kraken")
    assert (found.gap, found.attempts) == (hole, 0)
    assert open_gaps(store, "coinbase") == []


def test_a_gap_that_a_heartbeat_told_of_has_no_later_edge_in_time(store: Store) -> None:
    hole = Gap(BTC, 10, NOON, 20, None)
    report(store, hole, "heartbeat")
    (found,) = open_gaps(store, "kraken")
    assert found.gap == hole


def test_newest_gaps_come_first(store: Store) -> None:
    for after_id in (10, 30, 20):
        report(store, gap(after_id, after_id + 5), "sequence hole")
    assert [found.gap.after_id for found in open_gaps(store, "kraken")] == [20, 30, 10]


def test_a_tail_reported_again_is_one_row_and_asks_for_a_walk_of_its_own(store: Store) -> None:
    report(store, gap(10, None), "disconnect")
    (before,) = open_gaps(store, "kraken")
    report(store, gap(10, None), "exchange cut")
    (after,) = open_gaps(store, "kraken")
    assert after.gap_id == before.gap_id
    assert after.revision > before.revision
    assert causes(store) == ["disconnect"]


def test_a_gap_reported_again_changes_nothing(store: Store) -> None:
    report(store, gap(10, 20), "disconnect")
    (before,) = open_gaps(store, "kraken")
    report(store, gap(10, 20), "sequence hole")
    report(store, gap(12, 15), "sequence hole")
    assert open_gaps(store, "kraken") == [before]


def test_gaps_that_touch_are_one_row_which_is_walked_anew(store: Store) -> None:
    report(store, gap(10, 20), "disconnect")
    (before,) = open_gaps(store, "kraken")
    store.execute("UPDATE gaps SET cursor = 'somewhere', filled = 3, attempts = 2, rejections = 4")
    report(store, gap(30, 40), "sequence hole")
    report(store, gap(15, 31), "sequence hole")
    (after,) = open_gaps(store, "kraken")
    assert (after.gap_id, after.gap) == (before.gap_id, gap(10, 40))
    assert after.revision > before.revision
    assert (after.cursor, after.attempts, after.rejections) == (None, 2, 0)
    row = store.execute("SELECT filled, cause FROM gaps").fetchone()
    assert row == (3, "disconnect")


def test_gaps_of_other_markets_do_not_touch(store: Store) -> None:
    report(store, gap(10, 20), "disconnect")
    report(store, gap(10, 20, ETH), "disconnect")
    assert {found.gap for found in open_gaps(store, "kraken")} == {gap(10, 20), gap(10, 20, ETH)}


@pytest.mark.parametrize("state", ["repaired", "absent", "unrecoverable"])
def test_what_is_settled_is_not_opened_again(store: Store, state: str) -> None:
    report(store, gap(10, 20), "disconnect")
    store.execute("UPDATE gaps SET state = %s, closed_at = now()", [state])
    report(store, gap(10, 20), "sequence hole")
    assert open_gaps(store, "kraken") == []
    report(store, gap(5, 30), "sequence hole")
    found = {(found.gap.after_id, found.gap.before_id) for found in open_gaps(store, "kraken")}
    assert found == {(5, 11), (19, 30)}
    assert states(store).count(state) == 1


def test_the_next_trade_ends_a_tail(store: Store) -> None:
    report(store, gap(10, None), "disconnect")
    report(store, gap(10, 20), "disconnect")
    (found,) = open_gaps(store, "kraken")
    assert found.gap == gap(10, 20)


def test_a_tail_with_no_room_for_a_trade_is_no_gap(store: Store) -> None:
    report(store, gap(10, None), "disconnect")
    report(store, gap(10, 11), "disconnect")
    assert states(store) == []


def test_a_gap_of_a_cause_that_nobody_knows_is_refused(store: Store) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        report(store, gap(10, 20), "jump")
    assert states(store) == []


def test_a_gap_that_ends_before_it_begins_is_refused(store: Store) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        report(store, gap(10, 5), "unknown")


def test_reports_from_many_threads_at_once_leave_gaps_apart(
    store: Store, database_url: str
) -> None:
    """Each thread tells of every other id; all of them together, of all."""
    report(store, gap(0, 2), "unknown")  # the market has its number

    def tell(start: int) -> None:
        with connect(database_url, "test") as own:
            for after_id in range(start, 60, 4):
                report(own, gap(after_id, after_id + 3), "unknown")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(4)))
    assert [found.gap for found in open_gaps(store, "kraken")] == [gap(0, 62)]


def causes(store: Store) -> list[str]:
    return [cause for (cause,) in store.execute("SELECT cause FROM gaps ORDER BY gap_id")]


def test_the_newest_trade_of_each_market_is_found(store: Store) -> None:
    writer = TradeWriter(store)
    writer.insert([trade(1), trade(3), trade(2), trade(9, market=ETH)])
    writer.insert([trade(4, market=Market("coinbase", "BTC-USD"))])
    found = {"BTC/USD": (3, NOON + 3 * SECOND), "ETH/USD": (9, NOON + 9 * SECOND)}
    assert newest(store, "kraken") == found
    assert newest(store, "binance") == {}


def test_a_refusal_is_written_down_and_taken_back(store: Store) -> None:
    refuse_market(store, BTC, "Currency pair not supported BTC/USD")
    look = "SELECT refusal, refused_at IS NULL FROM markets WHERE symbol = 'BTC/USD'"
    assert store.execute(look).fetchone() == ("Currency pair not supported BTC/USD", False)
    serve_markets(store, [ETH, BTC])
    assert store.execute(look).fetchone() == (None, True)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_instants_and_microseconds_are_two_words_for_one_thing(at: int) -> None:
    assert micros(instant(at)) == at


def test_the_epoch_is_zero() -> None:
    assert instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
