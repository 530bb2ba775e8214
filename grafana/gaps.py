"""Holes in markets' trades: found, repaired, or still open."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.parts import bars, exchanges, figure, page, rows

OPEN = "FROM market_gaps WHERE closed_at IS NULL AND exchange IN ($exchange)"
CLOSED = "FROM market_gaps WHERE $__timeFilter(closed_at) AND exchange IN ($exchange)"

COUNT = f"SELECT count(*) AS value {OPEN}"
OLDEST = f"""
SELECT coalesce(extract(epoch FROM now() - min(found_at)), 0)::float8 AS value {OPEN}"""
FILLED = f"SELECT coalesce(sum(filled), 0) AS value {CLOSED}"
LOST = f"SELECT count(*) AS value {CLOSED} AND state = 'unrecoverable'"

FOUND = """
SELECT $__timeGroupAlias(found_at,$__interval), cause AS metric, count(*) AS value
FROM market_gaps WHERE $__timeFilter(found_at) AND exchange IN ($exchange)
GROUP BY 1, 2 ORDER BY 1, 2"""

ENDED = f"""
SELECT $__timeGroupAlias(closed_at,$__interval), state AS metric, count(*) AS value
{CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2"""

LIST = f"""
SELECT gap_id, exchange, symbol, state, cause, after_at, before_at,
       before_id - after_id - 1 AS "ids", attempts, filled, found_at, tried_at, note
{OPEN}
ORDER BY found_at LIMIT 500"""

LAST = f"""
SELECT gap_id, exchange, symbol, state, cause, filled, absent, found_at, closed_at,
       extract(epoch FROM closed_at - found_at)::float8 AS "seconds open", note
{CLOSED}
ORDER BY closed_at DESC LIMIT 500"""


def make() -> Dashboard:
    return page(
        "gaps",
        "AlphaPulse: gaps",
        "Where trades may be missing, why, and what became of it.",
        [
            [
                (figure("Open", "Gaps that wait for repair.", "none", COUNT, bad_from=1), 4),
                (figure("Oldest open", "Since it was found.", "s", OLDEST, bad_from=900), 4),
                (figure("Trades filled in", "By gaps that closed in this span.", "short",
                        FILLED), 4),
                (figure("Not to be had", "Closed as unrecoverable.", "none", LOST, bad_from=1), 4),
            ],
            [
                (bars("Found", "By cause.", "short", FOUND), 8),
                (bars("Closed", "By how it ended.", "short", ENDED), 8),
            ],
            [(rows("Open now", "The oldest first.", LIST), 9)],
            [(rows("Closed in this span", "The newest first.", LAST), 9)],
        ],
        [exchanges()],
        since="now-24h",
    )  # fmt: skip
