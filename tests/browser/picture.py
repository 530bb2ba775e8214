"""`python -m tests.browser.picture`: docs/pictures/, from a running demo.

Addresses: Dagster's and the dashboard's, if they are not the usual ones. Let the demo run a while.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.conftest import ROOT

PICTURES = ROOT / "docs" / "pictures"
SETTLE = 4_000  # milliseconds for a page to draw everything
PAGES = {
    "overview": ("/", "dark"),
    "live": ("/live?market=coinbase/BTC-USD", "dark"),
    "coverage": ("/coverage", "light"),
}


@contextmanager
def chromium() -> Iterator[Browser]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield browser
        browser.close()


def lineage(browser: Browser, address: str) -> None:
    """The lineage around trades_parquet, with what each asset says of itself."""
    page = browser.new_page(viewport={"width": 1500, "height": 800})
    page.goto(f"{address}/assets/trades_parquet?view=lineage")
    page.locator("svg").get_by_text("market_data", exact=True).first.wait_for(timeout=90_000)
    page.wait_for_function("!document.body.innerText.includes('Loading...')", timeout=90_000)
    page.wait_for_timeout(SETTLE)
    page.screenshot(path=PICTURES / "dagster.png")


def dashboard(browser: Browser, address: str) -> None:
    for name, (path, theme) in PAGES.items():
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.goto(f"{address}{path}")
        page.locator("[data-state=loading]").first.wait_for(state="detached")
        page.wait_for_timeout(SETTLE)
        page.screenshot(path=PICTURES / f"{name}.png")
        context.close()


if __name__ == "__main__":
    given = [
        *sys.argv[1:],
        *("http://127.0.0.1:3001", "http://127.0.0.1:5000")[len(sys.argv) - 1 :],
    ]
    with chromium() as found:
        dashboard(found, given[1])
        lineage(found, given[0])
