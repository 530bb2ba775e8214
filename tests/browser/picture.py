"""`python -m tests.browser.picture [ADDRESS]`: docs/pictures/dagster.png, from a running demo."""

import os
import sys

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.conftest import ROOT

PICTURE = ROOT / "docs" / "pictures" / "dagster.png"
SETTLE = 2_000  # milliseconds for the page to draw everything


def take(address: str) -> None:
    """The lineage around trades_parquet, with what each asset says of itself."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_page(viewport={"width": 1500, "height": 800})
        page.goto(f"{address}/assets/trades_parquet?view=lineage")
        page.locator("svg").get_by_text("market_data", exact=True).first.wait_for(timeout=90_000)
        page.wait_for_function("!document.body.innerText.includes('Loading...')", timeout=90_000)
        page.wait_for_timeout(SETTLE)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:3001")
