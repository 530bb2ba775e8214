"""How many rows the store has of market-days, from which id to which, as their exports saw them."""

from collections.abc import Iterable
from itertools import groupby

from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market

# A row of a transaction that the export did not see came late. Where there was no export, none is.
SPANS = """
WITH days AS MATERIALIZED (
    SELECT m.market_id, m.exchange, m.symbol, c.snapshot,
           pg_snapshot_xmin(c.snapshot)::text::bigint AS since
    FROM unnest(%(exchanges)s::text[], %(symbols)s::text[]) AS asked (exchange, symbol)
        JOIN markets m USING (exchange, symbol)
        LEFT JOIN coverage c ON c.market_id = m.market_id AND c.day = %(day)s)
SELECT exchange, symbol, rows.* FROM days, LATERAL (
    SELECT count(*) FILTER (WHERE NOT late), min(trade_id) FILTER (WHERE NOT late),
           max(trade_id) FILTER (WHERE NOT late), count(*) FILTER (WHERE late)
    FROM (
        SELECT trade_id, coalesce(
            tx >= since AND NOT pg_visible_in_snapshot(tx::text::xid8, snapshot), false) AS late
        FROM trades
        WHERE market_id = days.market_id AND traded_at >= %(starts_at)s AND traded_at < %(ends_at)s
    ) AS day) AS rows"""


class Span(Struct, frozen=True):
    """A market-day's rows that its export saw; `late`: how many came since."""

    rows: int = 0
    first_id: int | None = None
    last_id: int | None = None
    late: int = 0


def spans_of(store: Store, days: Iterable[MarketDay]) -> dict[MarketDay, Span]:
    """Reads every row of `days`, one date after the other; a market that is unknown is left out."""
    found: dict[MarketDay, Span] = {}
    for date, group in groupby(sorted(days), key=lambda day: day.date):
        of_date = list(group)
        values = {
            "day": date,
            "exchanges": [day.market.exchange for day in of_date],
            "symbols": [day.market.symbol for day in of_date],
            "starts_at": of_date[0].starts_at,
            "ends_at": of_date[0].ends_at,
        }
        for exchange, symbol, *numbers in store.execute(SPANS, values).fetchall():
            found[MarketDay(date, Market(exchange, symbol))] = Span(*numbers)
    return found
