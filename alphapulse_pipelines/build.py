"""The assembly, and nothing else: no asset, check or sensor is written here."""

import dagster as dg

from alphapulse.settings import Settings
from alphapulse_pipelines.assets import build_trades_parquet, market_data, trades
from alphapulse_pipelines.backup import (
    backup,
    drill_backups,
    make_backups,
    nightly_backup,
    restore_drill,
    weekly_drill,
)
from alphapulse_pipelines.candle_checks import CANDLE_CHECKS
from alphapulse_pipelines.candles import build_candles
from alphapulse_pipelines.candles_behind import candles_behind_sensor
from alphapulse_pipelines.checks import check_trades_parquet
from alphapulse_pipelines.compaction import compaction, nightly_compaction
from alphapulse_pipelines.coverage import (
    build_coverage,
    changed_verdicts_sensor,
    judge_coverage,
    nightly_coverage,
)
from alphapulse_pipelines.house import House, house_of
from alphapulse_pipelines.jobs import nightly_export, renew_candles, renew_market_data
from alphapulse_pipelines.reading import ArchiveReader
from alphapulse_pipelines.reopening import judge_days, reopened_days_sensor
from alphapulse_pipelines.repairing import open_gaps, repair_gaps
from alphapulse_pipelines.retention import (
    dagster_events,
    nightly_retention,
    nightly_retention_job,
    old_days_leave,
    retention,
)
from alphapulse_pipelines.schedules import nightly_schedule
from alphapulse_pipelines.sensors import archive_behind, new_markets, observe_trades
from alphapulse_pipelines.telling import tell_alerts
from alphapulse_pipelines.watching import (
    collectors_alive,
    disk_space,
    fresh_by_own_rhythm,
    market_rhythm,
    silent_markets,
)
from alphapulse_pipelines.watching_runs import failed_checks, failed_runs, failed_ticks


def build_definitions(settings: Settings, house: House | None = None) -> dg.Definitions:
    """Everything of the code location; `house` stands in for the one of `settings`.

    One process per run: the work is done in DuckDB's threads, and a process costs 150 MB.
    """
    return dg.Definitions(
        assets=[
            trades,
            build_trades_parquet(settings.first_day),
            *build_candles(settings.first_day),
            build_coverage(settings.first_day),
            market_data,
            backup,
            restore_drill,
            retention,
            dagster_events,
        ],
        asset_checks=[
            check_trades_parquet,
            fresh_by_own_rhythm,
            *CANDLE_CHECKS,
            old_days_leave,
        ],
        jobs=[
            nightly_export,
            renew_market_data,
            renew_candles,
            compaction,
            repair_gaps,
            make_backups,
            drill_backups,
            judge_coverage,
            nightly_retention_job,
        ],
        schedules=[
            nightly_schedule(settings.first_day),
            nightly_compaction,
            nightly_backup,
            weekly_drill,
            nightly_coverage,
            nightly_retention,
        ],
        sensors=[
            new_markets,
            observe_trades,
            archive_behind,
            reopened_days_sensor(settings.first_day),
            judge_days,
            open_gaps,
            market_rhythm,
            silent_markets,
            collectors_alive,
            disk_space,
            failed_runs,
            failed_checks,
            failed_ticks,
            tell_alerts,
            candles_behind_sensor(settings.first_day),
            changed_verdicts_sensor(settings.first_day),
        ],
        resources={
            "house": house or house_of(settings),
            "io_manager": ArchiveReader(house or house_of(settings)),
        },
        executor=dg.in_process_executor,
    )
