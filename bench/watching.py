"""What the watching sensors cost: one tick of each, on fifty markets with a week of pauses."""

import statistics
from time import perf_counter

import dagster as dg

from alphapulse.postgres import Server
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from alphapulse.store.pauses import COUNT, SPAN
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House, house_of
from alphapulse_pipelines.repairing import open_gaps
from alphapulse_pipelines.telling import tell_alerts
from alphapulse_pipelines.watching import collectors_alive, disk_space, silent_markets
from alphapulse_pipelines.watching_runs import failed_checks, failed_runs, failed_ticks
from bench.stage import fresh_database

SYMBOLS = tuple(f"M{n:02}/USD" for n in range(50))
SENSORS = (
    open_gaps, silent_markets, collectors_alive, disk_space, failed_runs, failed_checks,
    failed_ticks, tell_alerts,
)  # fmt: skip

MARKETS = "INSERT INTO markets (exchange, symbol) SELECT 'kraken', unnest(%s::text[])"
TRADES = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
SELECT at, at, row_number() OVER (ORDER BY at), market_id, 'b', 1, 1
FROM markets, generate_series(date_trunc('hour', now()) - interval '1 hour', now(),
                              interval '0.25 seconds') AS at"""
PAUSES = """
INSERT INTO pauses (market_id, hour, pauses, longest)
SELECT market_id, hour, 14000, ARRAY[9.0, 8.0, 7.0, 6.0]
FROM markets, generate_series(date_trunc('hour', now()) - interval '7 days', now(),
                              interval '1 hour') AS hour
ON CONFLICT DO NOTHING"""
GAPS = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, cause, found_at)
SELECT market_id, n * 100, n * 100 + 50, now(), 'unknown', now() - interval '1 hour'
FROM markets, generate_series(1, 4) AS n"""


def run(found: Server, rounds: int) -> dict[str, float]:
    """Milliseconds of a tick (median), and of counting one hour of 50 x 14,400 trades."""
    url = fresh_database(found, "watching")
    settings = Settings(home=found.home / "watching", database_url=url, markets={"kraken": SYMBOLS})
    settings.home.mkdir(exist_ok=True)
    with connect(url, "bench") as store:
        told = {"count an hour": fill(store)}
    house = house_of(settings)
    with dg.instance_for_test() as instance:
        for sensor in SENSORS:
            times = [tick(sensor, house, instance) for _ in range(rounds)]
            told[sensor.name] = statistics.median(times)
    return told


def fill(store: Store) -> float:
    store.execute(MARKETS, [list(SYMBOLS)])
    store.execute(TRADES)
    store.execute("ANALYZE")
    (hour,) = store.execute("SELECT date_trunc('hour', now()) - interval '1 hour'").fetchone() or ()
    started = perf_counter()
    for (market_id,) in store.execute("SELECT market_id FROM markets").fetchall():
        store.execute(COUNT, {"market_id": market_id, "hour": hour, "span": SPAN})
    took = (perf_counter() - started) * 1000
    store.execute(PAUSES)
    store.execute(GAPS)
    return took


def tick(sensor: dg.SensorDefinition, house: House, instance: dg.DagsterInstance) -> float:
    definitions = build_definitions(house.settings, house)
    context = dg.build_sensor_context(instance, resources={"house": house}, definitions=definitions)
    started = perf_counter()
    sensor(context)
    return (perf_counter() - started) * 1000
