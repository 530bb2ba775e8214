"""Talking to replay as a collector would: real sockets, messages awaited with a deadline."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from replay.server import Replay

DEADLINE = 15.0  # seconds; far more than anything here takes
MARKETS = {
    "coinbase": ["BTC-USD"],
    "coinbase-advanced": ["BTC-USD"],
    "kraken": ["BTC/USD"],
    "binance": ["BTCUSDT"],
}
WISHES: dict[str, dict[str, Any]] = {
    "coinbase": {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]},
    "coinbase-advanced": {
        "type": "subscribe",
        "product_ids": ["BTC-USD"],
        "channel": "market_trades",
    },
    "kraken": {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}},
    "binance": {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1},
}
HEARTBEATS = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["heartbeat"]}


@asynccontextmanager
async def line(replay: Replay, exchange: str, ask: bool = True) -> AsyncIterator[ClientConnection]:
    """A connection to an exchange, subscribed to its market where `ask`."""
    async with connect(replay.endpoint(exchange).ws, ping_interval=None, close_timeout=1) as socket:
        if ask:
            await socket.send(json.dumps(WISHES[exchange]))
        yield socket


def ids(frame: str | bytes) -> list[int]:
    """The ids of the trades in a frame of any exchange; a backlog is none."""
    message = json.loads(frame)
    match message:
        case {"type": "match", "trade_id": id}:
            return [id]
        case {"channel": "trade", "type": "update", "data": rows}:
            return [row["trade_id"] for row in rows]
        case {"channel": "market_trades", "events": [{"type": "update", "trades": rows}]}:
            return [int(row["trade_id"]) for row in reversed(rows)]
        case {"data": {"t": id}} | {"e": "trade", "t": id}:
            return [id]
    return []


async def collect(socket: ClientConnection, count: int) -> list[int]:
    """The ids of the next trades, at least `count`; frames that are no JSON are passed over."""
    found: list[int] = []
    async with asyncio.timeout(DEADLINE):
        while len(found) < count:
            try:
                found += ids(await socket.recv())
            except json.JSONDecodeError:
                continue
    return found


async def until(socket: ClientConnection, wanted: Callable[[Any], bool]) -> Any:
    """The next message that is wanted."""
    async with asyncio.timeout(DEADLINE):
        while True:
            message = json.loads(await socket.recv())
            if wanted(message):
                return message


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not is_so():
            await asyncio.sleep(0.01)


async def get(replay: Replay, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=DEADLINE) as client:
        return await client.get(f"http://127.0.0.1:{replay.port}{path}", headers=headers)
