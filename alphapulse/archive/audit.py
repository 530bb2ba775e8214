"""Look at archived market-days again: against the store as it is now, and against themselves."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.verifying import verify_places
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError, Place
from alphapulse.store.connect import connect
from alphapulse.store.days import count_rows, market_ids
from alphapulse.store.dropped import dropped_days
from alphapulse.trade import Market, unspell


class Offence(Struct, frozen=True):
    """A market-day that is not as it should be, and why."""

    day: MarketDay
    reason: str


def compare_with_store(url: str, parquet: Path, days: Iterable[MarketDay]) -> Iterator[Offence]:
    """Days whose file has other than the store's number of rows.

    A file of a day that was not over grows on with the store, and a day that the store has let go
    is the archive's alone, whatever came of it since: neither is an offence.
    """
    with connect(url, "archive check", read_only=True) as store:
        ids = market_ids(store)
        dropped = dropped_days(store)
        for day in (day for day in days if day not in dropped):
            certificate = lake.find_certificate(parquet, day)
            archived = certificate.rows if certificate else 0
            stored = count_rows(store, ids[day.market], day) if day.market in ids else 0
            if stored not in {0, archived} and (certificate is None or certificate.day_closed):
                yield Offence(day, f"the store has {stored} trades, the archive {archived}")


def newest_days(parquet: Path, dates: int) -> list[MarketDay]:
    """The archived market-days of the newest `dates` days that have a file at all."""
    places = [day.place for day in lake.listed(lake.files(parquet))]
    newest = sorted({place.date for place in places})[-dates:]
    return [market_day(place) for place in places if place.date in newest]


def market_day(place: Place) -> MarketDay:
    exchange, symbol = place.path.parts[-3:-1]
    return MarketDay(place.date, Market(exchange, unspell(symbol)))


def verify_files(parquet: Path, days: Iterable[MarketDay]) -> Iterator[Offence]:
    """Days whose file is not what it certifies; a day without a file has nothing to be wrong."""
    for day in days:
        place = lake.place_of(parquet, day)
        if place is not None:
            for finding in verify_places([place]):
                if not finding.is_good:
                    yield Offence(day, "; ".join(finding.failures))


def judged_files(parquet: Path, days: Iterable[MarketDay]) -> Iterator[Certificate]:
    """What the days' files certify; those that cannot be read are verify_files' business."""
    for day in days:
        with suppress(LakeError):
            if certificate := lake.find_certificate(parquet, day):
                yield certificate
