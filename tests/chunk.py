"""The first row of a day, where that matters.

TimescaleDB locks out other writers while the first row of a day is not committed. Tests that leave
transactions open find the chunk of their day there; native partitions need no such thing.
"""

from alphapulse.store.connect import connect

MAKE = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
SELECT '2026-01-31 12:00Z', '2026-01-31 12:00Z', 0, 0, 'b', 1, 1
FROM instance WHERE layout = 'hypertable'"""


def make_first_chunk(url: str) -> str:
    """The database of `url` with a chunk for 2026-01-31 and still without rows; gives `url`."""
    with connect(url, "test") as store:
        for statement in (MAKE, "DELETE FROM trades", "SELECT setval('trades_seq', 1, false)"):
            store.execute(statement.encode())
    return url
