"""Checks of the archive. Unpartitioned: a range run leaves partitioned ones PLANNED."""

from collections.abc import Sequence

import dagster as dg

from alphapulse.archive.audit import (
    Offence,
    compare_with_store,
    judged_files,
    newest_days,
    verify_files,
)
from alphapulse.certificate import Certificate
from alphapulse.coverage import Verdict
from alphapulse.day import MarketDay
from alphapulse_pipelines.house import House

DATES_ALONE = 7  # looked at by a check that runs without partitions
WHOLE = [verdict for verdict in Verdict if verdict.is_whole]


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
    description="Each file of the run, read again, is what it certifies: columns, distinct ids, "
    "order, day, sums, checksum. From the file alone.",
)
def certificate_verifies(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> dg.AssetCheckResult:
    return verdict(list(verify_files(house.parquet, days_of(context, house))))


@dg.asset_check(
    asset="trades_parquet",
    description="Each file of the run certifies that its day is complete, but for ids that the "
    "exchange lacks too. Warns of days that are not, or that nobody can judge.",
)
def coverage_is_complete(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> dg.AssetCheckResult:
    return completeness(list(judged_files(house.parquet, days_of(context, house))))


def completeness(found: Sequence[Certificate]) -> dg.AssetCheckResult:
    """A warning, because the file is as good as the store is: repairs reopen the day."""
    lacking = [words for words in found if words.verdict not in WHOLE]
    rows = [
        dg.TableRecord(
            {
                "partition": words.day.key,
                "verdict": words.verdict or "not judged",
                "missing": words.missing or 0,
                "absent": words.absent or 0,
                "observed": words.observed or 0.0,
                "reason": words.reason or "certificate of version 1",
            }
        )
        for words in lacking
    ]
    totals: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.int(sum(getattr(words, name) or 0 for words in found))
        for name in ("rows", "expected", "missing", "absent", "repaired", "unexplained")
    }
    if rows:
        totals["list"] = dg.MetadataValue.table(rows)
    return dg.AssetCheckResult(
        passed=not lacking, severity=dg.AssetCheckSeverity.WARN, metadata=totals
    )


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
