"""A trade as PostgreSQL's text: numbers, instants, single letters, so nothing needs quotes. Pure.

Binary was measured and left: the server saves 1 us a row, packing numerics costs us more.
"""

from datetime import datetime, timedelta

from alphapulse.trade import Micros, Side, Source, Trade

REMEMBERED = 10_000  # seconds and instants whose text is kept
BUY = Side.BUY
SOURCES = {Source.LIVE: "l", Source.SNAPSHOT: "s", Source.BACKFILL: "b"}
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - its text names no zone; the instants do


class Seconds(dict[int, str]):
    """Seconds since the epoch -> PostgreSQL's text of that instant in UTC, remembered."""

    def __missing__(self, second: int) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        text = self[second] = (EPOCH + timedelta(seconds=second)).isoformat(" ")
        return text


class Instants(dict[Micros, str]):
    """Microseconds since the epoch -> PostgreSQL's text of that instant. Remembered, because all
    that came in one read of the socket was received at one instant.
    """

    def __init__(self, seconds: Seconds) -> None:
        self.seconds = seconds

    def __missing__(self, at: Micros) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        text = self[at] = f"{self.seconds[at // 1_000_000]}.{at % 1_000_000:06d}+00"
        return text


class Texts:
    """Rows as text, in the order of the columns that `writing` names."""

    def __init__(self) -> None:
        self.seconds = Seconds()
        self.instants = Instants(self.seconds)

    def line(self, market_id: int, trade: Trade) -> str:
        """A line of COPY. One expression, because every trade pays for it."""
        at = trade.traded_at
        return (
            f"{self.seconds[at // 1_000_000]}.{at % 1_000_000:06d}+00\t"
            f"{self.instants[trade.received_at]}\t{trade.id}\t{market_id}\t"
            f"{'b' if trade.side is BUY else 's'}\t{SOURCES[trade.source]}\t"
            f"{trade.price!s}\t{trade.size!s}\n"
        )

    def fields(self, market_id: int, trade: Trade) -> list[str]:
        return self.line(market_id, trade).rstrip("\n").split("\t")
