"""Sensors: new markets become partitions, the store is observed, a stale archive renewed."""

from hashlib import sha256

import dagster as dg

from alphapulse import lake
from alphapulse.archive.market_data import is_behind
from alphapulse.store.connect import connect
from alphapulse.store.days import Standing, market_ids, standings
from alphapulse_pipelines.assets import trades
from alphapulse_pipelines.checks import blocked_by
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import renew_market_data
from alphapulse_pipelines.partitions import MARKETS, unregistered

RUNNING = dg.DefaultSensorStatus.RUNNING
UNDER_WAY = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Makes a partition of each market that the store has and Dagster does not know.",
)
def new_markets(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult | dg.SkipReason:
    with connect(house.url(), "dagster", read_only=True) as store:
        fresh = unregistered(context.instance, market_ids(store))
    if not fresh:
        return dg.SkipReason("no new market")
    request = dg.DynamicPartitionsDefinition(name=MARKETS).build_add_request(fresh)
    return dg.SensorResult(dynamic_partitions_requests=[request])


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=RUNNING,
    description="Observes `trades`: each exchange's rows (estimated), rows per second over the "
    "last minute, markets, and the age of its newest trade.",
)
def observe_trades(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult:
    with connect(house.url(), "dagster", read_only=True) as store:
        found = list(standings(store))
    return dg.SensorResult(asset_events=[observation(found)])


def observation(found: list[Standing]) -> dg.AssetObservation:
    """Numbers per exchange, so that Dagster plots each of them over time."""
    metadata: dict[str, dg.MetadataValue] = {}
    for standing in found:
        metadata |= {
            f"{standing.exchange} rows (estimated)": dg.MetadataValue.int(standing.rows_estimated),
            f"{standing.exchange} rows/s": dg.MetadataValue.float(
                round(standing.rows_last_minute / 60, 3)
            ),
            f"{standing.exchange} markets": dg.MetadataValue.int(standing.markets),
        }
        if standing.lag is not None:
            metadata[f"{standing.exchange} lag (s)"] = dg.MetadataValue.float(standing.lag)
    return dg.AssetObservation(trades.key, metadata=metadata)


@dg.sensor(
    job=renew_market_data,
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Renews market_data.duckdb when the Parquet files changed and no run is under way.",
)
def archive_behind(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.RunRequest | dg.SkipReason:
    """Whatever changed the lake, a run that failed half-way included, the archive follows.

    Asked for once per state of the lake, so that a failing job is not started over and over; not
    while the newest checks found wrong data.
    """
    if context.instance.get_runs_count(UNDER_WAY):
        return dg.SkipReason("a run is under way")
    if not is_behind(house.archive, house.parquet):
        return dg.SkipReason("the archive shows the lake as it is")
    if failed := blocked_by(context.instance):
        return dg.SkipReason(f"a blocking check of trades_parquet failed: {', '.join(failed)}")
    seen = lake.files(house.parquet) + lake.bar_files(house.candles)
    return dg.RunRequest(run_key=sha256(repr(seen).encode()).hexdigest())
