"""Readings that the exchange files share. Exact: digits are kept, times are cut, floats unknown.

Each reading raises one of FAULTS; a parser turns those into UnexpectedMessage with its frame.
"""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation, Overflow, Rounded, Subnormal
from functools import lru_cache
from typing import Annotated, TypeAlias

import msgspec
from msgspec import DecodeError, Meta, Raw, Struct

from alphapulse.trade import Micros, Source
from collectors.exchange import ExchangeError, UnexpectedMessage

FAULTS = (DecodeError, ArithmeticError, ValueError, KeyError, RecursionError)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
OLDEST: Micros = 1_230_768_000_000_000  # 2009-01-01: before it there was nothing to trade
NEWEST: Micros = 4_102_444_800_000_000  # 2100-01-01: beyond it somebody mixed up the units

Id: TypeAlias = Annotated[int, Meta(ge=0, lt=2**63 - 1)]  # with its successor, a bigint
Symbol: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Millis: TypeAlias = Annotated[int, Meta(ge=OLDEST // 1000, lt=NEWEST // 1000)]

# Far beyond any market, far within what PostgreSQL's numeric holds; a digit more is an error.
EXACT = Context(prec=60, Emin=-40, Emax=40, traps=[InvalidOperation, Overflow, Rounded, Subnormal])
create_exactly = EXACT.create_decimal

LIVE, SNAPSHOT, BACKFILL = Source.LIVE, Source.SNAPSHOT, Source.BACKFILL  # a member costs 0.1 us


def encode(message: object) -> str:
    return msgspec.json.encode(message).decode()


def text(raw: Raw) -> str:
    """A JSON number or plain string as it was written, without its quotes."""
    return str(raw, "ascii").strip('"')


def id_of(written: str) -> int:
    """A trade id that comes as text."""
    if written.isascii() and written.isdecimal():  # int() takes " 1_0" and other scripts' digits
        id = int(written)
        if id < 2**63 - 1:
            return id
    raise ValueError(f"{written[:80]!r} is no trade id")


@lru_cache(maxsize=65_536)  # prices and sizes come again and again; a hit costs a fifth
def quantity(digits: str) -> Decimal:
    """A price or size: finite and above zero, with the digits as written."""
    number = create_exactly(digits)
    if not number or digits[0] not in "0123456789":  # "-1", "NaN", "Infinity"
        raise ValueError(f"{digits[:80]!r} is no price or size")
    return number


def micros(written: str) -> Micros:
    """An RFC 3339 time with its offset; digits behind the microseconds are cut."""
    try:
        at = (datetime.fromisoformat(written) - EPOCH) // MICROSECOND
    except TypeError as naive:
        raise ValueError(f"time {written[:80]!r} has no offset") from naive
    if OLDEST <= at < NEWEST:
        return at
    raise ValueError(f"time {written[:80]!r} is out of range")


def micros_of_seconds(number: Raw) -> Micros:
    """Seconds since the epoch as written, such as `1762795433.9717445`; cut as above."""
    written = text(number)
    seconds, _, fraction = written.partition(".")
    if not (seconds + fraction).isdecimal():  # int() takes " 1_0"; a cut would hide an exponent
        raise ValueError(f"{written[:80]!r} is no time in seconds")
    at = int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    if OLDEST <= at < NEWEST:
        return at
    raise ValueError(f"time {written[:80]!r} is out of range")


class Complaint(Struct):
    """How a REST API says no, in the words of several exchanges."""

    message: str = ""
    msg: str = ""


def page_error(body: bytes, failure: Exception) -> ExchangeError:
    """What to raise for a page that is none: the exchange's own words where it speaks."""
    try:
        complaint = msgspec.json.decode(body, type=Complaint)
    except FAULTS:
        complaint = Complaint()
    words = complaint.message or complaint.msg
    return ExchangeError(words) if words else UnexpectedMessage(body, str(failure))
