"""What a Parquet file certifies of itself, and how its checksum is made. Pure.

The checksum is the sum, over all rows, of the first 15 hex digits of the md5 of the text
`trade_id|traded_at|price|size|side`: microseconds since the epoch, plain numbers without trailing
zeros. The order of the rows does not matter. docs/archive.md says it in SQL and Python.
"""

from datetime import date, datetime

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from alphapulse.coverage import Coverage
from alphapulse.day import MarketDay
from alphapulse.trade import Market

SCHEMA_VERSION = 1
CERTIFICATE_VERSION = 2
PREFIX = "alphapulse."


class Certificate(Struct, frozen=True):
    """What a file says of itself: the store's own counts and exact sums when it was written.

    `exported_at` is the instant of the store's snapshot; `day_closed` is false when the day was not
    yet over then, so that the file is only its beginning. Sums and the checksum are decimal text;
    `notional_sum` is that of price x size. Version 1 ends with `schema_version`; what coverage
    could not say is None, and then not in the file.
    """

    exchange: str
    symbol: str
    date: date
    rows: int
    first_id: int
    last_id: int
    price_sum: str
    size_sum: str
    simulated: bool
    day_closed: bool
    exported_at: datetime
    schema_version: int = SCHEMA_VERSION
    certificate_version: int = 1
    notional_sum: str | None = None
    checksum: str | None = None
    verdict: str | None = None
    reason: str | None = None
    expected: int | None = None
    repaired: int | None = None
    absent: int | None = None
    missing: int | None = None
    unexplained: int | None = None
    observed: float | None = None

    @property
    def day(self) -> MarketDay:
        return MarketDay(self.date, Market(self.exchange, self.symbol))

    def metadata(self) -> dict[str, str]:
        """The key-value pairs of the Parquet file."""
        plain = msgspec.to_builtins(self, str_keys=True)
        return {
            PREFIX + name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in plain.items()
            if value is not None
        }


def read_pairs(pairs: dict[bytes, bytes]) -> Certificate:
    """The inverse of `metadata`; raises msgspec.ValidationError or UnicodeDecodeError."""
    words = {
        key.decode().removeprefix(PREFIX): value.decode()
        for key, value in pairs.items()
        if key.startswith(PREFIX.encode())
    }
    return msgspec.convert(words, Certificate, strict=False)


def with_coverage(certificate: Certificate, found: Coverage) -> Certificate:
    judged = {name: value for name, value in asdict(found).items() if name in JUDGED}
    return msgspec.structs.replace(certificate, **judged | {"verdict": found.verdict.value})


JUDGED = {
    "verdict", "reason", "expected", "repaired", "absent", "missing", "unexplained", "observed",
}  # fmt: skip
