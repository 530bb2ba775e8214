"""Assets of retention: old days leave PostgreSQL, old events of Dagster's own are forgotten."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import dagster as dg
from dagster_postgres import PostgresEventLogStorage

from alphapulse import lake
from alphapulse.archive.export import Exported
from alphapulse.archive.leaving import Outcome, let_go, policy_of, review
from alphapulse.archive.rejoining import Joined
from alphapulse.retention import Decision, Policy, Refusal
from alphapulse.store.connect import connect
from alphapulse.store.dagster_events import prune_events
from alphapulse.store.judgements import today_of
from alphapulse.store.retention import Dropped
from alphapulse.store.statistics import forget_statistics
from alphapulse.sweeping import empty_logs, sweep_asides, sweep_run_output
from alphapulse_pipelines import assets
from alphapulse_pipelines.house import House
from alphapulse_pipelines.pools import LAKE

GROUP = "operations"
AT_NIGHT = "30 2 * * *"  # long after the export of yesterday, which the newest due day needs not


@dg.asset(
    deps=["trades_parquet"],
    group_name=GROUP,
    kinds={"postgres"},
    owners=assets.OWNERS,
    pool=LAKE,
    code_version="1",
    description="Days older than `retention_days` leave PostgreSQL: whole partitions or chunks, "
    "and only when each market's Parquet file, read again, holds every row of them. A day that "
    "stays says why.",
)
def retention(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
    policy = read_policy(house)
    outcomes = list(let_go(house.url(), house.parquet, policy))
    for one in joined(outcomes):
        context.log_event(united(house.parquet, one))
    asides = sweep_asides(house.parquet, house.candles)
    context.add_asset_metadata(
        numbers(outcomes, policy)
        | statistics(house)
        | {
            "broken exports removed": dg.MetadataValue.int(asides.files),
            "PostgreSQL logs emptied": dg.MetadataValue.int(empty_logs(house.parquet.parent)),
        }
    )


def statistics(house: House) -> dict[str, dg.MetadataValue]:
    """Old statistics are forgotten; what is not added up by the minute yet is, before."""
    kept = (house.settings.statistics_seconds_days, house.settings.statistics_minutes_days)
    with connect(house.url(), "dagster statistics") as store:
        done = forget_statistics(store, *kept)
    return {
        "statistics by the second forgotten": dg.MetadataValue.int(done.seconds),
        "statistics by the minute forgotten": dg.MetadataValue.int(done.minutes),
        "minutes added up": dg.MetadataValue.int(done.rolled),
        "bytes of statistics": dg.MetadataValue.int(done.bytes),
    }


def read_policy(house: House) -> Policy:
    with connect(house.url(), "dagster", read_only=True) as store:
        return policy_of(house.settings, today_of(store))


def united(parquet: Path, one: Joined) -> dg.AssetMaterialization:
    """The partition's file is another one now: whatever follows from it is out of date."""
    path = lake.path_of(parquet, one.day)
    done = Exported(one.day, lake.read_certificate(path), path, path.stat().st_size)
    metadata = assets.numbers(done) | {"late rows": dg.MetadataValue.int(one.rows)}
    return dg.AssetMaterialization("trades_parquet", partition=one.day.key, metadata=metadata)


def joined(outcomes: Iterable[Outcome]) -> list[Joined]:
    return [one for one in outcomes if isinstance(one, Joined) and one.rows]


def numbers(outcomes: Sequence[Outcome], policy: Policy) -> dict[str, dg.MetadataValue]:
    left = [outcome for outcome in outcomes if isinstance(outcome, Dropped)]
    refused = refusals(outcomes)
    shown: dict[str, dg.MetadataValue] = {
        "days left": dg.MetadataValue.int(len(left)),
        "days refused": dg.MetadataValue.int(
            sum(isinstance(outcome, Decision) for outcome in outcomes)
        ),
        "late rows united": dg.MetadataValue.int(sum(one.rows for one in joined(outcomes))),
        "rows": dg.MetadataValue.int(sum(one.rows for one in left)),
        "bytes freed": dg.MetadataValue.int(sum(one.bytes for one in left)),
        "which": dg.MetadataValue.text(", ".join(str(one.day) for one in left) or "none"),
        "stays": dg.MetadataValue.text(
            f"from {policy.limit} on" if policy.keep_days else "everything"
        ),
        "next": dg.MetadataValue.text(str(policy.limit) if policy.keep_days else "never"),
    }
    return shown | ({"refusals": table(refused)} if refused else {})


def refusals(outcomes: Iterable[Outcome]) -> list[Refusal]:
    decisions = (outcome for outcome in outcomes if isinstance(outcome, Decision))
    return [refusal for decision in decisions for refusal in decision.refusals]


def table(refused: Iterable[Refusal]) -> dg.MetadataValue:
    rows = [
        dg.TableRecord(
            {
                "day": str(one.day),
                "market": one.market or "all markets",
                "why": one.why.value,
                "words": one.words,
            }
        )
        for one in refused
    ]
    return dg.MetadataValue.table(rows)


@dg.asset_check(
    asset=retention,
    description="Each day older than `retention_days` has left PostgreSQL. Warns of those that "
    "stay, with the reasons: rows that came late after a day had left among them.",
)
def old_days_leave(house: dg.ResourceParam[House]) -> dg.AssetCheckResult:
    refused = refusals(review(house.url(), house.parquet, read_policy(house)))
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "days": len({one.day for one in refused}),
            **({"refusals": table(refused)} if refused else {}),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"postgres"},
    owners=assets.OWNERS,
    code_version="1",
    description="Dagster's own events and its runs' output, older than `dagster_events_days`, are "
    "deleted. The newest event of each kind of each partition stays, so that no partition's status "
    "changes.",
)
def dagster_events(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
    days = house.settings.dagster_events_days
    shown: dict[str, dg.MetadataValue] = {"days kept": dg.MetadataValue.int(days)}
    if url := own_database(context.instance):
        with connect(url, "dagster events") as store:
            pruned = prune_events(store, days)
        shown |= {
            "events": dg.MetadataValue.int(pruned.events),
            "tags": dg.MetadataValue.int(pruned.tags),
            "check executions": dg.MetadataValue.int(pruned.check_executions),
            "bytes of Dagster's tables": dg.MetadataValue.int(pruned.bytes),
        }
    swept = sweep_run_output(Path(context.instance.root_directory), days)
    shown |= {
        "files of output": dg.MetadataValue.int(swept.files),
        "bytes of output": dg.MetadataValue.int(swept.bytes),
    }
    context.add_asset_metadata(shown)


def own_database(instance: dg.DagsterInstance) -> str | None:
    """The address of the database in which this very instance stores its events, if it is one."""
    storage = instance.event_log_storage
    if not isinstance(storage, PostgresEventLogStorage):
        return None
    return str(storage.postgres_url).replace("postgresql+psycopg2://", "postgresql://", 1)


nightly_retention_job = dg.define_asset_job(
    "nightly_retention",
    dg.AssetSelection.assets(retention, dagster_events),
    description="Lets old days leave PostgreSQL, and forgets Dagster's old events.",
)

nightly_retention = dg.ScheduleDefinition(
    name="nightly_retention",
    cron_schedule=AT_NIGHT,
    execution_timezone="UTC",
    job=nightly_retention_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each night: days beyond `retention_days` leave PostgreSQL, if they may.",
)
