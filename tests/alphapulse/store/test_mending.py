"""What repairs and late rows do to gaps, and what listeners hear of it."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from time import monotonic

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.store import mending
from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import TOO_WIDE, OpenGap, open_gaps, report
from alphapulse.store.mending import (
    Closed,
    conclude,
    count_missing,
    dismiss_gap,
    end_gap,
    keep_cursor,
    narrow,
    postpone_repair,
    recheck,
    set_aside,
    settle,
    start_repair,
)
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Side, Source, Trade

BTC = Market("kraken", "BTC/USD")
ETH = Market("kraken", "ETH/USD")
NOON = 1_723_118_400_000_000
SECOND = 1_000_000


def trade(id: int, source: Source = Source.LIVE) -> Trade:
    one, at = Decimal(1), NOON + id * SECOND
    return Trade("kraken", "BTC/USD", id, one, one, Side.BUY, at, at, source)


def keep(store: Store, ids: Iterable[int], source: Source = Source.LIVE) -> None:
    TradeWriter(store).insert([trade(id, source) for id in ids])


def gap(after_id: int, before_id: int | None) -> Gap:
    before_at = None if before_id is None else NOON + before_id * SECOND
    return Gap(BTC, after_id, NOON + after_id * SECOND, before_id, before_at)


def open_gap(store: Store, after_id: int, before_id: int | None) -> OpenGap:
    report(store, gap(after_id, before_id), "disconnect")
    (found,) = open_gaps(store, "kraken")
    return found


def rows(store: Store, columns: str) -> list[tuple[object, ...]]:
    return store.execute(f"SELECT {columns} FROM gaps ORDER BY gap_id".encode()).fetchall()


def test_the_life_of_a_gap(store: Store) -> None:
    found = open_gap(store, 10, 20)
    assert start_repair(store, found)
    assert rows(store, "state, attempts, tried_at IS NULL") == [("repairing", 1, False)]
    assert keep_cursor(store, found, "15", 4)
    assert keep_cursor(store, found, "18", 3)
    assert rows(store, "state, cursor, filled") == [("repairing", "18", 7)]
    assert postpone_repair(store, found, "busy")
    assert rows(store, "state, cursor, note") == [("suspected", "18", "busy")]
    assert postpone_repair(store, found, "not on REST yet", is_over=True)
    assert rows(store, "state, cursor") == [("suspected", None)]
    assert conclude(store, found, "absent") == Closed("absent", 9)
    assert rows(store, "state, absent, closed_at IS NULL") == [("absent", 9, False)]


def test_a_repair_goes_on_where_it_was(store: Store) -> None:
    found = open_gap(store, 10, 20)
    start_repair(store, found)
    keep_cursor(store, found, "15", 4)
    postpone_repair(store, found, "HTTP 404", is_rejected=True)
    (again,) = open_gaps(store, "kraken")
    assert again == replace(found, attempts=1, cursor="15", rejections=1)
    keep_cursor(store, again, "16", 1)
    assert rows(store, "rejections") == [(0,)]


def test_of_a_gap_that_changed_nothing_is_said(store: Store) -> None:
    found = open_gap(store, 10, 20)
    report(store, gap(15, 30), "disconnect")
    before = rows(store, "*")
    assert not start_repair(store, found)
    assert not keep_cursor(store, found, "15", 4)
    assert not postpone_repair(store, found, "busy")
    assert not set_aside(store, found, "many")
    assert not dismiss_gap(store, found)
    assert count_missing(store, found) is None
    assert conclude(store, found, "absent") is None
    assert end_gap(store, found, 30, NOON) is None
    assert rows(store, "*") == before


def test_a_gap_that_is_too_wide_stays_open_but_does_not_wait_for_repair(store: Store) -> None:
    found = open_gap(store, 10, None)
    set_aside(store, found, "4,000,000,000 ids")
    report(store, gap(10, None), "disconnect")  # found again after the next reconnect
    assert open_gaps(store, "kraken") == []
    why = f"4,000,000,000 ids; alphapulse backfill --gap {found.gap_id}"
    note = f"{TOO_WIDE} to repair by itself: {why}"
    assert rows(store, "state, closed_at, note") == [("suspected", None, note)]


def test_a_tail_that_was_too_wide_is_tried_again_once_its_end_is_known(store: Store) -> None:
    set_aside(store, open_gap(store, 10, None), "2,000 pages")
    report(store, gap(10, 20), "disconnect")
    (found,) = open_gaps(store, "kraken")
    assert found.gap == gap(10, 20)


def test_what_repairs_stored_is_counted_on_closing(store: Store) -> None:
    found = open_gap(store, 10, 20)
    keep(store, [11, 12, 13], Source.BACKFILL)
    keep(store, [14, 15])
    assert conclude(store, found, "absent") == Closed("absent", 4)
    note = "4 ids are not at the exchange either"
    assert rows(store, "filled, absent, note") == [(3, 4, note)]


def test_a_gap_in_which_nothing_is_missing_is_repaired_whatever_was_thought(store: Store) -> None:
    found = open_gap(store, 10, 13)
    keep(store, [11, 12], Source.BACKFILL)
    assert conclude(store, found, "unrecoverable", "HTTP 404") == Closed("repaired", 0)
    assert rows(store, "state, note") == [("repaired", "2 rows from REST")]


def test_what_is_given_up_says_why(store: Store) -> None:
    found = open_gap(store, 10, None)
    assert conclude(store, found, "unrecoverable", "HTTP 404: gone") == Closed("unrecoverable", 0)
    assert rows(store, "state, note, before_id") == [("unrecoverable", "HTTP 404: gone", None)]


def test_only_what_lies_between_the_first_and_the_last_missing_id_is_asked_for(
    store: Store,
) -> None:
    found = open_gap(store, 10, 20)
    assert narrow(store, found) == gap(10, 20)
    keep(store, [11, 12, 15, 18, 19])
    assert narrow(store, found) == gap(12, 18)
    keep(store, [13, 14])
    assert narrow(store, found) == gap(15, 18)


def test_an_id_that_stands_under_two_times_fills_one_place(store: Store) -> None:
    found = open_gap(store, 10, 13)
    keep(store, [11])
    TradeWriter(store).insert([replace(trade(11), traded_at=NOON + 12 * SECOND)])
    assert count_missing(store, found) == 1
    assert narrow(store, found) == replace(gap(11, 13), after_at=NOON + 11 * SECOND)


def test_a_gap_whose_later_edge_has_no_time_is_counted_to_its_end(store: Store) -> None:
    """A heartbeat told of it."""
    report(store, replace(gap(10, 20), before_at=None), "heartbeat")
    (found,) = open_gaps(store, "kraken")
    keep(store, [12, 19])
    assert count_missing(store, found) == 7
    assert narrow(store, found) == gap(10, 19)


@given(known=st.sets(st.integers(1, 30)))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_narrowed_or_not_the_same_is_missing(store: Store, known: set[int]) -> None:
    store.execute("TRUNCATE trades, gaps")
    found = open_gap(store, 0, 31)
    keep(store, known)
    lacking = set(range(1, 31)) - known
    assert count_missing(store, found) == len(lacking)
    if lacking:
        assert narrow(store, found) == gap(min(lacking) - 1, max(lacking) + 1)


def test_a_tail_gets_the_end_that_its_walk_came_to(store: Store) -> None:
    ended = end_gap(store, open_gap(store, 10, None), 17, NOON + 17 * SECOND)
    assert ended
    assert ended.gap == Gap(BTC, 10, NOON + 10 * SECOND, 18, NOON + 17 * SECOND)
    assert open_gaps(store, "kraken") == [ended]


def test_a_tail_ends_behind_what_an_earlier_walk_stored(store: Store) -> None:
    found = open_gap(store, 10, None)
    keep(store, [11, 12, 19], Source.BACKFILL)
    ended = end_gap(store, found, 12, NOON + 12 * SECOND)
    assert ended
    assert (ended.gap.before_id, ended.gap.before_at) == (20, NOON + 19 * SECOND)


def test_a_tail_with_nothing_behind_it_is_dismissed(store: Store) -> None:
    found = open_gap(store, 10, None)
    assert end_gap(store, found, 10, NOON) is None
    assert rows(store, "state") == []


def test_late_rows_close_the_open_gap_that_they_fill(store: Store) -> None:
    open_gap(store, 10, 14)
    keep(store, [11, 13])
    assert settle(store, BTC, 11, 13) == 0
    assert rows(store, "state") == [("suspected",)]
    keep(store, [12])
    assert settle(store, ETH, 12, 12) == 0
    assert settle(store, BTC, 14, 99) == 0
    assert rows(store, "state") == [("suspected",)]
    assert settle(store, BTC, 12, 12) == 1
    assert rows(store, "state, note, closed_at IS NULL") == [
        ("repaired", "filled by late rows", False)
    ]
    assert settle(store, BTC, 12, 12) == 0


@pytest.mark.parametrize("state", ["absent", "unrecoverable"])
def test_late_rows_close_the_given_up_gap_that_they_fill(
    store: Store, state: mending.Verdict
) -> None:
    conclude(store, open_gap(store, 10, 13), state, "gone")
    keep(store, [11])
    assert settle(store, BTC, 11, 11) == 0
    assert rows(store, "state, absent") == [(state, 1 if state == "absent" else 0)]
    keep(store, [12])
    assert settle(store, BTC, 12, 12) == 1
    assert rows(store, "state, absent") == [("repaired", 0)]


def test_a_gap_given_up_is_looked_at_again_for_rows_that_nobody_told_of(store: Store) -> None:
    conclude(store, open_gap(store, 10, 13), "absent")
    assert recheck(store, "kraken") == 0
    keep(store, [11])
    assert recheck(store, "kraken") == 0
    assert rows(store, "state, absent") == [("absent", 1)]
    keep(store, [12])
    assert recheck(store, "coinbase") == 0
    assert recheck(store, "kraken") == 1
    assert rows(store, "state, absent") == [("repaired", 0)]


def test_gaps_given_up_long_ago_are_left_in_peace(store: Store) -> None:
    conclude(store, open_gap(store, 10, 12), "absent")
    keep(store, [11])
    store.execute("UPDATE gaps SET closed_at = now() - interval '4 days'")
    assert recheck(store, "kraken") == 0
    assert rows(store, "state") == [("absent",)]


def test_a_late_row_and_the_end_of_a_repair_cannot_miss_each_other(
    store: Store, database_url: str
) -> None:
    """Whichever comes first, the gap ends repaired."""
    report(store, gap(0, 2), "unknown")
    for round in range(15):
        store.execute("TRUNCATE trades, gaps")
        report(store, gap(10, 12), "disconnect")
        (found,) = open_gaps(store, "kraken")

        def come_late() -> None:
            with connect(database_url, "test") as own:
                keep(own, [11])
                settle(own, BTC, 11, 11)

        def give_up(found: OpenGap) -> None:
            with connect(database_url, "test") as own:
                conclude(own, found, "absent")

        with ThreadPoolExecutor(2) as pool:
            [task.result() for task in (pool.submit(come_late), pool.submit(give_up, found))]
        assert rows(store, "state, absent") == [("repaired", 0)], round


steps = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 30), st.integers(2, 8)),
    st.tuples(st.just("come"), st.integers(1, 38), st.integers(1, 4)),
    st.tuples(st.just("give up"), st.integers(0, 5), st.just(0)),
)


@given(st.lists(steps, max_size=14))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_open_gaps_lack_exactly_what_was_told_and_neither_came_nor_was_given_up(
    store: Store, story: list[tuple[str, int, int]]
) -> None:
    store.execute("TRUNCATE trades, gaps")
    told, came, absent = set[int](), set[int](), set[int]()
    for step, first, size in story:
        match step:
            case "tell":
                report(store, gap(first, first + size), "sequence hole")
                told |= set(range(first + 1, first + size)) - held_by_closed(store)
            case "come":
                late = range(first, first + size)
                keep(store, late)
                settle(store, BTC, first, first + size - 1)
                came |= set(late)
            case "give up":
                for found in open_gaps(store, "kraken")[first : first + 1]:
                    conclude(store, found, "absent")
                    absent |= {id for id in range(50) if found.gap.holds(id)} - came
        now_open = [found.gap for found in open_gaps(store, "kraken")]
        held = {id for id in range(50) for one in now_open if one.holds(id)}
        assert held - came == told - came - absent
        assert sum(one.holds(id) for id in held for one in now_open) == len(held)
        assert not {one.before_id for one in now_open} & {one.after_id + 1 for one in now_open}


def held_by_closed(store: Store) -> set[int]:
    spans = store.execute("SELECT after_id, before_id FROM gaps WHERE closed_at IS NOT NULL")
    return {id for after_id, before_id in spans for id in range(after_id + 1, before_id)}


@contextmanager
def listening(url: str) -> Iterator[Store]:
    with connect(url, "test listener") as listener:
        listener.execute("LISTEN gaps")
        yield listener


def heard(listener: Store, count: int) -> list[dict[str, object]]:
    """The next `count` notices, and no more for a moment."""
    deadline = monotonic() + 20
    notices: list[dict[str, object]] = []
    while len(notices) < count:
        assert monotonic() < deadline
        payloads = [notice.payload for notice in listener.notifies(timeout=0.2, stop_after=1)]
        notices += map(msgspec.json.decode, payloads)
    assert not list(listener.notifies(timeout=0.1))
    return notices


def test_every_change_of_a_gap_is_told(store: Store, database_url: str) -> None:
    with listening(database_url) as listener:
        found = open_gap(store, 10, None)
        (first,) = heard(listener, 1)
        ((market_id,),) = store.execute("SELECT market_id FROM markets").fetchall()
        assert first == {
            "gap_id": found.gap_id,
            "market_id": market_id,
            "state": "suspected",
            "after_id": 10,
            "before_id": None,
            "after_at": NOON + 10 * SECOND,
            "before_at": None,
            "cause": "disconnect",
            "filled": 0,
            "absent": 0,
        }
        report(store, gap(10, 13), "disconnect")
        (found,) = open_gaps(store, "kraken")
        start_repair(store, found)
        keep_cursor(store, found, "11", 1)  # changes none of what is told
        keep(store, [11], Source.BACKFILL)
        conclude(store, found, "absent")
        edge = {"before_id": 13, "before_at": NOON + 13 * SECOND}
        assert heard(listener, 3) == [
            first | edge,
            first | edge | {"state": "repairing"},
            first | edge | {"state": "absent", "filled": 1, "absent": 1},
        ]
        keep(store, [12])
        settle(store, BTC, 12, 12)
        assert heard(listener, 1) == [first | edge | {"state": "repaired", "filled": 1}]


def test_a_gap_that_proved_to_be_none_is_dismissed(store: Store, database_url: str) -> None:
    with listening(database_url) as listener:
        dismiss_gap(store, open_gap(store, 10, None))
        assert [told["state"] for told in heard(listener, 2)] == ["suspected", "dismissed"]


def test_a_gap_that_cannot_be_told_of_is_stored_all_the_same(
    store: Store, database_url: str
) -> None:
    """An instant beyond all calendars has no number of microseconds."""
    with listening(database_url) as listener:
        open_gap(store, 10, 20)
        heard(listener, 1)
        store.execute("UPDATE gaps SET before_at = 'infinity', before_id = 21")
        assert heard(listener, 0) == []
    assert rows(store, "before_id") == [(21,)]
