"""What every route needs: the settings, the readers, the threads that wait for them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import msgspec
from fastapi import Request
from msgspec import Struct

from alphapulse.settings import Settings
from alphapulse.store.catalogue import Instance, read_instance, read_names
from alphapulse.store.connect import Store
from alphapulse.store.readers import Readers
from alphapulse.trade import Market
from api.caching import Cache
from api.digests import Digests
from api.jobs import Jobs
from api.kept import Kept

THREADS = 8  # that read at once, each by a connection of its own
STATEMENT_SECONDS = 10.0
KEPT_SECONDS = 600.0

T = TypeVar("T")


class Remembered(Struct, frozen=True):
    """What is kept, since when, and how many connections had been lost then."""

    lost: int
    since: float
    kept: Kept


class House:
    """One per process; `url`: the database, by a login that may only read where there is one."""

    def __init__(self, settings: Settings, url: str, seconds: float = STATEMENT_SECONDS) -> None:
        self.settings = settings
        self.readers = Readers(url, "api", seconds)
        self.threads = ThreadPoolExecutor(THREADS, "api-read")
        self.cache = Cache()
        self.jobs = Jobs(settings)
        self.digests = Digests()
        self.remembered = Remembered(0, time.monotonic(), Kept())
        self.told: tuple[float, Instance] | None = None
        self.known: tuple[float, dict[Market, int]] = (0.0, {})

    def instance(self, store: Store) -> Instance:
        """Its row, with the database's clock as told within the last second and counted on."""
        read_at, found = self.told or (0.0, None)
        at = time.monotonic()
        if found is None or at - read_at > 1.0:
            found = read_instance(store)
            self.told = time.monotonic(), found
            return found
        return msgspec.structs.replace(found, now=found.now + timedelta(seconds=at - read_at))

    def kept(self) -> Kept:
        """What was read before; nothing once a connection was lost: it may be another database.

        Nothing is kept longer than KEPT_SECONDS: an owner may delete rows by hand, and no
        transaction tells of that.
        """
        lost, at = self.readers.lost, time.monotonic()
        if self.remembered.lost != lost or at - self.remembered.since > KEPT_SECONDS:
            self.remembered = Remembered(lost, at, Kept())
        return self.remembered.kept

    def names(self, store: Store) -> dict[Market, int]:
        """Every market with its id, as of a second ago."""
        read_at, known = self.known
        if not known or time.monotonic() - read_at > 1.0:
            known = read_names(store)
            self.known = time.monotonic(), known
        return known

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Read in a thread; raises StoreUnavailable or TooSlow."""
        return await self.run(lambda: self.readers.ask(question))

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.readers.close()


def house_of(request: Request) -> House:
    found: House = request.app.state.house
    return found
