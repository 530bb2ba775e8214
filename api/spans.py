"""What a query asks for: its market, its stretch of time and its place in it. Pure."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from alphapulse.spelling import BadTime, UnknownMarket, find_known, full_time, read_instant
from alphapulse.trade import Market
from api.problems import Problem, bad_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
LONGEST_RANGE = timedelta(days=3_660)
SECONDS = re.compile(r"\d{9,11}(\.\d{1,6})?")
AWARE = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d))?")

T = TypeVar("T")


class Place(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a walk stands: a trade's time in microseconds and its id, and the walk's own end."""

    asked: str
    end: int
    at: int
    id: int


class Row(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a walk through numbered rows stands."""

    asked: str
    id: int


def read_market(text: str, known: Collection[Market]) -> Market:
    """The market in any of its spellings; raises Problem."""
    try:
        return find_known(text, sorted(known))
    except UnknownMarket as failure:
        hint = "GET /v1/markets lists every market that is stored"
        raise Problem(404, "market", str(failure), hint) from failure


def read_moment(name: str, text: str) -> datetime:
    """RFC 3339 with an offset, a date, or seconds since 1970; raises Problem."""
    try:
        if SECONDS.fullmatch(text):
            whole, _, rest = text.partition(".")
            at = EPOCH + timedelta(seconds=int(whole), microseconds=int((rest + "000000")[:6]))
            return read_instant(at)
        if AWARE.fullmatch(text):
            return read_instant(text.upper())
    except (BadTime, OverflowError, ValueError) as failure:
        raise bad_time(f"{name}: {failure}") from failure
    raise bad_time(f"{name}: {text[:40]!r} is no time with an offset")


def check_range(start: datetime, end: datetime, longest: timedelta = LONGEST_RANGE) -> None:
    if end < start:
        raise Problem(
            422, "range", f"end {full_time(end)} is before start {full_time(start)}",
            "a range is [start, end): start belongs to it, end does not",
        )  # fmt: skip
    if end - start > longest:
        raise Problem(
            422, "range", f"the range is longer than {longest.days:,} days",
            "ask for it in pieces, or download whole days from /v1/datasets",
        )  # fmt: skip


def micros(at: datetime) -> int:
    return (at - EPOCH) // MICRO


def moment(at: int) -> datetime:
    return EPOCH + MICRO * at


def fingerprint(*asked: Any) -> str:
    """Tells one question from another, so that no cursor goes on with another question."""
    return sha256(msgspec.json.encode([str(one) for one in asked])).hexdigest()[:12]


def write_cursor(place: Place | Row) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def read_cursor(text: str, kind: type[T], asked: str) -> T:
    """A cursor that this API gave for the same question; raises Problem."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        place = msgspec.msgpack.decode(raw, type=kind)
        is_ours = write_cursor(place) == text and places(place)  # type: ignore[arg-type]
    except (ValueError, UnicodeError, msgspec.MsgspecError):
        is_ours = False
    if not is_ours:
        raise Problem(
            422, "cursor", f"cursor {text[:40]!r} is none of this API's",
            "give next_cursor of the answer before, unchanged; or leave it out to begin again",
        )  # fmt: skip
    if place.asked != asked:  # type: ignore[attr-defined]
        raise Problem(
            422, "cursor", "this cursor belongs to another question",
            "repeat market, start, end, order and filters as they were; or leave the cursor out",
        )  # fmt: skip
    return place


def places(place: Place | Row) -> bool:
    """Whether its numbers can be where they say."""
    times = (place.end, place.at) if isinstance(place, Place) else ()
    return all(0 <= at < 4_200_000_000_000_000 for at in times) and abs(place.id) < 2**63
