from datetime import timedelta

import dagster as dg

from alphapulse import lake
from alphapulse.archive.examining import CHECKS, Examined
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse_pipelines.checks import ASSET, blocked_by, completeness, verdict
from alphapulse_pipelines.house import House
from tests.alphapulse.test_lake import Row, certify, write
from tests.alphapulse_pipelines.test_assets import run_range
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades


def evaluate(
    definitions: dg.Definitions, instance: dg.DagsterInstance, name: str
) -> dg.AssetCheckEvaluation:
    """One check run alone, as a person does from its page."""
    check = dg.AssetCheckKey(dg.AssetKey("trades_parquet"), name)
    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(check))
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[alone])).resolve_job_def("alone")
    done = job.execute_in_process(instance=instance, raise_on_error=False)
    (evaluation,) = done.get_asset_check_evaluations()
    return evaluation


def test_a_late_trade_makes_the_rows_differ(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    assert evaluate(definitions, instance, "rows_match_store").passed
    store_trades(store, BTC, [(99, "2024-08-08 12:00:00", "1", "1")])
    found = evaluate(definitions, instance, "rows_match_store")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["offences"].value == 1


def test_a_file_that_was_tampered_with_is_not_whole(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    write(lake.path_of(house.parquet, BTC_DAY), [Row(1), Row(3)], certify())
    assert not evaluate(definitions, instance, "certificate_verifies").passed


def test_an_incomplete_day_is_a_warning_that_names_it(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    whole, first = store_days(store)
    list(export_days(house.url(), house.parquet, [whole]))
    assert evaluate(definitions, instance, "coverage_is_complete").passed
    list(export_days(house.url(), house.parquet, [first]))
    found = evaluate(definitions, instance, "coverage_is_complete")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (found.metadata["rows"].value, found.metadata["expected"].value) == (4, 4)
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert (record.data["partition"], record.data["verdict"]) == (first.key, "incomplete")
    assert "nobody saw its beginning" in str(record.data["reason"])


def store_days(store: Store) -> list[MarketDay]:
    """A day that is whole, and the one before it, whose beginning nobody saw."""
    times = ["2024-08-07 23:00:00", "2024-08-08 01:00:00", "2024-08-08 02:00:00"]
    later = ["2024-08-08 03:00:00", "2024-08-09 01:00:00"]
    rows = [(id, at, "1", "1") for id, at in enumerate(times + later, 1)]
    store_trades(store, BTC, rows)
    return [MarketDay(DAY - timedelta(days=back), BTC) for back in (0, 1)]


def test_absent_ids_pass_and_a_file_of_version_1_is_not_judged() -> None:
    assert completeness([certify(verdict="complete with absences", absent=2)]).passed
    found = completeness([certify(), certify(verdict="complete")])
    assert not found.passed
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    assert table.records[0].data["reason"] == "certificate of version 1"


def test_a_verdict_lists_every_offence() -> None:
    eth_day = MarketDay(DAY, ETH)
    found = verdict(
        "ids_do_not_repeat",
        [
            Examined(BTC_DAY, {"ids_do_not_repeat": "one"}),
            Examined(eth_day, {"ids_do_not_repeat": "two", "times_inside_day": "three"}),
        ],
    )
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    table = found.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["reason"] for record in table.records] == ["one", "two"]


def test_no_offence_is_a_pass() -> None:
    assert verdict("rows_match_store", []).passed
    assert verdict("times_inside_day", [Examined(BTC_DAY, {}, late=3)]).passed


def test_late_rows_warn_unless_something_is_wrong_besides() -> None:
    late = Examined(BTC_DAY, {}, late=3)
    wrong = Examined(MarketDay(DAY, ETH), {"rows_match_store": "the store had 2, the file 1"})
    assert verdict("rows_match_store", [late]).severity is dg.AssetCheckSeverity.WARN
    assert verdict("rows_match_store", [late, wrong]).severity is dg.AssetCheckSeverity.ERROR


def test_a_negative_price_stops_what_is_made_of_the_file(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """The store has it, so the file has it, and both agree: nobody else would have noticed."""
    store_day(store, ETH)
    store_trades(store, BTC, [(1, f"{DAY} 12:00:00", "-1", "1")])
    done = run_range(definitions, instance, BTC, ETH)
    assert not done.success
    failed = [check for check in done.get_asset_check_evaluations() if not check.passed]
    assert [c.check_name for c in failed if c.blocking] == ["prices_and_sizes_positive"]
    assert blocked_by(instance) == ["prices_and_sizes_positive"]
    assert not house.archive.exists(), "market_data waits"
    assert len(instance.get_materialized_partitions(dg.AssetKey("trades_parquet"))) == 2


def test_what_was_mended_blocks_no_longer(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    store_trades(store, BTC, [(1, f"{DAY} 12:00:00", "1", "0")])
    assert not run_range(definitions, instance, BTC).success
    store.execute("UPDATE trades SET size = 1")
    assert run_range(definitions, instance, BTC).success
    assert blocked_by(instance) == []
    assert house.archive.exists()


def test_every_blocking_check_fails_by_itself(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    checks = definitions.resolve_asset_graph()
    of_files = [key for key in checks.asset_check_keys if key.asset_key == ASSET]
    assert {key.name for key in of_files if checks.get(key).blocking} == set(CHECKS)
