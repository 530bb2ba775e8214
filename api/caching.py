"""Pollers share an answer: one computes it, whoever asks the same within a second gets it too."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

SECONDS = 1.0
MOST = 512  # answers that are kept
LARGEST = 262_144  # bytes of one; a larger one is shared only with those who wait for it


class Cache:
    """Single flight: while an answer is computed, those who ask for it wait for that one."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.kept: OrderedDict[str, tuple[float, asyncio.Future[Any]]] = OrderedDict()
        self.computed = 0
        self.shared = 0

    async def get(self, key: str, compute: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to `key`; a failure is told to all who wait for it, and then forgotten."""
        found = self.kept.get(key)
        if found is None or (found[1].done() and time.monotonic() - found[0] > self.seconds):
            self.computed += 1
            self.forget()
            task = asyncio.ensure_future(compute())
            self.kept[key] = time.monotonic(), task
            task.add_done_callback(lambda done: self.settle(key, done))
        else:
            self.shared += 1
            task = found[1]  # type: ignore[assignment]
        return await asyncio.shield(task)

    def settle(self, key: str, done: "asyncio.Future[Any]") -> None:
        failed = done.cancelled() or done.exception() is not None
        if self.kept.get(key, (0.0, None))[1] is not done:
            return  # computed anew since
        if failed or len(done.result().body) > LARGEST:
            del self.kept[key]
        else:
            self.kept[key] = time.monotonic(), done

    def forget(self) -> None:
        """What is too old, and the oldest of too many: memory is for those who poll."""
        until = time.monotonic() - self.seconds
        old = [key for key, (at, task) in self.kept.items() if task.done() and at < until]
        for key in old:
            del self.kept[key]
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
