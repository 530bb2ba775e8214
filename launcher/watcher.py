"""The demo's own stream client: proof that what is stored reaches a WebSocket, counted."""

import asyncio
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PAUSE = 0.5  # seconds between two attempts to connect


class Watcher:
    """Follows every market of one streamer and resumes where it was cut."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.trades = 0
        self.repeats = 0
        self.cursor: str | None = None
        self.newest: dict[tuple[str, str], int] = {}
        self.seen = asyncio.Event()

    async def watch(self) -> None:
        while True:
            try:
                async with connect(self.url, max_size=2**20) as socket:
                    await socket.send(msgspec.json.encode(self.request()).decode())
                    async for message in socket:
                        self.hear(msgspec.json.decode(message))
            except (OSError, WebSocketException):
                pass  # it comes back: ask again
            await asyncio.sleep(PAUSE)

    def request(self) -> dict[str, Any]:
        wish: dict[str, Any] = {"type": "subscribe", "markets": ["*"], "last": 1000}
        return wish | ({"cursor": self.cursor} if self.cursor else {})

    def hear(self, frame: dict[str, Any]) -> None:
        self.cursor = frame.get("cursor", self.cursor)
        if frame["type"] != "trade":
            return
        market = frame["exchange"], frame["symbol"]
        self.trades += 1
        self.repeats += int(frame["id"]) == self.newest.get(market)
        self.newest[market] = int(frame["id"])
        self.seen.set()
