"""The functions in SQL say what the ones in Python say."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse.statistics import BUCKETS, CEILING, Histogram, bound_of, bucket_of, merged
from alphapulse.store.connect import Store

AMOUNTS = st.integers(-(2**62), 2**62) | st.integers(-3, 70) | st.integers(1_000, 900_000)
HISTOGRAMS = st.lists(st.lists(st.integers(0, CEILING * 2) | st.integers(0, 50), max_size=20))

with_one_store = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def histogram_of(values: Sequence[int]) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


@with_one_store
@given(values=st.lists(AMOUNTS, min_size=1, max_size=50))
def test_buckets_are_the_same(store: Store, values: list[int]) -> None:
    found = store.execute(
        "SELECT bucket_of(v) FROM unnest(%s::bigint[]) WITH ORDINALITY AS u (v, n) ORDER BY n",
        [values],
    )
    assert [bucket for (bucket,) in found] == [bucket_of(value) for value in values]


def test_bounds_are_the_same(store: Store) -> None:
    found = store.execute("SELECT bucket_bound(b) FROM generate_series(0, %s) AS b", [BUCKETS])
    assert [bound for (bound,) in found] == [bound_of(bucket) for bucket in range(BUCKETS + 1)]


@with_one_store
@given(parts=HISTOGRAMS, shares=st.lists(st.floats(0, 1), min_size=1, max_size=4).map(sorted))
def test_sums_and_quantiles_are_the_same(
    store: Store, parts: list[list[int]], shares: list[float]
) -> None:
    histograms = [histogram_of(part) for part in parts]
    whole = merged(histograms)
    text, quantiles, first = store.execute(
        "SELECT coalesce(merged, '{}')::text, quantiles_of(merged, %(shares)s::float8[]), "
        "quantile_of(merged, %(first)s) "
        "FROM (SELECT merge_buckets(h::integer[]) AS merged FROM unnest(%(texts)s::text[]) AS h) m",
        {"texts": [one.text() for one in histograms], "shares": shares, "first": shares[0]},
    ).fetchone() or (None, None, None)
    assert text == whole.text()
    assert (quantiles or [None] * len(shares)) == [whole.quantile(share) for share in shares]
    assert first == whole.quantile(shares[0])


def test_a_sum_beyond_an_integer_stays_at_the_largest(store: Store) -> None:
    row = store.execute("SELECT add_buckets('[7:7]={2147483647}', '[7:8]={1,1}')::text").fetchone()
    assert row == ("[7:8]={2147483647,1}",)
