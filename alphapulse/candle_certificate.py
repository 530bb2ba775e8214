"""What a file of candles says of itself, so that its footer alone tells whether it is stale. Pure.

It repeats what the trades' file certifies (`alphapulse.certificate`): how many trades, their ids,
the exact sum of their sizes, and their checksum. docs/archive.md lists the keys.
"""

from datetime import date, datetime

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
