"""When connections were alive and served which markets: looked at each second, told every few.

Told by a connection of its own: what the live capture stores waits for nothing here. `kill -9`
costs what was not told yet; while PostgreSQL is away it is kept.
"""

import logging
from collections import defaultdict
from datetime import UTC, datetime
from threading import Thread
from typing import TypeAlias

from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.uptime import Served, tell_uptime
from collectors.exchange import Exchange
from collectors.session import Session

log = logging.getLogger(__name__)

Spans: TypeAlias = dict[tuple[float, str], float]  # (since, symbol) -> until; Unix seconds

LOOK = 1.0  # seconds between two looks
TELL = 10.0  # seconds between two tellings
MOST = 100_000  # intervals that are kept while they cannot be told; later ones are lost


class Uptime:
    """All but `deliver` belongs to the loop; that runs in a thread of its own."""

    def __init__(self, url: str, exchange: Exchange) -> None:
        self.url = url
        self.exchange = exchange
        self.session: Session | None = None
        self.since: dict[str, float] = {}  # of the session's markets: since when it serves them
        self.untold: Spans = {}
        self.told: Spans = {}  # under way, or returned
        self.thread: Thread | None = None

    def look(self, session: Session | None, now: float, wall: float) -> None:
        """`session` None: no connection stands. `now` is of the steady clock, `wall` Unix time.

        What is alive was so when it was last heard; nobody knows of the time since.
        """
        if session is not self.session:
            self.session, self.since = session, {}
        if session is None:
            return
        heard = wall - (now - session.heard_at)
        for symbol, line in session.lines.items():
            if line.is_served and not line.is_refused:
                self.extend(symbol, heard)

    def extend(self, symbol: str, heard: float) -> None:
        key = (self.since.setdefault(symbol, heard), symbol)
        if key in self.untold or len(self.told) + len(self.untold) < MOST:
            self.untold[key] = max(heard, self.untold.get(key, heard))

    def tell(self) -> None:
        """Write down what was seen, beside us; what could not be written goes with the next."""
        if self.thread and self.thread.is_alive():
            return
        self.told, self.untold = self.told | self.untold, {}
        self.thread = Thread(target=self.deliver, name="uptime", daemon=True)
        self.thread.start()

    def deliver(self) -> None:
        name, counts = self.exchange.NAME, self.exchange.COUNTS_TRADES
        try:
            tell_uptime(self.url, f"uptime {name}", name, counts, grouped(self.told))
            self.told = {}
        except StoreUnavailable as failure:
            log.warning("%s: %s", name, failure)

    def close(self, seconds: float) -> None:
        """Tell the last, for at most `seconds`."""
        self.tell()
        if self.thread:
            self.thread.join(seconds)


def grouped(spans: Spans) -> list[Served]:
    """Markets that were served together, together."""
    groups: dict[tuple[float, float], list[str]] = defaultdict(list)
    for (since, symbol), until in spans.items():
        groups[since, until].append(symbol)
    return [
        Served(symbols, datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))
        for (since, until), symbols in groups.items()
    ]
