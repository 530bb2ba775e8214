"""Market-days out of PostgreSQL into Parquet: the days of one date together, in one pass."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from alphapulse import lake
from alphapulse.archive.copying import attached
from alphapulse.archive.judging import Wanted
from alphapulse.archive.landing import Doors
from alphapulse.archive.one_pass import one_pass
from alphapulse.archive.outcome import Exported, ExportError, Failed, Outcome
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids, traded_days
from alphapulse.store.dropped import dropped_days
from alphapulse.store.reopening import recorded_days
from alphapulse.trade import Market

__all__ = ["ExportError", "Exported", "Failed", "Outcome", "export_days", "unarchived_days"]

TOGETHER = 100  # markets of one pass: each has a file open and rows that wait for others


def export_days(url: str, parquet: Path, days: Iterable[MarketDay]) -> Iterator[Outcome]:
    """Export each day; one that fails does not stop the others. Raises StoreUnavailable.

    Days of one date are read in one pass. Their outcomes come in the order in which the days were
    given, and dates in that of their first day.
    """
    with connect(url, "archive") as store, attached(url) as duck:
        ids = market_ids(store)
        for part in passes(days):
            yield from export_part(Doors(duck, store), parquet, ids, part)


def passes(days: Iterable[MarketDay]) -> Iterator[list[MarketDay]]:
    """Days of one date, without repeats, and not too many at a time."""
    dates: dict[date, dict[MarketDay, None]] = {}
    for day in days:
        dates.setdefault(day.date, {})[day] = None
    for found in map(list, dates.values()):
        yield from (found[at : at + TOGETHER] for at in range(0, len(found), TOGETHER))


def export_part(
    doors: Doors, parquet: Path, ids: dict[Market, int], days: list[MarketDay]
) -> Iterator[Outcome]:
    """Days of one date; first come those of markets that the store does not know, then those that
    left the store: their files have what it has no more, and retention unites late rows with them.
    """
    left = dropped_days(doors.store, days[0].date, days[0].date)
    for day in days:
        if day.market not in ids:
            yield Failed(day, f"{day.key}: the store knows no market {day.market}")
        elif day in left:
            yield archived(parquet, day)
    wanted = [Wanted(day, ids[day.market]) for day in days if day.market in ids and day not in left]
    if wanted:
        yield from one_pass(doors, parquet, wanted)


def archived(parquet: Path, day: MarketDay) -> Outcome:
    """The file as it stands."""
    try:
        place, certificate = lake.place_of(parquet, day), lake.find_certificate(parquet, day)
    except LakeError as failure:
        return Failed(day, str(failure))
    if place is None or certificate is None:
        return Failed(
            day,
            f"{day.key}: its rows have left PostgreSQL, and there is no file of them in {parquet}: "
            "bring it back from the backup",
        )
    return Exported(day, certificate, place.path, place.path.stat().st_size)


def unarchived_days(
    url: str, parquet: Path, first: date | None = None, last: date | None = None
) -> list[MarketDay]:
    """The store's market-days, from `first` to `last`, without a file of all that is known.

    A file that the store has no record of is not trusted to be one: it may come from a run that
    was killed, or from before there were records.
    """
    with connect(url, "archive", read_only=True) as store:
        traded = traded_days(store, first, last)
        recorded = recorded_days(store, first, last)
    return [day for day in traded if day not in recorded or not is_closed(parquet, day)]


def is_closed(parquet: Path, day: MarketDay) -> bool:
    certificate = lake.find_certificate(parquet, day)
    return certificate is not None and certificate.day_closed
