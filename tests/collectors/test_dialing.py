"""Pauses between calls: capped, jittered, without end; and second chances of refused markets."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dialing import (
    CAP,
    DIALS,
    FIRST,
    LONGEST_REFUSAL,
    REFUSED_FOR,
    WINDOW,
    Dialing,
    Refusals,
)

CHANCES = st.floats(0, 1, exclude_max=True)
CALLS = st.lists(st.tuples(st.floats(0, 100), CHANCES, st.booleans(), st.booleans()), max_size=80)


@given(CALLS)
def test_a_pause_is_never_longer_than_the_cap_and_never_negative(
    calls: list[tuple[float, float, bool, bool]],
) -> None:
    dialing, now = Dialing(), 0.0
    for lasted, chance, was_good, was_planned in calls:
        dialing.dial(now)
        now += lasted
        pause = dialing.pause(now, chance, was_good=was_good, was_planned=was_planned)
        assert 0 <= pause <= max(CAP, WINDOW)
        now += pause


@given(CALLS)
def test_no_window_ever_holds_more_dials_than_allowed(
    calls: list[tuple[float, float, bool, bool]],
) -> None:
    dialing, now, dials = Dialing(), 0.0, []
    for lasted, chance, was_good, was_planned in calls:
        dials.append(now)
        dialing.dial(now)
        now += lasted / 50
        now += dialing.pause(now, chance, was_good=was_good, was_planned=was_planned)
    for first, beyond in zip(dials, dials[DIALS:], strict=False):
        assert beyond - first >= WINDOW * (1 - 1e-9)


@given(CHANCES)
def test_failures_double_the_pause_up_to_the_cap(chance: float) -> None:
    dialing = Dialing()
    pauses = [dialing.pause(0, chance, was_good=False, was_planned=False) for _ in range(2000)]
    share = 0.5 + chance / 2
    assert pauses[0] == pytest.approx(FIRST * 2 * share)
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert pauses[-1] == pytest.approx(CAP * share)  # and there is a next call after 2000 failures


@given(st.integers(1, 100), CHANCES)
def test_good_data_alone_brings_back_the_first_pause(failures: int, chance: float) -> None:
    dialing = Dialing()
    for _ in range(failures):
        dialing.pause(0, chance, was_good=False, was_planned=True)
    assert dialing.failures == failures  # that we hung up ourselves changes nothing
    assert dialing.pause(0, chance, was_good=True, was_planned=False) <= FIRST
    assert dialing.failures == 0


def test_after_good_data_a_planned_end_is_followed_at_once() -> None:
    assert Dialing().pause(0, 0.5, was_good=True, was_planned=True) == 0
    assert Dialing().pause(0, 0.5, was_good=True, was_planned=False) > 0


def test_chance_spreads_the_calls_of_many_clients() -> None:
    pauses = {Dialing().pause(0, n / 10, was_good=False, was_planned=False) for n in range(10)}
    assert len(pauses) == 10


def test_whoever_was_never_refused_is_asked_for() -> None:
    assert Refusals().ask(["A", "B"], 0.0) == ["A", "B"]
    assert Refusals().next_at == inf


def test_a_refused_market_has_a_second_chance_after_its_pause() -> None:
    refusals = Refusals()
    refusals.refuse("A", 100.0)
    assert refusals.symbols == ["A"]
    assert refusals.next_at == 100.0 + REFUSED_FOR
    assert refusals.ask(["A", "B"], 99.0 + REFUSED_FOR) == ["B"]
    assert refusals.ask(["A", "B"], 100.0 + REFUSED_FOR) == ["A", "B"]


def test_one_that_is_asked_again_and_says_nothing_waits_once_more() -> None:
    refusals = Refusals()
    refusals.refuse("A", 0.0)
    assert refusals.ask(["A"], REFUSED_FOR) == ["A"]
    assert refusals.next_at == 2 * REFUSED_FOR
    assert refusals.ask(["A"], REFUSED_FOR + 1) == []


@given(st.integers(1, 60))
def test_each_further_refusal_doubles_the_pause_up_to_a_day(times: int) -> None:
    refusals = Refusals()
    for _ in range(times):
        refusals.refuse("A", 0.0)
    assert refusals.next_at == min(LONGEST_REFUSAL, REFUSED_FOR * 2 ** (times - 1))


def test_a_market_that_is_served_starts_afresh() -> None:
    refusals = Refusals()
    for _ in range(5):
        refusals.refuse("A", 0.0)
    refusals.serve("A")
    refusals.serve("B")
    assert refusals.symbols == []
    refusals.refuse("A", 0.0)
    assert refusals.next_at == REFUSED_FOR
