"""A backfill that is asked for over HTTP: its plan first, then a child process that does it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alphapulse.migrate import migrate
from alphapulse.store.connect import connect
from tests.api.conftest import ASKED_ONCE, TOKEN, Site, made_site
from tests.collectors.past import past
from tests.launcher.stage import wait_until
from tests.stored import BTC, store_market

pytestmark = ASKED_ONCE
ORDER = {"market": "coinbase/btc-usd", "start": "2026-11-01", "end": "2026-11-02"}
TRADES = 2_500


@pytest.fixture
def url(empty_database: str) -> str:
    """Of a database for simulated trades, as replay's must have."""
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
    return empty_database


def ask(site: Site, status: int, **more: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    found = site.http.post("/v1/backfills", json=ORDER | more, headers=headers, timeout=90)
    assert found.status_code == status, found.text
    told: dict[str, Any] = found.json()
    return told


def test_history_is_planned_and_then_loaded_by_a_child_process(tmp_path: Path, url: str) -> None:
    with past("coinbase", trades=TRADES) as replay:
        endpoints = {name: replay.endpoint(name) for name in replay.tapes}
        choices = {"simulated": True, "database_url": url, "endpoints": endpoints}
        with made_site(tmp_path, url, **choices) as site:
            store_market(site.store, BTC)
            plan = ask(site, 200)["plan"]
            assert (plan["market"], plan["missing"], plan["requests"]) == (
                "coinbase/BTC-USD",
                TRADES,
                3,
            )
            assert plan["eta_seconds"] > 0
            assert site.store.execute("SELECT count(*) FROM trades").fetchone() == (0,)
            begun = ask(site, 202, dry_run=False)["backfill"]
            assert (begun["market"], begun["state"]) == ("coinbase/BTC-USD", "running")
            assert "under way" in ask(site, 409, dry_run=False)["detail"]
            wait_until(ended(site), 90, "the backfill ends")
            told = site.get("/v1/backfills").json()
            (row,) = told["backfills"]
            assert (row["state"], row["trades"], row["new_trades"]) == ("done", TRADES, TRADES)
            assert told["simulated"] and told["asked"][0]["state"] == "done", told["asked"]
            wrong = ask(site, 422, start="2026-11-03", end="2026-11-02")
            assert "before start" in wrong["detail"]


def ended(site: Site) -> Callable[[], bool]:
    def is_so() -> bool:
        time.sleep(0.2)
        site.forget()
        states = {one["state"] for one in site.get("/v1/backfills").json()["asked"]}
        return states <= {"done", "ended"} and bool(states)

    return is_so
