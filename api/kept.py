"""Bars that were read or folded before, and are known to be still what the trades make of them.

Minutes of the store are kept with the snapshot in which they were folded. A trade is only ever
added, and says which transaction added it: the minutes before the first trade that the snapshot
does not see are what they were, and only the others are folded anew. Days in files are kept while
their file is the same.
"""

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from alphapulse.candle_certificate import CandleCertificate
from alphapulse.candles import BarSize
from alphapulse.columns import BAR_COLUMNS, Columns, bars_before, joined, sliced
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import find_candle_certificate, place_of_candles
from alphapulse.lake.columns import bars_in_day
from alphapulse.lake.months import Place
from alphapulse.store.bars import Sight, first_unseen, fold_bars, read_sight
from alphapulse.store.completeness import Edges
from alphapulse.store.connect import Store

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOURS = 1_024  # of one market each, at most 60 bars
DAYS = 48  # in files, at most 1,440 bars each

K = TypeVar("K")
V = TypeVar("V")


class Latest(Generic[K, V]):
    """What was used last, up to so many; for many threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held: OrderedDict[K, V] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self.lock:
            if key in self.held:
                self.held.move_to_end(key)
            return self.held.get(key)

    def put(self, key: K, value: V) -> None:
        with self.lock:
            self.held[key] = value
            self.held.move_to_end(key)
            if len(self.held) > self.most:
                self.held.popitem(last=False)


class Folded(Struct, frozen=True):
    """The minutes of an hour, as `sight` saw its trades."""

    sight: Sight
    columns: Columns


class Filed(Struct, frozen=True):
    """A day's bars as its file holds them; `mark`: which file that was."""

    mark: tuple[int, int, int]
    certificate: CandleCertificate
    columns: Columns


class Kept:
    """For as long as no connection is lost: a database that comes back may be another one."""

    def __init__(self, hours: int = HOURS, days: int = DAYS) -> None:
        self.hours: Latest[tuple[int, datetime], Folded] = Latest(hours)
        self.days: Latest[tuple[BarSize, MarketDay], Filed] = Latest(days)
        self.edges = Edges()

    def minutes(self, store: Store, market_id: int, start: datetime, end: datetime) -> Columns:
        """Bars of one minute that open in [start, end), of the trades in the store.

        `store` is within a transaction of one snapshot; start and end are whole minutes.
        """
        hours = hours_of(start, end)
        sight = read_sight(store)
        known = {hour: self.known(market_id, hour, sight) for hour in hours}
        oldest = min((one.sight for one in known.values() if one), default=None, key=Sight.age)
        changed = (
            {} if oldest is None
            else first_unseen(store, market_id, hours[0], hours[-1] + HOUR, oldest)
        )  # fmt: skip
        parts = []
        for hour, found in known.items():
            columns = found.columns if found else None
            at = hour if found is None else minute_of(changed.get(hour, hour + HOUR))
            if at < hour + HOUR:
                sure = [] if columns is None else [sliced(columns, 0, bars_before(columns, at))]
                fresh = fold_bars(store, market_id, MINUTE, at, hour + HOUR, 60)
                columns = joined([*sure, fresh], BAR_COLUMNS)
            assert columns is not None, "folded or known"
            self.hours.put((market_id, hour), Folded(sight, columns))
            parts.append(columns)
        return within(joined(parts, BAR_COLUMNS), start, end)

    def known(self, market_id: int, hour: datetime, sight: Sight) -> Folded | None:
        """None: nothing, or nothing of this server's life."""
        found = self.hours.get((market_id, hour))
        return found if found is not None and found.sight.life == sight.life else None

    def day(self, candles: Path, size: BarSize, day: MarketDay) -> Filed | None:
        """A day's file of bars; None where there is none. Raises LakeError, FileNotFoundError."""
        place = place_of_candles(candles, size, day)
        if place is None:
            return None
        mark, found = mark_of(place), self.days.get((size, day))
        if found is not None and found.mark == mark:
            return found
        certificate = find_candle_certificate(candles, size, day)
        if certificate is None:
            return None
        found = Filed(mark, certificate, bars_in_day(place, day.starts_at, day.ends_at))
        if mark_of(place) == mark:  # else it was replaced while we read
            self.days.put((size, day), found)
        return found


def mark_of(place: Place) -> tuple[int, int, int]:
    """Files are replaced, never written into."""
    stat = place.path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def hours_of(start: datetime, end: datetime) -> list[datetime]:
    first = start - (start - EPOCH) % HOUR
    return [first + n * HOUR for n in range(-((first - end) // HOUR))]


def minute_of(at: datetime) -> datetime:
    return at - (at - EPOCH) % MINUTE


def within(columns: Columns, start: datetime, end: datetime) -> Columns:
    """The bars that open in [start, end)."""
    return sliced(columns, bars_before(columns, start), bars_before(columns, end))
