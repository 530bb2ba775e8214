"""Advanced Trade numbers the frames of each line: over real sockets, paced and fast."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

from websockets.asyncio.client import ClientConnection

from replay.faults import Drop
from replay.server import Replay
from tests.replay.talk import DEADLINE, ids, line

NAME = "coinbase-advanced"
MARKETS = {NAME: ["BTC-USD"]}


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


async def numbers(socket: ClientConnection, is_enough: Callable[[int], bool]) -> list[int]:
    """Of the frames until enough trades came."""
    found, trades = [], 0
    async with asyncio.timeout(DEADLINE):
        while not is_enough(trades):
            frame = await socket.recv()
            found.append(json.loads(frame)["sequence_num"])
            trades += len(ids(frame))
    return found


def test_every_frame_has_the_next_number_whatever_its_channel() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=200) as replay:
            for _ in range(2):  # each line begins anew
                async with line(replay, NAME) as socket:
                    await socket.send('{"type":"subscribe","channel":"heartbeats"}')
                    found = await numbers(socket, lambda trades: trades >= 50)
                    assert found == list(range(len(found)))

    run(story())


def test_a_lost_frame_leaves_a_hole() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=200) as replay, line(replay, NAME) as socket:
            found = await numbers(socket, lambda trades: trades >= 5)
            replay.inject(Drop(frames=3))
            found += await numbers(socket, lambda trades: trades >= 50)
            assert sorted(found) == found
            assert sum(later - former - 1 for former, later in pairwise(found)) == 3

    run(story())


def test_the_fast_mode_numbers_its_prepared_frames() -> None:
    async def story() -> None:
        replay = Replay(MARKETS, rate=200, speed=0, trades=2000)
        async with replay, line(replay, NAME) as socket:
            found = await numbers(socket, lambda trades: trades == 2000)
            assert found == list(range(len(found)))

    run(story())
