"""One run from the first trade to the verdict."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alphapulse.store.connect import connect
from alphapulse.store.reopening import look_for_late_rows
from chaos.log import Tally
from chaos.plan import CLIENTS, PAST, Plan
from chaos.report import Report, by_kind, healing
from chaos.stage import Stage, raised
from chaos.strike import Striker, Struck
from chaos.verdict import Verdict
from chaos.watch import AWAY, Watch
from launcher.part import Part

PROGRESS = 5.0  # seconds between two lines
SETTLE = 400.0  # seconds after the last trade until all must be stored and every gap closed
FOLLOW = 300.0  # seconds for the stream clients to have it all then
EXPORTS = 6  # whole exports while the market goes on
LOADED = 400.0  # seconds for a backfill at the end
EXPORT = 300.0  # seconds for the export at the end
ENOUGH = 0.8  # of the planned faults must have struck


class Run:
    """`say` is told a line now and then."""

    def __init__(self, plan: Plan, stage: Stage, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.stage = stage
        self.say = say
        self.loop = asyncio.get_running_loop()
        self.began_at = 0.0
        self.striker = Striker(stage)
        self.watch = Watch(stage, self.now)
        self.struck: list[Struck] = []
        self.under_way: set[asyncio.Task[None]] = set()
        self.tallies = [Tally(stage.log_of(number)) for number in range(len(CLIENTS))]
        self.is_over = asyncio.Event()  # the exchanges have published everything
        self.problems: list[str] = []

    def now(self) -> float:
        """Seconds since the first trade."""
        return self.loop.time() - self.began_at

    async def play(self) -> Report:
        self.stage.check_durability()
        self.began_at = self.loop.time()
        self.stage.begin()
        exporting = asyncio.create_task(self.keep_exporting())
        tasks = [asyncio.create_task(work) for work in (self.watch.run(), self.keep_saying())]
        try:
            await self.keep_striking()
            for replay in self.stage.replays.values():
                await replay.wait_finished()
            await asyncio.gather(*self.under_way)
            self.is_over.set()
            await exporting
            await self.load_past()
            await self.settle()
        finally:
            for task in (*tasks, exporting):
                task.cancel()
            await asyncio.gather(*tasks, exporting, return_exceptions=True)
            self.watch.close()
        self.say("comparing")
        await self.export()
        return await asyncio.to_thread(self.judge)

    # -- while trades come

    async def keep_striking(self) -> None:
        for strike in self.plan.strikes:
            await asyncio.sleep(max(0.0, strike.at - self.now()))
            task = asyncio.create_task(self.strike(strike))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def strike(self, strike: Any) -> None:
        try:
            struck = await self.striker.perform(strike, self.now)
        except Exception as failure:  # noqa: BLE001 - a strike that is broken must not end the run
            self.problems.append(f"chaos itself failed at {strike}: {failure!r}")
            return
        self.struck.append(struck)
        await self.watch.suffer(struck)

    async def keep_saying(self) -> None:
        while True:
            self.say(self.progress())
            await asyncio.sleep(PROGRESS)

    def progress(self) -> str:
        look = self.watch.look
        gaps = len(look.gaps) if look else 0
        done = sum(each.is_done for each in self.struck)
        return (
            f"{self.now():7.1f} s  served {self.stage.count_served():>10,}  "
            f"stored {self.watch.stored:>10,}  streamed {self.tallies[0].count():>10,}  "
            f"faults {done:>4}  open gaps {gaps:>3}"
        )

    async def keep_exporting(self) -> None:
        """Whole exports too, so that late rows find their day already written."""
        pause = max(20.0, self.plan.seconds / EXPORTS)
        while not await self.within(pause, self.is_over.is_set):
            with contextlib.suppress(*AWAY):
                await asyncio.to_thread(self.look_for_late_rows)
                await self.finish(self.stage.export(), EXPORT)

    def look_for_late_rows(self) -> None:
        """As the sensor of Dagster's daemon does, which does not run here."""
        with connect(self.stage.url, "chaos sensor") as store:
            look_for_late_rows(store, None)

    # -- the end

    async def load_past(self) -> None:
        """What killed backfills have left of the past; the same commands once more."""
        if "kill -9 backfill" in self.plan.without:
            return
        for market in PAST:
            if code := await self.finish(self.stage.backfill(market), LOADED):
                self.problems.append(f"the last backfill of {market.key} ended with {code}")

    async def settle(self) -> None:
        """Until everything is stored, every gap closed, and the clients have it all."""
        if not await self.within(SETTLE, lambda: self.watch.is_whole):
            for gap in self.watch.look.gaps if self.watch.look else []:
                self.problems.append(f"still open after {SETTLE:.0f} s: {gap}")
            if not self.problems:
                self.problems.append(f"not everything was stored within {SETTLE:.0f} s")
        await self.within(FOLLOW, self.has_followed)  # who has not is found by the comparison

    def has_followed(self) -> bool:
        return all(
            tally.count() >= sum(map(self.stage.count_of, wish.markets))
            for wish, tally in zip(CLIENTS, self.tallies, strict=True)
        )

    async def within(self, seconds: float, is_so: Callable[[], bool]) -> bool:
        deadline = self.loop.time() + seconds
        while not is_so():
            if self.loop.time() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    async def export(self) -> None:
        """All market-days into Parquet, by the platform's own door."""
        parquet = str(self.stage.settings.parquet)
        await asyncio.to_thread(self.look_for_late_rows)
        await self.succeed(self.stage.part("last-coverage", "coverage"))  # judges again
        await self.succeed(self.stage.export())
        await self.succeed(self.stage.part("last-verify", "verify", parquet))
        await self.succeed(self.stage.part("last-journal", "journal", "verify"))

    async def succeed(self, part: Part) -> None:
        if code := await self.finish(part, EXPORT):
            self.problems.append(f"{part.name} ended with {code}; see log/{part.name}.log")

    async def finish(self, part: Part, seconds: float) -> int:
        """Run it to its end; gives its exit code, or -9 where that took too long."""
        run = await self.stage.start(part)
        try:
            async with asyncio.timeout(seconds):
                return await run.wait()
        except TimeoutError:
            run.kill()
            return await run.wait()

    def judge(self) -> Report:
        """Everything is compared, and what was found is put together."""
        verdict = Verdict(self.stage)
        verdict.judge()
        self.problems += verdict.problems
        self.check_strikes()
        healed = self.watch.healed
        return Report(
            command=self.plan.command,
            seconds=round(self.now(), 1),
            served=self.stage.count_served(),
            faults=by_kind(self.struck),
            not_struck={f"{s.kind} at {s.at:.0f} s": s.note for s in self.struck if not s.is_done},
            left_out=self.plan.without,
            places=verdict.places,
            absent=verdict.absent,
            unexplained=verdict.unexplained,
            gaps=verdict.gaps,
            gap_healing=healing(verdict.repair_times),
            fault_healing={
                kind: healing([took for name, took in healed if name == kind])
                for kind in sorted({kind for kind, _ in healed})
            },
            clients=verdict.clients,
            restarts={k.part.name: k.restarts for k in self.stage.keepers},
            rivals_refused=self.striker.rivals.refused,
            problems=self.problems,
        )

    def check_strikes(self) -> None:
        """A run that injected much less than it was asked to has proved less than it says."""
        planned, done = len(self.plan.strikes), sum(each.is_done for each in self.struck)
        if done < planned * ENOUGH:
            self.problems.append(f"only {done} of {planned} faults could be injected")


async def play(plan: Plan, home: Path, say: Callable[[str], None]) -> Report:
    """The whole run on a stage of its own; the stage is gone afterwards, its files are not."""
    async with raised(plan, home) as stage:
        return await Run(plan, stage, say).play()
