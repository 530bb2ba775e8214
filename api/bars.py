"""Bars of any time: from the files of candles where they say all, else folded from the trades.

Both are kept (`api.kept`); wider bars of the store are made of its minutes, as files' are.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from alphapulse.candles import BarSize, BarTooLarge, Candle, fold, widen
from alphapulse.columns import BAR_COLUMNS, Columns, cut, joined, length, rows_of
from alphapulse.day import ONE_DAY, MarketDay
from alphapulse.spelling import full_time
from alphapulse.store.bars import Archived, archived_days, fold_bars, next_trade
from alphapulse.store.connect import Store
from alphapulse.store.pages import Stretch, read_page
from alphapulse.store.readers import of_one_instant
from alphapulse.trade import Market, Side, Trade
from api.history import midnight_after, page_with_files
from api.kept import Kept, within
from api.spans import micros, moment

DECIMALS = ("open", "high", "low", "close", "volume", "buy_volume", "quote_volume")
LEAST_LOOK = timedelta(hours=1)  # that is folded at a time, where few bars are wanted


class Shelf:
    """The bars of one market and size."""

    def __init__(
        self, store: Store, kept: Kept, home: Path, market: Market, market_id: int, size: BarSize
    ) -> None:
        self.store = store
        self.kept = kept
        self.parquet, self.candles = home / "parquet", home / "candles"
        self.market = market
        self.market_id = market_id
        self.size = size

    def read(self, start: datetime, end: datetime, limit: int) -> Columns:
        """The first `limit` bars that open in [start, end); raises LakeError, FileNotFoundError."""
        at, end = self.next_opening(start), self.next_opening(end)  # a bar is told whole
        with of_one_instant(self.store):
            parts = list(self.parts(at, end, limit))
        return cut(joined(parts, BAR_COLUMNS), limit)

    def next_opening(self, at: datetime) -> datetime:
        """The first at or behind `at`."""
        opens = moment(self.size.opening_of(micros(at)))
        return opens if opens == at else opens + self.length

    @property
    def length(self) -> timedelta:
        return timedelta(microseconds=self.size.micros)

    def parts(self, at: datetime, end: datetime, left: int) -> Iterator[Columns]:
        """Bars in order of time, day by day, until there are `left`; quiet days are passed over."""
        archived = archived_days(self.store, self.market_id, at.date(), end.date())
        while left > 0 and (found := self.next_day(at, end, archived)) is not None:
            at = found
            beyond = min(midnight_after(at), end)
            day = archived.get(at.date())
            bars = None if day is None else self.from_files(at, beyond, day)
            if bars is None:
                beyond = min(beyond, at + max(LEAST_LOOK, self.length * left))
                beyond = max(beyond, at + self.length)
                bars = self.folded(at, min(beyond, midnight_after(at)))
            yield bars
            left -= length(bars)
            at = beyond

    def folded(self, start: datetime, end: datetime) -> Columns:
        """Of the store's trades; both ends are openings, of one day."""
        minutes = self.kept.minutes(self.store, self.market_id, start, end)
        if self.size is BarSize.ONE_MINUTE:
            return minutes
        try:
            return columns_of(widen(map(candle_of, rows_of(minutes)), self.size))
        except BarTooLarge:  # only files have such a bound
            return fold_bars(self.store, self.market_id, self.length, start, end, 1440)

    def next_day(
        self, at: datetime, end: datetime, archived: dict[date, Archived]
    ) -> datetime | None:
        """The opening at or behind `at` from which on there is something."""
        if at >= end:
            return None
        days = [max(at, midnight(day)) for day in archived if midnight(day) + ONE_DAY > at]
        stored = next_trade(self.store, self.market_id, at, end)
        opens = None if stored is None else moment(self.size.opening_of(micros(stored)))
        return min((one for one in (*days, opens) if one is not None and one < end), default=None)

    def from_files(self, start: datetime, end: datetime, known: Archived) -> Columns | None:
        """None: the day is folded from the store, which has all of it."""
        day = MarketDay(start.date(), self.market)
        late = known.is_gone and self.has_late(day)
        filed = None if late else self.kept.day(self.candles, self.size, day)
        # Made of all that is known of its trades?
        if filed is not None and filed.certificate.trades_checksum == known.checksum:
            return within(filed.columns, start, end)
        return self.from_trades(day, start, end) if known.is_gone else None

    def has_late(self, day: MarketDay) -> bool:
        stretch = Stretch(self.market_id, day.starts_at, day.ends_at)
        return length(read_page(self.store, stretch, 1)[1]) > 0

    def from_trades(self, day: MarketDay, start: datetime, end: datetime) -> Columns:
        """Of a day that left the store and whose candles are behind: trade by trade."""
        stretch = Stretch(self.market_id, day.starts_at, day.ends_at)
        page = page_with_files(self.store, self.parquet, self.market, stretch, 2**31)
        bars = fold(trades_in(self.market, page.columns), self.size)
        return columns_of(bar for bar in bars if start <= moment(bar.opened_at) < end)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def trades_in(market: Market, columns: Columns) -> Iterator[Trade]:
    for id, price, size, side, time, *_ in zip(*columns.values(), strict=True):
        at = micros(datetime.fromisoformat(time))
        yield Trade(
            market.exchange, market.symbol, int(id), Decimal(price), Decimal(size), Side(side),
            at, at,
        )  # fmt: skip


def candle_of(row: dict[str, Any]) -> Candle:
    numbers = {name: Decimal(row[name]) for name in DECIMALS}
    return Candle(
        opened_at=micros(datetime.fromisoformat(row["opened_at"])), trades=row["trades"],
        first_id=int(row["first_id"]), last_id=int(row["last_id"]), **numbers,
    )  # fmt: skip


def columns_of(bars: Iterable[Candle]) -> Columns:
    columns: Columns = {name: [] for name in BAR_COLUMNS}
    for bar in bars:
        for name in BAR_COLUMNS:
            columns[name].append(told(name, getattr(bar, name)))
    return columns


def told(name: str, value: int | Decimal) -> str | int:
    if name == "opened_at":
        return full_time(moment(int(value)))
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if name == "trades" else str(value)
