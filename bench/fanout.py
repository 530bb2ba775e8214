"""Fan-out to 100 clients at saturation, against websockets' own broadcast() of the same frames.

Ours is the whole streamer: rows are inserted, announced, routed, and sent. The peer has the easier
task: its frames lie ready in memory. The clients are one process that reads and counts.
"""

import selectors
import socket
import time
from decimal import Decimal

from alphapulse.postgres import Server
from alphapulse.store.connect import connect
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Side, Trade
from bench.stage import free_port, fresh_database, median, module, own, settings_for
from bench.wire import Frames, dial, read_until, send_text

CLIENTS = 100
BATCH = 500  # rows inserted at a time
AHEAD = 8  # batches that may be under way
PATIENCE = 120.0


def run(found: Server, rounds: int, trades: int) -> dict[str, float]:
    """Deliveries per second (medians) and their ratio."""
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(rounds):
        ours.append(measure_ours(found, trades))
        peer.append(measure_peer(trades // 8))
    return {"ours": median(ours), "broadcast()": median(peer), "ratio": median(ours) / median(peer)}


class Crowd:
    """All clients of one server: counts whole trade frames by their marks in the bytes."""

    def __init__(self, lines: list[socket.socket], mark: bytes) -> None:
        self.mark = mark
        self.counts = dict.fromkeys(lines, 0)
        self.tails = dict.fromkeys(lines, b"")
        self.selector = selectors.EpollSelector()
        for line in lines:
            line.setblocking(False)
            self.selector.register(line, selectors.EVENT_READ)

    def read(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            line: socket.socket = key.fileobj  # type: ignore[assignment]
            read = line.recv(1 << 20)
            self.got(line, read)
            data = self.tails[line] + read
            self.counts[line] += data.count(self.mark)
            self.tails[line] = data[-(len(self.mark) - 1) :]

    def got(self, line: socket.socket, data: bytes) -> None:
        """For those who want to know more than how many."""

    @property
    def slowest(self) -> int:
        return min(self.counts.values())


def measure_ours(found: Server, trades: int) -> float:
    url = fresh_database(found, "fanout")
    settings = settings_for(found, url, "binance", "BTCUSDT", free_port())
    with connect(url, "bench") as store, own(settings, "stream") as streamer:
        writer = TradeWriter(store)
        writer.insert([make_trade(0)])
        assert streamer.stdout
        streamer.stdout.readline()
        lines = [subscribe(settings.stream_port) for _ in range(CLIENTS)]
        crowd = Crowd(lines, b'"type":"trade"')
        started = time.perf_counter()
        push(writer, crowd, trades)
        took = time.perf_counter() - started
        for line in lines:
            line.close()
    return trades * CLIENTS / took


def subscribe(port: int) -> socket.socket:
    line, rest = dial(port)
    frames = Frames()
    read_until(line, frames, "hello", rest)
    send_text(line, '{"type":"subscribe","markets":["*"],"last":0}')
    read_until(line, frames, "live")
    return line


def push(writer: TradeWriter, crowd: Crowd, trades: int) -> None:
    """Insert as fast as the slowest client follows, a few batches ahead of it."""
    sent = 0
    deadline = time.monotonic() + PATIENCE
    while crowd.slowest < trades:
        if sent < trades and sent - crowd.slowest < AHEAD * BATCH:
            writer.insert([make_trade(1 + sent + place) for place in range(BATCH)])
            sent += BATCH
        crowd.read(0 if sent < trades else 0.1)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the slowest client saw {crowd.slowest} of {trades}")


def make_trade(id: int) -> Trade:
    at = time.time_ns() // 1000
    return Trade(
        "binance",
        "BTCUSDT",
        3_735_683_259 + id,
        Decimal("61837.63000000"),
        Decimal("0.02000000"),
        Side.BUY,
        at,
        at,
    )


def measure_peer(trades: int) -> float:
    with module("bench.broadcast", str(CLIENTS), str(trades)) as server:
        assert server.stdout and server.stdin
        port = int(server.stdout.readline())
        lines = [dial(port)[0] for _ in range(CLIENTS)]
        crowd = Crowd(lines, b'"type":"trade"')
        server.stdout.readline()  # all are there
        started = time.perf_counter()
        server.stdin.write("go\n")
        server.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while crowd.slowest < trades and time.monotonic() < deadline:
            crowd.read(0.1)
        took = time.perf_counter() - started
        for line in lines:
            line.close()
    return trades * CLIENTS / took
