"""The sensors that look at the platform: over a real store, and files as the parts write them."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from alphapulse.status import write_status
from alphapulse.store.alerts import now_of, standing
from alphapulse.store.claims import claim
from alphapulse.store.connect import Store, connect
from alphapulse.trade import Market
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.watching import (
    collectors_alive,
    disk_space,
    freshness,
    market_rhythm,
    silent_markets,
    watched,
)
from tests.alphapulse_pipelines.watched import ends, house_at, keys, look
from tests.stored import store_trades

MARKETS = {"kraken": ("BTC/USD", "ETH/USD")}
OLDER = """
UPDATE alerts SET seen_at = seen_at - interval '10 minutes',
    clear_at = clear_at - interval '10 minutes'"""
FINE = {
    "exchange": "kraken",
    "feed": {"is_connected": True},
    "journal": {"state": "ready", "lag_bytes": 0},
    "is_behind": False,
}


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> House:
    return house_at(tmp_path / "home", database_url, markets=MARKETS)


def trade_until(store: Store, symbol: str, seconds_ago: float, trades: int = 5400) -> None:
    """One trade a second, the last one so long ago."""
    last = now_of(store) - timedelta(seconds=seconds_ago)
    times = [last - timedelta(seconds=n) for n in reversed(range(trades))]
    rows = [(n, at.replace(tzinfo=None).isoformat(), "1", "1") for n, at in enumerate(times, 1)]
    store_trades(store, Market("kraken", symbol), rows)


def test_a_silent_market_is_an_alert_until_it_has_traded_for_a_while(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    trade_until(store, "BTC/USD", 300)
    trade_until(store, "ETH/USD", 0, trades=10_800)
    look(market_rhythm, home, instance)
    first = look(silent_markets, home, instance)
    assert keys(store) == ["silent/kraken/BTC_USD"]
    store_trades(store, Market("kraken", "BTC/USD"), [fresh(store)])
    look(silent_markets, home, instance, first.cursor)
    assert [one.state.value for one in standing(store)] == ["clearing"]
    store.execute(OLDER)
    look(silent_markets, home, instance, first.cursor)
    assert keys(store) == []


def fresh(store: Store) -> tuple[int, str, str, str]:
    at = now_of(store).replace(tzinfo=None)
    return (9_000_000, at.isoformat(), "1", "1")


def test_an_exchange_that_is_silent_as_a_whole_is_one_alert(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    for symbol in MARKETS["kraken"]:
        trade_until(store, symbol, 900, trades=10_800)
    look(market_rhythm, home, instance)
    look(silent_markets, home, instance)
    assert keys(store) == ["silent/kraken"]


def test_a_market_that_is_no_longer_wanted_is_nobodys_business(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    trade_until(store, "DOGE/USD", 900, trades=10_800)
    look(market_rhythm, home, instance)
    look(silent_markets, home, instance)
    assert keys(store) == []


def test_the_check_is_reported_when_it_changes_and_warns_with_a_table(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    trade_until(store, "BTC/USD", 900, trades=10_800)
    look(market_rhythm, home, instance)
    first = look(silent_markets, home, instance)
    (event,) = first.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.check_name, event.passed) == ("fresh_by_own_rhythm", False)
    assert event.severity is dg.AssetCheckSeverity.WARN
    table = event.metadata["list"]
    assert isinstance(table, dg.TableMetadataValue)
    (record,) = table.records
    assert (record.data["market"], record.data["its limit (s)"]) == ("kraken/BTC/USD", 60.0)
    assert not look(silent_markets, home, instance, first.cursor).asset_events


def test_the_check_can_be_run_by_hand(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    trade_until(store, "BTC/USD", 5)
    key = dg.AssetCheckKey(dg.AssetKey("trades"), "fresh_by_own_rhythm")
    alone = dg.define_asset_job("alone", dg.AssetSelection.checks(key))
    definitions = build_definitions(home.settings, home)
    job = dg.Definitions.merge(definitions, dg.Definitions(jobs=[alone])).resolve_job_def("alone")
    (done,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert done.passed and done.metadata["markets"].value == 1
    assert freshness(watched(store, home.settings)).passed
    assert freshness([]).passed


def test_an_exchange_that_nobody_collects_is_an_alert_when_that_lasts(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    look(collectors_alive, home, instance)
    assert keys(store) == [], "it may be starting"
    store.execute(OLDER)
    look(collectors_alive, home, instance)
    assert keys(store) == ["collector/kraken"]
    write_status(home.settings.home, "collector-kraken", FINE)
    for _ in range(2):
        look(collectors_alive, home, instance)
        store.execute(OLDER)
    assert ends(store) == [("collector/kraken", "critical", None)]


def test_a_collector_on_another_machine_counts_by_its_lock(
    store: Store, home: House, database_url: str, instance: dg.DagsterInstance
) -> None:
    with connect(database_url, "collector kraken, pid 7 on elsewhere") as other:
        claim(other, "kraken")
        market = "INSERT INTO markets (exchange, symbol) VALUES ('kraken', 'BTC/USD')"
        other.execute(market)
        other.execute("INSERT INTO uptime SELECT market_id, now(), now() FROM markets")
        for _ in range(2):
            found = look(collectors_alive, home, instance)
            store.execute(OLDER)
        assert keys(store) == []
        assert found.skip_reason and "1 of 1" in (found.skip_reason.skip_message or "")


def test_a_full_journal_is_an_alert_at_once(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    full = FINE | {"journal": {"state": "full", "why": "no space left"}}
    write_status(home.settings.home, "collector-kraken", full)
    look(collectors_alive, home, instance)
    (one,) = standing(store)
    assert one.alert.key == "journal/kraken" and "no space left" in one.alert.text


def test_a_disk_with_too_little_room_is_an_alert(
    store: Store, database_url: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    home = tmp_path / "home"
    roomy = house_at(home, database_url, alert_disk_free_percent=0, alert_disk_free_bytes=0)
    tight = house_at(home, database_url, alert_disk_free_percent=0, alert_disk_free_bytes=2**60)
    first = look(disk_space, roomy, instance)
    assert keys(store) == []
    look(disk_space, tight, instance, first.cursor)
    assert keys(store) == [f"disk full: {home}", f"disk low: {home}"]
    look(disk_space, roomy, instance, first.cursor)
    assert keys(store) == []
