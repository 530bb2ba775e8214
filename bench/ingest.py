"""Ingest: replay's frames over a real socket to committed and announced rows, against bare COPY.

The limit: the same rows, ready as bytes, in one binary COPY into such a table without the trigger.
"""

import time

from alphapulse.postgres import Server
from alphapulse.store.connect import Store, connect
from bench.stage import free_port, fresh_database, median, own, settings_for

COLUMNS = "traded_at, received_at, trade_id, market_id, side, source, price, size"
PATIENCE = 120.0  # seconds for one run


def run(found: Server, rounds: int, trades: int) -> dict[str, float]:
    """Medians of rows per second, and their ratio."""
    ours: list[float] = []
    limit: list[float] = []
    for _ in range(rounds):
        url = fresh_database(found, "ingest")
        ours.append(ingest(found, url, trades))
        limit.append(bare_copy(found, url))
    return {"ours": median(ours), "bare COPY": median(limit), "ratio": median(ours) / median(limit)}


def ingest(found: Server, url: str, trades: int) -> float:
    """Rows per second between the first and the last announcement that a listener hears."""
    port = free_port()
    settings = settings_for(found, url, "binance", "BTCUSDT", port)
    with (
        connect(url, "bench listener") as listener,
        own(
            settings, "replay", "--speed", "0", "--rate", "1000", "--trades", str(trades)
        ) as replay,
    ):
        listener.execute("LISTEN trades")
        assert replay.stdout
        replay.stdout.readline()  # it listens
        with own(settings, "collect", "--exchange", "binance"):
            return hear(listener, trades)


def hear(listener: Store, trades: int) -> float:
    heard = first = 0
    started = ended = 0.0
    deadline = time.monotonic() + PATIENCE
    while heard < trades:
        for notice in listener.notifies(timeout=1, stop_after=1):
            ended = time.perf_counter()
            rows = notice.payload.count(";") + 1
            if not heard:
                started, first = ended, rows
            heard += rows
        if time.monotonic() > deadline:
            raise TimeoutError(f"{heard} of {trades} rows were announced")
    return (heard - first) / (ended - started)


def bare_copy(found: Server, url: str) -> float:
    """Rows per second of one COPY of those very rows into an empty table like ours."""
    with (
        connect(url, "bench") as store,
        store.cursor().copy(
            f"COPY (SELECT {COLUMNS} FROM trades ORDER BY seq) TO STDOUT (FORMAT BINARY)"
        ) as copy,
    ):
        data = b"".join(bytes(block) for block in copy)
    other = fresh_database(found, "bare")
    with connect(other, "bench") as store:
        store.execute("DROP TRIGGER announce_trades ON trades")
        store.execute("SELECT make_days(current_date - 1, current_date + 1)")
        cursor = store.cursor()
        started = time.perf_counter()
        with cursor.copy(f"COPY trades ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
            for place in range(0, len(data), 2**18):
                copy.write(data[place : place + 2**18])
        return cursor.rowcount / (time.perf_counter() - started)
