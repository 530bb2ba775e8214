"""What each fault of the schedule does, and what came of it."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from msgspec import Struct

from chaos import faults as own
from chaos import processes
from chaos.plan import PAST, WEIGHTS
from chaos.rivals import Rivals
from chaos.schedule import Strike
from chaos.stage import Stage
from launcher.part import signal_group
from replay.faults import Fault as ExchangeFault
from replay.strike import strike as bend

THERE = 20.0  # seconds to wait for a process that is just being started again
WRITING = 60.0  # seconds to wait until an export writes
TRIES = 3  # where the database was away, so that nobody could say who collects
EVERYWHERE = tuple(WEIGHTS)


class Struck(Struct):
    """One strike as it was: seconds of the run; `note` says why it could not be."""

    kind: str
    at: float
    ended_at: float
    exchanges: tuple[str, ...]  # whose trades it may have cost
    is_done: bool
    note: str = ""


class NotStruck(Exception):
    """There was nothing to strike; the message says what was missing."""


class Striker:
    """Performs strikes; several may be under way at once."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.postgres = asyncio.Lock()  # one at a time: two would hide one another
        self.rivals = Rivals(stage)

    async def perform(self, strike: Strike, now: Callable[[], float]) -> Struck:
        began = now()
        note, is_done = "", True
        try:
            note = await self.act(strike.fault) or ""
        except NotStruck as why:
            note, is_done = str(why), False
        return Struck(strike.kind, began, now(), touched(strike.fault), is_done, note)

    def act(self, fault: own.Fault) -> Awaitable[str | None]:
        does: Callable[[Any], Awaitable[str | None]] = ACTS.get(type(fault), Striker.bend).__get__(
            self
        )
        return does(fault)

    # -- exchanges

    async def bend(self, fault: ExchangeFault) -> None:
        for venue in self.stage.replays[fault.exchange or ""].venues.values():
            bend(venue, fault)
        await asyncio.sleep(getattr(fault, "seconds", 0.0))

    # -- kills

    async def kill_collector(self, fault: own.KillCollector) -> None:
        await self.kill(self.at_work(lambda: self.stage.collector(fault.exchange)))

    async def kill_streamer(self, fault: own.KillStreamer) -> None:
        await self.kill(self.at_work(self.stage.streamer))

    async def kill_supervisor(self, fault: own.KillSupervisor) -> None:
        await self.kill(lambda: self.stage.supervisor()[:1])

    async def kill_client(self, fault: own.KillClient) -> None:
        await self.kill(lambda: self.stage.client(fault.client))

    async def cut_client(self, fault: own.CutClient) -> None:
        await self.kill(lambda: self.stage.client(fault.client), signal.SIGUSR1)

    async def kill_postgres(self, fault: own.KillPostgres) -> None:
        async with self.postgres:
            await self.kill(self.postmaster)

    async def outage(self, fault: own.Outage) -> None:
        """Whoever wants to start the server waits for its lock, which we hold."""
        async with self.postgres:
            await self.there(self.postmaster)
            await asyncio.to_thread(self.keep_away, fault.seconds)

    def keep_away(self, seconds: float) -> None:
        with self.stage.server.lock():
            processes.kill(self.postmaster())
            time.sleep(seconds)

    def postmaster(self) -> list[int]:
        pid = self.stage.postmaster()
        return [pid] if pid else []

    async def kill(self, find: Callable[[], Sequence[int]], number: int = signal.SIGKILL) -> None:
        processes.kill(await self.there(find), number)

    def at_work(self, find: Callable[[], Sequence[int]]) -> Callable[[], Sequence[int]]:
        """One that works; only where none comes to that, one that is starting."""
        until = time.monotonic() + THERE * 0.75

        def found() -> Sequence[int]:
            pids = find()[:1]
            is_enough = time.monotonic() > until or all(map(self.stage.has_spoken, pids))
            return pids if is_enough else []

        return found

    async def there(self, find: Callable[[], Sequence[int]]) -> Sequence[int]:
        """Whom to strike, once they are there; raises NotStruck."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + THERE
        while not (pids := await asyncio.to_thread(find)):
            if loop.time() > deadline:
                raise NotStruck(f"no such process for {THERE:.0f} s")
            await asyncio.sleep(0.1)
        return pids

    # -- stalls

    async def stall_collector(self, fault: own.StallCollector) -> None:
        find = self.at_work(lambda: self.stage.collector(fault.exchange))
        await self.stall(find, fault.seconds)

    async def stall_streamer(self, fault: own.StallStreamer) -> None:
        await self.stall(self.at_work(self.stage.streamer), fault.seconds)

    async def stall_client(self, fault: own.StallClient) -> None:
        await self.stall(lambda: self.stage.client(fault.client), fault.seconds)

    async def stall_postgres(self, fault: own.StallPostgres) -> None:
        async with self.postgres:
            await self.stall(self.whole_postgres, fault.seconds)

    def whole_postgres(self) -> list[int]:
        postmaster = self.postmaster()
        return postmaster + [pid for parent in postmaster for pid in processes.children(parent)]

    async def stall(self, find: Callable[[], Sequence[int]], seconds: float) -> None:
        shell = processes.stall(await self.there(find), seconds)
        await asyncio.to_thread(shell.wait)

    # -- runs of their own

    async def kill_export(self, fault: own.KillExport) -> None:
        run = await self.stage.start(self.stage.export())
        is_early = fault.moment == "starting"
        moment = asyncio.sleep(fault.seconds) if is_early else self.is_writing()
        await self.kill_run(run, moment)

    async def is_writing(self) -> None:
        """Until a file is being written beside its place."""
        parquet = self.stage.settings.parquet
        for _ in range(int(WRITING / 0.02)):
            if any(parquet.glob("*/*/.*.parquet.*")):
                return
            await asyncio.sleep(0.02)

    async def kill_run(self, run: Process, moment: Coroutine[Any, Any, None]) -> None:
        """Kill it then, with all it started; raises NotStruck where it had ended before."""
        waiting = asyncio.ensure_future(moment)
        ended = asyncio.ensure_future(run.wait())
        try:
            await asyncio.wait([waiting, ended], return_when=asyncio.FIRST_COMPLETED)
            if run.returncode is not None:
                raise NotStruck(f"it ended with {run.returncode} before")
        finally:
            waiting.cancel()
            signal_group(run.pid, signal.SIGKILL)
            await ended

    # -- two at once

    async def second_collector(self, fault: own.SecondCollector) -> str:
        """It must end by itself, with the named error."""
        for _ in range(TRIES):
            await self.there(lambda: self.stage.collector(fault.exchange))
            if verdict := await self.rivals.challenge(fault.exchange):
                return verdict
        raise NotStruck("the database was away, nobody could say who collects")

    # -- the machine

    async def step_clock(self, fault: own.ClockStep) -> None:
        self.stage.set_clock(fault.step)
        await asyncio.sleep(fault.seconds)
        self.stage.set_clock(0)

    async def fill_disk(self, fault: own.FullDisk) -> None:
        await asyncio.to_thread(self.stage.disk.fill)
        await asyncio.sleep(fault.seconds)
        self.stage.disk.free()

    async def kill_backfill(self, fault: own.KillBackfill) -> None:
        market = next(market for market in PAST if market.exchange == fault.exchange)
        for _ in range(TRIES):
            run = await self.stage.start(self.stage.backfill(market))
            try:
                await self.kill_run(run, asyncio.sleep(fault.seconds))
            except NotStruck:
                if run.returncode == 0:  # the other codes: the database was away
                    raise
            else:
                return
        raise NotStruck("the database was away")


ACTS: dict[type, Any] = {
    own.KillCollector: Striker.kill_collector,
    own.KillStreamer: Striker.kill_streamer,
    own.KillSupervisor: Striker.kill_supervisor,
    own.KillPostgres: Striker.kill_postgres,
    own.KillExport: Striker.kill_export,
    own.KillBackfill: Striker.kill_backfill,
    own.KillClient: Striker.kill_client,
    own.CutClient: Striker.cut_client,
    own.StallClient: Striker.stall_client,
    own.StallCollector: Striker.stall_collector,
    own.StallStreamer: Striker.stall_streamer,
    own.StallPostgres: Striker.stall_postgres,
    own.Outage: Striker.outage,
    own.SecondCollector: Striker.second_collector,
    own.ClockStep: Striker.step_clock,
    own.FullDisk: Striker.fill_disk,
}


def touched(fault: own.Fault) -> tuple[str, ...]:
    """The exchanges whose trades it may keep from the database; none: it troubles clients alone."""
    exchange = getattr(fault, "exchange", None)
    if exchange:
        return (exchange,)
    of_all = own.KillPostgres | own.Outage | own.StallPostgres | own.KillSupervisor
    return EVERYWHERE if isinstance(fault, of_all | own.ClockStep | own.FullDisk) else ()
