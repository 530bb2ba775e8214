"""Trades put into the archive's Parquet files as a test spells them; no database is needed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from hashlib import md5
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse import lake
from alphapulse.candles import BarSize, Candle
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import bars_of, path_of_candles
from alphapulse.trade import Market, Micros, Side, Trade
from tests.stored import BTC, DAY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
DAY_MICROS = 86_400_000_000


def micros_of(day: date) -> Micros:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH) // MICRO


def trade(
    id: int, at: Micros, price: str = "1.5", size: str = "2", side: Side = Side.BUY,
    market: Market = BTC, day: date = DAY,
) -> Trade:  # fmt: skip
    """`at` counts microseconds from midnight of `day`."""
    moment = micros_of(day) + at
    return Trade(
        market.exchange, market.symbol, id, Decimal(price), Decimal(size), side, moment, moment
    )


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def certify(trades: Sequence[Trade]) -> Certificate:
    """What the export would certify of these trades, which all belong to one market-day."""
    lines = (f"{t.id}|{t.traded_at}|{plain(t.price)}|{plain(t.size)}|{t.side}" for t in trades)
    with localcontext(prec=200):
        price_sum = sum((t.price for t in trades), Decimal(0))
        size_sum = sum((t.size for t in trades), Decimal(0))
        notional_sum = sum((t.price * t.size for t in trades), Decimal(0))
        sums = [plain(number) for number in (price_sum, size_sum, notional_sum)]
    return Certificate(
        exchange=trades[0].exchange,
        symbol=trades[0].symbol,
        date=(EPOCH + trades[0].traded_at * MICRO).date(),
        rows=len(trades),
        first_id=min(t.id for t in trades),
        last_id=max(t.id for t in trades),
        price_sum=sums[0],
        size_sum=sums[1],
        simulated=False,
        day_closed=True,
        exported_at=datetime(2024, 8, 9, 0, 10, tzinfo=UTC),
        certificate_version=2,
        notional_sum=sums[2],
        checksum=str(sum(int(md5(line.encode()).hexdigest()[:15], 16) for line in lines)),
    )


def archive_trades(parquet: Path, trades: Iterable[Trade], **words: Any) -> MarketDay:
    """Write their market-day's file; `words` of its certificate may differ from the truth."""
    ordered = sorted(trades, key=lambda t: (t.traded_at, t.id))
    certificate = replace(certify(ordered), **words)
    path = lake.path_of(parquet, certificate.day)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "exchange": t.exchange,
            "symbol": t.symbol,
            "trade_id": t.id,
            "traded_at": EPOCH + t.traded_at * MICRO,
            "price": t.price,
            "size": t.size,
            "side": t.side,
            "received_at": EPOCH + t.received_at * MICRO,
            "source": t.source,
        }
        for t in ordered
    ]
    table = pa.Table.from_pylist(rows, schema=lake.SCHEMA)
    pq.write_table(table.replace_schema_metadata(certificate.metadata()), path)
    return certificate.day


def archived_bars(candles: Path, size: BarSize, day: MarketDay) -> list[Candle]:
    return list(bars_of(path_of_candles(candles, size, day)))


PRICES = st.decimals("0.000000000000000001", "99999", places=18) | st.sampled_from(
    [Decimal(text) for text in ("61837.63", "61837.64", "0.00001234", "1")]
)
# Few moments, so that several trades share one: then their ids decide.
MOMENTS = st.integers(0, DAY_MICROS - 1) | st.integers(0, 3).map(lambda n: n * 20_000_000)


@st.composite
def tapes(draw: st.DrawFn) -> list[Trade]:
    """Any trades of one market-day, in any order, each id once."""
    ids = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30, unique=True))
    return [
        Trade(
            BTC.exchange, BTC.symbol, id, draw(PRICES), draw(PRICES),
            draw(st.sampled_from(Side)), moment := micros_of(DAY) + draw(MOMENTS), moment,
        )
        for id in ids
    ]  # fmt: skip
