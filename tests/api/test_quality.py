"""Coverage, gaps, incidents, datasets and the dictionary over HTTP are what the database says."""

from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from alphapulse import lake
from alphapulse.archive.candles import make_days
from alphapulse.archive.export import export_days
from alphapulse.archive.verifying import verify_paths
from alphapulse.day import MarketDay
from alphapulse.store.judgements import judge_again
from tests.api.conftest import Site
from tests.stored import BTC, ETH, store_market, store_trades

DAY = date(2026, 11, 20)
BTC_DAY, ETH_DAY = MarketDay(DAY, BTC), MarketDay(DAY, ETH)

GAP = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, state, cause, closed_at)
VALUES (%s, %s, %s, %s, %s, %s, 'disconnect', %s)"""
ALERT = """
INSERT INTO alerts
    (watch, key, state, severity, title, text, since, seen_at, raised_at, resolved_at)
VALUES ('gaps', %s, %s, 'warning', %s, 'why', now(), now(), %s, %s)"""


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store = site.store
    rows = [(n, f"{DAY} 0{n}:00:0{n}", f"10{n}.50", "2") for n in range(1, 6)]
    store_trades(store, BTC, rows)
    store_trades(store, BTC, [(6, f"{DAY + timedelta(days=1)} 01:00:00", "1", "1")])
    store_trades(
        store, ETH, [(9, f"{DAY} 00:00:00.5", "7", "1"), (10, f"{DAY} 23:59:59.9", "7", "1")]
    )
    id = store_market(store, ETH)
    store.execute(
        GAP, [id, 10, 14, f"{DAY} 23:59:59.9+00", f"{DAY + timedelta(days=1)}", "suspected", None]
    )
    store.execute(
        GAP, [id, 3, 5, f"{DAY} 00:00:00+00", f"{DAY} 00:00:00.1+00", "repaired", "2026-11-22"]
    )
    for n, state in enumerate(("standing", "rising", "resolved")):
        raised = None if state == "rising" else "2026-11-21"
        ended = "2026-11-22" if state == "resolved" else None
        store.execute(ALERT, [f"key{n}", state, f"alert {n}", raised, ended])
    for found in (BTC_DAY, ETH_DAY):
        judge_again(store, store_market(store, found.market), found)
    list(export_days(site.url, site.settings.parquet, [BTC_DAY]))
    list(make_days(site.settings.parquet, site.settings.candles, [BTC_DAY]))
    site.forget()
    return site


def test_coverage_has_a_cell_for_each_judged_day(stocked: Site) -> None:
    found = stocked.get("/v1/coverage", start=str(DAY), end=str(DAY + timedelta(days=1))).json()
    assert found["markets"] == ["coinbase/BTC-USD", "kraken/ETH_USD"]
    assert found["days"] == [str(DAY)]
    btc, eth = found["cells"]
    assert btc["exported"] and not eth["exported"]
    assert (btc["stored"], btc["missing"]) == (5, 0)
    only = stocked.get("/v1/coverage", start=str(DAY), exchange="kraken", symbol="ETH-USD").json()
    assert only["cells"] == [eth]


def test_a_day_is_told_minute_by_minute_alike_from_the_store_and_from_its_candles(
    stocked: Site,
) -> None:
    found = stocked.get(f"/v1/coverage/coinbase/BTC-USD/{DAY}").json()  # archived
    assert {n: count for n, count in enumerate(found["minutes"]) if count} == {
        60 * n: 1 for n in range(1, 6)
    }
    found = stocked.get(f"/v1/coverage/kraken/ETH_USD/{DAY}").json()  # in the store alone
    assert {n: count for n, count in enumerate(found["minutes"]) if count} == {0: 1, 1439: 1}
    assert [gap["state"] for gap in found["gaps"]] == ["repaired", "suspected"]


def test_gaps_are_filtered_and_paged_without_repeat(stocked: Site) -> None:
    first = stocked.get("/v1/gaps", limit=1).json()
    second = stocked.get("/v1/gaps", limit=1, cursor=first["next_cursor"]).json()
    assert [g["state"] for g in first["gaps"] + second["gaps"]] == ["repaired", "suspected"]
    assert second["next_cursor"] is None
    (one,) = stocked.get("/v1/gaps", open="true").json()["gaps"]
    assert (one["after_id"], one["before_id"], one["market"]) == ("10", "14", "kraken/ETH_USD")
    assert stocked.get("/v1/gaps", exchange="coinbase").json()["gaps"] == []
    assert len(stocked.get("/v1/gaps", state="repaired").json()["gaps"]) == 1


def test_incidents_are_those_that_were_raised(stocked: Site) -> None:
    told = stocked.get("/v1/incidents").json()["incidents"]
    assert [one["title"] for one in told] == ["alert 2", "alert 0"]
    assert [
        one["title"] for one in stocked.get("/v1/incidents", open="true").json()["incidents"]
    ] == ["alert 0"]


def test_a_downloaded_day_verifies_by_its_own_certificate(stocked: Site, tmp_path: Path) -> None:
    (listed,) = stocked.get("/v1/datasets", start=str(DAY)).json()["datasets"]
    assert (listed["market"], listed["day"], listed["rows"]) == ("coinbase/BTC-USD", str(DAY), 5)
    sent = stocked.get(listed["url"])
    assert len(sent.content) == listed["bytes"] == int(sent.headers["content-length"])
    words = stocked.get(listed["certificate"]).json()
    assert words["sha256"] == sha256(sent.content).hexdigest()
    assert words["certificate"]["rows"] == 5
    path = lake.path_of(tmp_path, BTC_DAY)
    path.parent.mkdir(parents=True)
    path.write_bytes(sent.content)
    (finding,) = verify_paths([path])
    assert finding.is_good
    assert (
        stocked.http.get(listed["url"], headers={"If-None-Match": sent.headers["etag"]}).status_code
        == 304
    )
    part = stocked.http.get(listed["url"], headers={"Range": "bytes=-8"})
    assert (part.status_code, part.content) == (206, sent.content[-8:])
    head = stocked.http.head(listed["url"])
    assert (head.content, int(head.headers["content-length"])) == (b"", listed["bytes"])
    assert stocked.get(f"/v1/datasets/kraken/ETH_USD/{DAY}", 404).json()["hint"]


def test_the_dictionary_explains_every_column_of_the_views_for_readers(stocked: Site) -> None:
    tables = {table["table"]: table for table in stocked.get("/v1/dictionary").json()["tables"]}
    columns = {c["column"]: c for c in tables["market_trades"]["columns"]}
    assert columns["price"]["type"] == "numeric" and "Quote currency" in columns["price"]["meaning"]
    assert columns["tx"]["meaning"].startswith("Transaction that stored the row")
    assert not any(c["meaning"] is None for c in columns.values())
    assert {"markets", "gaps", "coverage", "trades"} <= set(tables)
    assert not any(name.startswith("trades_2") for name in tables)
    assert [t["kind"] for t in tables.values()].count("file") == 2
