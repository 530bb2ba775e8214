"""What a file of candles says of itself, so that its footer alone tells whether it is stale. Pure.

It repeats what the trades' file certifies (`alphapulse.certificate`): how many trades, their ids,
the exact sum of their sizes, and their checksum. docs/archive.md lists the keys.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, localcontext

import msgspec
from msgspec import Struct

from alphapulse.candles import BarSize
from alphapulse.certificate import PREFIX, Certificate
from alphapulse.day import MarketDay
from alphapulse.trade import Market

CANDLES_VERSION = 1


class CandleCertificate(Struct, frozen=True):
    """`bars` is the number of rows. From `trades` to `day_closed` it is the trades' file's word;
    its checksum is None where that file is of certificate version 1, which has none.

    Sums are decimal text. `candles_version` tells columns and arithmetic: another one is stale.
    """

    exchange: str
    symbol: str
    date: date
    size: BarSize
    bars: int
    trades: int
    first_id: int
    last_id: int
    volume_sum: str
    quote_volume_sum: str
    trades_checksum: str | None
    trades_exported_at: datetime
    simulated: bool
    day_closed: bool
    made_at: datetime
    candles_version: int = CANDLES_VERSION

    @property
    def day(self) -> MarketDay:
        return MarketDay(self.date, Market(self.exchange, self.symbol))

    def metadata(self) -> dict[str, str]:
        """The key-value pairs of the Parquet file."""
        plain = msgspec.to_builtins(self, str_keys=True)
        return {
            PREFIX + name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in plain.items()
            if value is not None or name == "trades_checksum"
        }


def read_candle_pairs(pairs: dict[bytes, bytes]) -> CandleCertificate:
    """The inverse of `metadata`; raises msgspec.ValidationError or UnicodeDecodeError."""
    words: dict[str, str | None] = {
        key.decode().removeprefix(PREFIX): value.decode()
        for key, value in pairs.items()
        if key.startswith(PREFIX.encode())
    }
    if words.get("trades_checksum") == "null":
        words["trades_checksum"] = None
    return msgspec.convert(words, CandleCertificate, strict=False)


def is_stale(candles: CandleCertificate | None, trades: Certificate) -> bool:
    """Whether the candles, or their absence, do not follow from the trades' file as it is now."""
    return candles is None or facts_of(candles) != facts_of(trades)


REPEATED = {
    "exchange": "exchange", "symbol": "symbol", "date": "date", "simulated": "simulated",
    "day_closed": "day_closed", "trades": "rows", "trades_checksum": "checksum",
}  # fmt: skip


def surely_follow(candles: Mapping[str, str], trades: Mapping[str, str]) -> bool:
    """Whether the candles are not stale, from both files' metadata as text.

    Much quicker than `is_stale`; where it is False, that one knows.
    """
    return candles.get(f"{PREFIX}candles_version") == str(CANDLES_VERSION) and all(
        PREFIX + repeated in trades and candles.get(PREFIX + name) == trades[PREFIX + repeated]
        for name, repeated in REPEATED.items()
    )


def is_rounding(quote_volume_sum: str, trades: Certificate) -> bool:
    """Whether this sum is that of price x size, but for 0.5e-18 by which each trade is rounded.

    True where the trades' file, of certificate version 1, does not say.
    """
    if trades.notional_sum is None:
        return True
    with localcontext(prec=200):
        difference = Decimal(quote_volume_sum) - Decimal(trades.notional_sum)
        return abs(difference) <= trades.rows * Decimal("5e-19")


def facts_of(words: CandleCertificate | Certificate) -> tuple[object, ...]:
    """What must be the same in both files."""
    if isinstance(words, CandleCertificate):
        made = (words.candles_version, words.trades, words.trades_checksum)
        exported_at = words.trades_exported_at
    else:
        made = (CANDLES_VERSION, words.rows, words.checksum)
        exported_at = words.exported_at
    told = made[2] or exported_at  # an export that found the same rows changes no candle
    return (*made, told, words.day, words.simulated, words.day_closed)
