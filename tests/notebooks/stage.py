"""A home with simulated days in it, archived by the platform's own code."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from alphapulse.archive.candles import Made, make_days, widen_days
from alphapulse.archive.export import Exported, export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.candles import BarSize
from alphapulse.day import MarketDay, days_between
from alphapulse.settings import Settings
from alphapulse.store.connect import Store
from tests.notebooks.simulation import HABITS, Habit, store_simulated

WIDER = [size for size in BarSize if size is not BarSize.ONE_MINUTE]
FIRST, LAST = date(2024, 8, 8), date(2024, 8, 9)


def archive_simulated(
    store: Store, url: str, home: Path, habits: Sequence[Habit] = HABITS
) -> list[MarketDay]:
    """Store, export, make candles, and describe: `home` is then like that of a platform."""
    settings = Settings(home=home)
    dates = list(days_between(FIRST, LAST))
    for habit in habits:
        store_simulated(store, habit, [MarketDay(day, habit.market) for day in dates])
    days = [MarketDay(day, habit.market) for day in dates for habit in habits]
    for outcome in export_days(url, settings.parquet, days):
        assert isinstance(outcome, Exported), outcome
    for made in make_days(settings.parquet, settings.candles, days):
        assert isinstance(made, Made), made
    for size in WIDER:
        assert all(isinstance(one, Made) for one in widen_days(settings.candles, days, size))
    write_archive(settings.archive, settings.parquet, candles=settings.candles)
    return days
