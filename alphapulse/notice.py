"""What a NOTIFY carries: the decoder. The encoders are in sql/, tested together.

On channel `trades`:
    TX|SEQ,MARKET_ID,TRADE_ID,TRADED_AT,DELAY,SIDE+SOURCE,PRICE,SIZE;…     rows of transaction TX
    TX|SEQ,MARKET_ID,TRADE_ID;…        rows too wide to carry: read them
    TX|                                read this transaction's rows
    @MARK                              a listener's own mark

TRADED_AT is in microseconds since the epoch, DELAY is received minus traded, in microseconds.

On channel `gaps`, for each row of the table of that name that changes its state:
    {"gap_id":1,"market_id":3,"state":"suspected","after_id":10,"before_id":20,"after_at":MICROS,
     "before_at":MICROS,"cause":"disconnect","filled":0,"absent":0}

A payload stays under 8000 bytes; one of trades is pure ASCII. Both channels are one queue: what
committed first is heard first.
"""

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from alphapulse.trade import Micros, Side, Source

CHANNEL = "trades"
GAP_CHANNEL = "gaps"

SIDES = {"b": Side.BUY, "s": Side.SELL}
SOURCES = {"l": Source.LIVE, "s": Source.SNAPSHOT, "b": Source.BACKFILL}


class NoticeError(ValueError):
    """A payload that the encoder never makes; somebody else notifies on our channel."""


class Row(Struct, frozen=True, gc=False):
    """A stored trade as announced; price and size keep the database's exact text."""

    seq: int
    market_id: int
    trade_id: int
    traded_at: Micros
    received_at: Micros
    side: Side
    source: Source
    price: str
    size: str


class Rows(Struct, frozen=True):
    """New rows of transaction `tx`, in order of `seq`."""

    tx: int
    rows: tuple[Row, ...]


class Doorbell(Struct, frozen=True):
    """Transaction `tx` stored rows that the notice does not carry: read those with these `seqs`
    from the store, or, where it names none, every row of the transaction.
    """

    tx: int
    seqs: tuple[int, ...] = ()


class Mark(Struct, frozen=True):
    """A listener's own words, come back to it behind everything that had committed before."""

    text: str


class GapState(StrEnum):
    """Where a gap stands. DISMISSED: its row is gone; it proved empty, or another took it in."""

    SUSPECTED = "suspected"
    REPAIRING = "repairing"
    REPAIRED = "repaired"
    ABSENT = "absent"
    UNRECOVERABLE = "unrecoverable"
    DISMISSED = "dismissed"

    @property
    def is_open(self) -> bool:
        return self in (GapState.SUSPECTED, GapState.REPAIRING)


Key: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Long: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class GapNotice(Struct, frozen=True):
    """A gap as its row now is. Missing may be the ids between `after_id` and `before_id` (None:
    all behind); of these `filled` were stored since, and `absent` are unknown to the exchange too.
    """

    gap_id: Key
    market_id: Key
    state: GapState
    after_id: Long
    before_id: Long | None
    after_at: Long
    before_at: Long | None
    cause: Annotated[str, Meta(max_length=2_000)]
    filled: Count = 0
    absent: Count = 0


Notice: TypeAlias = Rows | Doorbell | Mark | GapNotice

gap_decoder = msgspec.json.Decoder(GapNotice)


def decode(payload: str) -> Notice:
    """Read one payload; raises NoticeError, never anything else."""
    if payload.startswith("@"):
        return Mark(payload[1:])
    if payload.startswith("{"):
        return decode_gap(payload)
    if not payload.isascii() or not payload.isprintable() or '"' in payload or "\\" in payload:
        raise NoticeError(f"not a notice of trades: {payload[:80]!r} (it would break a JSON text)")
    try:
        tx, _, body = payload.partition("|")
        lines = [line.split(",") for line in body.split(";")] if body else []
        if any(len(line) == 3 for line in lines) or not lines:
            return Doorbell(int(tx), tuple(int(line[0]) for line in lines))
        return Rows(int(tx), tuple(read_row(line) for line in lines))
    except (ValueError, KeyError) as failure:
        raise NoticeError(f"not a notice of trades: {payload[:80]!r} ({failure})") from failure


def decode_gap(payload: str) -> GapNotice:
    """Words that are not known here are passed over: the database may be newer than its reader."""
    try:
        return gap_decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as failure:
        raise NoticeError(f"not a notice of a gap: {payload[:80]!r} ({failure})") from failure


def read_row(line: list[str]) -> Row:
    seq, market_id, trade_id, traded_at, delay, marks, price, size = line
    at = int(traded_at)
    return Row(
        int(seq),
        int(market_id),
        int(trade_id),
        at,
        at + int(delay),
        SIDES[marks[:1]],
        SOURCES[marks[1:]],
        price,
        size,
    )


def mark(text: str) -> str:
    return f"@{text}"
