"""What came of a market-day's export."""

from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay


class ExportError(Exception):
    """The market-day was not exported, and what was there before stands; the message says why."""


class Exported(Struct, frozen=True):
    """An archived market-day; `certificate` and `path` are None where it has no trade."""

    day: MarketDay
    certificate: Certificate | None = None
    path: Path | None = None
    bytes: int = 0


class Failed(Struct, frozen=True):
    day: MarketDay
    reason: str


Outcome: TypeAlias = Exported | Failed
