"""The one place that knows in which file a market's day lies, for those who read it whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alphapulse import lake
from alphapulse.day import MarketDay


@contextmanager
def day_file(parquet: Path, day: MarketDay) -> Iterator[Path | None]:
    """A file with the day alone, while the block runs; None: it is archived nowhere."""
    path = lake.path_of(parquet, day)
    yield path if path.exists() else None
