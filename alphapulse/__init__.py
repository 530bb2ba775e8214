"""The ground: words of the market and the doors to storage. It imports no other room.

For people, in a notebook:

    import alphapulse
    alphapulse.load_trades("kraken/BTC-USD", "2026-11-21", "2026-11-22")

`load_trades`, `load_candles`, `load_coverage`, `load_gaps`, `load_markets` and `open_archive` are
those of `alphapulse.loading`, which is imported when the first of them is asked for: every process
imports this file, and hardly one of them loads frames.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alphapulse.loading import (
        load_candles,
        load_coverage,
        load_gaps,
        load_markets,
        load_trades,
        open_archive,
    )

__all__ = [
    "load_candles",
    "load_coverage",
    "load_gaps",
    "load_markets",
    "load_trades",
    "open_archive",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from alphapulse import loading  # noqa: PLC0415 - only for who asks, see above

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
