"""dagster.yaml: what the launcher copies into DAGSTER_HOME."""

from pathlib import Path

import dagster as dg
import yaml
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

from alphapulse.store.connect import connect
from alphapulse_pipelines.assets import trades
from alphapulse_pipelines.repairing import EXCHANGE
from tests.conftest import ROOT


def test_an_event_can_be_stored_and_read(postgres_instance: dg.DagsterInstance) -> None:
    observation = dg.AssetObservation(trades.key, metadata={"rows": 7})
    postgres_instance.report_runless_asset_event(observation)
    (record,) = postgres_instance.fetch_observations(trades.key, limit=2).records
    assert record.asset_observation is not None
    assert record.asset_observation.metadata["rows"].value == 7


SESSIONS = """SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type = 'client backend'"""


def test_connections_are_kept_and_one_that_died_is_replaced(
    postgres_instance: dg.DagsterInstance, empty_database: str
) -> None:
    observation = dg.AssetObservation(trades.key, metadata={"rows": 7})

    def report() -> set[int]:
        postgres_instance.report_runless_asset_event(observation)
        return {pid for (pid,) in store.execute(SESSIONS).fetchall()}

    with connect(empty_database, "test") as store:
        first = report()
        assert first and report() == first
        store.execute(f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS found")
        assert first.isdisjoint(report())
    assert len(postgres_instance.fetch_observations(trades.key, limit=9).records) == 3


def test_the_driver_is_named() -> None:
    """Without it SQLAlchemy 2.1 takes psycopg 3, and no event can be stored."""
    storage = yaml.safe_load((ROOT / "dagster.yaml").read_text())["storage"]["custom"]["config"]
    assert storage["postgres_db"]["scheme"] == "postgresql+psycopg2"


def test_nothing_is_reported_to_anybody(postgres_instance: dg.DagsterInstance) -> None:
    assert not postgres_instance.telemetry_enabled


def test_few_runs_at_a_time_and_those_watched(postgres_instance: dg.DagsterInstance) -> None:
    coordinator = postgres_instance.run_coordinator
    assert isinstance(coordinator, QueuedRunCoordinator)
    assert postgres_instance.get_concurrency_config().run_queue_config is not None
    assert postgres_instance.run_monitoring_enabled


def test_files_stay_in_dagsters_home(
    postgres_instance: dg.DagsterInstance, dagster_home: Path
) -> None:
    assert Path(postgres_instance.storage_directory()).is_relative_to(dagster_home)


def test_repairs_leave_room_for_the_export(postgres_instance: dg.DagsterInstance) -> None:
    queue = postgres_instance.get_concurrency_config().run_queue_config
    assert queue
    each, together = queue.tag_concurrency_limits
    assert each == {"key": EXCHANGE, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    assert together == {"key": EXCHANGE, "limit": 2}
    assert queue.max_concurrent_runs > 2


def test_a_sensor_that_waits_holds_up_no_other(postgres_instance: dg.DagsterInstance) -> None:
    assert postgres_instance.get_sensor_settings()["use_threads"]
