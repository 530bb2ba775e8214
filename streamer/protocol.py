"""Every frame that the server sends, as the bytes of a WebSocket frame. Pure.

What the words mean: docs/stream-protocol.md.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from alphapulse.cursor import Cursor
from alphapulse.notice import GapNotice, GapState, Row
from alphapulse.trade import Market, Micros

PROTOCOL = 1
HEARTBEAT = 1.0  # seconds without another frame after which a client gets a heartbeat

FIRST_SECOND = -62_135_596_800  # 0001-01-01
LAST_SECOND = 253_402_300_799  # 9999-12-31

GOING_AWAY, POLICY, TRY_LATER = 1001, 1008, 1013  # RFC 6455 7.4.1 and the IANA registry
LONGEST_REASON = 123  # bytes of a close frame's reason


def text_frame(payload: bytes) -> bytes:
    """One unfragmented, unmasked text frame, as servers send them (RFC 6455 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def frame(type: str, **words: Any) -> bytes:
    return text_frame(msgspec.json.encode({"type": type} | words))


@lru_cache(maxsize=4096)
def second_text(second: int) -> str:
    """`2026-01-31T12:00:00`; beyond the years 1 to 9999, which no trade has, the nearest one."""
    within = min(max(second, FIRST_SECOND), LAST_SECOND)
    return datetime.fromtimestamp(within, UTC).isoformat()[:19]


def instant(at: Micros) -> str:
    """RFC 3339 in UTC with six digits: `2026-01-31T12:00:00.000001Z`."""
    second, micros = divmod(at, 1_000_000)
    return f"{second_text(second)}.{micros:06d}Z"


def name_of(market: Market) -> dict[str, str]:
    return {"exchange": market.exchange, "symbol": market.symbol}


def trade_head(market: Market, *, simulated: bool) -> str:
    """What all trade frames of a market share, once made and escaped."""
    words = name_of(market) | ({"simulated": True} if simulated else {})
    return msgspec.json.encode(words).decode()[1:-1]


def trade_frame(cursor: str, head: str, row: Row, *, replayed: bool = False) -> bytes:
    """A trade; `cursor` is its own place. Only the head needs escaping: the rest is digits.

    Added up rather than formatted: formatting an enum member costs more than all the rest.
    """
    words = (
        f'{{"type":"trade","cursor":"{cursor}",{head},"id":"{row.trade_id}","price":"{row.price}"'
        f',"size":"{row.size}","time":"{instant(row.traded_at)}"'
        f',"received":"{instant(row.received_at)}","side":"'
    )
    tail = '","replayed":true}' if replayed else '"}'
    return text_frame((words + row.side + '","source":"' + row.source + tail).encode())


def gap_frame(head: str, gap: GapNotice) -> bytes:
    """`repaired` where nothing is missing now, or ever was; `gap` in every other state."""
    closed_well = gap.state in (GapState.REPAIRED, GapState.DISMISSED)
    words = {
        "state": gap.state,
        "after_id": str(gap.after_id),
        "before_id": None if gap.before_id is None else str(gap.before_id),
        "after": instant(gap.after_at),
        "before": None if gap.before_at is None else instant(gap.before_at),
        "cause": gap.cause,
        "filled": gap.filled,
        "absent": gap.absent,
    }
    type = "repaired" if closed_well else "gap"
    opening = f'{{"type":"{type}","gap_id":{gap.gap_id},{head},'
    return text_frame(opening.encode() + msgspec.json.encode(words)[1:])


def more_gaps(told: int) -> bytes:
    """The list of open gaps was cut off."""
    return frame("gaps", told=told, more=True)


def hello(
    version: str,
    markets: Iterable[Market],
    cursor: Cursor | None,
    state: str,
    *,
    simulated: bool | None,
) -> bytes:
    """`simulated` and `cursor` are null while the database was never reached."""
    return frame(
        "hello",
        protocol=PROTOCOL,
        server=f"alphapulse {version}",
        simulated=simulated,
        state=state,
        markets=[name_of(market) for market in markets],
        cursor=None if cursor is None else str(cursor),
        heartbeat_seconds=HEARTBEAT,
    )


def subscribed(
    markets: Iterable[Market], cursor: Cursor, *, recovered: bool, reason: str = ""
) -> bytes:
    return frame(
        "subscribed",
        markets=[name_of(market) for market in markets],
        recovered=recovered,
        cursor=str(cursor),
        **({"reason": reason} if reason else {}),
    )


def live(cursor: Cursor) -> bytes:
    return frame("live", cursor=str(cursor))


def heartbeat(at: Micros, state: str, cursor: Cursor | None) -> bytes:
    words = {} if cursor is None else {"cursor": str(cursor)}
    return frame("heartbeat", time=instant(at), state=state, **words)


def status(at: Micros, state: str, **words: Any) -> bytes:
    return frame("status", state=state, time=instant(at), **words)


def error(code: str, message: str, **words: Any) -> bytes:
    return frame("error", code=code, message=message, **words)


def unknown_market(wanted: str, similar: Sequence[str]) -> bytes:
    hint = f"; similar ones: {', '.join(similar)}" if similar else ""
    return error(
        "unknown_market",
        f"no market {wanted!r} is stored (yet){hint}. Should it appear, you will get its trades.",
        market=wanted,
        similar=list(similar),
    )
