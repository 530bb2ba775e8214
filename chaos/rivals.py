"""Two collectors of one exchange: the second must refuse to work, and say who holds it."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence

from chaos import processes
from chaos.stage import Stage
from launcher.part import signal_group

VERDICT = 40.0  # seconds that a second collector may take to refuse
NAMED = ("already being collected", "already being written")  # AlreadyCollected, JournalTaken
AWAY = ("cannot reach PostgreSQL", "OperationalError", "try again")  # nobody could say
REFUSED = 1  # exit code


class Rivals:
    """`refused` counts those that did as they should."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.refused = 0
        self.tried = 0

    async def challenge(self, exchange: str) -> str:
        """What came of it; empty: the database was away, and it could not be told."""
        self.tried += 1
        first = self.stage.collector(exchange)
        part = self.stage.part(f"second-{self.tried}", "collect", "--exchange", exchange)
        run = await self.stage.start(part)
        self.stage.rivals.add(run.pid)
        try:
            async with asyncio.timeout(VERDICT):
                code = await run.wait()
        except TimeoutError:
            return await self.look_at_usurper(exchange, run, first)
        words = (self.stage.home / "log" / f"{part.name}.log").read_text(errors="replace")
        return self.judge(exchange, code, words)

    def judge(self, exchange: str, code: int, words: str) -> str:
        if code == REFUSED and any(name in words for name in NAMED):
            self.refused += 1
            return "refused"
        if any(name in words for name in AWAY):
            return ""
        last = words.strip().rpartition("\n")[2]
        self.stage.violations.append(f"a second collector of {exchange} ended with {code}: {last}")
        return "not refused"

    async def look_at_usurper(self, exchange: str, run: Process, first: Sequence[int]) -> str:
        """It runs on: only right where the first had died before it came."""
        survivors = [pid for pid in first if processes.is_alive(pid) and pid != run.pid]
        signal_group(run.pid, signal.SIGKILL)
        await run.wait()
        if survivors:
            words = f"two collectors of {exchange} ran at once: {survivors} and {run.pid}"
            self.stage.violations.append(words)
        return "took over from one that had died"
