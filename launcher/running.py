"""Waiting for something asynchronous until it is done or told to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from launcher.words import refusals


def run(main_part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until done or told to stop; SIGTERM and Ctrl-C are clean ends."""

    async def until_told() -> None:
        task = asyncio.ensure_future(main_part())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_told())
    except* refusals() as group:
        raise first(group) from None


def first(group: BaseExceptionGroup[Any]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
