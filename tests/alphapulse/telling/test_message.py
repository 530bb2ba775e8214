from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.alerts import Severity
from alphapulse.telling.message import (
    FIRST_PAUSE,
    LISTED,
    LONGEST_PAUSE,
    LONGEST_WAIT,
    Kind,
    Untold,
    compose,
    pause_after,
)
from tests.alphapulse.telling.told import NOON, alert, message

LATER = NOON + timedelta(minutes=5)


def test_forty_at_once_are_one_message() -> None:
    many = [Untold(n, alert(f"market {n}"), NOON) for n in range(40)]
    told = message(*many)
    assert told.subject.startswith("[warning] 40 alerts: market 0 is wrong; market 1")
    assert told.text.count("is wrong") == LISTED
    assert f"and {40 - LISTED} more" in told.text
    assert len(told.alerts) == 40


def test_the_worst_names_the_message() -> None:
    told = message(Untold(1, alert("a"), NOON), Untold(2, alert("b", Severity.CRITICAL), NOON))
    assert told.subject.startswith("[critical] 2 alerts")
    assert told.severity is Severity.CRITICAL


def test_what_rose_is_told_before_what_ended() -> None:
    rose = Untold(2, alert("b"), NOON)
    ended = Untold(1, alert("a"), NOON, LATER, "repaired", "raised.1", NOON)
    assert message(ended, rose).kind is Kind.RAISED
    over = message(ended)
    assert (over.kind, over.subject) == (Kind.RESOLVED, "[resolved] a is wrong")
    assert "resolved 2026-11-28 12:05:00 UTC: repaired" in over.text
    assert over.references == ("raised.1",)


def test_what_ended_before_it_could_be_told_says_so() -> None:
    over = message(Untold(1, alert("a"), NOON, LATER))
    assert "before this could be told: it is over" in over.text


def test_what_still_stands_is_told_again_as_such() -> None:
    again = message(Untold(1, alert("a"), NOON, reference="raised.1", told_at=NOON))
    assert (again.kind, again.subject) == (Kind.REMINDER, "[still] a is wrong")


def test_simulated_data_is_said_to_be() -> None:
    told = compose([Untold(1, alert("a"), NOON)], is_simulated=True)
    assert told and told.subject.startswith("SIMULATED ")
    assert told.text.startswith("SIMULATED data: nothing of this is real.")


def test_what_was_held_back_is_counted() -> None:
    told = compose([Untold(1, alert("a"), NOON)], is_simulated=False, held=12)
    assert told and "12 of these were held back by the limit" in told.text


def test_nothing_is_no_message() -> None:
    assert compose([], is_simulated=False) is None


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30, unique=True))
def test_the_same_alerts_make_the_same_reference_and_others_another(ids: list[int]) -> None:
    told = [Untold(id, alert(str(id)), NOON) for id in ids]
    assert message(*told).reference == message(*reversed(told)).reference
    more = [*told, Untold(1001, alert("more"), NOON)]
    assert message(*more).reference != message(*told).reference
    ended = [replace(one, resolved_at=LATER) for one in told]
    assert message(*ended).reference != message(*told).reference


@given(st.integers(1, 10_000), st.one_of(st.none(), st.floats(0, 1e9)))
def test_pauses_grow_are_bounded_and_honour_what_was_asked(
    attempts: int, asked: float | None
) -> None:
    pause = pause_after(attempts, asked)
    assert FIRST_PAUSE <= pause_after(attempts) <= LONGEST_PAUSE
    assert pause <= max(LONGEST_PAUSE, LONGEST_WAIT)
    assert pause >= min(asked or 0.0, LONGEST_WAIT)
    assert pause_after(attempts + 1) >= pause_after(attempts)
