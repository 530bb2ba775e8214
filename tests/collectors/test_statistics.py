"""What a collector counts, against what is stored: equal to the trade, and silent where it was."""

import asyncio
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families as parse

from alphapulse import metrics
from alphapulse.store.connect import Store, connect
from replay.server import Replay
from tests.collectors.stage import collecting, settings_for, until, until_equal
from tests.collectors.test_collector import process

DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"
MARKETS = {"binance": ("BTCUSDT", "ETHUSDT")}

STORED = """
SELECT symbol, count(*), count(*) FILTER (WHERE source = 'live') FROM market_trades
GROUP BY symbol ORDER BY symbol"""
COUNTED = """
SELECT symbol, sum(trades), (SELECT sum(n) FROM unnest(merge_buckets(lag)) AS n) FROM stats_feeds
GROUP BY symbol ORDER BY symbol"""

# The histograms once more, from the trades themselves.
LAGS = """
SELECT m.symbol, bucket_of((extract(epoch FROM received_at - traded_at) * 1000000)::bigint) AS b,
       count(*)
FROM trades JOIN markets m USING (market_id) WHERE source = 'l' GROUP BY 1, 2 ORDER BY 1, 2"""
COUNTED_LAGS = """
SELECT symbol, b, merged[b] FROM (
    SELECT symbol, merge_buckets(lag) AS merged FROM stats_feeds GROUP BY symbol
) AS whole, generate_subscripts(merged, 1) AS b WHERE merged[b] > 0 ORDER BY 1, 2"""
LONGEST = """
SELECT max(extract(epoch FROM received_at - traded_at) * 1000000)::bigint FROM trades
WHERE source = 'l'"""

TOTALS = """
SELECT sum(trades), sum(stored), sum(repeats), sum(connects), sum(batches),
       (SELECT sum(n) FROM unnest(merge_buckets(write)) AS n), max(lag_max),
       merge_buckets(lag) = (SELECT merge_buckets(lag) FROM stats_feeds)
FROM stats_collectors"""


def ask(store: Store, question: str) -> list[tuple[Any, ...]]:
    return store.execute(question.encode()).fetchall()


def scrape(port: int) -> None:
    """The names that docs/statistics.md promises, with this exchange on each."""
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    found = {family.name: family for family in parse(answer.text)}
    promised = set(re.findall(r"alphapulse_(?:collector|feed|journal)\w+", DOCS.read_text()))
    ours = {name for name in found if name.startswith("alphapulse")}
    assert {name.removesuffix("_total") for name in promised} <= ours
    for name in ours:
        assert {sample.labels["exchange"] for sample in found[name].samples} == {"binance"}
    assert found["alphapulse_collector_stored_trades"].samples[0].value > 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_what_a_collector_counted_is_what_was_stored(tmp_path: Path, database_url: str) -> None:
    """Its rows are written once a second, and the last one when it leaves."""

    async def collect() -> None:
        async with Replay(MARKETS, rate=60, trades=90) as replay:
            base = free_port() - metrics.COLLECTORS
            settings = settings_for(tmp_path, replay, MARKETS, metrics_port=base)
            async with collecting(settings, database_url, "binance") as collector:
                await until_equal(database_url, replay)
                await until(lambda: collector.counting.tally.totals, "a second's end")
                await asyncio.to_thread(scrape, base + metrics.COLLECTORS)
            scribe = collector.counting.scribe
            assert (scribe.lost, len(scribe.waiting)) == (0, 0)

    asyncio.run(asyncio.wait_for(collect(), 60))
    with connect(database_url, "test") as store:
        assert ask(store, COUNTED) == ask(store, STORED)
        assert ask(store, COUNTED_LAGS) == ask(store, LAGS)
        ((trades, stored, repeats, connects, batches, writes, longest, is_sum),) = ask(
            store, TOTALS
        )
        rows = sum(number for _, number, _ in ask(store, STORED))
        assert (trades, stored, repeats, connects, is_sum) == (rows, rows, 0, 1, True)
        assert batches == writes
        assert [(longest,)] == ask(store, LONGEST)


def test_a_killed_collector_leaves_nothing_where_it_was_not(
    tmp_path: Path, empty_database: str
) -> None:
    """Not zeros; and whoever comes next counts on."""

    async def collect() -> None:
        async with Replay(MARKETS, rate=40) as replay:
            settings = settings_for(tmp_path, replay, MARKETS)
            async with process(settings, empty_database, "binance") as killed:
                await until(lambda: count(empty_database) >= 3, "three seconds")
                killed.kill()
                await killed.wait()
            before = count(empty_database)
            await asyncio.sleep(1.1)  # of silence: a whole second has no collector
            async with collecting(settings, empty_database, "binance"):
                await until(lambda: count(empty_database) >= before + 2, "two more")

    asyncio.run(asyncio.wait_for(collect(), 60))
    with connect(empty_database, "test") as store:
        ((seconds, between, connects),) = ask(store, SECONDS)
        assert connects == 2
        assert between > seconds


SECONDS = """
SELECT count(*), 1 + extract(epoch FROM max(at) - min(at)),
       sum(connects)
FROM stats_collectors"""


def count(url: str) -> int:
    """Seconds that were written; 0 while there is no such table."""
    with suppress(Exception), connect(url, "test") as store:
        ((seconds,),) = store.execute("SELECT count(*) FROM collector_seconds").fetchall()
        return int(seconds)
    return 0
