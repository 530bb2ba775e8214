"""One process of the platform: how it is started, watched, started again and stopped."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from logging import Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import monotonic

from msgspec import Struct

FIRST_PAUSE = 0.5  # seconds before a crashed part starts again; doubled each time
LONGEST_PAUSE = 15.0
STEADY = 20.0  # seconds after which a part counts as healthy and its pause as forgotten
LOG_BYTES = 5_000_000  # per log file; one older one is kept
PR_SET_PDEATHSIG = 1  # prctl(2): the signal a child gets when its parent dies


class Part(Struct, frozen=True):
    """A process to keep running; `name` is also its log file."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    patience: float = 5.0  # seconds between asking it to stop and killing it


class Keeper:
    """Keeps one part running until told to stop."""

    def __init__(self, part: Part, logs: Path) -> None:
        self.part = part
        self.restarts = 0
        self.started_at = 0.0
        self.process: asyncio.subprocess.Process | None = None
        self.is_stopping = False
        self.last_words = ""
        self.log = open_log(logs / f"{part.name}.log")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def keep(self) -> None:
        """Start the part, and start it again whenever it ends."""
        pause = FIRST_PAUSE
        while not self.is_stopping:
            code = await self.live()
            if self.is_stopping:
                return
            self.restarts += 1
            if monotonic() - self.started_at > STEADY:
                pause = FIRST_PAUSE
            self.note(f"ended with {code}; starting again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def live(self) -> int:
        """One life of the process; gives how it ended."""
        self.started_at = monotonic()
        self.process = await asyncio.create_subprocess_exec(
            *self.part.command,
            env=dict(self.part.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
            limit=2**20,
        )
        await self.listen(self.process)
        return await self.process.wait()

    async def listen(self, process: asyncio.subprocess.Process) -> None:
        """Its output goes to a log of bounded size."""
        if process.stdout is None:
            return
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line without end
                continue
            if not line:
                return
            self.note(line.decode(errors="replace").rstrip())

    def note(self, text: str) -> None:
        self.last_words = text or self.last_words
        self.log.emit(LogRecord(self.part.name, 20, "", 0, text, None, None))

    async def stop(self) -> None:
        """Ask, wait, then kill; whatever the part had started goes with it."""
        self.is_stopping = True
        process = self.process
        if process is None:
            return
        if process.returncode is None:
            signal_group(process.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(self.part.patience):
                    await process.wait()
            except TimeoutError:
                self.note(f"did not stop within {self.part.patience:.0f} s: killed")
        signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        self.log.close()


def open_log(path: Path) -> RotatingFileHandler:
    path.parent.mkdir(parents=True, exist_ok=True)
    log = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1)
    log.setFormatter(Formatter("%(asctime)s %(message)s"))
    return log


def signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def die_with_parent() -> None:
    """In the child, before exec: our parts end even if we are killed outright (Linux), and hear
    what they are told even if we were started with SIGINT ignored (`make up &` in a script):
    Dagster does with SIGTERM as with SIGINT, and then waits a minute for each run's `tail`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def own_command(*words: str) -> tuple[str, ...]:
    """`alphapulse WORDS…` with this very Python, whatever PATH says."""
    return (sys.executable, "-m", "launcher", *words)


def beside_python(program: str) -> str:
    """A console command of the same environment, such as dagster-daemon."""
    return str(Path(sys.executable).parent / program)


def inherited(extra: Mapping[str, str], drop: Sequence[str] = ()) -> dict[str, str]:
    """Our own environment with `extra`, for a child."""
    return {k: v for k, v in os.environ.items() if k not in drop} | dict(extra)
