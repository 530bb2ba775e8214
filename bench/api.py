"""The API under load: ours, as it is, against the same answer made of a Pydantic object per row.

Servers of one process each over one database, asked in turns by the same clients from another
process: 1,000 trades as rows and as columns, and four hours of one-minute bars, of an archived day
(from its file), and folded from the trades: with the minutes that were kept of the request before,
each of them proved to be still what the trades make of it, and anew each time. Pollers' caches are
off. One more server reads the same page by asynchronous connections instead of threads: how the
choice between both was made.
"""

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from alphapulse.archive.candles import make_days
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.postgres import Server
from alphapulse.settings import Settings
from alphapulse.spelling import read_instant
from alphapulse.store.connect import connect
from alphapulse.store.pages import LEAST, MICRO, MOST, UP, columns_of
from alphapulse.trade import Market
from api.answers import ENCODER
from api.app import make_app
from api.caching import Cache
from api.context import House, Remembered
from api.kept import Kept
from bench.stage import free_port, fresh_database, median, module, percentile

CLIENTS = 8
SECONDS = 4.0
DAY = "2024-08-08"
BTC = MarketDay(date(2024, 8, 8), Market("binance", "BTCUSDT"))
MARKET = "/v1/markets/binance/BTCUSDT"
FILL = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
SELECT at, at + interval '3 ms', id, 1, CASE WHEN id %% 2 = 0 THEN 'b' ELSE 's' END,
       61000 + (id %% 999)::numeric / 100, 0.00000001 * (id %% 77777)
FROM (
    SELECT id, timestamptz '2024-08-08Z' + id * interval '24 h' / (%(rows)s + 1) AS at
    FROM generate_series(1, %(rows)s) AS id
) AS made"""
ASKED = {
    "trades, rows": f"{MARKET}/trades?start={DAY}T10:00:00.{{n:06}}Z&limit=1000",
    "trades, columns": f"{MARKET}/trades?start={DAY}T10:00:00.{{n:06}}Z&limit=1000&shape=columns",
    "candles": f"{MARKET}/candles?start={DAY}T10:00:00.{{n:06}}Z&end={DAY}T14:00:00Z",
}


def run(found: Server, rounds: int, rows: int = 200_000) -> dict[str, float]:
    """Medians of requests per second, and their ratios."""
    url = fresh_database(found, "api")
    with connect(url, "bench") as store:
        store.execute("INSERT INTO markets (exchange, symbol) VALUES ('binance', 'BTCUSDT')")
        store.execute("SELECT make_days('2024-08-08', '2024-08-08')")
        store.execute(FILL, {"rows": rows})
        store.execute("VACUUM (ANALYZE) trades")  # as the server does by itself within a minute
    home = Path(tempfile.mkdtemp(prefix="alphapulse-bench-"))
    list(export_days(url, home / "parquet", [BTC]))
    list(make_days(home / "parquet", home / "candles", [BTC]))
    os.environ["BENCH_HOME"] = str(home)
    try:
        return compare(url, rounds)
    finally:
        shutil.rmtree(home)


def compare(url: str, rounds: int) -> dict[str, float]:
    speeds: dict[str, list[float]] = {}
    late: dict[str, list[float]] = {}
    with (
        served(url, "ours") as ours,
        served(url, "folding") as folding,
        served(url, "anew") as anew,
        served(url, "naive") as naive,
        served(url, "async") as other,
    ):
        ways = [
            *((f"ours: {name}", ours + path) for name, path in ASKED.items()),
            ("ours: candles, folded", folding + ASKED["candles"]),
            ("ours: candles, folded anew", anew + ASKED["candles"]),
            ("naive: trades, rows", naive + "/trades"),
            ("naive: candles", naive + "/candles"),
            ("async: trades, columns", other + "/trades"),
        ]
        for _ in range(rounds):
            for name, address in ways:
                took = asyncio.run(load(address))
                speeds.setdefault(name, []).append(len(took) / SECONDS)
                late.setdefault(name, []).append(percentile(took, 0.99) * 1000)
    figures = {f"{name}, requests/s": median(values) for name, values in speeds.items()}
    figures |= {f"{name}, p99 ms": median(values) for name, values in late.items()}
    return figures | {
        "ratio, rows": ratio(figures, "ours: trades, rows", "naive: trades, rows"),
        "ratio, columns": ratio(figures, "ours: trades, columns", "naive: trades, rows"),
        "ratio, candles of an archived day": ratio(figures, "ours: candles", "naive: candles"),
        "ratio, candles folded": ratio(figures, "ours: candles, folded", "naive: candles"),
        "ratio, candles folded anew": ratio(
            figures, "ours: candles, folded anew", "naive: candles"
        ),
        "threads to async": ratio(figures, "ours: trades, columns", "async: trades, columns"),
    }


def ratio(figures: dict[str, float], one: str, other: str) -> float:
    return figures[f"{one}, requests/s"] / figures[f"{other}, requests/s"]


@contextlib.contextmanager
def served(url: str, kind: str) -> Iterator[str]:
    port = free_port()
    os.environ["BENCH_URL"] = url
    with module("bench.api", kind, str(port)):
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"{address}/v1/health/live", trust_env=False)
            except httpx.TransportError:
                assert time.monotonic() < deadline, f"{kind} does not start"
                time.sleep(0.1)
            else:
                break
        yield address


async def load(address: str) -> list[float]:
    """The seconds that each answer took, of CLIENTS that ask without pause.

    By bare sockets: a client library costs more than the server that is measured. Each asks from
    another microsecond on, so that no answer is shared.
    """
    took: list[float] = []
    until = time.monotonic() + SECONDS
    parts = urlsplit(address)
    head = f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
    numbers = count()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
        while time.monotonic() < until:
            began = time.monotonic()
            writer.write(head.format(n=next(numbers)).encode())
            told = await reader.readuntil(b"\r\n\r\n")
            assert told.startswith(b"HTTP/1.1 200"), told
            (length,) = re.findall(rb"(?i)content-length: (\d+)", told)
            await reader.readexactly(int(length))
            took.append(time.monotonic() - began)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return took


# -- the servers


async def serve(kind: str, port: int) -> None:
    url = os.environ["BENCH_URL"]
    if kind in {"ours", "folding", "anew"}:
        home = Path(os.environ["BENCH_HOME"] if kind == "ours" else "/nonexistent")
        house = House(Settings(home=home, api_requests_per_second=0), url)
        house.cache = Cache(seconds=-1.0)
        if kind == "anew":
            house.remembered = Remembered(0, time.monotonic() + 3600, Kept(hours=0))
        app: Any = make_app(house)
    else:
        app = naive_app(url) if kind == "naive" else async_app(url)
    config = uvicorn.Config(app, "127.0.0.1", port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()


ROWS = """
SELECT trade_id, price, size, side::text, traded_at, received_at, source::text FROM trades
WHERE market_id = 1 AND traded_at >= '2024-08-08T10:00:00Z'
ORDER BY traded_at, trade_id LIMIT 1000"""
BARS = """
SELECT date_bin('1 minute', traded_at, '1970-01-01Z') AS opened_at,
       (array_agg(price ORDER BY traded_at, trade_id))[1], max(price), min(price),
       (array_agg(price ORDER BY traded_at DESC, trade_id DESC))[1], sum(size),
       coalesce(sum(size) FILTER (WHERE side = 'b'), 0), sum(price * size), count(*),
       min(trade_id), max(trade_id)
FROM trades WHERE market_id = 1 AND traded_at >= '2024-08-08T10:00:00Z'
  AND traded_at < '2024-08-08T14:00:00Z' GROUP BY 1 ORDER BY 1"""


def naive_app(url: str) -> FastAPI:
    """As most services are written: rows to objects, objects to JSON by a response model."""

    class Trade(BaseModel):
        id: int
        price: Decimal
        size: Decimal
        side: str
        time: datetime
        received: datetime
        source: str

    class Candle(BaseModel):
        opened_at: datetime
        open: Decimal
        high: Decimal
        low: Decimal
        close: Decimal
        volume: Decimal
        buy_volume: Decimal
        quote_volume: Decimal
        trades: int
        first_id: int
        last_id: int

    app, own = FastAPI(), threading.local()

    def ask(query: str) -> list[tuple[Any, ...]]:
        if not hasattr(own, "store"):
            own.store = connect(url, "bench", read_only=True)
        rows: list[tuple[Any, ...]] = own.store.execute(query).fetchall()
        return rows

    @app.get("/trades")
    def trades() -> list[Trade]:
        return [Trade(**dict(zip(Trade.model_fields, row, strict=True))) for row in ask(ROWS)]

    @app.get("/candles")
    def candles() -> list[Candle]:
        return [Candle(**dict(zip(Candle.model_fields, row, strict=True))) for row in ask(BARS)]

    return app


def async_app(url: str) -> FastAPI:
    """Our own statement and encoder on eight asynchronous connections."""
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for _ in range(CLIENTS):
            free.put_nowait(await psycopg.AsyncConnection.connect(url, autocommit=True))
        yield

    start, end = read_instant(f"{DAY}T10:00:00Z"), read_instant("2024-08-09")
    values = {
        "market_id": 1, "start": start, "end": end, "after_at": start - MICRO,
        "after_id": MOST, "before_at": end, "before_id": LEAST, "limit": 1001,
    }  # fmt: skip
    app = FastAPI(lifespan=lifespan)

    @app.get("/trades")
    async def trades() -> Response:
        store = await free.get()
        try:
            await (await store.execute("SELECT layout, simulated, now() FROM instance")).fetchone()
            rows = await (await store.execute(UP, values)).fetchall()
        finally:
            free.put_nowait(store)
        return Response(ENCODER.encode(columns_of(rows)), media_type="application/json")

    return app


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("kind", choices=["ours", "folding", "anew", "naive", "async"])
    words.add_argument("port", type=int)
    given = words.parse_args(sys.argv[1:])
    asyncio.run(serve(given.kind, given.port))
