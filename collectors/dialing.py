"""When to dial again, and when to ask again for a refused market.

Pure: clock (seconds of a steady one) and dice are arguments. Pauses are capped and jittered, and
there is always a next call.
"""

from collections import deque
from collections.abc import Iterable
from math import inf

from msgspec import Struct

FIRST = 0.5  # seconds; doubled after each call that brought no good data
CAP = 15.0  # each second longer may be a hundred trades to fetch afterwards
WINDOW = 60.0  # seconds over which dials are counted
DIALS = 12  # per window at the most: Kraken bans for 10 minutes after about 150 in 10 minutes

REFUSED_FOR = 3600.0  # seconds until a refused market is asked for again; doubled with each refusal
LONGEST_REFUSAL = 86_400.0


class Dialing:
    """The pauses of one exchange. Only good data (a trade) brings them back to the first length."""

    def __init__(self) -> None:
        self.failures = 0
        self.dialled: deque[float] = deque(maxlen=DIALS)

    def dial(self, now: float) -> None:
        """Remember that we dial at `now`."""
        self.dialled.append(now)

    def pause(self, now: float, chance: float, *, was_good: bool, was_planned: bool) -> float:
        """Seconds until the next dial; `chance` is a random number in [0, 1)."""
        self.failures = 0 if was_good else self.failures + 1
        wanted = min(CAP, FIRST * 2 ** min(self.failures, 30)) * (0.5 + chance / 2)
        return max(0.0 if was_planned and was_good else wanted, self.until_allowed(now))

    def until_allowed(self, now: float) -> float:
        """Seconds until the oldest of the last DIALS calls has left the window."""
        if len(self.dialled) < DIALS:
            return 0.0
        return max(0.0, self.dialled[0] + WINDOW - now)


class Refusal(Struct):
    """`due_at`: when the market may be asked for again."""

    due_at: float
    pause: float


class Refusals:
    """The markets that an exchange refuses, and their ever rarer second chances."""

    def __init__(self) -> None:
        self.known: dict[str, Refusal] = {}

    @property
    def symbols(self) -> list[str]:
        return sorted(self.known)

    @property
    def next_at(self) -> float:
        """When the first of them may be asked for again; inf: none is refused."""
        return min((refusal.due_at for refusal in self.known.values()), default=inf)

    def refuse(self, symbol: str, now: float) -> None:
        earlier = self.known.get(symbol)
        pause = min(LONGEST_REFUSAL, earlier.pause * 2) if earlier else REFUSED_FOR
        self.known[symbol] = Refusal(now + pause, pause)

    def serve(self, symbol: str) -> None:
        self.known.pop(symbol, None)

    def ask(self, symbols: Iterable[str], now: float) -> list[str]:
        """Those to ask for now. A refused one that stays without an answer has its pause again."""
        wanted = [symbol for symbol in symbols if not self.is_waiting(symbol, now)]
        for symbol in wanted:
            if refusal := self.known.get(symbol):
                refusal.due_at = now + refusal.pause
        return wanted

    def is_waiting(self, symbol: str, now: float) -> bool:
        refusal = self.known.get(symbol)
        return refusal is not None and now < refusal.due_at
