"""What a NOTIFY on channel `trades` carries: the decoder. The encoder is in sql/, tested together.

    TX|SEQ,MARKET_ID,TRADE_ID,TRADED_AT,DELAY,SIDE+SOURCE,PRICE,SIZE;…     rows of transaction TX
    TX|SEQ,MARKET_ID,TRADE_ID;…        rows too wide to carry: read them
    TX|                                read this transaction's rows
    @MARK                              a listener's own mark

TRADED_AT is in microseconds since the epoch, DELAY is received minus traded, in microseconds.
A payload is pure ASCII and stays under 8000 bytes.
"""

from typing import TypeAlias

from msgspec import Struct

from alphapulse.trade import Micros, Side, Source

CHANNEL = "trades"

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


Notice: TypeAlias = Rows | Doorbell | Mark


def decode(payload: str) -> Notice:
    """Read one payload; raises NoticeError, never anything else."""
    if payload.startswith("@"):
        return Mark(payload[1:])
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
