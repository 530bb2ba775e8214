"""A launched web server and daemon, driven by GraphQL, as Dagster's own page does it."""

from typing import Any

import pytest

from alphapulse import lake
from alphapulse.day import MarketDay
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids
from tests.dagster_stage import BACKFILL, MARKETS, Running, wait_for
from tests.stored import BTC

pytestmark = [pytest.mark.slow, pytest.mark.embedded]

LAUNCH_BACKFILL = """mutation ($keys: [String!]!) {
    launchPartitionBackfill(backfillParams: {
        assetSelection: [{path: ["trades_parquet"]}], partitionNames: $keys
    }) { __typename
        ... on LaunchBackfillSuccess { backfillId }
        ... on PythonError { message } } }"""

BACKFILL_STATUS = """query ($id: String!) {
    partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""

RUNS = """query ($key: String!, $value: String!) {
    runsOrError(filter: {tags: [{key: $key, value: $value}]}) {
        ... on Runs { results { runId status } } } }"""

STATUSES = """{ assetNodeOrError(assetKey: {path: ["trades_parquet"]}) { ... on AssetNode {
    assetPartitionStatuses { ... on MultiPartitionStatuses { ranges {
        primaryDimStartKey primaryDimEndKey
        secondaryDim { ... on DefaultPartitionStatuses {
            materializedPartitions failedPartitions } } } } } } } }"""

LINEAGE = "{ assetNodes { assetKey { path } dependencyKeys { path } } }"

LAUNCH_RUN = """mutation ($location: String!, $tags: [ExecutionTag!]!) {
    launchRun(executionParams: {
        selector: {
            repositoryLocationName: $location, repositoryName: "__repository__",
            jobName: "nightly_export"
        },
        runConfigData: {}, executionMetadata: {tags: $tags}
    }) { __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message } } }"""

RUN = """query ($id: ID!) { runOrError(runId: $id) { ... on Run {
    status stepStats { stepKey status } assetMaterializations { assetKey { path } partition }
} } }"""

CHECK = """query ($name: String!) {
    assetCheckExecutions(assetKey: {path: ["trades_parquet"]}, checkName: $name, limit: 5) {
        runId evaluation { success severity metadataEntries { label
            ... on TableMetadataEntry { table { records } } } } } }"""


def test_a_backfill_of_three_days_of_three_markets_is_a_run_for_each_day(dagster: Running) -> None:
    days = dagster.days[:3]
    keys = [MarketDay(day, market).key for day in days for market in MARKETS]
    said = dagster.ask(LAUNCH_BACKFILL, keys=keys)["launchPartitionBackfill"]
    assert said["__typename"] == "LaunchBackfillSuccess", said
    backfill = said["backfillId"]
    wait_for(lambda: is_over(dagster, backfill), BACKFILL, "the backfill ends")
    runs = dagster.ask(RUNS, key="dagster/backfill", value=backfill)["runsOrError"]["results"]
    assert [run["status"] for run in runs] == ["SUCCESS"] * 3
    assert set(keys) <= materialized(dagster)
    for key in keys:
        words = lake.find_certificate(dagster.settings.parquet, MarketDay.from_key(key))
        assert words is not None and words.rows == 144


def is_over(dagster: Running, backfill: str) -> bool:
    found = dagster.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
    assert found in {"REQUESTED", "COMPLETED_SUCCESS"}, found
    return bool(found == "COMPLETED_SUCCESS")


def materialized(dagster: Running) -> set[str]:
    """The keys of the green partitions."""
    found = dagster.ask(STATUSES)["assetNodeOrError"]["assetPartitionStatuses"]["ranges"]
    days = [str(day) for day in dagster.days]
    return {
        f"{day}|{market}"
        for part in found
        for day in days
        if part["primaryDimStartKey"] <= day <= part["primaryDimEndKey"]
        for market in part["secondaryDim"]["materializedPartitions"]
    }


def test_the_lineage_leads_from_trades_to_market_data(dagster: Running) -> None:
    nodes = dagster.ask(LINEAGE)["assetNodes"]
    parents = {name_of(node["assetKey"]): node["dependencyKeys"] for node in nodes}
    found, ahead = set[str](), ["market_data"]
    while ahead:
        name = ahead.pop()
        found.add(name)
        ahead += [name_of(key) for key in parents[name]]
    assert {"market_data", "coverage", "trades_parquet", "trades"} <= found


def name_of(key: dict[str, Any]) -> str:
    return "/".join(key["path"])


def test_a_check_that_fails_stops_what_is_made_of_the_file(dagster: Running) -> None:
    """The store itself holds negative prices: the export is right, the file not to be used."""
    day = MarketDay(dagster.days[3], BTC)
    spoil(dagster, day)
    tags = [
        {"key": f"dagster/asset_partition_range_{end}", "value": day.key}
        for end in ("start", "end")
    ]
    said = dagster.ask(LAUNCH_RUN, location="alphapulse-SIMULATED", tags=tags)["launchRun"]
    assert said["__typename"] == "LaunchRunSuccess", said
    id = said["run"]["runId"]
    run = wait_for(lambda: ended(dagster, id), BACKFILL, "the run ends")
    assert run["status"] == "FAILURE"
    steps = {step["stepKey"]: step["status"] for step in run["stepStats"]}
    assert steps["trades_parquet"] == "SUCCESS"
    assert steps["check_trades_parquet"] == "FAILURE"
    assert steps.get("market_data", "SKIPPED") == "SKIPPED"
    made = [name_of(one["assetKey"]) for one in run["assetMaterializations"]]
    assert made == ["trades_parquet"], "and nothing downstream"
    (found,) = (
        one["evaluation"]
        for one in dagster.ask(CHECK, name="prices_and_sizes_positive")["assetCheckExecutions"]
        if one["runId"] == id
    )
    assert (found["success"], found["severity"]) == (False, "ERROR")
    (records,) = (
        entry["table"]["records"] for entry in found["metadataEntries"] if entry["label"] == "list"
    )
    assert day.key in records[0]


def spoil(dagster: Running, day: MarketDay) -> None:
    with connect(dagster.database_url, "test") as store:
        market_id = market_ids(store)[day.market]
        done = store.execute(
            "UPDATE trades SET price = -price "
            "WHERE market_id = %s AND traded_at >= %s AND traded_at < %s AND trade_id %% 7 = 0",
            [market_id, day.starts_at, day.ends_at],
        )
        assert done.rowcount > 0


def ended(dagster: Running, id: str) -> dict[str, Any] | None:
    run: dict[str, Any] = dagster.ask(RUN, id=id)["runOrError"]
    return run if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"} else None
