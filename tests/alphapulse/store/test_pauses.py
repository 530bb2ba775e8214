"""Pauses counted from stored trades, and the silence that they explain or do not."""

from datetime import UTC, datetime, timedelta

from alphapulse.pauses import UNKNOWN
from alphapulse.store.connect import Store
from alphapulse.store.pauses import count_pauses, silences
from alphapulse.trade import Market
from tests.stored import BTC, ETH, store_market, store_trades

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def trade_at(store: Store, market: Market, first_id: int, *times: datetime) -> None:
    rows = [
        (first_id + n, at.replace(tzinfo=None).isoformat(), "1", "1") for n, at in enumerate(times)
    ]
    store_trades(store, market, rows)


def counted(store: Store) -> list[tuple[datetime, int, list[float]]]:
    return store.execute(
        "SELECT hour, pauses, longest FROM pauses WHERE pauses > 0 ORDER BY hour"
    ).fetchall()


def test_a_pause_belongs_to_the_hour_in_which_it_ends(store: Store) -> None:
    noon = NOW.replace(minute=0)
    ten = noon - 2 * HOUR
    seconds = (-30, 0, 5, 3605)
    trade_at(store, BTC, 1, *(ten + timedelta(seconds=second) for second in seconds))
    done, left = count_pauses(store, NOW, 60.0)
    assert (done, left) == (7 * 24, 0)
    assert counted(store) == [
        (noon - 2 * HOUR, 2, [30.0, 5.0]),
        (noon - HOUR, 1, [3600.0]),
    ]


def test_only_the_four_longest_are_kept(store: Store) -> None:
    start = NOW.replace(minute=0) - HOUR
    times = [start + timedelta(seconds=n * (n + 1) / 2) for n in range(8)]
    trade_at(store, BTC, 1, *times)
    count_pauses(store, NOW, 60.0)
    assert counted(store) == [(start, 7, [7.0, 6.0, 5.0, 4.0])]


def test_a_hole_in_the_ids_is_no_pause(store: Store) -> None:
    start = NOW.replace(minute=0) - HOUR
    trade_at(store, BTC, 1, start, start + timedelta(seconds=1))
    trade_at(store, BTC, 50, start + timedelta(seconds=900), start + timedelta(seconds=902))
    count_pauses(store, NOW, 60.0)
    assert counted(store) == [(start, 2, [2.0, 1.0])]


def test_where_ids_are_not_consecutive_every_pause_counts(store: Store) -> None:
    start = NOW.replace(minute=0) - HOUR
    for id, second in ((1, 0), (70, 9)):
        trade_at(store, BTC, id, start + timedelta(seconds=second))
    store.execute("UPDATE markets SET counts_trades = false")
    count_pauses(store, NOW, 60.0)
    assert counted(store) == [(start, 1, [9.0])]


def test_what_was_counted_is_not_counted_again_and_the_old_forgotten(store: Store) -> None:
    store_market(store, BTC)
    assert count_pauses(store, NOW, 60.0) == (168, 0)
    assert count_pauses(store, NOW, 60.0) == (0, 0)
    assert count_pauses(store, NOW + HOUR, 60.0) == (1, 0)
    (oldest,) = store.execute("SELECT min(hour) FROM pauses").fetchone() or (None,)
    assert oldest == NOW.replace(minute=0) + HOUR - timedelta(days=7)


def test_an_hour_is_counted_when_it_has_settled(store: Store) -> None:
    store_market(store, BTC)
    newest = "SELECT max(hour) FROM pauses"
    count_pauses(store, NOW.replace(minute=3), 60.0)
    assert store.execute(newest).fetchone() == (NOW.replace(minute=0) - 2 * HOUR,)
    count_pauses(store, NOW.replace(minute=6), 60.0)
    assert store.execute(newest).fetchone() == (NOW.replace(minute=0) - HOUR,)


def test_counting_ends_in_time_and_goes_on_later(store: Store) -> None:
    store_market(store, BTC)
    assert count_pauses(store, NOW, 0.0) == (1, 167)
    assert count_pauses(store, NOW, 60.0) == (167, 0)


def test_a_busy_market_is_silent_after_a_minute_and_an_unknown_one_after_hours(
    store: Store,
) -> None:
    times = [NOW - HOUR * 2 + timedelta(seconds=n) for n in range(5400)]
    trade_at(store, BTC, 1, *times)
    trade_at(store, ETH, 1, NOW - HOUR)
    count_pauses(store, NOW, 60.0)
    at = times[-1] + timedelta(seconds=61)
    eth, btc = sorted(silences(store, at), key=lambda one: one.exchange, reverse=True)
    assert (btc.seconds, btc.limit.seconds, btc.is_silent) == (61.0, 60.0, True)
    assert (eth.limit.seconds, eth.is_silent) == (UNKNOWN, False)
    quiet = silences(store, times[-1] + timedelta(seconds=59))
    assert not any(one.is_silent for one in quiet)


def test_a_market_that_never_traded_is_silent_since_it_was_seen(store: Store) -> None:
    store_market(store, BTC)
    (one,) = silences(store, datetime.now(UTC) + timedelta(hours=7))
    assert one.newest_at is None and one.is_silent


def test_a_market_that_the_exchange_refuses_is_not_silent(store: Store) -> None:
    store_market(store, BTC)
    store.execute("UPDATE markets SET refused_at = now(), refusal = 'no such market'")
    assert silences(store, NOW) == []


def test_a_market_that_comes_later_is_counted_for_the_past_too(store: Store) -> None:
    store_market(store, BTC)
    assert count_pauses(store, NOW, 60.0) == (168, 0)
    store_market(store, ETH)
    assert count_pauses(store, NOW, 60.0) == (168, 0)
