"""Checks of the archive. Unpartitioned: a range run leaves partitioned ones PLANNED.

All of them come out of one step, which reads each file once; each is a check of its own by name.
Those that find wrong data are blocking: what is made of the files in the same run waits.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from alphapulse.archive.audit import judged_files, newest_days
from alphapulse.archive.examining import CHECKS, Examined, examine_days
from alphapulse.certificate import Certificate
from alphapulse.coverage import Verdict
from alphapulse.day import MarketDay
from alphapulse_pipelines.house import House

ASSET = dg.AssetKey("trades_parquet")
DATES_ALONE = 7  # looked at by a check that runs without partitions
WHOLE = [verdict for verdict in Verdict if verdict.is_whole]
COMPLETE = "coverage_is_complete"
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

SPECS = [
    dg.AssetCheckSpec(name, asset=ASSET, description=description, blocking=True)
    for name, description in CHECKS.items()
] + [
    dg.AssetCheckSpec(
        COMPLETE,
        asset=ASSET,
        description="Each file of the run certifies that its day is complete, but for ids that the "
        "exchange lacks too. Warns of days that are not, or that nobody can judge.",
    )
]


@dg.multi_asset_check(
    name="check_trades_parquet",
    specs=SPECS,
    can_subset=True,
    description="Reads each file of the run once more, and the store, and compares.",
)
def check_trades_parquet(
    context: dg.AssetCheckExecutionContext, house: dg.ResourceParam[House]
) -> Iterator[dg.AssetCheckResult]:
    days = days_of(context, house)
    asked = {key.name for key in context.selected_asset_check_keys}
    blocking = [name for name in CHECKS if name in asked]
    found = list(examine_days(house.url(), house.parquet, days)) if blocking else []
    for name in blocking:
        yield verdict(name, found)
    if COMPLETE in asked:
        yield completeness(list(judged_files(house.parquet, days)))


def verdict(name: str, found: Sequence[Examined]) -> dg.AssetCheckResult:
    """One check over all market-days. Late rows alone warn: they are on their way into the file."""
    failed = {one.day.key: one.failures[name] for one in found if name in one.failures}
    late = {} if name != "rows_match_store" else late_rows(found)
    offences = late | failed
    rows = [
        dg.TableRecord({"partition": day, "reason": reason}) for day, reason in offences.items()
    ]
    metadata: dict[str, dg.MetadataValue] = {"partitions": dg.MetadataValue.int(len(found))}
    if rows:
        metadata |= {
            "offences": dg.MetadataValue.int(len(rows)),
            "list": dg.MetadataValue.table(rows),
        }
    return dg.AssetCheckResult(
        asset_key=ASSET,
        check_name=name,
        passed=not rows,
        severity=ERROR if failed else WARN,
        metadata=metadata,
    )


def late_rows(found: Sequence[Examined]) -> dict[str, str]:
    return {one.day.key: f"{one.late} trades came after the export" for one in found if one.late}


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
        asset_key=ASSET,
        check_name=COMPLETE,
        passed=not lacking,
        severity=WARN,
        metadata=totals,
    )


def days_of(context: dg.AssetCheckExecutionContext, house: House) -> list[MarketDay]:
    """The partitions of the run; run alone, a check has none and looks at the last week."""
    if context.has_partition_key or context.has_partition_key_range:
        return [MarketDay.from_key(key) for key in context.partition_keys]
    return newest_days(house.parquet, DATES_ALONE)


def blocked_by(instance: dg.DagsterInstance) -> list[str]:
    """The blocking checks whose newest evaluation failed."""
    records = (
        (name, instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(ASSET, name)))
        for name in CHECKS
    )
    return [name for name, record in records if record is not None and is_failure(record)]


def is_failure(record: AssetCheckExecutionRecord) -> bool:
    """Whether it found wrong data: a warning blocks nothing, a planned one found nothing yet."""
    event = record.event.dagster_event if record.event else None
    if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return False
    said = event.asset_check_evaluation_data
    return not said.passed and said.severity is ERROR
