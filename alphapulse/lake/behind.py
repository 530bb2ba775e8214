"""Which market-days' candles do not follow from their trades, told quickly among many files.

A rename changes the time of its folder, so a look at the folders' times says which markets to look
at; there names and times of files leave few suspects, and only their footers are read. The time of
a month's file says nothing of its days: its footer is read, once for all of them.
"""

import os
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from alphapulse import lake
from alphapulse.candle_certificate import is_stale, surely_follow
from alphapulse.candles import BarSize
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import find_candle_certificate
from alphapulse.lake.months import MONTH, Pairs, month_pairs
from alphapulse.lake.place import LakeError
from alphapulse.trade import Market

Months: TypeAlias = Callable[[Path], dict[date, Pairs]]


class Behind(Struct, frozen=True):
    """A market-day whose candles are stale or missing; `state` names what its trades are now."""

    day: MarketDay
    state: str


def marks(parquet: Path, candles: Path) -> dict[str, str]:
    """Of each market with trades, by its key: when its folders of trades and candles changed."""
    roots = [candles / size for size in BarSize]
    return {
        key: " ".join(f"{changed_at(root / key):x}" for root in (parquet, *roots))
        for exchange in entries(parquet)
        for symbol in entries(exchange.path)
        if is_market(key := f"{exchange.name}/{symbol.name}")
    }


def is_market(key: str) -> bool:
    """Whether a folder's name is one that `path_of` would make."""
    return Market.from_key(key).key == key


def changed_at(folder: Path) -> int:
    """In nanoseconds; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def behind(parquet: Path, candles: Path, key: str) -> Iterator[Behind]:
    """The market's days whose candles do not follow from their trades, in order.

    A file that cannot be read is `certificate_verifies`' business: no candles can be made of it.
    """
    months = cache(month_pairs)
    for name in suspects(parquet, candles, key, months):
        try:
            day = MarketDay(date.fromisoformat(name), Market.from_key(key))
            trades = lake.certificate_at(lake.path_of(parquet, day), months)
        except (LakeError, ValueError):
            continue
        if trades is not None and any(is_behind(candles, size, trades, months) for size in BarSize):
            told = trades.checksum or str(trades.exported_at)
            yield Behind(day, f"{day.key} {told} {trades.day_closed}")


def suspects(parquet: Path, candles: Path, key: str, months: Months) -> list[str]:
    """Dates whose file of trades is younger than a file of its candles, or lacks one.

    And those of trades in a month's file whose candles are not surely theirs.
    """
    made = [dates(candles / size / key) for size in BarSize]
    archived = dates(parquet / key)
    young = {name for name, at in archived.items() if any(one.get(name, 0) < at for one in made)}
    compacted = {
        str(day)
        for name in filter(MONTH.fullmatch, archived)
        for day in unsure(parquet, candles, Path(key, f"{name}.parquet"), months)
    }
    return sorted(young | (compacted - archived.keys()))


def unsure(parquet: Path, candles: Path, month: Path, months: Months) -> Iterator[date]:
    """Days of a month's trades without candles in its months' files that are surely theirs.

    Candles that a day has in files of their own come before these, and are looked at in any case.
    """
    copies = [pairs_in(candles / size / month, months) for size in BarSize]
    own = {name for size in BarSize for name in dates(candles / size / month.parent)}
    for day, trades in pairs_in(parquet / month, months).items():
        if str(day) in own or not all(surely_follow(one.get(day, {}), trades) for one in copies):
            yield day


def pairs_in(month: Path, months: Months) -> dict[date, Pairs]:
    """Of each day; empty where there is no such file, or none that can be read."""
    try:
        return months(month)
    except (LakeError, FileNotFoundError):
        return {}


def dates(folder: Path) -> dict[str, int]:
    """The files of a market, and when each changed in nanoseconds."""
    return {
        file.name.removesuffix(".parquet"): file.stat().st_mtime_ns
        for file in entries(folder)
        if file.name.endswith(".parquet") and not file.name.startswith(".")
    }


def entries(folder: Path | str) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except (FileNotFoundError, NotADirectoryError):
        return


def is_behind(candles: Path, size: BarSize, trades: Certificate, months: Months) -> bool:
    """Candles that cannot be read are made again."""
    try:
        return is_stale(find_candle_certificate(candles, size, trades.day, months), trades)
    except LakeError:
        return True
