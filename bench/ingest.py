"""Ingest: replay's frames over a real socket to committed and announced rows, against bare COPY.

The limit: the same rows, ready as bytes, in one binary COPY into such a table without the trigger.
What the journal costs: the same run without it.
"""

import time

from msgspec.structs import replace

from alphapulse.postgres import Server
from alphapulse.store.connect import Store, connect
from bench.stage import free_port, fresh_database, median, own, settings_for

COLUMNS = "traded_at, received_at, trade_id, market_id, side, source, price, size"
PATIENCE = 120.0  # seconds for one run


def run(found: Server, rounds: int, trades: int) -> dict[str, float]:
    """Medians of rows per second, and their ratios."""
    ours: list[float] = []
    bare: list[float] = []
    limit: list[float] = []
    for _ in range(rounds):
        bare.append(ingest(found, fresh_database(found, "ingest"), trades, journal_bytes=0))
        url = fresh_database(found, "ingest")
        ours.append(ingest(found, url, trades))
        limit.append(bare_copy(found, url))
    return {
        "ours": median(ours),
        "without the journal": median(bare),
        "bare COPY": median(limit),
        "ratio to COPY": median(ours) / median(limit),
        "ratio to no journal": median(ours) / median(bare),
    }


def ingest(found: Server, url: str, trades: int, **others: int) -> float:
    """Rows per second between the first and the last announcement that a listener hears."""
    port = free_port()
    settings = replace(settings_for(found, url, "binance", "BTCUSDT", port), **others)
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
