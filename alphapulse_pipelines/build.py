"""The assembly, and nothing else: no asset, check or sensor is written here."""

import dagster as dg

from alphapulse.settings import Settings
from alphapulse_pipelines.assets import build_trades_parquet, market_data, trades
from alphapulse_pipelines.checks import (
    certificate_verifies,
    coverage_is_complete,
    rows_match_store,
)
from alphapulse_pipelines.house import House, house_of
from alphapulse_pipelines.jobs import nightly_export, renew_market_data
from alphapulse_pipelines.reopening import judge_days, reopened_days_sensor
from alphapulse_pipelines.retention import (
    dagster_events,
    nightly_retention,
    nightly_retention_job,
    old_days_leave,
    retention,
)
from alphapulse_pipelines.schedules import nightly_schedule
from alphapulse_pipelines.sensors import archive_behind, new_markets, observe_trades


def build_definitions(settings: Settings, house: House | None = None) -> dg.Definitions:
    """Everything of the code location; `house` stands in for the one of `settings`.

    One process per run: the work is done in DuckDB's threads, and a process costs 150 MB.
    """
    return dg.Definitions(
        assets=[
            trades,
            build_trades_parquet(settings.first_day),
            market_data,
            retention,
            dagster_events,
        ],
        asset_checks=[
            rows_match_store,
            certificate_verifies,
            coverage_is_complete,
            old_days_leave,
        ],
        jobs=[
            nightly_export,
            renew_market_data,
            nightly_retention_job,
        ],
        schedules=[
            nightly_schedule(settings.first_day),
            nightly_retention,
        ],
        sensors=[
            new_markets,
            observe_trades,
            archive_behind,
            reopened_days_sensor(settings.first_day),
            judge_days,
        ],
        resources={"house": house or house_of(settings)},
        executor=dg.in_process_executor,
    )
