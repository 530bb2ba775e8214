"""A file's digest: as its checksum, but of every column.

Before rows leave the store they are compared with the file by it: `store.retention` makes the same.
"""

from glob import escape
from pathlib import Path

from duckdb import DuckDBPyConnection

# Prices and sizes repeat, and to spell a decimal costs more than all the rest: once for each.
DIGEST = """
WITH rows AS (FROM read_parquet($path, hive_partitioning = false)),
    prices AS MATERIALIZED (
        SELECT price, rtrim(rtrim(price::VARCHAR, '0'), '.') AS spelled
        FROM (SELECT DISTINCT price FROM rows)),
    sizes AS MATERIALIZED (
        SELECT size, rtrim(rtrim(size::VARCHAR, '0'), '.') AS spelled
        FROM (SELECT DISTINCT size FROM rows))
SELECT sum(('0x' || left(md5(concat_ws('|', exchange, symbol,
    trade_id, epoch_us(traded_at), prices.spelled, sizes.spelled, side,
    epoch_us(received_at), source)), 15))::BIGINT)::VARCHAR
FROM rows JOIN prices USING (price) JOIN sizes USING (size)"""


def digest_of(duck: DuckDBPyConnection, path: Path) -> str | None:
    """Of every column; None for a file without rows. Raises duckdb.Error."""
    (found,) = duck.execute(DIGEST, {"path": escape(str(path))}).fetchone() or (None,)
    return None if found is None else str(found)
