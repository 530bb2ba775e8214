"""Backups and their drill as assets: when they were made, what is in them, and that they work."""

import os
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from alphapulse.backup.drilling import Drilled, drill
from alphapulse.backup.making import Made, make_backup
from alphapulse.backup.vault import Vault, open_vault
from alphapulse_pipelines.assets import OWNERS
from alphapulse_pipelines.house import House

NO_PLACE = "there are no backups: set ALPHAPULSE_BACKUP_TO to a directory or s3://bucket/prefix"


def vault_of(house: House) -> Vault:
    if house.settings.backup_to is None:
        raise dg.Failure(NO_PLACE, allow_retries=False)
    return open_vault(house.settings.backup_to, os.environ)


@dg.asset(
    deps=["trades", "trades_parquet", "market_data"],
    group_name="operations",
    kinds={"postgres", "s3"},
    owners=OWNERS,
    code_version="1",
    freshness_policy=dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=49), warn_window=timedelta(hours=25)
    ),
    description="The database at one instant and every file of the archive, at "
    "ALPHAPULSE_BACKUP_TO; read back before it counts. The newest ALPHAPULSE_BACKUP_KEEP are kept.",
)
def backup(context: dg.AssetExecutionContext, house: dg.ResourceParam[House]) -> None:
    roots = {"parquet": house.parquet, "candles": house.candles}
    made = make_backup(house.url(), roots, vault_of(house), house.settings.backup_keep)
    context.add_asset_metadata(shown_of(made))


def shown_of(made: Made) -> dict[str, dg.MetadataValue]:
    found = made.backup
    return {
        "backup": dg.MetadataValue.text(found.stamp),
        "dagster/uri": dg.MetadataValue.text(made.place),
        "dagster/row_count": dg.MetadataValue.int(found.rows),
        "market_days": dg.MetadataValue.int(len(found.days)),
        "files": dg.MetadataValue.int(len(found.files)),
        "files_copied": dg.MetadataValue.int(made.files_copied),
        "bytes_written": dg.MetadataValue.int(made.bytes),
        "bytes": dg.MetadataValue.int(sum(one.bytes for one in found.objects)),
        "dagster_database": dg.MetadataValue.text(found.dagster_note or "in it"),
        "kept": dg.MetadataValue.text(", ".join(made.kept)),
        "removed": dg.MetadataValue.text(", ".join(made.removed) or "none"),
        "seconds": dg.MetadataValue.float(round(made.seconds, 1)),
    }


@dg.asset(
    deps=["backup"],
    group_name="operations",
    kinds={"postgres"},
    owners=OWNERS,
    code_version="1",
    check_specs=[
        dg.AssetCheckSpec(
            "drill_passes",
            asset="restore_drill",
            blocking=True,
            description="What was restored is what the manifest says: counts and checksums of each "
            "market-day, certificates of the files.",
        )
    ],
    description="The newest backup, restored into a scratch server and compared: all of a small "
    "archive, of a large one the newest day and a sample.",
)
def restore_drill(
    context: dg.AssetExecutionContext, house: dg.ResourceParam[House]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    scratch = house.parquet.parent
    scratch.mkdir(parents=True, exist_ok=True)
    found = drill(vault_of(house), scratch)
    yield dg.MaterializeResult(metadata=facts_of(found), check_results=[verdict_of(found)])


def facts_of(found: Drilled) -> dict[str, dg.MetadataValue]:
    return {
        "backup": dg.MetadataValue.text(found.stamp or "none"),
        "made_at": dg.MetadataValue.text(str(found.made_at or "unknown")),
        "dagster/row_count": dg.MetadataValue.int(found.rows),
        "market_days": dg.MetadataValue.text(f"{found.days} of {found.days_in_backup}"),
        "files": dg.MetadataValue.text(f"{found.files} of {found.files_in_backup}"),
        "seconds": dg.MetadataValue.float(round(found.seconds, 1)),
    }


def verdict_of(found: Drilled) -> dg.AssetCheckResult:
    rows = [dg.TableRecord({"failure": failure}) for failure in found.failures]
    return dg.AssetCheckResult(
        check_name="drill_passes",
        passed=found.passed,
        metadata={"failures": len(rows), "list": dg.MetadataValue.table(rows)} if rows else {},
    )


make_backups = dg.define_asset_job(
    "make_backup",
    dg.AssetSelection.assets("backup"),
    description="Backs up the database and the archive.",
)

drill_backups = dg.define_asset_job(
    "drill_backup",
    dg.AssetSelection.assets("restore_drill"),
    description="Restores the newest backup into a scratch server and compares.",
)


@dg.schedule(
    cron_schedule="30 1 * * *",
    execution_timezone="UTC",
    job=make_backups,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Backs up after the nightly export; skips where no place is named.",
)
def nightly_backup(
    context: dg.ScheduleEvaluationContext, house: dg.ResourceParam[House]
) -> dg.RunRequest | dg.SkipReason:
    return request_of(context, house)


@dg.schedule(
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    job=drill_backups,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Proves each Sunday that the newest backup can be restored.",
)
def weekly_drill(
    context: dg.ScheduleEvaluationContext, house: dg.ResourceParam[House]
) -> dg.RunRequest | dg.SkipReason:
    return request_of(context, house)


def request_of(
    context: dg.ScheduleEvaluationContext, house: House
) -> dg.RunRequest | dg.SkipReason:
    if house.settings.backup_to is None:
        return dg.SkipReason(NO_PLACE)
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())
