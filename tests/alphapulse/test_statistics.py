"""Histograms: added they are the histogram of all, and a quantile is near the exact one."""

from collections.abc import Sequence
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from alphapulse.statistics import (
    BUCKETS,
    CEILING,
    ERROR,
    Histogram,
    bound_of,
    bucket_of,
    merged,
)

LATENCIES = st.integers(0, CEILING - 1) | st.integers(0, 40) | st.integers(1_000, 900_000)
SHARES = st.floats(0, 1)


def histogram_of(values: Sequence[int]) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


def exact(values: Sequence[int], share: float) -> int:
    """By nearest rank."""
    return sorted(values)[max(1, ceil(share * len(values))) - 1]


@given(LATENCIES)
def test_a_value_lies_between_the_bounds_of_its_bucket(us: int) -> None:
    bucket = bucket_of(us)
    assert histogram_of([us]).counts == {bucket: 1}
    assert bound_of(bucket) <= us < bound_of(bucket + 1)


def test_the_bounds_grow_and_end_at_the_ceiling() -> None:
    bounds = [bound_of(bucket) for bucket in range(BUCKETS + 1)]
    assert bounds == sorted(set(bounds))
    assert (bounds[0], bounds[-1]) == (0, CEILING)
    assert [bucket_of(bound) for bound in bounds[:-1]] == list(range(BUCKETS))


def test_what_lies_beyond_the_bounds_counts_at_them() -> None:
    assert bucket_of(-5_000_000) == 0
    assert bucket_of(CEILING) == bucket_of(CEILING * 8) == BUCKETS - 1


@given(st.lists(LATENCIES, min_size=1, max_size=60), SHARES)
def test_a_quantile_is_near_the_exact_one(values: list[int], share: float) -> None:
    found, wanted = histogram_of(values).quantile(share), exact(values, share)
    assert found is not None
    assert abs(found - wanted) <= ERROR * wanted


@given(st.lists(st.lists(LATENCIES, max_size=30), max_size=6), SHARES)
def test_added_histograms_are_the_histogram_of_all(parts: list[list[int]], share: float) -> None:
    whole = histogram_of([value for part in parts for value in part])
    added = merged(histogram_of(part) for part in parts)
    assert (added, added.text()) == (whole, whole.text())
    assert added.quantile(share) == whole.quantile(share)
    assert added.max == max((value for part in parts for value in part), default=None)


def test_nothing_has_no_quantile_and_an_empty_text() -> None:
    assert (Histogram().quantile(0.5), Histogram().text(), Histogram().max) == (None, "{}", None)


def test_what_is_less_than_nothing_counts_as_nothing() -> None:
    assert histogram_of([-7, -9]) == histogram_of([0, 0])


def test_the_text_names_the_first_bucket() -> None:
    assert histogram_of([3, 5, 5]).text() == "[3:5]={1,0,2}"
