"""Holes as rows, and the one writer of an exchange."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import (
    TOO_WIDE,
    AlreadyCollected,
    claim,
    close_gap,
    forget_gap,
    instant,
    micros,
    missing,
    newest,
    open_gaps,
    postpone_repair,
    refuse_market,
    report,
    serve_markets,
    set_aside,
    start_repair,
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
    report(store, hole, "jump")
    (found,) = open_gaps(store, "kraken")
    assert (found.gap, found.attempts) == (hole, 0)
    assert open_gaps(store, "coinbase") == []


def test_a_gap_that_a_heartbeat_told_of_has_no_later_edge_in_time(store: Store) -> None:
    hole = Gap(BTC, 10, NOON, 20, None)
    report(store, hole, "heartbeat")
    (found,) = open_gaps(store, "kraken")
    assert found.gap == hole
    assert missing(store, hole) == 9


def test_newest_gaps_come_first(store: Store) -> None:
    for after_id in (10, 30, 20):
        report(store, gap(after_id, after_id + 5), "jump")
    assert [found.gap.after_id for found in open_gaps(store, "kraken")] == [20, 30, 10]


def test_a_gap_reported_again_is_one_row_opened_again(store: Store) -> None:
    report(store, gap(10, None), "reconnect")
    (before,) = open_gaps(store, "kraken")
    close_gap(store, before.gap_id, "repaired", "3 rows")
    assert open_gaps(store, "kraken") == []
    report(store, gap(10, None), "reconnect")
    (after,) = open_gaps(store, "kraken")
    assert after.gap_id == before.gap_id
    assert after.found_at > before.found_at


def test_the_life_of_a_gap(store: Store) -> None:
    report(store, gap(10, 20), "jump")
    (found,) = open_gaps(store, "kraken")
    start_repair(store, found.gap_id)
    assert states(store) == ["repairing"]
    postpone_repair(store, found.gap_id, "busy")
    assert states(store) == ["suspected"]
    (again,) = open_gaps(store, "kraken")
    assert again.attempts == 1
    close_gap(store, found.gap_id, "absent", "9 ids are not at the exchange either")
    assert states(store) == ["absent"]
    forget_gap(store, found.gap_id)
    assert states(store) == []


def test_a_gap_that_is_too_wide_stays_open_but_does_not_wait_for_repair(store: Store) -> None:
    report(store, gap(10, None), "reconnect")
    (found,) = open_gaps(store, "kraken")
    set_aside(store, found.gap_id, "4,000,000,000 ids")
    assert open_gaps(store, "kraken") == []
    report(store, gap(10, None), "reconnect")  # found again after the next reconnect
    assert open_gaps(store, "kraken") == []
    row = store.execute("SELECT state, closed_at, note FROM gaps").fetchone()
    assert row == ("suspected", None, f"{TOO_WIDE} to repair by itself: 4,000,000,000 ids")


def test_missing_counts_the_ids_between_the_edges(store: Store) -> None:
    TradeWriter(store).insert([trade(id) for id in (10, 12, 15, 20)])
    assert missing(store, gap(10, 20)) == 7
    assert missing(store, gap(10, 12)) == 1
    assert missing(store, gap(11, 13)) == 0
    assert missing(store, gap(1, 4, ETH)) == 2


def test_an_id_that_stands_under_two_times_fills_one_place(store: Store) -> None:
    TradeWriter(store).insert([trade(11), trade(11, NOON + 12 * SECOND)])
    assert missing(store, gap(10, 13)) == 1


def test_nobody_knows_how_many_are_missing_behind_an_open_end(store: Store) -> None:
    with pytest.raises(ValueError, match="open at its end"):
        missing(store, gap(10, None))


@given(known=st.sets(st.integers(1, 60), max_size=60))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_missing_is_what_is_not_known(store: Store, known: set[int]) -> None:
    store.execute("TRUNCATE trades")
    TradeWriter(store).insert([trade(id) for id in known])
    assert missing(store, gap(0, 61)) == 60 - len(known)
    assert missing(store, gap(20, 41)) == len(set(range(21, 41)) - known)


def test_the_newest_trade_of_each_market_is_found(store: Store) -> None:
    writer = TradeWriter(store)
    writer.insert([trade(1), trade(3), trade(2), trade(9, market=ETH)])
    writer.insert([trade(4, market=Market("coinbase", "BTC-USD"))])
    found = {"BTC/USD": (3, NOON + 3 * SECOND), "ETH/USD": (9, NOON + 9 * SECOND)}
    assert newest(store, "kraken") == found
    assert newest(store, "binance") == {}


def test_a_second_collector_is_refused_and_told_who_holds_the_exchange(database_url: str) -> None:
    with connect(database_url, "collector kraken, pid 7 on moon") as first:
        claim(first, "kraken")
        with connect(database_url, "second") as second:
            words = rf"collector kraken, pid 7 on moon \(server process {first.info.backend_pid}"
            with pytest.raises(AlreadyCollected, match=words):
                claim(second, "kraken")
            claim(second, "coinbase")
    with connect(database_url, "third") as third:
        claim(third, "kraken")


def test_the_same_exchange_in_another_database_is_free(database_url: str, server_url: str) -> None:
    with connect(database_url, "one") as one, connect(server_url, "other") as other:
        claim(one, "kraken")
        claim(other, "kraken")


def test_a_lost_connection_of_ours_that_the_server_still_keeps_is_ended(database_url: str) -> None:
    with connect(database_url, "collector") as former:
        claim(former, "kraken")
        with connect(database_url, "collector") as later:
            claim(later, "kraken", former.info.backend_pid)
            with pytest.raises(Exception, match=r"terminat|closed"):
                former.execute("SELECT 1")
            former.close()


def test_nobody_else_is_ended(database_url: str) -> None:
    """Whatever process number we remember: it may be another's by now."""
    with connect(database_url, "another collector") as holder:
        claim(holder, "kraken")
        with connect(database_url, "collector") as later, pytest.raises(AlreadyCollected):
            claim(later, "kraken", holder.info.backend_pid)
        with connect(database_url, "another collector") as later, pytest.raises(AlreadyCollected):
            claim(later, "kraken", holder.info.backend_pid + 1)
        holder.execute("SELECT 1")


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
