"""What the streamer counts, second by second: how much it sent, and how late."""

from collections.abc import Callable, Sequence

from alphapulse.statistics import Histogram, StreamSecond
from alphapulse.trade import Micros

SECOND = 1_000_000  # microseconds


class Tally:
    """`deliver` is called with what was handed out together, `tick` at least once a second."""

    def __init__(self, tell: Callable[[StreamSecond], object]) -> None:
        self.tell = tell  # of each second that is over
        self.at = 0  # the second under way, in Unix time; 0: none yet
        self.lag = Histogram()
        self.sent = 0  # up to the last turn
        self.delivered = Histogram()  # likewise

    def deliver(self, received: Sequence[Micros], now: Micros) -> None:
        add = self.lag.add
        for at in received:
            add(now - at)

    def tick(self, now: Micros, sent: int, clients: int) -> None:
        """`sent` only grows; the clock may have been set back."""
        if now // SECOND != self.at:
            self.turn(now // SECOND, sent, clients)

    def turn(self, second: int, sent: int, clients: int) -> None:
        ended, self.at = self.at, second
        if not ended:
            return
        lag, self.lag = self.lag, Histogram()
        before, self.sent = self.sent, sent
        self.delivered.take(lag)
        self.tell(StreamSecond(ended, sent - before, clients, lag))
