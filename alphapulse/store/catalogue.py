"""What there is to read: the instance, its exchanges, its markets with their newest trades."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct

from alphapulse.store.connect import Store
from alphapulse.trade import Market

INSTANCE = "SELECT layout, simulated, now() FROM instance"
NAMES = "SELECT market_id, exchange, symbol FROM markets ORDER BY exchange, symbol"

SPELLED = """
jsonb_build_object(
    'id', t.trade_id::text, 'price', t.price::text, 'size', t.size::text,
    'side', CASE t.side WHEN 'b' THEN 'buy' ELSE 'sell' END,
    'time', to_char(t.traded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'received', to_char(t.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'source', CASE t.source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END)"""

# A day that left the store is still the market's; its trades are in its file.
MARKETS = f"""
SELECT m.market_id, m.exchange, m.symbol, m.first_seen_at, m.refused_at, m.refusal,
       m.counts_trades, newest.at, newest.told, gone.last_at,
       least(gone.first_day, (oldest.at AT TIME ZONE 'UTC')::date),
       greatest(gone.last_day, (newest.at AT TIME ZONE 'UTC')::date),
       coalesce(served.until > now() - interval '30 seconds', false)
FROM markets m
    LEFT JOIN LATERAL (
        SELECT t.traded_at AS at, {SPELLED} AS told FROM trades t
        WHERE t.market_id = m.market_id
        ORDER BY t.traded_at DESC, t.trade_id DESC LIMIT 1) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT traded_at AS at FROM trades
        WHERE market_id = m.market_id ORDER BY traded_at LIMIT 1) AS oldest ON true
    LEFT JOIN LATERAL (
        SELECT min(day) AS first_day, max(day) AS last_day, max(last_at) AS last_at
        FROM dropped_days WHERE market_id = m.market_id) AS gone ON true
    LEFT JOIN LATERAL (
        SELECT until FROM uptime
        WHERE market_id = m.market_id ORDER BY until DESC LIMIT 1) AS served ON true
WHERE %(market_id)s::integer IS NULL OR m.market_id = %(market_id)s
ORDER BY m.exchange, m.symbol"""  # noqa: S608  # our own words

DAY_BEFORE = """
SELECT count(*), max(price)::text, min(price)::text, sum(size)::text, sum(price * size)::text,
       (SELECT price FROM trades WHERE market_id = %(market_id)s AND traded_at > %(since)s
        ORDER BY traded_at, trade_id LIMIT 1)::text
FROM trades WHERE market_id = %(market_id)s AND traded_at > %(since)s"""


class Instance(Struct, frozen=True):
    """How the database is, and what its clock says."""

    layout: str
    simulated: bool
    now: datetime


class Known(Struct, frozen=True):
    """A market with what is known of it; `newest` is a trade as the API tells it.

    `gone_at`: when the last trade was that left the store with its day. `is_served`: a connection
    served it within the last half minute.
    """

    market_id: int
    market: Market
    first_seen: datetime
    refused_at: datetime | None
    refusal: str | None
    counts_trades: bool
    newest_at: datetime | None
    newest: dict[str, Any] | None
    gone_at: datetime | None
    first_day: date | None
    last_day: date | None
    is_served: bool

    @property
    def last_at(self) -> datetime | None:
        return max((at for at in (self.newest_at, self.gone_at) if at), default=None)


class Past(Struct, frozen=True):
    """The trades since some instant, as text but for their number."""

    trades: int
    high: str | None
    low: str | None
    volume: str | None
    quote_volume: str | None
    open: str | None


def read_instance(store: Store) -> Instance:
    row = store.execute(INSTANCE).fetchone()
    assert row, "migrations make the row of instance"
    return Instance(*row)


def read_names(store: Store) -> dict[Market, int]:
    """Every market with its id."""
    rows = store.execute(NAMES).fetchall()
    return {Market(exchange, symbol): id for id, exchange, symbol in rows}


def read_known(store: Store, market_id: int | None = None) -> list[Known]:
    """What is known of every market, or of one."""
    rows = store.execute(MARKETS, {"market_id": market_id}).fetchall()
    return [Known(id, Market(exchange, symbol), *rest) for id, exchange, symbol, *rest in rows]


def read_past(store: Store, market_id: int, since: datetime) -> Past:
    """Of trades later than `since` that are in the store."""
    row = store.execute(DAY_BEFORE, {"market_id": market_id, "since": since}).fetchone()
    assert row, "an aggregate gives a row"
    return Past(*row)
