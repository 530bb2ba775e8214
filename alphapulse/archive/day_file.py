"""The one place that knows in which file a market's day lies, for those who read it whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alphapulse import lake
from alphapulse.day import MarketDay


@contextmanager
def day_file(parquet: Path, day: MarketDay) -> Iterator[Path | None]:
    """A file with the day alone, while the block runs; None: it is archived nowhere.

    A day that lies in its month's file is taken out of it. Raises LakeError.
    """
    place = lake.place_of(parquet, day)
    if place is None or place.group is None:
        yield place.path if place else None
        return
    with TemporaryDirectory(prefix="alphapulse-day-") as folder:
        alone = Path(folder) / f"{day.date}.parquet"
        lake.extract(place, alone)
        yield alone
