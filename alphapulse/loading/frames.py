"""The functions that people call. Each opens the archive, asks one question and closes it again."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

from alphapulse.archive import asking
from alphapulse.archive.reading import candles_between, trades_between
from alphapulse.lake.frames import Decimals, Shape, shaped
from alphapulse.loading.session import Home, Session, opened
from alphapulse.loading.span import When, read_span
from alphapulse.spelling import find_known, read_instant
from alphapulse.trade import Market

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Arrow: TypeAlias = Any  # pyarrow.Table: pyarrow is not typed
Size: TypeAlias = Literal["1m", "5m", "15m", "1h", "1d"]
Named: TypeAlias = Market | str
Pandas: TypeAlias = Literal["pandas"]
Polars: TypeAlias = Literal["polars"]


class Options(TypedDict, total=False):
    """`decimals`: exact, or float (quick). `index`: a column, pandas only. `home`: a directory."""

    decimals: Decimals
    index: str | None
    home: Home


@overload
def load_trades(
    market: Named,
    start: When,
    end: When | None = ...,
    *,
    as_: Pandas = ...,
    **with_: Unpack[Options],
) -> "pd.DataFrame": ...
@overload
def load_trades(
    market: Named, start: When, end: When | None = ..., *, as_: Polars, **with_: Unpack[Options]
) -> "pl.DataFrame": ...
@overload
def load_trades(
    market: Named,
    start: When,
    end: When | None = ...,
    *,
    as_: Literal["arrow"],
    **with_: Unpack[Options],
) -> Arrow: ...
def load_trades(
    market: Named,
    start: When,
    end: When | None = None,
    *,
    as_: Shape = "pandas",
    decimals: Decimals = "exact",
    index: str | None = None,
    home: Home = None,
) -> Any:
    """The market's trades from `start` up to, and without, `end` (None: now), in order.

    `market`: `"kraken/BTC-USD"`, `"kraken/BTC/USD"` or a Market. `start` and `end`: dates
    (midnight), datetimes, text such as `2026-11-21T12:00Z`; UTC where no zone is said.
    `as_`: `"pandas"`, `"polars"` or `"arrow"`. `decimals="float"` gives floats instead of exact
    decimals. `index` names the column that becomes the index of a pandas frame.
    `home`: the platform's directory, else ALPHAPULSE_HOME's.

    Raises UnknownMarket (naming markets that come close), BadTime, BadShape, NothingHere; warns
    ArchivedOnly where the live store does not answer and later trades may be missing.
    """
    now = datetime.now(UTC)
    span = read_span(start, end, now)
    with opened(home) as session:
        found = known(session, market)
        session.warn_of_end(asking.archived_until(session.duck, found), min(span.end, now))
        table = trades_between(session.duck, found, span.start, span.end)
    return shaped(table, as_, decimals, index)


@overload
def load_candles(
    market: Named,
    start: When,
    end: When | None = ...,
    size: Size = ...,
    *,
    as_: Pandas = ...,
    **with_: Unpack[Options],
) -> "pd.DataFrame": ...
@overload
def load_candles(
    market: Named,
    start: When,
    end: When | None = ...,
    size: Size = ...,
    *,
    as_: Polars,
    **with_: Unpack[Options],
) -> "pl.DataFrame": ...
@overload
def load_candles(
    market: Named,
    start: When,
    end: When | None = ...,
    size: Size = ...,
    *,
    as_: Literal["arrow"],
    **with_: Unpack[Options],
) -> Arrow: ...
def load_candles(
    market: Named,
    start: When,
    end: When | None = None,
    size: Size = "1m",
    *,
    as_: Shape = "pandas",
    decimals: Decimals = "exact",
    index: str | None = None,
    home: Home = None,
) -> Any:
    """The market's bars that open in [start, end); `size`: 1m, 5m, 15m, 1h or 1d.

    A bar without trades does not exist. The rest is as with `load_trades`.
    """
    now = datetime.now(UTC)
    span = read_span(start, end, now)
    with opened(home) as session:
        found = known(session, market)
        session.warn_of_end(asking.archived_until(session.duck, found), min(span.end, now))
        table = candles_between(session.duck, found, size, span.start, span.end)
    return shaped(table, as_, decimals, index)


@overload
def load_coverage(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Pandas = ...,
    home: Home = ...,
) -> "pd.DataFrame": ...
@overload
def load_coverage(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Polars,
    home: Home = ...,
) -> "pl.DataFrame": ...
@overload
def load_coverage(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Literal["arrow"],
    home: Home = ...,
) -> Arrow: ...
def load_coverage(
    market: Named | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    as_: Shape = "pandas",
    home: Home = None,
) -> Any:
    """The verdict of each market's day that begins in [start, end); None: all there are."""
    return load_known(asking.coverage, market, start, end, as_, home)


@overload
def load_gaps(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Pandas = ...,
    home: Home = ...,
) -> "pd.DataFrame": ...
@overload
def load_gaps(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Polars,
    home: Home = ...,
) -> "pl.DataFrame": ...
@overload
def load_gaps(
    market: Named | None = ...,
    start: When | None = ...,
    end: When | None = ...,
    *,
    as_: Literal["arrow"],
    home: Home = ...,
) -> Arrow: ...
def load_gaps(
    market: Named | None = None,
    start: When | None = None,
    end: When | None = None,
    *,
    as_: Shape = "pandas",
    home: Home = None,
) -> Any:
    """The gaps, closed ones too, that reach into [start, end); None: all there are."""
    return load_known(asking.gaps, market, start, end, as_, home)


@overload
def load_markets(*, as_: Pandas = ..., home: Home = ...) -> "pd.DataFrame": ...
@overload
def load_markets(*, as_: Polars, home: Home = ...) -> "pl.DataFrame": ...
@overload
def load_markets(*, as_: Literal["arrow"], home: Home = ...) -> Arrow: ...
def load_markets(*, as_: Shape = "pandas", home: Home = None) -> Any:
    """Every market that has trades, and since when."""
    with opened(home) as session:
        return shaped(asking.markets(session.duck), as_)


def load_known(
    question: Any,
    market: Named | None,
    start: When | None,
    end: When | None,
    as_: Shape,
    home: Home,
) -> Any:
    edges = [None if edge is None else read_instant(edge) for edge in (start, end)]
    with opened(home) as session:
        found = None if market is None else known(session, market)
        return shaped(question(session.duck, found, *edges), as_)


def known(session: Session, market: Named) -> Market:
    return find_known(market, asking.known_markets(session.duck))
