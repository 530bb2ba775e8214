"""The nightly export: whatever traded and is not archived yet, in as few runs as possible."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

import dagster as dg

from alphapulse.archive.export import unarchived_days
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids
from alphapulse_pipelines import jobs
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import ranges, register

AFTER_MIDNIGHT = "10 0 * * *"  # ten minutes of grace for trades that arrive late
LOOK_BACK = timedelta(days=7)  # nights that were missed are caught up


def nightly_schedule(first_day: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule=AFTER_MIDNIGHT,
        execution_timezone="UTC",
        job=jobs.nightly_export,
        name="nightly_export",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Exports yesterday, and days of the week before that are not archived, of each "
        "market that traded; then renews market_data.duckdb.",
    )
    def nightly_export(
        context: dg.ScheduleEvaluationContext, house: dg.ResourceParam[House]
    ) -> list[dg.RunRequest]:
        yesterday = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        first = max(yesterday - LOOK_BACK, date.fromisoformat(first_day))
        return list(requests(context.instance, house, first, yesterday))

    return nightly_export


def requests(
    instance: dg.DagsterInstance, house: House, first: date, last: date
) -> Iterator[dg.RunRequest]:
    """One request per range of what traded from `first` to `last` and is not archived whole."""
    with connect(house.url(), "dagster", read_only=True) as store:
        registered = register(instance, market_ids(store))
    for part in ranges(registered, unarchived_days(house.url(), house.parquet, first, last)):
        yield dg.RunRequest(run_key=f"{last}: {part.first} to {part.last}", tags=part.tags)
