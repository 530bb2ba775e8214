"""Where an instant lies among a market's trades, found by a few of the exchange's pages. Pure.

search = search_for(exchange, market, at, known)
while request := search.request:
    search.take(fetch(request), received_at)
search.place
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct

from alphapulse.trade import Gap, Market, Micros
from collectors.exchange import Exchange, ExchangeError, Rejected, Request

MOST = 100  # pages of one search; some five are usual
LEAP = 1e-5  # ids per microsecond where a page does not tell: ten a second

by_id = attrgetter("id")


class NothingTraded(Rejected):
    """The exchange shows no trade of this market."""


class Point(Struct, frozen=True):
    """A trade's place in its market."""

    id: int
    at: Micros


class Place(Struct, frozen=True):
    """An instant between two trades: the last before it and the first from it on.

    Where the exchange shows none, it is where one would stand; `is_end`: nothing traded since.
    """

    before: Point
    after: Point
    is_end: bool = False


class Search(ABC):
    """Finds `at`. `place` is None until it is found, then `request` is."""

    request: Request | None

    def __init__(self, exchange: Exchange, market: Market, at: Micros) -> None:
        self.exchange = exchange
        self.market = market
        self.at = at
        self.place: Place | None = None
        self.asked = Gap(market, -1, at)
        self.cursor: str | None = None  # of the last page
        self.steps = 0

    def take(self, body: bytes, received_at: Micros) -> list[Point]:
        """Learn from the requested page; gives its ends.

        Raises ExchangeError, and then stands where it stood: the same request may be tried again.
        """
        page = self.exchange.parse_page(self.asked, body, received_at)
        if self.steps >= MOST:
            raise Rejected(f"{self.market.key}: {MOST} pages do not lead to the asked time")
        self.steps += 1
        points = sorted((Point(trade.id, trade.traded_at) for trade in page.trades), key=by_id)
        self.cursor = page.cursor
        self.place = self.between(points) or self.learn(points)
        self.request = None if self.place else self.next_request()
        return [points[0], points[-1]] if points else []

    def between(self, points: Sequence[Point]) -> Place | None:
        """The place if it lies within the page. Neighbours may stand in ids the other way round
        than in time: both sides are then the outer ones.
        """
        olds = [place for place, point in enumerate(points) if point.at < self.at]
        news = [place for place, point in enumerate(points) if point.at >= self.at]
        if not olds or not news:
            return None
        first, last = news[0], olds[-1]
        before = points[first - 1] if first else Point(points[0].id - 1, self.at)
        is_last = last + 1 == len(points)
        after = Point(points[last].id + 1, self.at) if is_last else points[last + 1]
        return Place(before, after)

    @abstractmethod
    def learn(self, points: Sequence[Point]) -> Place | None:
        """From a page that is empty, or all on one side."""

    @abstractmethod
    def next_request(self) -> Request: ...

    def newest(self) -> Request:
        """The newest page: without the parameter that leads elsewhere."""
        request = self.exchange.page_request(self.asked, None)
        name = self.exchange.PAGES.cursor
        return Request(request.path, {k: v for k, v in request.params.items() if k != name})

    def end(self, points: Sequence[Point]) -> Place:
        """Nothing traded since."""
        if not points:
            raise NothingTraded(f"{self.market.key}: the exchange shows no trades of it")
        return Place(points[-1], Point(points[-1].id + 1, self.at), is_end=True)

    def beginning(self, first: Point) -> Place:
        """Nothing is seen before."""
        return Place(Point(first.id - 1, self.at), first)


class TimeSearch(Search):
    """Where pages begin at a time: from a little before the instant on, until one is past it."""

    def __init__(self, exchange: Exchange, market: Market, at: Micros) -> None:
        super().__init__(exchange, market, at)
        self.request: Request | None = exchange.page_request(self.asked, None)
        self.old: Point | None = None
        self.is_newest_asked = False

    def learn(self, points: Sequence[Point]) -> Place | None:
        if points and points[0].at >= self.at:
            return Place(self.old, points[0]) if self.old else self.beginning(points[0])
        if self.is_newest_asked:
            return self.end(points)
        if points:
            self.cursor = None if self.old == points[-1] else self.cursor
            self.old = points[-1]
        return None

    def next_request(self) -> Request:
        if self.cursor is not None:
            return self.exchange.page_request(self.asked, self.cursor)
        self.is_newest_asked = True
        return self.newest()


class IdSearch(Search):
    """Where pages begin, or end, at an id.

    All ids up to `floor` are older than the instant, none from `ceiling` on is, or there is none.
    """

    def __init__(
        self, exchange: Exchange, market: Market, at: Micros, known: Iterable[Point]
    ) -> None:
        super().__init__(exchange, market, at)
        self.is_up = exchange.PAGES.order == "up"
        points = sorted(known, key=by_id)
        self.low = max((p for p in points if p.at < at), default=None, key=by_id)
        self.high = min((p for p in points if p.at >= at), default=None, key=by_id)
        self.floor = self.low.id if self.low else -1
        self.ceiling = self.high.id if self.high else 0
        self.density = LEAP
        self.asked_id: int | None = None
        self.is_at_edge = False  # a page showed where the record begins: look there
        self.place = self.narrowed()
        self.request = None if self.place else self.next_request()

    def learn(self, points: Sequence[Point]) -> Place | None:
        x, is_old = self.asked_id, bool(points) and points[0].at < self.at
        if len(points) > 1 and points[-1].at > points[0].at:
            self.density = (points[-1].id - points[0].id) / (points[-1].at - points[0].at)
        if x is None and (is_old or not points):
            return self.end(points)
        if is_old:
            self.low = points[-1]
        elif points:
            self.high = points[0]
        if x is None:
            self.ceiling = points[0].id
        elif self.is_up:
            self.learn_up(points, x, is_old)
        else:  # it ends below x: what lies between its newest and x does not exist
            self.floor = self.floor if points and not is_old else x - 1
            self.ceiling = points[0].id if points and not is_old else self.ceiling
        return self.narrowed()

    def learn_up(self, points: Sequence[Point], x: int, is_old: bool) -> None:
        """It begins from x on: what lies between x and its oldest does not exist."""
        if not points:
            raise ExchangeError(f"{self.market.key}: nothing from id {x} on, though there was")
        self.is_at_edge = not is_old and points[0].id > x + self.exchange.PAGES.rows
        self.floor = points[-1].id if is_old else self.floor
        self.ceiling = self.ceiling if is_old else x

    def narrowed(self) -> Place | None:
        """The place once no id is left between the two sides."""
        if self.floor + 1 < self.ceiling or not self.high:
            return None
        return Place(self.low, self.high) if self.low else self.beginning(self.high)

    def next_request(self) -> Request:
        self.asked_id = self.guess(self.high) if self.high else None
        x = self.asked_id or 0
        before_id = None if self.is_up else x
        self.asked = Gap(self.market, x - 1 if self.is_up else -1, self.at, before_id)
        if self.asked_id is None:
            return self.newest()
        return self.exchange.page_request(self.asked, None)

    def guess(self, high: Point) -> int:
        """The id from which (up) or below which (down) the page is asked for."""
        rows = self.exchange.PAGES.rows
        is_near, self.is_at_edge = self.is_at_edge, False
        if is_near or self.ceiling - self.floor <= rows:
            return self.floor + 1 if self.is_up else self.ceiling
        aim = self.aim(high) + (-rows // 2 if self.is_up else rows // 2)
        x = max(self.floor + 1, min(aim, self.ceiling - 1))
        return x if self.is_up else x + 1

    def aim(self, high: Point) -> int:
        """By the times of both sides; at times the middle, so that no unevenness makes it long."""
        if self.steps % 3 == 2:
            return (self.floor + self.ceiling) // 2
        if self.low:
            part = (self.at - self.low.at) / max(1, high.at - self.low.at)
            return self.low.id + int((high.id - self.low.id) * part)
        leap = self.density * (high.at - self.at) * 2.0**self.steps  # each twice as far
        return high.id - int(leap) if leap < high.id else self.floor


def search_for(
    exchange: Exchange, market: Market, at: Micros, known: Iterable[Point] = ()
) -> Search:
    """`known`: trades that the caller has, which save requests."""
    if exchange.PAGES.order == "time":
        return TimeSearch(exchange, market, at)
    return IdSearch(exchange, market, at, known)
