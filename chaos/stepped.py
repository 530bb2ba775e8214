"""`alphapulse` with a wall clock that chaos sets: python -m chaos.stepped collect --exchange …

The steady clock stays what it is, as after a real step. (libfaketime would do the same for every
library, but with the steady clock left alone it makes Python's sleep fail with EINVAL.)
"""

import os
import time
from pathlib import Path

CLOCK = "CHAOS_CLOCK"  # names the file that holds the step in seconds, such as +3600
LOOK = 0.2  # seconds between two looks at it

true_time_ns = time.time_ns
steady = time.monotonic


class Step:
    """Nanoseconds between the true clock and the one that is shown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nanos = 0
        self.look_at = 0.0

    def now(self) -> int:
        if (now := steady()) >= self.look_at:
            self.look_at = now + LOOK
            self.nanos = read_step(self.path, self.nanos)
        return true_time_ns() + self.nanos


def read_step(path: Path, otherwise: int) -> int:
    try:
        return int(path.read_text()) * 1_000_000_000
    except (OSError, ValueError):  # it is just being written
        return otherwise


def install(path: Path) -> None:
    """Before anything else takes these functions by name."""
    step = Step(path)
    time.time_ns = step.now
    time.time = lambda: step.now() / 1e9


def main() -> None:
    install(Path(os.environ[CLOCK]))
    from launcher.cli import main as alphapulse  # noqa: PLC0415 - behind the installed clock

    alphapulse()


if __name__ == "__main__":
    main()
