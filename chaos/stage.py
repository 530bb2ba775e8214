"""Everything that a run stands on, in a directory and on ports of its own; nothing outlives it."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alphapulse.postgres import Server, dagster_url
from alphapulse.settings import Settings, environment_of
from alphapulse.status import read_status
from alphapulse.store.connect import connect
from alphapulse.trade import Market
from chaos import processes
from chaos.disk import Disk
from chaos.log import events_of
from chaos.plan import CLIENTS, MARKETS, PAST, WEIGHTS, Plan
from chaos.platform import CLOCK_FILE
from chaos.scenery import free_ports, replay_of, settings_for
from launcher.part import Keeper, Part, die_with_parent, inherited
from launcher.parts import export_part, prepare_dagster
from replay.clock import wall
from replay.tape import Tape

UP = 120.0  # seconds for the platform to be ready
STOP = 90.0  # seconds for it to stop by itself; PostgreSQL's checkpoint is part of it


class StageError(RuntimeError):
    """The platform does not come up; the message says where to look."""


class Stage:
    """`async with raised(plan, home) as stage`; nothing is published before `begin`."""

    def __init__(self, plan: Plan, home: Path) -> None:
        self.plan = plan
        self.home = home
        self.replays = {name: replay_of(plan, name) for name in WEIGHTS}
        self.disk = Disk(home)
        self.settings = Settings(home=home)
        self.dagster: dict[str, str] = {}
        self.keepers: list[Keeper] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.violations: list[str] = []
        self.rivals: set[int] = set()  # second collectors, which no other fault is to strike

    @property
    def server(self) -> Server:
        return Server(self.home, self.settings.postgres_port)

    @property
    def url(self) -> str:
        return self.server.url()

    def log_of(self, client: int) -> Path:
        return self.home / f"client-{client}.log"

    def tape(self, market: Market) -> Tape:
        """What was published of a market so far: the truth."""
        return self.replays[market.exchange].tapes[market.exchange][market.symbol]

    def count_of(self, market: Market) -> int:
        """Trades that must be stored in the end."""
        tape = self.tape(market)
        if market in PAST and "kill -9 backfill" in self.plan.without:
            return 0
        return tape.place_after(self.plan.past_until - 1) if market in PAST else len(tape)

    def count_served(self) -> int:
        return sum(map(self.count_of, (*MARKETS, *PAST)))

    # -- up

    async def raise_platform(self) -> None:
        self.settings = settings_for(self.home, self.replays, free_ports(2))
        (self.home / CLOCK_FILE).write_text("+0")
        if "disk full" not in self.plan.without:
            self.disk.place()
        environment = inherited(environment_of(self.settings))
        command = (sys.executable, "-m", "chaos.platform")
        self.keep(Part("platform", command, environment, patience=STOP))
        await self.soon(self.is_up, "the collectors are connected and the streamer listens")
        self.dagster = await asyncio.to_thread(
            lambda: prepare_dagster(self.settings, dagster_url(self.url))
        )
        for number in range(len(CLIENTS)):
            self.keep(self.client_part(number))
        await self.soon(self.all_follow, "the stream clients are subscribed")

    def keep(self, part: Part) -> None:
        keeper = Keeper(part, self.home / "log")
        self.keepers.append(keeper)
        self.tasks.append(asyncio.create_task(keeper.keep()))

    def client_part(self, number: int) -> Part:
        known = [f"{market.exchange}/{market.symbol}" for market in (*MARKETS, *PAST)]
        place = (str(self.settings.stream_port), str(self.log_of(number)))
        filters = ("--market", *CLIENTS[number].filter)
        command = (sys.executable, "-m", "chaos.client", *place, "--known", *known, *filters)
        return Part(f"client-{number}", command, inherited({}))

    def is_up(self) -> bool:
        parts = read_status(self.home)
        feeds = [parts.get(f"collector-{name}", {}).get("feed", {}) for name in self.replays]
        return all(feed.get("is_connected") for feed in feeds) and "streamer" in parts

    def all_follow(self) -> bool:
        return all(
            any(event.what == "began" for event in events_of(self.log_of(number)))
            for number in range(len(CLIENTS))
        )

    async def soon(self, is_so: Callable[[], bool], what: str) -> None:
        """Raises StageError where it does not become so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + UP
        while not await asyncio.to_thread(is_so):
            if loop.time() > deadline:
                raise StageError(f"not within {UP:.0f} s: {what}; see {self.home / 'log'}")
            await asyncio.sleep(0.2)

    def begin(self) -> None:
        """Now the exchanges trade."""
        for replay in self.replays.values():
            for venue in replay.venues.values():
                assert venue.clock
                venue.clock.anchor = wall()

    # -- what strikes need

    def collector(self, exchange: str) -> list[int]:
        """Those that work come first, then those that are just starting."""
        found = processes.find(self.home, "collect", "--exchange", exchange)
        kept = [pid for pid in found if pid not in self.rivals]
        return self.working_first(f"collector-{exchange}", kept)

    def streamer(self) -> list[int]:
        return self.working_first("streamer", processes.find(self.home, "launcher", "stream"))

    def working_first(self, part: str, found: list[int]) -> list[int]:
        pid = read_status(self.home).get(part, {}).get("pid")
        return sorted(found, key=lambda each: each != pid)

    def has_spoken(self, pid: int) -> bool:
        """Whether it works: it has said so in its status file."""
        return any(facts.get("pid") == pid for facts in read_status(self.home).values())

    def supervisor(self) -> list[int]:
        return processes.find(self.home, "-m", "chaos.platform")

    def postmaster(self) -> int:
        found = self.server.find()
        return found.pid if found and found.is_ready else 0

    def client(self, number: int) -> list[int]:
        pid = next(k for k in self.keepers if k.part.name == f"client-{number}").process
        return [pid.pid] if pid and pid.returncode is None else []

    def set_clock(self, step: int) -> None:
        """In one write of few bytes: a reader sees the old text or the new one."""
        (self.home / CLOCK_FILE).write_text(f"{step:+d}")

    def part(self, name: str, *words: str) -> Part:
        """`alphapulse WORDS…` on this database."""
        plain = export_part(self.settings, self.url, self.dagster)
        return Part(name, (sys.executable, "-m", "launcher", *words), plain.environment)

    def backfill(self, market: Market) -> Part:
        """The same words each time, so that it goes on where it was killed."""
        since, until = (
            datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)
            for at in (self.plan.start, self.plan.past_until)
        )
        key = f"{market.exchange}/{market.symbol}"
        span = ("--from", since.isoformat(), "--to", until.isoformat())
        return self.part("backfill", "backfill", "--market", key, *span)

    def export(self) -> Part:
        return export_part(self.settings, self.url, self.dagster)

    async def start(self, part: Part) -> asyncio.subprocess.Process:
        """One process beside the platform, with its words in the log folder."""
        with (self.home / "log" / f"{part.name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *part.command,
                env=dict(part.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )

    # -- down

    async def stop(self) -> None:
        """Wake who was stopped, ask everybody to leave, then make sure that nobody is left."""
        self.disk.free()
        processes.kill([pid for pid, _ in processes.belonging(self.home)], 18)  # SIGCONT
        for keeper in reversed(self.keepers):
            await keeper.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.to_thread(self.server.stop)
        processes.kill([pid for pid, _ in processes.belonging(self.home)])
        self.disk.remove()

    def check_durability(self) -> None:
        """What the run is about to prove would be worth nothing without."""
        with connect(self.url, "chaos", read_only=True) as store:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                (value,) = store.execute("SELECT current_setting(%s)", [name]).fetchone() or ("",)
                if value != "on":
                    raise StageError(f"PostgreSQL runs with {name} = {value}; it must be on")


@contextlib.asynccontextmanager
async def raised(plan: Plan, home: Path) -> AsyncIterator[Stage]:
    """The stage, ready to begin; it is taken down however the block ends."""
    stage = Stage(plan, home)
    async with contextlib.AsyncExitStack() as stack:
        for replay in stage.replays.values():
            await stack.enter_async_context(replay)
        stack.push_async_callback(stage.stop)  # before the exchanges leave
        await stage.raise_platform()
        yield stage
