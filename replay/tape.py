"""A tape: the published trades of one market in order of id, kept as columns of whole numbers.

33 bytes a trade; past the limit the oldest leave, as they leave an exchange's REST history.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from msgspec import Struct

from alphapulse.trade import Market, Micros, Side

LIMIT = 2_000_000  # trades that a tape keeps for certain
SLACK = 1.05  # trimming moves memory: it is done rarely, so a tape may run 5 % over its limit

SIDES = (Side.SELL, Side.BUY)


class TapeError(ValueError):
    """A trade that cannot stand on the tape; the message says which and why."""


class Print(Struct, frozen=True, gc=False):
    """One trade on a tape: exact decimal text, the taker's side, UTC microseconds."""

    id: int
    price: str
    size: str
    side: Side
    traded_at: Micros


class Digits(Struct, frozen=True):
    """How many digits behind the point this market's prices and sizes have."""

    price: int
    size: int


class Columns:
    """Trades as five columns of equal length; prices and sizes count the last digit."""

    __slots__ = ("ids", "prices", "sides", "sizes", "times")

    def __init__(self) -> None:
        self.ids = array("q")
        self.times = array("q")
        self.prices = array("q")
        self.sizes = array("q")
        self.sides = array("b")

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, other: "Columns", start: int, stop: int) -> None:
        self.ids.extend(other.ids[start:stop])
        self.times.extend(other.times[start:stop])
        self.prices.extend(other.prices[start:stop])
        self.sizes.extend(other.sizes[start:stop])
        self.sides.extend(other.sides[start:stop])

    def insert(self, place: int, print: Print, digits: Digits) -> None:
        self.ids.insert(place, print.id)
        self.times.insert(place, print.traded_at)
        self.prices.insert(place, units(print.price, digits.price))
        self.sizes.insert(place, units(print.size, digits.size))
        self.sides.insert(place, SIDES.index(print.side))

    def cut(self, count: int) -> None:
        for column in (self.ids, self.times, self.prices, self.sizes, self.sides):
            del column[:count]

    def prints(self, start: int, stop: int, digits: Digits) -> list[Print]:
        rows = zip(
            self.ids[start:stop],
            self.prices[start:stop],
            self.sizes[start:stop],
            self.sides[start:stop],
            self.times[start:stop],
            strict=True,
        )
        return [
            Print(id, text(price, digits.price), text(size, digits.size), SIDES[side], at)
            for id, price, size, side, at in rows
        ]


class Tape:
    """The trades of `market` that were published so far. Ids rise, times do not fall."""

    def __init__(self, market: Market, digits: Digits, limit: int = LIMIT) -> None:
        self.market = market
        self.digits = digits
        self.limit = limit
        self.columns = Columns()

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, place: int) -> Print:
        """The print at `place`, counted from the oldest kept, or from the newest where negative."""
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(f"{self.market.key}: no trade {place} among {len(self)}")
        return self.prints(at, at + 1)[0]

    def __iter__(self) -> Iterator[Print]:
        return iter(self.prints(0, len(self)))

    def prints(self, start: int, stop: int) -> list[Print]:
        """Prints by place, cut to what there is."""
        return self.columns.prints(max(start, 0), max(stop, 0), self.digits)

    def latest(self, count: int) -> list[Print]:
        """The newest `count`, oldest first."""
        return self.prints(len(self) - count, len(self))

    def place(self, id: int) -> int:
        """Where `id` stands, or else the first id above it."""
        return bisect_left(self.columns.ids, id)

    def place_after(self, at: Micros) -> int:
        """Where the first trade later than `at` stands."""
        return bisect_right(self.columns.times, at)

    def find(self, id: int) -> Print | None:
        place = self.place(id)
        return self[place] if place < len(self) and self.columns.ids[place] == id else None

    @property
    def last_id(self) -> int:
        """The newest id; 0 while nothing was published."""
        return self.columns.ids[-1] if len(self) else 0

    def extend(self, columns: Columns, start: int, stop: int) -> None:
        """Publish later trades."""
        if start < stop and len(self) and columns.ids[start] <= self.last_id:
            raise TapeError(
                f"{self.market.key}: id {columns.ids[start]} after {self.last_id}; ids must rise"
            )
        self.columns.extend(columns, start, stop)
        if len(self) > self.limit * SLACK:
            self.columns.cut(len(self) - self.limit)

    def add(self, print: Print) -> bool:
        """Publish a recorded trade wherever its id belongs; False if it is there already."""
        place = self.place(print.id)
        if place < len(self) and self.columns.ids[place] == print.id:
            return False
        self.columns.insert(place, print, self.digits)
        return True


def text(units: int, digits: int) -> str:
    """1234 with 2 digits is "12.34"."""
    if not digits:
        return str(units)
    padded = str(units).zfill(digits + 1)
    return f"{padded[:-digits]}.{padded[-digits:]}"


def units(text: str, digits: int) -> int:
    """The inverse of `text`: 12.3 with 2 digits is 1230; TapeError where digits would be lost."""
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > digits:
        raise TapeError(f"{text!r} has more than {digits} digits behind the point")
    return int(whole + fraction[:digits].ljust(digits, "0"))


def fraction_digits(text: str) -> int:
    return len(text.partition(".")[2])
