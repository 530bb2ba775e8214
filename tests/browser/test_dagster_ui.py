"""Dagster's own page, as the owner uses it: clicks, not requests."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from alphapulse.day import MarketDay
from tests.dagster_stage import BACKFILL, MARKETS, Running, wait_for
from tests.stored import BTC

pytestmark = [pytest.mark.slow, pytest.mark.embedded]

ASSETS = ("trades", "trades_parquet", "coverage", "market_data")


def test_three_days_of_three_markets_are_materialized_from_the_dialog(
    dagster: Running, page: Page
) -> None:
    first, last = dagster.days[4], dagster.days[6]
    page.goto(f"{dagster.address}/assets/trades_parquet?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    days = dialog.get_by_placeholder("ex: ")
    days.fill(f"[{first}...{last}]")
    days.press("Enter")
    dialog.get_by_role("button", name="All", exact=True).nth(1).click()
    expect(dialog.get_by_text("9 partitions", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Launch backfill").click()
    page.get_by_role("button", name="View", exact=True).or_(
        page.get_by_role("link", name="View", exact=True)
    ).click()
    expect(page).to_have_url(re.compile("/runs/b/"))
    newest = MarketDay(last, BTC)
    wait_for(lambda: is_green(dagster, page, newest), BACKFILL, "the partitions turn green")
    partitions_are_green(dagster, page)


def is_green(dagster: Running, page: Page, day: MarketDay) -> bool:
    """Whether its page says so, and that nothing is under way any more."""
    open_partition(dagster, page, day)
    try:
        expect(page.get_by_text("Materializing (0)", exact=True)).to_be_visible(timeout=20_000)
        expect(page.get_by_text("Materialized", exact=True).first).to_be_visible(timeout=20_000)
    except AssertionError:
        return False
    return True


def partitions_are_green(dagster: Running, page: Page) -> None:
    """A market of each day, by its own page, and a plot that the browser could draw."""
    for day, market in zip(dagster.days[4:], MARKETS, strict=True):
        open_partition(dagster, page, MarketDay(day, market))
        expect(page.get_by_text(MarketDay(day, market).key, exact=True).first).to_be_visible()
        expect(page.get_by_text("Materialized", exact=True).first).to_be_visible()
        expect(page.get_by_text("Failed (0)", exact=True)).to_be_visible()
    plot = page.locator("img[src^='data:image/svg']").first
    expect(plot).to_be_visible()
    assert drawn(plot) == (336, 92)
    expect(page.get_by_text("first and last trades", exact=True)).to_be_visible()


def open_partition(dagster: Running, page: Page, day: MarketDay) -> None:
    key = day.key.replace("|", "%7C").replace("/", "%2F")
    page.goto(f"{dagster.address}/assets/trades_parquet?view=partitions&partition={key}")


def drawn(picture: Locator) -> tuple[int, int]:
    """A picture's own size; nothing when the page could not draw it."""
    width, height = picture.evaluate("img => [img.naturalWidth, img.naturalHeight]")
    return width, height


def test_the_lineage_is_drawn_from_trades_to_market_data(dagster: Running, page: Page) -> None:
    page.goto(f"{dagster.address}/asset-groups")
    expect(page.get_by_text("quality", exact=True).first).to_be_visible()
    page.keyboard.press("Alt+KeyE")  # expand all groups
    for name in ASSETS:
        expect(page.locator("svg").get_by_text(name, exact=True).first).to_be_visible()
    arrows = page.locator("svg path[marker-end]")
    expect(arrows.first).to_be_attached()
    assert arrows.count() >= 4, (
        "trades -> trades_parquet -> coverage -> market_data, and one across"
    )


def test_the_checks_page_names_every_check_and_which_block(dagster: Running, page: Page) -> None:
    page.goto(f"{dagster.address}/assets/trades_parquet?view=checks")
    expect(page.get_by_text("Checks (7)")).to_be_visible()
    page.get_by_text("prices_and_sizes_positive", exact=True).first.click()
    expect(page.get_by_text("No price and no size is zero or negative.")).to_be_visible()
    expect(page.get_by_text("This is a blocking asset check.")).to_be_visible()
