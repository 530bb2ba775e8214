"""The dashboard over the real API, streamer and database, fed by simulated exchanges."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from alphapulse.archive.export import export_days
from alphapulse.archive.verifying import verify_paths
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.trade import Market
from launcher.verify import Order, judge
from tests.browser.platform import Platform, running_platform
from tests.conftest import ROOT
from tests.launcher.stage import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.embedded]

KRAKEN = Market("kraken", "BTC/USD")
COINBASE = Market("coinbase", "BTC-USD")
KRAKENS = [f"kraken/{symbol}_USD" for symbol in ("BTC", "ETH", "SOL")]
PAGES = ("", "live", "realtime", "coverage", "explore", "dictionary?q=gaps", "operations")
SIZES = {"a desk": (1440, 900), "a phone": (390, 844)}
AXE = ROOT / "dashboard/node_modules/axe-core/axe.min.js"
SERIOUS = """async () => {
  const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""
STORED = """
SELECT trade_id::text, price::text, size::text FROM market_trades
WHERE exchange = %s AND symbol = %s AND trade_id BETWEEN %s AND %s ORDER BY trade_id"""
REPAIRED = """
SELECT exchange, symbol FROM market_gaps
WHERE exchange = 'kraken' AND state = 'repaired' AND filled > 0 ORDER BY gap_id LIMIT 1"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("dashboard") / "home") as running:
        yield running


def phase_is(page: Page, name: str) -> None:
    expect(page.get_by_test_id("live-tape")).to_have_attribute("data-state", name)


def saved_tape(page: Page, to: Path) -> list[dict[str, str]]:
    with page.expect_download() as saving:
        page.get_by_test_id("tape-save").click()
    saving.value.save_as(to)
    with to.open() as lines:
        return list(csv.DictReader(lines))


def test_a_cut_stream_says_so_and_goes_on_without_a_lost_or_repeated_trade(
    platform: Platform, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{platform.api}/live?market={COINBASE.key}")
    phase_is(page, "fresh")
    with platform.frozen("stream"):
        phase_is(page, "stale")
        phase_is(page, "disconnected")
        expect(page.get_by_test_id("last-price")).to_have_attribute("data-old", "true")
    phase_is(page, "fresh")
    expect(page.get_by_test_id("fact-resumed")).to_have_text("1")
    expect(page.get_by_test_id("fact-seams")).to_have_text("0")
    shown = saved_tape(page, tmp_path / "tape.csv")
    ids = sorted(int(row["id"]) for row in shown)
    assert len(ids) == len(set(ids)) > 50
    with psycopg.connect(platform.database) as store:
        stored = store.execute(
            STORED, [COINBASE.exchange, COINBASE.symbol, ids[0], ids[-1]]
        ).fetchall()
    assert [(row["id"], row["price"], row["size"]) for row in sorted(shown, key=by_id)] == stored


def by_id(row: dict[str, str]) -> int:
    return int(row["id"])


def repaired(platform: Platform) -> Market | None:
    with psycopg.connect(platform.database) as store:
        found = store.execute(REPAIRED).fetchone()
    return Market(*found) if found else None


def test_a_repaired_gap_is_found_from_the_map_of_days(platform: Platform, page: Page) -> None:
    platform.strike("fault=drop&exchange=kraken&frames=3")
    wait_until(lambda: repaired(platform), 60, "the gap is repaired")
    market = repaired(platform)
    assert market is not None
    list(judge(platform.database, Order.read(None, None)))
    page.goto(f"{platform.api}/coverage")
    page.get_by_test_id("coverage-exchange").select_option("kraken")
    expect(page.get_by_test_id("coverage")).to_have_attribute("data-state", "fresh")
    for _ in range(KRAKENS.index(market.key)):
        page.get_by_test_id("coverage-map").press("ArrowDown")
    page.get_by_test_id("coverage-map").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(market.key)
    expect(page.get_by_test_id("day-gaps").get_by_text("repaired").first).to_be_visible()


def test_a_day_is_downloaded_and_its_certificate_holds(
    platform: Platform, page: Page, tmp_path: Path
) -> None:
    today = MarketDay(datetime.now(UTC).date(), KRAKEN)
    list(export_days(platform.database, platform.home / "parquet", [today]))
    page.goto(f"{platform.api}/explore?market={KRAKEN.key}")
    with page.expect_download() as loading:
        page.get_by_test_id(f"dataset-{today.date}").click()
    file = tmp_path / loading.value.suggested_filename
    loading.value.save_as(file)
    (finding,) = verify_paths([file])
    assert finding.is_good and isinstance(finding.certificate, Certificate)
    shown = platform.asked(f"/v1/datasets/{KRAKEN.key}/{today.date}/certificate")
    assert shown["certificate"]["rows"] == finding.certificate.rows


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_quiet_at_home_and_open_to_everybody(
    platform: Platform, page: Page, size: str
) -> None:
    """No word on the console, no request to another host, no serious finding of axe."""
    said: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda word: said.append(word.text) if word.type != "debug" else None)
    page.on("pageerror", lambda failure: said.append(str(failure)))
    page.on("request", lambda asked: hosts.add(asked.url.split("/")[2].split(":")[0]))
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    found: dict[str, Any] = {}
    for name in PAGES:
        page.goto(f"{platform.api}/{name}")
        expect(page.locator("[data-testid^=page-]")).to_be_visible()  # else nothing would be judged
        expect(page.locator("[data-state=loading]")).to_have_count(0)
        page.evaluate(AXE.read_text())
        found[name] = page.evaluate(SERIOUS)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"/{name} is {overflow} px wider than {size}"
    assert {name: one for name, one in found.items() if one} == {}
    assert said == []
    assert hosts == {"127.0.0.1"}


def test_numbers_on_the_first_page_are_those_of_the_api(platform: Platform, page: Page) -> None:
    with page.expect_response("**/v1/stats/feeds*") as told:
        page.goto(platform.api)
    expect(page.get_by_test_id("mode-chip")).to_have_text("SIMULATED")
    feeds = json.loads(told.value.body())["feeds"]
    fresh = sum(feed["state"] == "fresh" for feed in feeds)
    expect(page.get_by_test_id("tile-feeds")).to_contain_text(f"{fresh}/{len(feeds)}")
