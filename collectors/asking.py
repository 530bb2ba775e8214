"""Which symbols are still to be asked for on a connection, and which questions have no answer yet.

Pure: the clock is an argument, in seconds.
"""

from collections import deque
from collections.abc import Iterable
from math import inf

ANSWER = 5.0  # seconds to wait for an answer when symbols are asked for one by one
RESEND = 1.0  # seconds for acknowledgements on their way, before the rest of a frame is asked again


class Asking:
    """The questions of one connection.

    Usually many symbols share a frame, and frames follow one another without waiting. Once a frame
    is refused without a name, its symbols are asked one by one, each after the answer to the one
    before (or ANSWER), until the culprits are known. A symbol is asked again only after some other
    was refused, so it ends.
    """

    def __init__(self, symbols: Iterable[str], per_frame: int, pause: float) -> None:
        self.open = dict.fromkeys(symbols)  # without an answer yet, in order
        self.queue = deque(chunks(tuple(self.open), per_frame))
        self.flight: deque[tuple[str, ...]] = deque()  # frames without their answer, oldest first
        self.pause = pause
        self.next_at = -inf  # when the next frame may leave
        self.one_by_one = False

    def take(self, now: float) -> tuple[str, ...]:
        """The symbols of a frame to send now; none: nothing to send, or too early."""
        while self.queue and now >= self.next_at:
            symbols = tuple(symbol for symbol in self.queue.popleft() if symbol in self.open)
            if symbols:
                if self.one_by_one:
                    self.flight.clear()  # what had no answer by now will have none
                self.flight.append(symbols)
                self.next_at = now + (ANSWER if self.one_by_one else self.pause)
                return symbols
        return ()

    def confirm(self, symbols: tuple[str, ...], now: float) -> tuple[str, ...]:
        """The symbols that an answer confirms: those it names, or the oldest frame's."""
        if symbols:
            self.close(symbols)
            self.flight = deque(
                frame for frame in self.flight if not self.open.keys().isdisjoint(frame)
            )
        elif self.flight:
            symbols = self.flight.popleft()
            self.close(symbols)
        self.hurry(now)
        return symbols

    def refuse(self, symbol: str, now: float) -> None:
        """`symbol` may have voided the frame it was in: ask for the rest again, without it."""
        self.close((symbol,))
        for frame in [frame for frame in self.flight if symbol in frame]:
            self.flight.remove(frame)
            self.queue.appendleft(frame)
            self.next_at = now + (self.pause if self.one_by_one else RESEND)

    def refuse_unnamed(self, now: float) -> tuple[str, ...]:
        """The oldest frame was refused: its one symbol is returned, or several are asked singly."""
        suspects = tuple(symbol for symbol in self.flight.popleft() if symbol in self.open)
        if len(suspects) > 1:
            self.one_by_one = True
            waiting = [symbol for frame in (suspects, *self.queue) for symbol in frame]
            self.queue = deque((symbol,) for symbol in waiting)
            self.next_at = now + ANSWER  # unless all other frames are answered before
        self.hurry(now)
        return suspects if len(suspects) == 1 else ()

    def close(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self.open.pop(symbol, None)

    def hurry(self, now: float) -> None:
        """One by one, the next question need not wait once all before it are answered."""
        if self.one_by_one and not self.flight:
            self.next_at = min(self.next_at, now + self.pause)


def chunks(symbols: tuple[str, ...], size: int) -> Iterable[tuple[str, ...]]:
    return (symbols[start : start + size] for start in range(0, len(symbols), size))
