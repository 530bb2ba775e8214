"""What Dagster forgets of itself without losing a partition."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import dagster as dg
import pytest
from psycopg.conninfo import conninfo_to_dict

from alphapulse.day import MarketDay
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from alphapulse.store.dagster_events import Pruned, prune_events
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import ranges, register
from alphapulse_pipelines.retention import own_database
from tests.alphapulse_pipelines.conftest import prepare
from tests.alphapulse_pipelines.test_retention import retain, shown
from tests.conftest import made_database, seal
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

PARQUET = dg.AssetKey("trades_parquet")
KEYS = [f"{day}|{market.key}" for day in (DAY, DAY + timedelta(days=1)) for market in (BTC, ETH)]
LONG_AGO = """
UPDATE event_logs SET timestamp = timestamp - interval '100 days';
UPDATE asset_check_executions SET
    evaluation_event_timestamp = evaluation_event_timestamp - interval '100 days',
    create_timestamp = create_timestamp - interval '100 days'"""


def export(definitions: dg.Definitions, instance: dg.DagsterInstance, *days: MarketDay) -> None:
    job = definitions.resolve_job_def("nightly_export")
    markets = register(instance, [BTC, ETH])
    for part in ranges(markets, days):
        job.execute_in_process(instance=instance, tags=part.tags, raise_on_error=False)


@pytest.fixture(scope="module")
def past(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, str]]:
    """Days that were exported, exported again, or failed; a hundred days ago. Made once, to be
    copied: a house, and Dagster's own database, which is not the trades'.
    """
    folder = tmp_path_factory.mktemp("past")
    with (
        made_database(server_url, template) as url,
        made_database(server_url) as own,
        pytest.MonkeyPatch.context() as patch,
    ):
        house = House(folder / "parquet", folder / "market_data.duckdb", lambda: url)
        prepare(folder / "dagster", own, patch)
        with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
            record(house, instance)
        with connect(own, "test") as recorded:
            for statement in LONG_AGO.split(";"):
                recorded.execute(statement.encode())
        for each in (url, own):
            seal(server_url, name_of(each))
        yield house, own


def record(house: House, instance: dg.DagsterInstance) -> None:
    definitions = build_definitions(Settings(), house)
    next_day = DAY + timedelta(days=1)
    with connect(house.url(), "test") as store:
        days = [store_day(store, BTC), store_day(store, ETH), store_day(store, BTC, next_day)]
        export(definitions, instance, *days)
        export(definitions, instance, *days[:2])
        store_trades(store, ETH, [(1, f"{next_day} 12:00:00", "NaN", "1")])
        export(definitions, instance, MarketDay(next_day, ETH))
    for lag in (1, 2, 3):
        observation = dg.AssetObservation("trades", metadata={"lag": lag})
        instance.report_runless_asset_event(observation)


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def database_url(server_url: str, past: tuple[House, str]) -> Iterator[str]:
    with made_database(server_url, name_of(past[0].url())) as url:
        yield url


@pytest.fixture
def empty_database(server_url: str, past: tuple[House, str]) -> Iterator[str]:
    """Where Dagster's own would be a new one."""
    with made_database(server_url, name_of(past[1])) as url:
        yield url


@pytest.fixture
def house(past: tuple[House, str], database_url: str, tmp_path: Path) -> House:
    copytree(past[0].parquet, tmp_path / "parquet")
    return House(tmp_path / "parquet", tmp_path / "market_data.duckdb", lambda: database_url)


@pytest.fixture
def history(postgres_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return postgres_instance


@pytest.fixture
def recorded(empty_database: str) -> Iterator[Store]:
    with connect(empty_database, "test") as connection:
        yield connection


def standing(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, Any]:
    """All that Dagster's pages, sensors and backfills ask of partitions and checks."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations
    partitions = definitions.resolve_asset_graph().get(PARQUET).partitions_def
    assert partitions is not None
    status = instance.get_status_by_partition(PARQUET, KEYS, partitions) or {}
    checks = [
        storage.get_latest_asset_check_execution_by_key([key])
        for key in definitions.resolve_asset_graph().asset_check_keys
    ]
    events = [
        instance.get_latest_materialization_event(dg.AssetKey(name))
        for name in ("trades_parquet", "market_data")
    ]
    (observed,) = instance.fetch_observations(dg.AssetKey("trades"), limit=1).records
    assert observed.asset_observation
    return {
        "status": {key: status.get(key) for key in KEYS},
        "materialized": instance.get_materialized_partitions(PARQUET),
        "attempts": attempts(PARQUET),
        "checks": [
            (str(key), record.id, record.status)
            for found in checks
            for key, record in found.items()
        ],
        "events": [(event.run_id, event.timestamp) for event in events if event],
        "observed": observed.asset_observation.metadata["lag"].value,
        "runs": instance.get_runs_count(),
    }


def test_partitions_are_as_before_when_old_events_are_gone(
    recorded: Store, definitions: dg.Definitions, history: dg.DagsterInstance
) -> None:
    before = standing(definitions, history)
    found = {key: status.value for key, status in before["status"].items() if status}
    assert found == dict(zip(KEYS, ["MATERIALIZED"] * 3 + ["FAILED"], strict=True))
    (count,) = recorded.execute("SELECT count(*) FROM event_logs").fetchone() or (0,)
    url = own_database(history)
    assert url is not None
    pruned = prune_events(recorded, 90, batch=7)
    assert pruned.events > count / 2 and pruned.check_executions > 0 and pruned.bytes > 0
    assert standing(definitions, history) == before
    left = recorded.execute("SELECT DISTINCT dagster_event_type FROM event_logs")
    assert all(name.startswith("ASSET_") for (name,) in left)
    again = prune_events(recorded, 90)
    assert (again.events, again.tags, again.check_executions) == (0, 0, 0)


def test_what_is_younger_stays(recorded: Store, history: dg.DagsterInstance) -> None:
    (count,) = recorded.execute("SELECT count(*) FROM event_logs").fetchone() or (0,)
    for days in (0, 101):
        pruned = prune_events(recorded, days)
        assert pruned == Pruned(bytes=pruned.bytes)
    assert recorded.execute("SELECT count(*) FROM event_logs").fetchone() == (count,)


def test_a_run_under_way_keeps_its_events(recorded: Store, history: dg.DagsterInstance) -> None:
    (run,) = history.get_runs(limit=1)
    recorded.execute("UPDATE runs SET status = 'STARTED' WHERE run_id = %s", [run.run_id])
    query = "SELECT count(*) FROM event_logs WHERE run_id = %s"
    before = recorded.execute(query, [run.run_id]).fetchone()
    prune_events(recorded, 90)
    assert recorded.execute(query, [run.run_id]).fetchone() == before != (0,)


def test_the_asset_prunes_the_very_database_that_records_it(
    recorded: Store, definitions: dg.Definitions, history: dg.DagsterInstance, dagster_home: Path
) -> None:
    output = dagster_home / "some run" / "compute_logs" / "step.err"
    output.parent.mkdir(parents=True)
    output.write_text("words")
    os.utime(output, (0, 0))
    fresh = output.with_name("fresh.out")
    fresh.write_text("words")
    told = shown(retain(definitions, history), "dagster_events")
    assert told["events"] > 0 and told["days kept"] == 90
    assert (told["files of output"], told["bytes of output"]) == (1, 5)
    assert fresh.exists() and not output.exists()
    assert BTC_DAY.key in history.get_materialized_partitions(PARQUET)
