"""Small files of days into month files: after the nightly export, and no reader notices."""

from collections.abc import Sequence

import dagster as dg

from alphapulse.archive.compaction import Compacted, NotCompacted, Rules, compact, sweep
from alphapulse.archive.market_data import is_behind, write_archive
from alphapulse_pipelines.house import House
from alphapulse_pipelines.pools import LAKE

AFTER_THE_EXPORT = "40 1 * * *"  # UTC; the nightly export begins at 00:10


@dg.op(
    pool=LAKE,
    description="Removes the days' own files that lie in a month's file since yesterday, writes "
    "the months that are due, and renews market_data.duckdb, which from then on reads those.",
)
def compact_months(context: dg.OpExecutionContext, house: dg.ResourceParam[House]) -> None:
    settings = house.settings
    rules = Rules(settings.compact_below_bytes, settings.compact_after_days)
    if is_behind(house.archive, house.parquet, candles=house.candles):
        renew(house)
    removed = sweep(house.archive, house.parquet, house.candles)
    done = list(compact(house.url(), house.parquet, house.candles, rules))
    if done or removed:
        renew(house)
    made = [month for month in done if isinstance(month, Compacted)]
    context.log.info(
        "%s months' files written from %s days, %s days' files removed",
        len(made),
        sum(month.days for month in made),
        len(removed),
    )
    refuse(done)


def renew(house: House) -> None:
    write_archive(house.archive, house.parquet, candles=house.candles, store_url=house.url())


def refuse(done: Sequence[Compacted | NotCompacted]) -> None:
    """A month that failed is tried again the next night; its days stay where they are."""
    failed = [month for month in done if isinstance(month, NotCompacted)]
    if failed:
        rows = [dg.TableRecord({"file": str(m.path), "reason": m.reason}) for m in failed]
        raise dg.Failure(
            f"{len(failed)} of {len(done)} months were not compacted",
            metadata={"failed": dg.MetadataValue.table(rows)},
            allow_retries=False,
        )


@dg.job(
    description="Compacts months of small files: `compact_after_days`, `compact_below_bytes`.",
)
def compaction() -> None:
    compact_months()


nightly_compaction = dg.ScheduleDefinition(
    name="nightly_compaction",
    job=compaction,
    cron_schedule=AFTER_THE_EXPORT,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Compacts months of small files after the nightly export.",
)
