"""What Prometheus reads: the text is well formed, and says what was counted."""

import socket
from collections.abc import Iterable

import httpx
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families as parse

from alphapulse.metrics import Metrics, open_door, registry_of, text_of
from alphapulse.statistics import Histogram


def told() -> Metrics:
    lag = Histogram()
    for us in (5, 130, 2_000, 2_100, 90_000_000):
        lag.add(us)
    found = Metrics(exchange='the "odd"\\one')
    for symbol, number in (("BTC/USD", 7), ("ETH\nUSD", 0)):
        found.counter("alphapulse_feed_trades", "Trades.", number, {"symbol": symbol})
    found.histogram("alphapulse_feed_lag_seconds", "Lag.", lag)
    found.gauge("alphapulse_queue_rows", "Rows.", 3)
    return found


def by_name(families: Iterable[Metric]) -> dict[str, Metric]:
    return {family.name: family for family in families}


def test_a_scrape_is_well_formed_and_escaped() -> None:
    text, media = text_of(registry_of(told))
    assert media.startswith("text/plain")
    found = by_name(parse(text.decode()))
    trades = found["alphapulse_feed_trades"]
    assert (trades.type, trades.documentation) == ("counter", "Trades.")
    assert {sample.labels["symbol"]: sample.value for sample in trades.samples} == {
        "BTC/USD": 7,
        "ETH\nUSD": 0,
    }
    assert {sample.labels["exchange"] for sample in trades.samples} == {'the "odd"\\one'}
    assert "process_resident_memory_bytes" in found


def test_a_histogram_is_told_by_fixed_bounds_that_can_be_added() -> None:
    samples = by_name(parse(text_of(registry_of(told))[0].decode()))[
        "alphapulse_feed_lag_seconds"
    ].samples
    below = {
        sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")
    }
    assert [below[le] for le in ("0.000128", "0.000256", "0.002048", "0.004096")] == [1, 2, 3, 4]
    assert (below["67.108864"], below["+Inf"]) == (4, 5)
    assert list(below.values()) == sorted(below.values())
    (sum,) = (sample.value for sample in samples if sample.name.endswith("_sum"))
    assert abs(sum - 90.004235) <= 0.0625 * 90.004235


def test_a_port_that_is_taken_costs_the_metrics_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert open_door(other.getsockname()[1], 0, told).port == 0
    assert open_door(65_535, 1, told).port == 0
    assert open_door(0, 5, told).port == 0


def test_a_door_answers_and_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    door = open_door(free - 2, 2, told)
    try:
        answer = httpx.get(f"http://127.0.0.1:{door.port}/metrics", trust_env=False)
        assert b"alphapulse_queue_rows" in answer.content
    finally:
        door.close()
    with socket.create_server(("127.0.0.1", free)):
        pass
