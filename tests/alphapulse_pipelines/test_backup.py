"""Backups and their drill as Dagster runs them."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from alphapulse.backup import programs
from alphapulse.backup.keeping import list_backups
from alphapulse.backup.vault import open_vault
from alphapulse.settings import Settings
from alphapulse.store.backups import libpq_variables
from alphapulse.store.connect import connect
from alphapulse_pipelines.assets import trades
from alphapulse_pipelines.backup import nightly_backup, weekly_drill
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from tests.alphapulse.backup.stage import Stage, another_database, furnish

AT = datetime(2024, 8, 11, 1, 30, tzinfo=UTC)


@pytest.fixture
def backed(tmp_path: Path, database_url: str) -> House:
    """A furnished house with a place for its backups."""
    home, place = tmp_path / "home", tmp_path / "backups"
    place.mkdir()
    furnish(Stage(home, database_url))
    settings = Settings(home=home, backup_to=str(place))
    return House(settings.parquet, settings.archive, lambda: database_url, settings)


def execute(house: House, instance: dg.DagsterInstance, job: str) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(house.settings, house)
    found = definitions.resolve_job_def(job)
    return found.execute_in_process(instance=instance, raise_on_error=False)


def test_a_backup_tells_what_it_took(backed: House, instance: dg.DagsterInstance) -> None:
    done = execute(backed, instance, "make_backup")
    assert done.success
    (event,) = done.asset_materializations_for_node("backup")
    place = str(backed.settings.backup_to)
    (stamp,) = list_backups(open_vault(place, {}))
    assert event.metadata["backup"].value == event.metadata["kept"].value == stamp
    assert event.metadata["dagster/row_count"].value == 6 * 40 + 1
    assert event.metadata["files_copied"].value == 7
    assert event.metadata["dagster/uri"].value == place


@pytest.mark.embedded
def test_a_drill_passes_and_fails_when_a_file_was_tampered_with(
    backed: House, instance: dg.DagsterInstance
) -> None:
    assert execute(backed, instance, "make_backup").success
    good = execute(backed, instance, "drill_backup")
    (check,) = good.get_asset_check_evaluations()
    assert good.success and check.passed and check.blocking
    file = next(Path(str(backed.settings.backup_to)).rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    bad = execute(backed, instance, "drill_backup")
    (check,) = bad.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("drill_passes", False)
    table = check.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    assert any("is damaged" in str(record.data["failure"]) for record in table.records)


def test_without_a_place_a_run_says_what_to_set(house: House, instance: dg.DagsterInstance) -> None:
    done = execute(house, instance, "make_backup")
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "ALPHAPULSE_BACKUP_TO" in str(failure.event_specific_data)


@pytest.mark.parametrize("schedule", [nightly_backup, weekly_drill])
def test_schedules_skip_without_a_place_and_run_with_one(
    schedule: dg.ScheduleDefinition,
    house: House,
    backed: House,
    instance: dg.DagsterInstance,
) -> None:
    found = [
        schedule.evaluate_tick(
            dg.build_schedule_context(
                instance, scheduled_execution_time=AT, resources={"house": one}
            )
        )
        for one in (house, backed)
    ]
    assert "ALPHAPULSE_BACKUP_TO" in str(found[0].skip_message)
    assert [len(tick.run_requests or []) for tick in found] == [0, 1]


def test_the_schedules_run_in_the_night_and_on_sundays_utc() -> None:
    times = [(one.cron_schedule, one.execution_timezone) for one in (nightly_backup, weekly_drill)]
    assert times == [("30 1 * * *", "UTC"), ("0 4 * * 0", "UTC")]


def test_what_dagster_knows_survives(
    postgres_instance: dg.DagsterInstance, empty_database: str, server_url: str
) -> None:
    """Its own database, dumped and restored: an observation is still there."""
    observation = dg.AssetObservation(trades.key, metadata={"rows": 7})
    postgres_instance.report_runless_asset_event(observation)
    with another_database(server_url) as other:
        blocks = programs.dump(libpq_variables(empty_database))
        programs.restore(libpq_variables(other), blocks)
        with connect(other, "test") as store:
            found = store.execute(
                "SELECT count(*) FROM event_logs WHERE asset_key = %s", ['["trades"]']
            ).fetchone()
    assert found == (1,)
