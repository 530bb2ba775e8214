"""Starts the platform, starts again what ends, and stops everything in order."""

import asyncio
import contextlib
import fcntl
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from alphapulse.migrate import migrate
from alphapulse.postgres import Server, dagster_url, database
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from launcher.part import Keeper, Part
from launcher.parts import make_parts, prepare_dagster
from launcher.ports import refuse_taken_ports

UNFINISHED = "restore-unfinished"  # a file in the home, while a restore fills it
LOOK = 0.5  # seconds between two looks at the embedded server


class AlreadyRunning(Exception):
    """Another supervisor runs this home; the message names its process."""


class HomeUnfinished(Exception):
    """A restore into this home did not end; the message says how to go on."""


class Supervisor:
    """One running platform: `async with Supervisor(settings) as platform`."""

    def __init__(self, settings: Settings, start: str | None = None) -> None:
        self.settings = settings
        self.start = start
        self.logs = settings.home / "log"
        self.server = (
            None if settings.database_url else Server(settings.home, settings.postgres_port)
        )
        self.stack = contextlib.ExitStack()
        self.url = ""
        self.dagster: dict[str, str] = {}
        self.keepers: list[Keeper] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.database_restarts = 0
        self.lock: IO[str] | None = None

    async def __aenter__(self) -> Self:
        self.lock = hold(self.settings.home)
        refuse_unfinished(self.settings.home)
        refuse_taken_ports(self.settings.host, self.ports())
        try:
            await asyncio.to_thread(self.prepare)
        except BaseException:
            await self.stop()
            raise
        for part in self.parts():
            keeper = Keeper(part, self.logs)
            self.keepers.append(keeper)
            self.tasks.append(asyncio.create_task(keeper.keep()))
        if self.server:
            self.tasks.append(asyncio.create_task(self.keep_server(self.server)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def parts(self) -> Iterable[Part]:
        """The processes to keep, once the database is there."""
        return make_parts(self.settings, self.url, self.dagster, self.start)

    def ports(self) -> dict[str, int]:
        settings = self.settings
        ports = {"stream_port": settings.stream_port, "api_port": settings.api_port}
        if settings.dagster:
            ports["dagster_port"] = settings.dagster_port
        if self.start:
            ports["replay_port"] = settings.replay_port
        return ports

    def prepare(self) -> None:
        """The database, its schema, and Dagster's home."""
        self.url = self.stack.enter_context(database(self.settings))
        with connect(self.url, "supervisor") as store:
            migrate(store, simulated=self.settings.simulated)
        self.dagster = prepare_dagster(self.settings, dagster_url(self.url))

    async def keep_server(self, server: Server) -> None:
        """The embedded PostgreSQL runs apart from us: look, and start it again when it is gone."""
        while True:
            await asyncio.sleep(LOOK)
            if not await asyncio.to_thread(server.is_running):
                self.database_restarts += 1
                with contextlib.suppress(Exception):  # told by status; tried again at the next look
                    await asyncio.to_thread(server.start)

    async def stop(self) -> None:
        """Every part at once, then the database under them."""
        await asyncio.gather(*(keeper.stop() for keeper in self.keepers))
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.to_thread(self.stack.close)
        if self.lock:
            self.lock.close()


def hold(home: Path) -> IO[str]:
    """The right to run this home, until the file is closed; raises AlreadyRunning."""
    home.mkdir(parents=True, exist_ok=True)
    file = (home / "supervisor.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as failure:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise AlreadyRunning(
            f"{home} is already run by process {holder}; stop it first"
        ) from failure
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def refuse_unfinished(home: Path) -> None:
    if (home / UNFINISHED).exists():
        raise HomeUnfinished(
            f"a restore into {home} did not end: give the same `alphapulse restore` again, "
            "it goes on where it was"
        )


@contextlib.contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
