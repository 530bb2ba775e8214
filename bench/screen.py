"""The live page at 500 trades a second, by the browser's own frame times.

Debian's Chromium without a screen, over the whole way: socket, collector, database, streamer, page.
"""

import os
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from alphapulse.postgres import Server
from bench.crowd import wait_for
from bench.stage import free_port, fresh_database, module, own, percentile, settings_for

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
RATE = 500  # trades a second
SETTLE = 8_000  # milliseconds before frames are counted
FRAMES = """seconds => new Promise((done) => {
  const times = [];
  const next = (at) => {
    times.push(at);
    if (at - times[0] < seconds * 1000) requestAnimationFrame(next);
    else done(times.slice(1).map((time, place) => time - times[place]));
  };
  requestAnimationFrame(next);
})"""


def run(found: Server, seconds: float) -> dict[str, float]:
    """Frames a second with the trades and on an empty page, and how long a frame took."""
    url = fresh_database(found, "screen")
    trades = int(RATE * (seconds + 60))
    with module("bench.metronome", str(RATE), str(trades)) as exchange:
        assert exchange.stdout
        settings = settings_for(found, url, "binance", "BTCUSDT", int(exchange.stdout.readline()))
        port = free_port()
        with own(settings, "stream") as streamer, own(settings, "api", "--port", str(port)):
            assert streamer.stdout
            streamer.stdout.readline()
            wait_for(port)
            with own(settings, "collect", "--exchange", "binance"), sync_playwright() as playwright:
                arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.goto("about:blank")
                idle = page.evaluate(FRAMES, seconds / 2)
                result = watch(
                    page, f"http://127.0.0.1:{port}/live?market=binance/BTCUSDT", seconds
                )
                browser.close()
    return result | {"empty page, frames/s": 1000 * len(idle) / sum(idle)}


def watch(page: Page, address: str, seconds: float) -> dict[str, float]:
    page.goto(address)
    page.get_by_test_id("live-tape").locator("[data-testid=tape-trade]").first.wait_for()
    page.wait_for_timeout(SETTLE)
    before = received(page)
    frames = page.evaluate(FRAMES, seconds)
    took = sum(frames) / 1000
    return {
        "trades/s shown": (received(page) - before) / took,
        "frames/s": len(frames) / took,
        "frame p50 ms": percentile(frames, 0.5),
        "frame p95 ms": percentile(frames, 0.95),
    }


def received(page: Page) -> int:
    text = page.get_by_test_id("fact-received").inner_text()
    return int("".join(digit for digit in text if digit.isdigit()))
