"""`alphapulse up` as chaos runs it: the collectors' wall clock can be made to jump.

python -m chaos.platform; the settings come from the environment, as everywhere.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from alphapulse.settings import Settings, read_settings
from chaos.stepped import CLOCK
from launcher.part import Part
from launcher.ports import PortTaken
from launcher.supervisor import AlreadyRunning, Supervisor, told_to_stop

CLOCK_FILE = "clock"  # below home
BUSY = 3  # exit code: what an earlier life left behind still holds a port or the home


class Platform(Supervisor):
    """The supervisor itself; only what its collectors take for the time may differ."""

    def parts(self) -> Iterable[Part]:
        for part in super().parts():
            is_collector = part.name.startswith("collector-")
            yield under_clock(part, self.settings.home) if is_collector else part


def under_clock(part: Part, home: Path) -> Part:
    python, _, launcher, *words = part.command
    assert launcher == "launcher"
    return msgspec.structs.replace(
        part,
        command=(python, "-m", "chaos.stepped", *words),
        environment={**part.environment, CLOCK: str(home / CLOCK_FILE)},
    )


async def run(settings: Settings) -> None:
    with told_to_stop() as stop:
        async with Platform(settings):
            print("platform: up", flush=True)
            await stop.wait()


def main() -> None:
    try:
        asyncio.run(run(read_settings(os.environ)))
    except (AlreadyRunning, PortTaken) as failure:
        print(failure, flush=True)
        sys.exit(BUSY)


if __name__ == "__main__":
    main()
