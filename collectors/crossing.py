"""The walking part of a backfill: page by page, each stored with how far it brought us."""

from collections.abc import Callable

from msgspec import Struct

from alphapulse.store.backfills import store_page
from alphapulse.store.gaps import HISTORY, report
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Micros
from collectors.backfill import Walk
from collectors.exchange import Exchange
from collectors.history import far_end, reach, untold
from collectors.patience import Asker


class Progress(Struct, frozen=True):
    """After a page, of this run alone; `at`: the time that it has reached."""

    requests: int
    trades: int
    new: int
    at: Micros


class Crossing:
    """A backfill under way: `number` is its row's."""

    def __init__(
        self,
        writer: TradeWriter,
        exchange: Exchange,
        asker: Asker,
        number: int,
        say: Callable[[Progress], object],
    ) -> None:
        self.writer = writer
        self.exchange = exchange
        self.asker = asker
        self.number = number
        self.say = say
        self.begun_at = self.noted = self.asker.requests
        self.trades = 0
        self.new = 0
        self.rest = 0  # stretches whose pages ended too early

    @property
    def requests(self) -> int:
        return self.asker.requests - self.begun_at

    def cross(self, stretch: Gap) -> None:
        """Store all of `stretch` that the exchange has, and report what its pages left out."""
        pages = self.exchange.PAGES
        walk = Walk(self.exchange, stretch)
        reached = (stretch.after_id, stretch.after_at)
        while request := walk.request:
            trades = self.asker.ask(request, walk.take)
            if not walk.request:
                self.report_rest(walk)
                reached = far_end(stretch, pages)
            elif trades:
                reached = reach(trades, stretch, pages)
            else:
                continue  # nothing of ours on it, such as Kraken's overlap
            asked, self.noted = self.asker.requests - self.noted, self.asker.requests
            self.new += store_page(self.writer, self.number, trades, reached, asked)
            self.trades += len(trades)
            self.say(Progress(self.requests, self.trades, self.new, reached[1]))

    def report_rest(self, walk: Walk) -> None:
        """Before the walk counts as done: a crash must not forget what it left out."""
        rest = untold(walk, self.exchange.PAGES) if self.exchange.COUNTS_TRADES else None
        if rest:
            self.rest += 1
            report(self.writer.store, rest, HISTORY)
