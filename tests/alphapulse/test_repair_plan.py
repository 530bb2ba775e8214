"""Which gaps a run repairs: those that nobody else does, and not over and over."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.findings.gaps import Hole
from alphapulse.repair_plan import AGAIN, AT_ONCE, LONGEST, STUCK, pause, plan
from alphapulse.trade import Market

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def hole(gap_id: int = 1, exchange: str = "kraken", note: str | None = None) -> Hole:
    market = Market(exchange, "BTC/USD")
    found_at = NOW - timedelta(hours=1)
    return Hole(gap_id, market, 1, 9, "suspected", "unknown", note, found_at, 1, "1 0")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_what_the_worker_is_at_is_left_to_it() -> None:
    asks, memory = plan([hole()], {}, NOW, {"kraken"})
    assert asks == []
    working = replace(hole(), progress="1 1000 cursor")
    assert plan([working], memory, after(STUCK), {"kraken"})[0] == []


def test_what_gets_nowhere_is_repaired_by_a_run() -> None:
    _, memory = plan([hole()], {}, NOW, {"kraken"})
    (ask,), _ = plan([hole()], memory, after(STUCK), {"kraken"})
    assert (ask.exchange, ask.gap_ids) == ("kraken", (1,))


def test_what_is_too_wide_is_repaired_at_once() -> None:
    (ask,), _ = plan([hole(note="too wide: up to 2,000,000 ids")], {}, NOW, {"kraken"})
    assert ask.gap_ids == (1,)


def test_without_a_collector_a_run_does_it_but_waits_for_one_to_start() -> None:
    assert len(plan([hole()], {}, NOW, set())[0]) == 1
    young = replace(hole(), found_at=NOW)
    assert plan([young], {}, NOW, set())[0] == []


def test_what_the_exchange_rejects_is_left_to_the_worker_that_gives_it_up() -> None:
    rejected = replace(hole(), rejections=3)
    _, memory = plan([rejected], {}, NOW, {"kraken"})
    assert plan([rejected], memory, after(10 * STUCK), {"kraken"})[0] == []


def test_it_is_asked_for_again_ever_more_rarely_and_under_another_key() -> None:
    (first,), memory = plan([hole()], {}, NOW, set())
    assert plan([hole()], memory, after(AGAIN - 1), set())[0] == []
    (second,), memory = plan([hole()], memory, after(AGAIN), set())
    assert first.key != second.key
    assert plan([hole()], memory, after(2 * AGAIN), set())[0] == []


def test_a_gap_that_grew_is_another_matter() -> None:
    _, memory = plan([hole()], {}, NOW, set())
    grown = replace(hole(), revision=2)
    assert len(plan([grown], memory, after(1), set())[0]) == 1


def test_a_tick_that_is_repeated_asks_under_the_same_key() -> None:
    assert plan([hole()], {}, NOW, set()) == plan([hole()], {}, NOW, set())


def test_an_exchange_that_is_being_asked_waits() -> None:
    some = [hole(1), hole(2, "coinbase")]
    (ask,), _ = plan(some, {}, NOW, set(), busy={"kraken"})
    assert ask.exchange == "coinbase"


def test_what_is_closed_is_forgotten() -> None:
    _, memory = plan([hole(1), hole(2)], {}, NOW, set())
    assert set(plan([hole(2)], memory, NOW, set())[1]) == {2}


@given(st.lists(st.sampled_from(["kraken", "coinbase", "binance"]), max_size=60))
def test_a_tick_asks_for_one_bounded_run_per_exchange(exchanges: list[str]) -> None:
    holes = [hole(n, name) for n, name in enumerate(exchanges)]
    asks, memory = plan(holes, {}, NOW, set())
    assert sorted(ask.exchange for ask in asks) == sorted(set(exchanges))
    assert all(1 <= len(ask.gap_ids) <= AT_ONCE for ask in asks)
    again, _ = plan(holes, memory, after(1), set())
    asked = [id for ask in (*asks, *again) for id in ask.gap_ids]
    assert len(asked) == len(set(asked))


@given(st.integers(0, 10_000))
def test_pauses_are_bounded(tries: int) -> None:
    assert 0 <= pause(tries) <= LONGEST
