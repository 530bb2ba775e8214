"""When a connection was alive and served a market, as intervals that grow."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import psycopg
from msgspec import Struct

from alphapulse.store.connect import Store, StoreUnavailable, connect

EXTEND = """
INSERT INTO uptime AS u (market_id, since, until)
SELECT market_id, %(since)s, greatest(%(since)s, %(until)s) FROM markets
WHERE exchange = %(exchange)s AND symbol = ANY(%(symbols)s)
ORDER BY market_id
ON CONFLICT (market_id, since) DO UPDATE SET until = greatest(u.until, excluded.until)"""

COUNT = """
UPDATE markets SET counts_trades = %s
WHERE exchange = %s AND symbol = ANY(%s) AND counts_trades <> %s"""


HEARD = """
SELECT m.exchange, max(u.until) FROM markets m JOIN LATERAL (
    SELECT until FROM uptime WHERE market_id = m.market_id ORDER BY until DESC LIMIT 1
) AS u ON true
GROUP BY m.exchange"""


class Served(Struct, frozen=True):
    """These markets were served from `since` to `until`; what begins alike is one interval."""

    symbols: Sequence[str]
    since: datetime
    until: datetime


def tell_uptime(
    url: str, program: str, exchange: str, counts: bool, served: Iterable[Served]
) -> None:
    """Write it down by a connection of its own; `counts`: ids of these markets are consecutive.

    Raises StoreUnavailable, whatever is wrong: tell it again later.
    """
    try:
        with connect(url, program) as store:
            for one in served:
                extend_uptime(store, exchange, one)
                count_trades(store, exchange, one.symbols, counts)
    except psycopg.Error as failure:
        raise StoreUnavailable(f"uptime is not written down: {failure}") from failure


def extend_uptime(store: Store, exchange: str, served: Served) -> None:
    values = {
        "exchange": exchange,
        "symbols": list(served.symbols),
        "since": served.since,
        "until": served.until,
    }
    store.execute(EXTEND, values)


def count_trades(store: Store, exchange: str, symbols: Sequence[str], counts: bool) -> None:
    store.execute(COUNT, [counts, exchange, list(symbols), counts])


def heard(store: Store) -> dict[str, datetime]:
    """Exchange -> up to when a connection was alive that served any of its markets."""
    return dict(store.execute(HEARD).fetchall())
