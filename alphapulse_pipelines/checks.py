"""Checks of the archive. Unpartitioned: a range run leaves partitioned ones PLANNED."""

import dagster as dg

from alphapulse.archive.audit import Offence, compare_with_store, newest_days, verify_files
from alphapulse.day import MarketDay
from alphapulse_pipelines.house import House

DATES_ALONE = 7  # looked at by a check that runs without partitions


@dg.asset_check(
    asset="trades_parquet",
    description="Each closed day of the run holds as many rows as the store does now.",
)
def rows_match_store(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> dg.AssetCheckResult:
    return verdict(list(compare_with_store(house.url(), house.parquet, days_of(context, house))))


@dg.asset_check(
    asset="trades_parquet",
    description="Each file of the run, read again: certificate, distinct ids, order, day, sums.",
)
def files_are_whole(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> dg.AssetCheckResult:
    return verdict(list(verify_files(house.parquet, days_of(context, house))))


def days_of(context: dg.AssetCheckExecutionContext, house: House) -> list[MarketDay]:
    """The partitions of the run; run alone, a check has none and looks at the last week."""
    if context.has_partition_key or context.has_partition_key_range:
        return [MarketDay.from_key(key) for key in context.partition_keys]
    return newest_days(house.parquet, DATES_ALONE)


def verdict(offences: list[Offence]) -> dg.AssetCheckResult:
    rows = [
        dg.TableRecord({"partition": offence.day.key, "reason": offence.reason})
        for offence in offences
    ]
    return dg.AssetCheckResult(
        passed=not offences,
        metadata={"offences": len(offences), "list": dg.MetadataValue.table(rows)} if rows else {},
    )
