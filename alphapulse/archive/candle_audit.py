"""Look at candles again: recomputed from the trades by other code than made them.

Small days by the reference in Python, large ones by SQL of another form, straight from the file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import escape
from itertools import zip_longest
from pathlib import Path
from typing import Any

from alphapulse import lake
from alphapulse.archive.audit import Offence
from alphapulse.archive.candles import CandleError, folding, our_errors
from alphapulse.candle_certificate import CandleCertificate, is_rounding, is_stale
from alphapulse.candles import BarSize, BarTooLarge, Candle, fold, widen
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError, Place
from alphapulse.lake.candle_files import (
    bars_of,
    find_candle_certificate,
    place_of_candles,
    read_candles,
)
from alphapulse.lake.trades import trades_of

SMALL = 20_000  # trades that the reference folds in a fraction of a second
ONE = BarSize.ONE_MINUTE

# Opening and closing trades are the least and the greatest row of a bar, compared field by field.
DIFFERENCES = """
WITH tape AS (
    SELECT epoch_us(traded_at) AS moment, moment - moment % 60000000 AS bar,
        trade_id, price, size, side, {'at': moment, 'id': trade_id, 'price': price} AS told
    FROM read_parquet($trades) WHERE traded_at >= $starts_at AND traded_at < $ends_at),
expected AS (
    SELECT bar, min(told).price AS open, max(price) AS high, min(price) AS low,
        max(told).price AS close, sum(size) AS volume,
        sum(CASE side WHEN 'buy' THEN size ELSE 0 END) AS buy_volume,
        count(trade_id) AS trades, min(trade_id) AS first_id, max(trade_id) AS last_id
    FROM tape GROUP BY bar)
SELECT coalesce(bar, epoch_us(opened_at))
FROM expected AS e FULL JOIN bars AS c ON e.bar = epoch_us(c.opened_at)
WHERE (e.open, e.high, e.low, e.close, e.volume, e.buy_volume, e.trades, e.first_id, e.last_id)
    IS DISTINCT FROM
    (c.open, c.high, c.low, c.close, c.volume, c.buy_volume, c.trades, c.first_id, c.last_id)
    OR c.quote_volume::DOUBLE
        NOT BETWEEN 0.999999 * c.low::DOUBLE * c.volume::DOUBLE - 1e-12
        AND 1.000001 * c.high::DOUBLE * c.volume::DOUBLE + 1e-12
ORDER BY 1 LIMIT 1"""


def compare_with_trades(
    parquet: Path, candles: Path, days: Iterable[MarketDay], small: int = SMALL
) -> Iterator[Offence]:
    """Days whose bars of one minute are not those of the trades' file, or that have none."""
    return offences(days, lambda day: compare_day(parquet, candles, day, small))


def compare_with_minutes(
    candles: Path, days: Iterable[MarketDay], size: BarSize
) -> Iterator[Offence]:
    """Days whose bars of `size` are not those of one minute, merged by the reference."""
    return offences(days, lambda day: compare_wide(candles, day, size))


def offences(
    days: Iterable[MarketDay], compare: Callable[[MarketDay], str | None]
) -> Iterator[Offence]:
    for day in days:
        try:
            reason = compare(day)
        except (CandleError, LakeError, BarTooLarge, OSError) as failure:
            reason = str(failure)
        if reason:
            yield Offence(day, reason)


def compare_day(parquet: Path, candles: Path, day: MarketDay, small: int) -> str | None:
    trades = lake.find_certificate(parquet, day)
    made = find_candle_certificate(candles, ONE, day)
    if trades is None:
        return "there are candles, and no file of trades" if made else None
    if made is None or is_stale(made, trades):
        return "the candles are not of these trades" if made else "there are no candles"
    source, place = lake.place_of(parquet, day), place_of_candles(candles, ONE, day)
    if source is None or place is None:
        return "its files went away while it was looked at"
    if trades.rows <= small:
        expected = fold(trades_of(source.path, source.group), ONE)
        return first_difference(expected, list(bars_of(place.path, place.group)))
    bars = read_candles(place.path, place.group)
    return compare_totals(bars, trades, made) or compare_by_sql(source, bars, day)


def first_difference(expected: Sequence[Candle], found: Sequence[Candle]) -> str | None:
    for one, other in zip_longest(expected, found):
        if one != other:
            return f"recomputed, a bar is {one}; the file has {other}"
    return None


def compare_totals(bars: Any, trades: Certificate, made: CandleCertificate) -> str | None:
    """Quote volumes against PostgreSQL's own sum, which rounds no product."""
    found = lake.sum_of(bars["quote_volume"])
    if trades.notional_sum is None:
        return None if found == made.quote_volume_sum else f"quote volumes sum up to {found}"
    if is_rounding(found, trades):
        return None
    return f"quote volumes sum up to {found}, not {trades.notional_sum}"


def compare_by_sql(source: Place, bars: Any, day: MarketDay) -> str | None:
    """`bars` is the Arrow table of candles; the trades are read where they lie, the day's alone."""
    with folding() as duck, our_errors(source.path):
        duck.register("bars", bars)
        bound = {
            "trades": escape(str(source.path)),
            "starts_at": day.starts_at,
            "ends_at": day.ends_at,
        }
        row = duck.execute(DIFFERENCES, bound).fetchone()
    return (
        f"the bar at {row[0]} (microseconds since 1970) is not that of its trades" if row else None
    )


def compare_wide(candles: Path, day: MarketDay, size: BarSize) -> str | None:
    narrow = find_candle_certificate(candles, ONE, day)
    wide = find_candle_certificate(candles, size, day)
    if narrow is None or wide is None:
        missing = ONE if narrow is None else size
        return None if narrow is wide else f"there are no bars of {missing}"
    if (narrow.trades, narrow.trades_checksum) != (wide.trades, wide.trades_checksum):
        return f"bars of {size} are of other trades than bars of {ONE}"
    minutes, found = (list(bars_at(candles, one, day)) for one in (ONE, size))
    return first_difference(widen(minutes, size), found)


def bars_at(candles: Path, size: BarSize, day: MarketDay) -> Iterable[Candle]:
    place = place_of_candles(candles, size, day)
    return () if place is None else bars_of(place.path, place.group)
