"""Walk an exchange's pages of past trades across a gap. Pure: the caller fetches.

walk = Walk(exchange, gap)
while request := walk.request:
    store(walk.take(fetch(request), received_at))

`walk.cursor`, kept after a page was stored, is where a later Walk may begin behind it.
"""

from collections.abc import Sequence

from alphapulse.trade import Gap, Micros, Trade
from collectors.exchange import Exchange, Request


class Walk:
    """From page to page until the gap was crossed, or the exchange brings nothing new.

    It ends by itself, whatever the exchange answers: each page must show a trade below or above all
    before it, and a cursor of its own. `request` is None once it has ended.
    """

    def __init__(self, exchange: Exchange, gap: Gap, cursor: str | None = None) -> None:
        self.exchange = exchange
        self.gap = gap
        self.cursor = cursor  # that asks for the next page; None: the first, or the walk has ended
        self.is_whole = cursor is None
        self.request: Request | None = exchange.page_request(gap, cursor)
        self.cursors = {cursor}
        self.oldest_id: int | None = None  # of all pages so far
        self.newest_id: int | None = None
        self.newest_at: Micros = 0
        self.longest = 0  # rows of the fullest page

    def take(self, body: bytes, received_at: Micros) -> list[Trade]:
        """The missing trades of the requested page, in its order.

        Raises ExchangeError, and then stands where it stood: the same request may be tried again.
        """
        page = self.exchange.parse_page(self.gap, body, received_at)
        cursor = page.cursor
        if not self.advance(page.trades) or cursor in self.cursors:
            cursor = None
        self.cursors.add(cursor)
        self.cursor = cursor
        self.request = self.exchange.page_request(self.gap, cursor) if cursor is not None else None
        return [trade for trade in page.trades if self.gap.holds(trade.id)]

    @property
    def newest(self) -> tuple[int, Micros] | None:
        """Id and time of the newest trade shown; None: there was none."""
        return None if self.newest_id is None else (self.newest_id, self.newest_at)

    def advance(self, trades: Sequence[Trade]) -> bool:
        """Note what the page showed; False: it is the last that is worth asking for."""
        if not trades:
            return False
        ids = [trade.id for trade in trades]
        low, high = min(ids), max(ids)
        is_lower = self.oldest_id is None or low < self.oldest_id
        is_higher = self.newest_id is None or high > self.newest_id
        # Upwards without an end: a page shorter than one before is the exchange's newest, and what
        # trades meanwhile comes over the socket. Without this a busy market would lead on for ever.
        is_newest = self.gap.before_id is None and not is_lower and len(ids) < self.longest
        self.oldest_id = min(low, low if self.oldest_id is None else self.oldest_id)
        if is_higher:
            self.newest_id, self.newest_at = max((trade.id, trade.traded_at) for trade in trades)
        self.longest = max(self.longest, len(ids))
        return (is_lower or is_higher) and not is_newest
