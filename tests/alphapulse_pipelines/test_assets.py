from typing import Any

import dagster as dg

from alphapulse import lake
from alphapulse.archive.examining import CHECKS
from alphapulse.archive.market_data import is_behind
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from alphapulse_pipelines.assets import COLUMNS
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import nightly_export
from alphapulse_pipelines.partitions import Range, register
from tests.stored import BTC, DAY, ETH, SOL, store_day, store_market, store_trades

MARKETS = (BTC, ETH, SOL)
PARQUET = dg.AssetKey("trades_parquet")


def run_range(
    definitions: dg.Definitions, instance: dg.DagsterInstance, *markets: Market
) -> dg.ExecuteInProcessResult:
    keys = register(instance, markets)
    tags = Range(f"{DAY}|{keys[0]}", f"{DAY}|{keys[-1]}").tags
    job = definitions.resolve_job_def(nightly_export.name)
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def shown(instance: dg.DagsterInstance) -> dict[str | None, dict[str, Any]]:
    """What each partition's newest materialization says."""
    records = instance.fetch_materializations(PARQUET, limit=100).records
    return {
        record.partition_key: {
            name: value.value for name, value in record.asset_materialization.metadata.items()
        }
        for record in records
        if record.asset_materialization
    }


def test_a_range_of_markets_is_one_real_run(
    store: Store, house: House, definitions: dg.Definitions, postgres_instance: dg.DagsterInstance
) -> None:
    days = [store_day(store, market, trades=n) for n, market in enumerate(MARKETS, 1)]
    assert run_range(definitions, postgres_instance, *MARKETS).success
    assert postgres_instance.get_runs_count() == 1
    assert postgres_instance.get_materialized_partitions(PARQUET) == {day.key for day in days}
    said = shown(postgres_instance)
    assert [said[day.key]["dagster/partition_row_count"] for day in days] == [1, 2, 3]
    assert said[days[2].key]["dagster/uri"] == str(lake.path_of(house.parquet, days[2]))
    assert (said[days[2].key]["first_id"], said[days[2].key]["last_id"]) == ("1", "3")
    assert said[days[2].key]["day_closed"] is True
    assert said[days[2].key]["verdict"] == "incomplete"
    assert (said[days[2].key]["expected"], said[days[2].key]["missing"]) == (3, 0)
    assert said[days[2].key]["checksum"].isdigit()
    assert (said[days[2].key]["open"], said[days[2].key]["close"]) == (100.1, 100.3)
    assert (said[days[2].key]["high"], said[days[2].key]["volume"]) == (100.3, 1.5)
    assert said[days[2].key]["bytes per row"] > 1
    (record,) = postgres_instance.fetch_materializations(
        dg.AssetKey("market_data"), limit=9
    ).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["dagster/row_count"].value == 6
    assert house.archive.exists() and not is_behind(house.archive, house.parquet)


def test_the_good_partitions_of_a_failed_run_count(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    good, bad, other = (store_day(store, market) for market in MARKETS)
    store_trades(store, ETH, [(99, f"{DAY} 12:00:00", "NaN", "1")])
    done = run_range(definitions, instance, *MARKETS)
    assert not done.success
    assert instance.get_materialized_partitions(PARQUET) == {good.key, other.key}
    assert shown(instance)[other.key]["dagster/partition_row_count"] == 3
    failure = done.failure_data_for_node("trades_parquet")
    assert failure is not None and failure.user_failure_data is not None
    table = failure.user_failure_data.metadata["failed"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert record.data["partition"] == bad.key
    assert "does not fit numeric(38,18)" in str(record.data["reason"])
    assert not lake.path_of(house.parquet, bad).exists()


def test_a_day_without_trades_is_materialised_with_no_rows(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    store_market(store, BTC)
    assert run_range(definitions, instance, BTC).success
    assert shown(instance)[f"{DAY}|{BTC.key}"] == {"dagster/partition_row_count": 0}
    assert lake.files(house.parquet) == []


def test_the_column_schema_is_that_of_the_files() -> None:
    assert [column.name for column in COLUMNS.columns] == lake.SCHEMA.names


def test_checks_of_a_run_pass_over_its_partitions(
    store: Store, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    for market in MARKETS:
        store_day(store, market)
    done = run_range(definitions, instance, *MARKETS)
    found = {check.check_name: check.passed for check in done.get_asset_check_evaluations()}
    of_candles = {f"candles_{size}_agree_with_1m" for size in ("5m", "15m", "1h", "1d")}
    expected = {*CHECKS, "candles_agree_with_trades", *of_candles}
    assert found == dict.fromkeys(expected, True) | {"coverage_is_complete": False}
