"""Trades and bars of any time: from the store, from the files of days that left it, or both.

A day that left the store is read from its file, with the rows that came since beside it. The store
is read first, so that a row on its way from the store into the file is seen in one of them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from alphapulse import lake
from alphapulse.columns import TRADE_COLUMNS, Columns, cut, joined, length
from alphapulse.day import ONE_DAY, MarketDay
from alphapulse.lake.columns import trades_in_day
from alphapulse.store.connect import Store
from alphapulse.store.pages import LEAST, MICRO, MOST, Stretch, read_page
from alphapulse.store.readers import of_one_instant
from alphapulse.trade import Market

MOST_DAYS = 400  # that one page looks through in files; the next goes on from there


class Page(Struct, frozen=True):
    """Rows, and the place behind them; None: nothing follows in the stretch."""

    columns: Columns
    place: tuple[datetime, int] | None


def trades_page(store: Store, parquet: Path, market: Market, stretch: Stretch, limit: int) -> Page:
    """The next `limit` trades of the stretch; raises LakeError, FileNotFoundError."""
    gone, columns = read_page(store, stretch, limit + 1)
    if not gone:
        return page_of(columns, limit)
    with of_one_instant(store):
        return page_with_files(store, parquet, market, stretch, limit)


def page_with_files(
    store: Store, parquet: Path, market: Market, stretch: Stretch, limit: int
) -> Page:
    gone, _ = read_page(store, stretch, 0)
    parts: list[Columns] = []
    left = limit + 1
    for number, piece in enumerate(pieces(stretch, [start_of(day) for day in gone])):
        if number > 2 * MOST_DAYS:
            edge = (piece.end, LEAST) if stretch.is_descending else (piece.start - MICRO, MOST)
            return Page(joined(parts, list(TRADE_COLUMNS)), edge)
        parts.append(read_piece(store, parquet, market, piece, left))
        left -= length(parts[-1])
        if left <= 0:
            break
    return page_of(joined(parts, list(TRADE_COLUMNS)), limit)


def page_of(columns: Columns, limit: int) -> Page:
    if length(columns) <= limit:
        return Page(columns, None)
    found = cut(columns, limit)
    return Page(found, (datetime.fromisoformat(found["time"][-1]), int(found["id"][-1])))


class Piece(Struct, frozen=True):
    """Part of a stretch: `day` where it lies in a day that left the store."""

    stretch: Stretch
    day: datetime | None

    @property
    def start(self) -> datetime:
        return self.stretch.start

    @property
    def end(self) -> datetime:
        return self.stretch.end


def pieces(stretch: Stretch, gone: list[datetime]) -> Iterator[Piece]:
    """The stretch cut at the midnights of days that left the store, in the order of the walk."""
    edges: list[tuple[datetime, datetime, datetime | None]] = []
    at = stretch.start
    for midnight in gone:
        edges.append((at, midnight, None))
        edges.append((max(midnight, stretch.start), midnight + ONE_DAY, midnight))
        at = midnight + ONE_DAY
    edges.append((at, stretch.end, None))
    for start, end, day in reversed(edges) if stretch.is_descending else edges:
        piece = narrowed(stretch, start, min(end, stretch.end))
        if piece.start < piece.end and not is_behind(piece):
            yield Piece(piece, day)


def narrowed(stretch: Stretch, start: datetime, end: datetime) -> Stretch:
    return Stretch(stretch.market_id, start, end, stretch.place, stretch.is_descending)


def is_behind(piece: Stretch) -> bool:
    """Whether the walk has passed it."""
    if piece.place is None:
        return False
    at = piece.place[0]
    return at < piece.start if piece.is_descending else at >= piece.end


def read_piece(store: Store, parquet: Path, market: Market, piece: Piece, limit: int) -> Columns:
    inside = bounded(piece.stretch)
    _, stored = read_page(store, inside, limit)
    if piece.day is None:
        return stored
    day = MarketDay(piece.day.date(), market)
    place = lake.place_of(parquet, day)
    if place is None:
        raise FileNotFoundError(f"{day.key}: its trades left the store, and its file is not there")
    filed = trades_in_day(
        place, inside.after, inside.before, limit, is_descending=inside.is_descending
    )
    return merged(stored, filed, limit, inside.is_descending)


def bounded(piece: Stretch) -> Stretch:
    """Without a place that lies outside it: each piece is walked from its own edge."""
    if piece.place is None:
        return piece
    at = piece.place[0]
    inside = piece.start - MICRO <= at <= piece.end
    return (
        piece
        if inside
        else Stretch(piece.market_id, piece.start, piece.end, None, piece.is_descending)
    )


def merged(ones: Columns, others: Columns, limit: int, is_descending: bool) -> Columns:
    """Both in the order of the walk, each trade once."""
    if not length(ones):
        return others
    rows: dict[tuple[str, int], tuple[str, ...]] = {}
    for columns in (others, ones):
        for row in zip(*columns.values(), strict=True):
            rows[row[4], int(row[0])] = row
    ordered = [rows[key] for key in sorted(rows, reverse=is_descending)][:limit]
    return {name: [row[n] for row in ordered] for n, name in enumerate(TRADE_COLUMNS)}


def start_of(day: object) -> datetime:
    return datetime.fromisoformat(str(day)).replace(tzinfo=UTC)


def midnight_after(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=1)
