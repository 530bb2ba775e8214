"""Everybody at once: 500 stream clients, 50 pages that poll the API, 1,000 trades a second, 60 s.

All of it on this one machine, the clients too. Counted: each client gets each trade, the database
holds each, and no request is refused. One client in 50 notes how old each of its trades is.
"""

import json
import socket
import time
from collections.abc import Sequence
from datetime import datetime

from alphapulse.postgres import Server
from alphapulse.store.connect import connect
from bench.fanout import Crowd
from bench.stage import free_port, fresh_database, module, own, percentile, settings_for
from bench.wire import Frames, dial, read_until, send_text

CLIENTS, CALLERS = 500, 50
RATE = 1000  # trades a second
WATCHED = 50  # every so many-th client notes ages
TRADE = b'"type":"trade"'
PATIENCE = 60.0  # seconds for the last trades


def run(found: Server, seconds: float) -> dict[str, float]:
    """Milliseconds, counts."""
    trades = int(RATE * seconds)
    url = fresh_database(found, "crowd")
    with module("bench.metronome", str(RATE), str(trades)) as exchange:
        assert exchange.stdout
        settings = settings_for(found, url, "binance", "BTCUSDT", int(exchange.stdout.readline()))
        port = free_port()
        with own(settings, "stream") as streamer, own(settings, "api", "--port", str(port)):
            assert streamer.stdout
            streamer.stdout.readline()
            wait_for(port)
            lines = [listen(settings.stream_port) for _ in range(CLIENTS)]
            words = (str(port), str(CALLERS), str(seconds))
            with (
                own(settings, "collect", "--exchange", "binance"),
                module("bench.callers", *words) as callers,
            ):
                ages, slowest = follow(lines, trades)
                assert callers.stdout
                asked = json.loads(callers.stdout.readline())
    with connect(url, "bench") as store:
        (stored,) = store.execute("SELECT count(*) FROM trades").fetchone() or (0,)
    took = [1000 * one for one in asked["took"]]
    print(*asked["refused"][:5], sep="\n", end="")
    return {
        "trades sent": trades,
        "stored": stored,
        "fewest a client got": slowest,
        "age p50 ms": percentile(ages, 0.5),
        "age p99 ms": percentile(ages, 0.99),
        "API requests": len(took),
        "API refused": len(asked["refused"]),
        "API p50 ms": percentile(took, 0.5),
        "API p99 ms": percentile(took, 0.99),
    }


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the API did not start")


def listen(port: int) -> socket.socket:
    line, rest = dial(port)
    read_until(line, Frames(), "hello", rest)
    send_text(line, '{"type":"subscribe","markets":["*"],"last":0}')
    return line


class Ages(Crowd):
    """Keeps what the watched clients got, with the time at which it was read."""

    def __init__(self, lines: list[socket.socket]) -> None:
        super().__init__(lines, TRADE)
        self.watched: dict[socket.socket, list[tuple[float, bytes]]] = {
            line: [] for line in lines[::WATCHED]
        }

    def got(self, line: socket.socket, data: bytes) -> None:
        if line in self.watched:
            self.watched[line].append((time.time(), data))


def follow(lines: list[socket.socket], trades: int) -> tuple[list[float], int]:
    """Milliseconds from `received` to the read, and how many trades the slowest client got."""
    crowd = Ages(lines)
    deadline = time.monotonic() + trades / RATE + PATIENCE
    while crowd.slowest < trades and time.monotonic() < deadline:
        for _ in range(100):
            crowd.read(0.1)
    ages = [age for chunks in crowd.watched.values() for age in ages_of(chunks)]
    return ages, crowd.slowest


def ages_of(chunks: Sequence[tuple[float, bytes]]) -> list[float]:
    frames, ages = Frames(), []
    for at, data in chunks:
        for frame in frames.take(data):
            if TRADE in frame:
                text = frame.split(b'"received":"')[1].split(b'"')[0].decode()
                ages.append((at - datetime.fromisoformat(text).timestamp()) * 1e3)
    return ages
