from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from alphapulse.archive.export import export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.store.days import Standing
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import register
from alphapulse_pipelines.sensors import archive_behind, new_markets, observation, observe_trades
from tests.stored import BTC, DAY, ETH, store_day, store_market


def look(
    sensor: dg.SensorDefinition, house: House, instance: dg.DagsterInstance
) -> dg.SensorResult | dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(instance, resources={"house": house})
    found = sensor(context)
    assert isinstance(found, dg.SensorResult | dg.RunRequest | dg.SkipReason)
    return found


def test_a_new_market_is_asked_to_become_a_partition(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    store_market(store, ETH)
    store_market(store, BTC)
    register(instance, [ETH])
    found = look(new_markets, house, instance)
    assert isinstance(found, dg.SensorResult) and found.dynamic_partitions_requests
    (request,) = found.dynamic_partitions_requests
    assert list(request.partition_keys) == [BTC.key]


def test_without_a_new_market_nothing_is_asked(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    store_market(store, ETH)
    register(instance, [ETH])
    assert isinstance(look(new_markets, house, instance), dg.SkipReason)


def test_the_store_is_observed(store: Store, house: House, instance: dg.DagsterInstance) -> None:
    store_day(store, BTC)
    found = look(observe_trades, house, instance)
    assert isinstance(found, dg.SensorResult)
    (seen,) = found.asset_events
    assert isinstance(seen, dg.AssetObservation)
    assert seen.asset_key == dg.AssetKey("trades")
    assert seen.metadata["coinbase markets"].value == 1


def test_an_exchange_without_a_trade_has_no_lag() -> None:
    seen = observation([Standing("kraken", 2, 0, 0, None, None)])
    assert seen.metadata["kraken rows (estimated)"].value == 0
    assert "kraken lag (s)" not in seen.metadata


def test_an_archive_that_is_behind_is_renewed_once_per_state_of_the_lake(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    first = look(archive_behind, house, instance)
    again = look(archive_behind, house, instance)
    assert isinstance(first, dg.RunRequest) and isinstance(again, dg.RunRequest)
    assert first.run_key == again.run_key
    list(export_days(house.url(), house.parquet, [store_day(store, BTC, DAY + timedelta(days=1))]))
    later = look(archive_behind, house, instance)
    assert isinstance(later, dg.RunRequest) and later.run_key != first.run_key


def test_an_archive_that_shows_the_lake_is_left_alone(
    house: House, instance: dg.DagsterInstance
) -> None:
    write_archive(house.archive, house.parquet)
    assert isinstance(look(archive_behind, house, instance), dg.SkipReason)


def test_the_archive_waits_for_the_run_that_is_under_way(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    job = definitions.resolve_job_def("nightly_export")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    found = look(archive_behind, house, instance)
    assert isinstance(found, dg.SkipReason) and "under way" in (found.skip_message or "")


def test_an_absent_database_fails_the_tick_with_our_words(instance: dg.DagsterInstance) -> None:
    context = dg.build_sensor_context(instance, resources={"house": nowhere()})
    with pytest.raises(StoreUnavailable, match="cannot reach PostgreSQL"):
        new_markets(context)


def nowhere() -> House:
    return House(Path("unused"), Path("unused"), lambda: "postgresql://nobody@127.0.0.1:1/none")
