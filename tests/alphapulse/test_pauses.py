"""When a market counts as silent, and how often it is wrongly called so."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.pauses import (
    DAYS,
    ENOUGH,
    FLOOR,
    KEPT,
    LENGTHENED,
    UNKNOWN,
    Hour,
    limit_of,
)

HOUR, DAY = 3600.0, 86_400.0


def hours_of(times: np.ndarray, first: float, last: float) -> list[Hour]:
    """What the store keeps of these trades (seconds, in order) for the hours between."""
    pauses, ends = np.diff(times), times[1:]
    places = np.searchsorted(ends, np.arange(first, last + 1, HOUR))
    found = []
    for n, (start, end) in enumerate(pairwise(places)):
        within = np.sort(pauses[start:end])[::-1]
        found.append(Hour(n % 24, len(within), tuple(float(p) for p in within[:KEPT])))
    return found


def false_alarms(times: np.ndarray, days: int) -> int:
    """Pauses of the last `days` that were longer than the limit at the time when they crossed it,
    by the hours of the week before.
    """
    hours = hours_of(times, 0.0, (DAYS + days) * DAY)
    alarms = 0
    for n in range(DAYS * 24, (DAYS + days) * 24):
        limit = limit_of(hours[n - DAYS * 24 : n], n % 24).seconds
        alarms += sum(pause > limit for pause in hours[n].longest)
    return alarms


def random_market(rng: np.random.Generator, per_second: float, days: int) -> np.ndarray:
    """Trades that come independently of one another."""
    seconds = (DAYS + days) * DAY
    return np.sort(rng.uniform(0, seconds, rng.poisson(seconds * per_second)))


@pytest.mark.parametrize("every", [5.0, 20.0, 60.0, 300.0, 1200.0])
def test_a_random_market_is_hardly_ever_called_silent(every: float) -> None:
    """Measured once over 10,920 market-days of these rates: 3 times."""
    rng = np.random.default_rng(12)
    markets, days = (3, 7) if every < 20 else (10, 14)
    alarms = [false_alarms(random_market(rng, 1 / every, days), days) for _ in range(markets)]
    assert sum(alarms) <= 1


def test_a_market_that_sleeps_at_night_is_judged_by_the_hour() -> None:
    rng = np.random.default_rng(5)
    days = 7
    times = random_market(rng, 1.0, days)
    is_day = (times % DAY) >= 8 * HOUR
    quiet = rng.random(len(times)) < 1 / 200
    times = times[is_day | quiet]
    assert false_alarms(times, days) <= 1
    hours = hours_of(times, 0.0, DAYS * DAY)
    assert limit_of(hours, 14).seconds == FLOOR
    assert limit_of(hours, 3).seconds > 10 * FLOOR


def test_a_market_that_really_stops_is_found_within_its_limit() -> None:
    rng = np.random.default_rng(7)
    times = random_market(rng, 1 / 30, 1)
    limit = limit_of(hours_of(times, 0.0, DAYS * DAY), 12)
    assert 300 < limit.seconds < 1500
    assert limit.basis == "the hours around 12:00"


def hour(of_day: int, *longest: float, pauses: int = ENOUGH) -> Hour:
    return Hour(of_day, pauses, tuple(sorted(longest, reverse=True)))


def test_three_outages_in_a_week_do_not_blind() -> None:
    some = [hour(12, 9000, 8000, 7000, 50), hour(12, 40, 30, 20, 10)]
    assert limit_of(some, 12).seconds == LENGTHENED * 50


def test_the_hours_around_count_and_midnight_is_no_border() -> None:
    some = [hour(23, 100, 100, 100, 100), hour(12, 900, 900, 900, 900)]
    assert limit_of(some, 0).seconds == LENGTHENED * 100
    assert limit_of(some, 11).seconds == LENGTHENED * 900


def test_with_too_little_around_the_hour_all_hours_count() -> None:
    limit = limit_of([hour(12, 200, 200, 200, 200)], 3)
    assert (limit.seconds, limit.basis) == (LENGTHENED * 200, "all hours")


def test_a_market_of_which_little_is_known_gets_hours() -> None:
    assert limit_of([], 3).seconds == UNKNOWN
    assert limit_of([hour(3, 5.0, pauses=4)], 3).seconds == UNKNOWN
    assert limit_of([hour(3, UNKNOWN, pauses=4)], 3).seconds == LENGTHENED * UNKNOWN


@given(
    st.lists(st.lists(st.floats(0, 1e6), max_size=KEPT), max_size=50),
    st.integers(0, 23),
)
def test_the_limit_is_never_below_the_floor_nor_below_the_fourth_longest(
    found: Sequence[list[float]], of_day: int
) -> None:
    hours = [hour(n % 24, *longest) for n, longest in enumerate(found)]
    limit = limit_of(hours, of_day)
    assert limit.seconds >= FLOOR
    near = [h for h in hours if (h.of_day - of_day + 1) % 24 <= 2]
    pauses = sorted((p for h in near for p in h.longest), reverse=True)
    if len(pauses) >= KEPT:
        assert limit.seconds >= LENGTHENED * pauses[KEPT - 1]
