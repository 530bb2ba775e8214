"""Statistics as they are told: columns over one line of instants, null where nobody counted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram, StreamSecond, merged
from alphapulse.store.connect import Store
from alphapulse.store.statistics import StatisticsWriter, roll_minutes
from alphapulse.store.statistics_reading import (
    read_feeds,
    read_ingestion,
    read_latency,
    read_stored,
)

QUARTER = timedelta(minutes=15)


def histogram_of(*values: int) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


def second(exchange: str, at: int, *lags: int) -> CollectorSecond:
    lag = histogram_of(*lags)
    return CollectorSecond(
        exchange, at, (FeedSecond("BTC/USD", len(lags), lag),) if lags else (), lag,
        histogram_of(5_000), 7, 1_000, 0, frames=1, bytes=90, trades=len(lags), stored=len(lags),
        batches=1,
    )  # fmt: skip


def now_of(store: Store) -> int:
    (now,) = store.execute("SELECT extract(epoch FROM now())::bigint").fetchone() or (0,)
    return int(now)


def value_at(columns: Any, feed: Any, name: str, at: int) -> Any:
    return feed[name][list(columns.times).index(datetime.fromtimestamp(at, UTC))]


def test_a_quarter_of_an_hour_is_told_by_the_second(store: Store) -> None:
    start = now_of(store) - 60
    lags = {"kraken": (20_000, 30_000, 900_000), "binance": (1_000,)}
    StatisticsWriter(store).write(
        [second(name, start + n, *late) for name, late in lags.items() for n in range(3)]
        + [second("kraken", start + 3), StreamSecond(start, 12, 2, histogram_of(3_000))]
    )

    counted = read_ingestion(store, QUARTER)
    assert (counted.bucket_seconds, len(counted.times)) == (1, 900)
    assert [feed["exchange"] for feed in counted.feeds] == ["binance", "kraken"]
    binance, kraken = counted.feeds
    assert value_at(counted, kraken, "trades", start + 1) == 3
    assert value_at(counted, kraken, "trades", start + 3) == 0  # alive, and nothing came
    assert value_at(counted, binance, "trades", start + 3) is None  # not alive
    assert [sum(n or 0 for n in feed["bytes"]) for feed in counted.feeds] == [270, 360]

    late = read_latency(store, QUARTER)
    feeds = {(feed["kind"], feed["exchange"]): feed for feed in late.feeds}
    assert set(feeds) == {
        ("deliver", ""), ("receive", "binance"), ("receive", "kraken"), ("total", ""),
        ("write", "binance"), ("write", "kraken"),
    }  # fmt: skip
    own = histogram_of(*lags["kraken"])
    both = merged([own, histogram_of(*lags["binance"])])
    for feed, wanted in (("receive", "kraken"), own), (("total", ""), both):
        told = [value_at(late, feeds[feed], name, start) for name in ("p50", "p95", "p99", "max")]
        exact = [wanted.quantile(share) for share in (0.5, 0.95, 0.99)]
        assert told == [min(one or 0, 900_000) / 1000 for one in exact] + [900.0]
    assert value_at(late, feeds["receive", "kraken"], "p50", start + 3) is None
    assert value_at(late, feeds["deliver", ""], "max", start) == 3.0
    one = read_latency(store, QUARTER, "binance")
    assert {feed["exchange"] for feed in one.feeds if feed["kind"] == "receive"} == {"binance"}


def test_a_day_is_told_by_the_minute(store: Store) -> None:
    start = now_of(store) // 60 * 60 - 600
    StatisticsWriter(store).write([second("kraken", start + n, 20_000) for n in range(0, 60, 2)])
    roll_minutes(store)
    counted = read_ingestion(store, timedelta(days=1))
    assert (counted.bucket_seconds, len(counted.times)) == (60, 1_440)
    assert value_at(counted, counted.feeds[0], "trades", start) == 30
    assert value_at(counted, counted.feeds[0], "trades", start + 60) is None
    late = read_latency(store, timedelta(days=1))
    assert value_at(late, late.feeds[0], "max", start) == 20.0


def test_a_minute_has_the_percentiles_of_its_seconds(store: Store) -> None:
    start = now_of(store) // 60 * 60 - 600
    lags = {"kraken": [9_000, 20_000, 700_000], "binance": [1_000, 2_000, 3_000, 900_000]}
    seconds = [second(exchange, start + 7, *lag) for exchange, lag in lags.items()]
    StatisticsWriter(store).write(
        [*seconds, StreamSecond(start + 8, 12, 2, histogram_of(3_000, 5_000))]
    )
    told = {}
    for window in (QUARTER, timedelta(days=1)):
        late = read_latency(store, window)
        told[window] = {
            (feed["kind"], feed["exchange"], name): [v for v in feed[name] if v is not None]
            for feed in late.feeds
            for name in ("p50", "p95", "p99", "max")
        }
        roll_minutes(store)
    assert told[QUARTER] == told[timedelta(days=1)]
    assert {kind for kind, *_ in told[QUARTER]} == {"receive", "write", "deliver", "total"}


def test_markets_are_told_as_they_stand(store: Store) -> None:
    assert read_feeds(store).feeds == []
    now = now_of(store)
    StatisticsWriter(store).write([second("kraken", now - n, 20_000) for n in range(9, 39)])
    store.execute("INSERT INTO markets (exchange, symbol, refused_at) VALUES ('a', 'b', now())")
    store.execute(
        "INSERT INTO uptime SELECT market_id, now() - interval '1 hour', now() FROM markets"
    )
    store.execute(
        "INSERT INTO gaps (market_id, after_id, after_at, cause) "
        "SELECT market_id, 1, now(), 'unknown' FROM markets WHERE exchange = 'kraken'"
    )
    refused, kraken = read_feeds(store).feeds
    assert (refused.exchange, refused.is_refused, refused.lag_p50) == ("a", True, None)
    assert (kraken.symbol, kraken.is_served, kraken.open_gaps) == ("BTC/USD", True, 1)
    assert (kraken.trades_per_second, kraken.last_trade) == (0.5, None)
    assert kraken.lag_p99 == (histogram_of(20_000).quantile(0.99) or 0) / 1000


def test_a_table_is_told_with_its_partitions(store: Store) -> None:
    found = read_stored(store)
    sizes = {table["name"]: table["bytes"] for table in found.tables}
    assert {"trades", "markets", "feed_seconds", "collector_minutes"} <= set(sizes)
    assert not [name for name in sizes if name.startswith(("trades_", "_"))]
    assert 0 < sum(sizes.values()) < found.database_bytes
