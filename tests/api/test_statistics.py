"""Statistics over HTTP: of the described shape, and what the store counted."""

from datetime import UTC, datetime

import pytest

from alphapulse.metrics import registry_of, text_of
from alphapulse.spelling import full_time
from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram
from alphapulse.store.statistics import StatisticsWriter
from api import statistics_models as models
from api.metering import metrics_of
from tests.api.conftest import Site


@pytest.fixture(scope="module")
def counted(site: Site) -> int:
    """Three seconds of one collector, half a minute ago; gives the first, in Unix time."""
    ((now,),) = site.store.execute("SELECT extract(epoch FROM now())::bigint").fetchall()
    lag = Histogram()
    lag.add(20_000)
    StatisticsWriter(site.store).write(
        [
            CollectorSecond(
                "kraken", now - 30 + n, (FeedSecond("BTC/USD", 2, lag),), lag, lag, 4, 50, 0,
                bytes=99, trades=2, stored=1, repeats=1, disconnects=1, batches=1,
            )
            for n in range(3)
        ]
    )  # fmt: skip
    site.settings.parquet.mkdir(parents=True)
    (site.settings.parquet / "one").write_bytes(b"12345")
    return int(now) - 30


def test_counts_are_told_by_the_second_and_nothing_where_nobody_was(
    site: Site, counted: int
) -> None:
    found = models.Ingestion.model_validate(site.get("/v1/stats/ingestion").json())
    assert (found.bucket_seconds, len(found.times)) == (1, 900)
    (kraken,) = found.feeds
    place = found.times.index(full_time(datetime.fromtimestamp(counted, UTC)))
    assert kraken.trades[place - 1 : place + 4] == [None, 2, 2, 2, None]
    assert (kraken.reconnects[place], kraken.queue_rows[place]) == (1, 4)


@pytest.mark.parametrize(("window", "values"), [("15m", 900), ("1h", 60), ("24h", 1_440)])
def test_latencies_are_told_by_kind(site: Site, counted: int, window: str, values: int) -> None:
    answer = site.get("/v1/stats/latency", window=window, exchange="kraken")
    found = models.Latencies.model_validate(answer.json())
    assert {len(one.p99) for one in (*found.feeds, found.total)} == {len(found.times)} == {values}
    told = [one for one in found.total.max if one is not None]
    assert told == ([20.0] * 3 if window == "15m" else [])


def test_a_market_that_nobody_serves_is_stale_or_never_traded(site: Site, counted: int) -> None:
    (feed,) = models.FeedStates.model_validate(site.get("/v1/stats/feeds").json()).feeds
    assert (feed.market, feed.state) == ("kraken/BTC_USD", "never")
    assert feed.trades_per_second == 0.1
    site.store.execute(
        "INSERT INTO trades (market_id, trade_id, traded_at, received_at, side, price, size) "
        "SELECT market_id, 1, now(), now(), 'b', 1, 1 FROM markets"
    )
    site.forget()
    (feed,) = models.FeedStates.model_validate(site.get("/v1/stats/feeds").json()).feeds
    assert (feed.state, feed.age_seconds is not None) == ("stale", True)
    site.store.execute("INSERT INTO uptime SELECT market_id, now(), now() FROM markets")
    site.forget()
    (feed,) = models.FeedStates.model_validate(site.get("/v1/stats/feeds").json()).feeds
    assert feed.state == "fresh"


def test_what_is_stored_is_told_in_bytes(site: Site, counted: int) -> None:
    found = models.Storage.model_validate(site.get("/v1/stats/storage").json())
    assert (found.parquet_bytes, found.candles_bytes, found.days_left) == (5, 0, None)
    assert 0 < found.disk.free < found.disk.total
    assert {"trades", "feed_seconds"} <= {table.name for table in found.tables}


def test_prometheus_reads_how_often_an_answer_was_shared(site: Site) -> None:
    site.get("/v1/exchanges")
    site.get("/v1/exchanges")
    text, _ = text_of(registry_of(lambda: metrics_of(site.house, None)))
    assert f"alphapulse_api_shared_answers_total {site.house.cache.shared:.1f}" in text.decode()


def test_a_window_that_is_not_offered_is_refused(site: Site) -> None:
    assert "15m" in site.get("/v1/stats/ingestion", 422, window="2y").text
    assert site.get("/v1/stats/latency", 422, windw="1h").json()["hint"].startswith("it knows")
