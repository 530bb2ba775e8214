"""The exchange's own clock: the wall's, or one that began elsewhere and runs at another speed."""

import time

from alphapulse.trade import Micros


class Clock:
    """Shows `begin` when the wall shows `anchor`, and runs `speed` times as fast."""

    def __init__(self, begin: Micros, anchor: Micros, speed: float) -> None:
        self.begin = begin
        self.anchor = anchor
        self.speed = speed

    def now(self) -> Micros:
        return self.begin + int((wall() - self.anchor) * self.speed)

    def until(self, at: Micros) -> float:
        """Seconds of the wall's until this clock shows `at`."""
        return (at - self.now()) / self.speed / 1e6


def wall() -> Micros:
    return time.time_ns() // 1000
