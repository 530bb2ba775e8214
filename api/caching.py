"""Pollers share an answer: one computes it, whoever asks the same within a second gets it too."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

SECONDS = 1.0
MOST = 512  # answers that are kept


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
            task = asyncio.ensure_future(compute())
            self.kept[key] = time.monotonic(), task
            task.add_done_callback(lambda done: self.settle(key, done))
            self.forget()
        else:
            self.shared += 1
            task = found[1]  # type: ignore[assignment]
        return await asyncio.shield(task)

    def settle(self, key: str, done: "asyncio.Future[Any]") -> None:
        if done.cancelled() or done.exception() is not None:
            self.kept.pop(key, None)
        elif key in self.kept:
            self.kept[key] = time.monotonic(), done

    def forget(self) -> None:
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
