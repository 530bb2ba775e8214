"""Backfills that were asked for: each is a child process, `alphapulse backfill`; one per market.

This process itself writes nothing to the store.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from alphapulse.settings import Settings, environment_of
from alphapulse.spelling import full_time
from alphapulse.trade import Market
from api.problems import Problem

AT_ONCE = 4  # children of ours
PLANNING = 60.0  # seconds that a plan may take: it asks the exchange
REMEMBERED = 50  # that ended
PATIENCE = 5.0  # seconds that a child gets to end its page
LINE = 2**20


class Order:
    """One backfill that was begun here."""

    def __init__(self, market: Market, start: str, end: str) -> None:
        self.market = market
        self.start, self.end = start, end
        self.begun = time.time()
        self.state = "running"
        self.words = ""
        self.process: asyncio.subprocess.Process | None = None

    def facts(self) -> dict[str, Any]:
        return {
            "market": self.market.key,
            "start": self.start,
            "end": self.end,
            "state": self.state,
            "words": self.words,
            "begun": full_time(datetime.fromtimestamp(self.begun, UTC)),
        }


class Jobs:
    """Those that run, and the last that ended."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.running: dict[Market, Order] = {}
        self.ended: deque[Order] = deque(maxlen=REMEMBERED)
        self.tasks: set[asyncio.Task[None]] = set()

    def facts(self) -> list[dict[str, Any]]:
        return [order.facts() for order in (*self.running.values(), *reversed(self.ended))]

    async def plan(self, market: Market, start: str, end: str) -> dict[str, Any]:
        """What it would take; raises Problem, with the command's own words."""
        self.admit(market)
        order = Order(market, start, end)
        self.running[market] = order
        try:
            return await self.planned(order)
        finally:
            del self.running[market]

    async def planned(self, order: Order) -> dict[str, Any]:
        order.process = process = await self.start(order, "--dry-run")
        try:
            async with asyncio.timeout(PLANNING):
                told, said = await process.communicate()
        except TimeoutError as failure:
            raise Problem(
                504, "plan", f"no plan within {PLANNING:.0f} s", "ask for a shorter range",
            ) from failure  # fmt: skip
        finally:
            await stop(process)
        if process.returncode != 0:
            hint = "`alphapulse backfill --dry-run` with the same words says the same"
            raise Problem(422, "plan", last_words(said), hint)
        facts: dict[str, Any] = msgspec.json.decode(told)
        return facts | {"eta_seconds": facts.get("seconds")}

    async def begin(self, market: Market, start: str, end: str) -> Order:
        """Start it; it goes on by itself. Raises Problem."""
        self.admit(market)
        order = Order(market, start, end)
        self.running[market] = order
        try:
            order.process = await self.start(order)
        except BaseException:
            del self.running[market]
            raise
        task = asyncio.create_task(self.follow(order, order.process))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return order

    def admit(self, market: Market) -> None:
        if market in self.running:
            hint = "wait for it: GET /v1/backfills shows how far it is"
            raise Problem(409, "backfill", f"a backfill of {market.key} is under way", hint)
        if len(self.running) >= AT_ONCE:
            raise Problem(
                429, "backfill", f"{AT_ONCE} backfills are under way",
                "wait for one of them to end", {"Retry-After": "30"},
            )  # fmt: skip

    async def start(self, order: Order, *more: str) -> asyncio.subprocess.Process:
        words = (f"--market={order.market.key}", f"--from={order.start}", f"--to={order.end}")
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "launcher", "backfill", *words, "--json", *more,
            env=self.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=LINE,
        )  # fmt: skip

    def environment(self) -> Mapping[str, str]:
        """Our settings; the token stays here."""
        return dict(os.environ) | environment_of(
            msgspec.structs.replace(self.settings, api_token=None)
        )

    async def follow(self, order: Order, process: asyncio.subprocess.Process) -> None:
        try:
            _, said = await process.communicate()
            order.words = last_words(said)
            order.state = "done" if process.returncode == 0 else "ended"
        finally:
            del self.running[order.market]
            self.ended.append(order)

    async def close(self) -> None:
        """Ask each to end after the page under way; the same backfill goes on from there."""
        processes = [one.process for one in self.running.values() if one.process]
        await asyncio.gather(*(stop(process) for process in processes))


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask, wait, kill."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(PATIENCE):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def last_words(said: bytes) -> str:
    """The last line that a command said, without click's mark."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ")[:500] if lines else ""
