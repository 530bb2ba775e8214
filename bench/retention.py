"""Retention: a day leaves, beside a writer of another day.

What it costs is reading the day twice (its file and its rows); against it, in the same run, one
plain count of the rows. The writer's longest wait is compared with its longest without a drop.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from alphapulse.archive.export import export_days
from alphapulse.archive.leaving import review
from alphapulse.day import MarketDay
from alphapulse.postgres import Server
from alphapulse.retention import Policy
from alphapulse.store.connect import Store, connect
from alphapulse.store.retention import drop_day
from alphapulse.trade import Market
from bench.stage import fresh_database, median

DAY = date(2024, 8, 8)
POLICY = Policy(keep_days=30, today=DAY + timedelta(days=31))
MARKET = Market("binance", "BTCUSDT")

FILL = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
SELECT at, at, id, 1, CASE WHEN id %% 2 = 0 THEN 'b' ELSE 's' END, 61000 + id %% 999,
       0.01 * (id %% 77)
FROM (
    SELECT id, timestamptz '2024-08-08Z' + id * interval '24 h' / (%(rows)s + 1) AS at
    FROM generate_series(1, %(rows)s) AS id
) AS made"""
WRITE = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
VALUES (now(), now(), %s, 1, 'b', 61000, 0.01)"""


def run(found: Server, rounds: int, rows: int) -> dict[str, float]:
    """Medians, in seconds (waits in milliseconds)."""
    figures = [leave(fresh_database(found, "retention"), rows) for _ in range(rounds)]
    return {name: median([one[name] for one in figures]) for name in figures[0]}


def leave(url: str, rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, connect(url, "bench") as store:
        fill(store, rows)
        list(export_days(url, Path(folder), [MarketDay(DAY, MARKET)]))
        counted = timed(lambda: store.execute("SELECT count(*) FROM trades").fetchone())
        with writer(url) as waits:
            time.sleep(1)
        calm = max(waits)
        started = time.monotonic()
        (decision,) = review(url, Path(folder), POLICY)
        decided = time.monotonic() - started
        with writer(url) as waits:
            time.sleep(0.2)
            dropped = timed(lambda: drop_day(store, decision))
            time.sleep(0.2)
        assert store.execute("SELECT count(*) FROM dropped_days").fetchone() == (1,)
    return {
        "one count (s)": counted,
        "decide (s)": decided,
        "drop (s)": dropped,
        "writer waits (ms)": 1000 * max(waits),
        "without a drop (ms)": 1000 * calm,
    }


def fill(store: Store, rows: int) -> None:
    store.execute("SELECT make_days(%s, %s)", [DAY, DAY])
    store.execute("SELECT make_days(current_date, current_date + 1)")
    names = [MARKET.exchange, MARKET.symbol]
    store.execute("INSERT INTO markets (exchange, symbol) VALUES (%s, %s)", names)
    store.execute("ALTER TABLE trades DISABLE TRIGGER announce_trades")
    store.execute(FILL, {"rows": rows})
    store.execute("ALTER TABLE trades ENABLE TRIGGER announce_trades")
    store.execute("ANALYZE trades")


@contextmanager
def writer(url: str) -> Iterator[list[float]]:
    """Row after row of today; gives how many seconds each took."""
    waits, stop = list[float](), threading.Event()

    def write() -> None:
        with connect(url, "bench writer") as store:
            ((last,),) = store.execute("SELECT max(trade_id) FROM trades").fetchall()
            while not stop.is_set():
                last += 1
                started = time.monotonic()
                store.execute(WRITE, [last])
                waits.append(time.monotonic() - started)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started
