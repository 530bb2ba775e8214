"""Latency at 1,000 trades a second: from the collector's socket to the commit and to a client.

The floor, in the same run: one bare INSERT with its NOTIFY per trade by a prepared statement, a
listener that writes each payload to a raw socket, a client that reads it. No parsing, no frames.
Trades arrive evenly spaced in both. Commits are read off PostgreSQL's own clock (before its flush).
"""

import socket
import struct
import threading
import time
from collections.abc import Sequence
from datetime import datetime

from psycopg.pq import ExecStatus

from alphapulse.postgres import Server
from alphapulse.store.connect import connect
from bench.stage import fresh_database, median, module, own, percentile, settings_for
from bench.wire import Frames, dial, read_until, send_text

RATE = 1000  # trades per second
WARM = 1000  # trades not counted
NAMES = ("commit p50", "commit p99", "client p50", "client p99")

COMMITTED = """
SELECT 1e6 * extract(
    epoch FROM pg_xact_commit_timestamp((tx % 4294967296)::text::xid) - received_at)::float8
FROM trades ORDER BY seq"""

BARE = (
    "DROP TRIGGER announce_trades ON trades",
    "SELECT make_days(current_date, current_date + 1)",
)
INSERT = """
WITH stored AS (
    INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, source, price, size)
    VALUES (now(), to_timestamp($2::text::float8), $1, 1, 'b', 'l', 61837.63, 0.02) RETURNING 1
) SELECT pg_notify('floor', $2::text) FROM stored"""


def run(found: Server, rounds: int, seconds: float) -> dict[str, float]:
    """Microseconds (over the rounds the median of each percentile), and the ratios."""
    trades = int(RATE * seconds)
    ours: list[list[float]] = []
    floor: list[list[float]] = []
    for _ in range(rounds):
        ours.append(measure_ours(found, trades))
        floor.append(measure_floor(found, trades))
    result: dict[str, float] = {}
    for place, name in enumerate(NAMES):
        mine = median([values[place] for values in ours])
        least = median([values[place] for values in floor])
        result |= {f"ours {name}": mine, f"floor {name}": least, f"ratio {name}": mine / least}
    return result


def measure_ours(found: Server, trades: int) -> list[float]:
    url = fresh_database(found, "latency")
    with module("bench.metronome", str(RATE), str(trades)) as exchange:
        assert exchange.stdout
        settings = settings_for(found, url, "binance", "BTCUSDT", int(exchange.stdout.readline()))
        with own(settings, "stream") as streamer:
            assert streamer.stdout
            streamer.stdout.readline()
            line, rest = dial(settings.stream_port)
            frames = Frames()
            read_until(line, frames, "hello", rest)
            send_text(line, '{"type":"subscribe","markets":["*"],"last":0}')
            with own(settings, "collect", "--exchange", "binance"):
                delays = follow(line, frames, trades)
    return summary(url, delays)


def summary(url: str, delays: Sequence[float]) -> list[float]:
    """The percentiles of NAMES."""
    with connect(url, "bench") as store:
        commits = [row[0] for row in store.execute(COMMITTED).fetchall()]
    taken = (commits[WARM:], list(delays[WARM:]))
    return [percentile(values, share) for values in taken for share in (0.5, 0.99)]


def follow(line: socket.socket, frames: Frames, trades: int) -> list[float]:
    """Microseconds from `received` (the collector's clock) to the client's read."""
    chunks: list[tuple[float, bytes]] = []
    seen = 0
    while seen < trades:
        data = line.recv(262_144)
        chunks.append((time.time(), data))
        seen += data.count(b'"type":"trade"')
    delays = []
    for at, data in chunks:
        for frame in frames.take(data):
            if b'"type":"trade"' in frame:
                text = frame.split(b'"received":"')[1].split(b'"')[0].decode()
                delays.append((at - datetime.fromisoformat(text).timestamp()) * 1e6)
    return delays


def measure_floor(found: Server, trades: int) -> list[float]:
    url = fresh_database(found, "floor")
    with connect(url, "bench") as store:
        for statement in BARE:
            store.execute(statement)
    with module("bench.floor", url) as forwarder:
        assert forwarder.stdout
        reader = FloorReader(int(forwarder.stdout.readline()), trades)
        reader.start()
        insert_paced(url, trades)
        reader.join(30)
    return summary(url, reader.delays)


class FloorReader(threading.Thread):
    """Reads 8-byte send times and notes how old each is."""

    def __init__(self, port: int, trades: int) -> None:
        super().__init__(daemon=True)
        self.line = socket.create_connection(("127.0.0.1", port))
        self.trades = trades
        self.delays: list[float] = []

    def run(self) -> None:
        rest = b""
        while len(self.delays) < self.trades:
            rest += self.line.recv(65536)
            at = time.time()
            whole = len(rest) // 8 * 8
            self.delays += [(at - sent) * 1e6 for (sent,) in struct.iter_unpack("d", rest[:whole])]
            rest = rest[whole:]


def insert_paced(url: str, trades: int) -> None:
    """One INSERT per trade at RATE; a trade that comes during another's waits, and that counts."""
    with connect(url, "bench") as store:
        store.pgconn.prepare(b"floor", INSERT.encode())
        begin = time.time()
        for number in range(trades):
            arrival = begin + number / RATE
            if (wait := arrival - time.time()) > 0:
                time.sleep(wait)
                arrival = time.time()
            arguments = [str(number).encode(), repr(arrival).encode()]
            done = store.pgconn.exec_prepared(b"floor", arguments)
            assert done.status == ExecStatus.TUPLES_OK, done.error_message
