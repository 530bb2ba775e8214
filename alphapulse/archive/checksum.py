"""A file's checksum by DuckDB: from the file alone, by other code than the store's."""

from glob import escape
from pathlib import Path

from duckdb import DuckDBPyConnection

# Prices and sizes repeat, and to spell a decimal costs more than all the rest: once for each.
CHECKSUM = """
WITH rows AS (FROM read_parquet($path)),
    prices AS MATERIALIZED (
        SELECT price, rtrim(rtrim(price::VARCHAR, '0'), '.') AS spelled
        FROM (SELECT DISTINCT price FROM rows)),
    sizes AS MATERIALIZED (
        SELECT size, rtrim(rtrim(size::VARCHAR, '0'), '.') AS spelled
        FROM (SELECT DISTINCT size FROM rows))
SELECT sum(('0x' || left(md5(concat_ws('|',
    trade_id, epoch_us(traded_at), prices.spelled, sizes.spelled, side)), 15))::BIGINT)::VARCHAR
FROM rows JOIN prices USING (price) JOIN sizes USING (size)"""


def checksum_of(duck: DuckDBPyConnection, path: Path) -> str | None:
    """See `alphapulse.certificate`; None for a file without rows. Raises duckdb.Error."""
    (found,) = duck.execute(CHECKSUM, {"path": escape(str(path))}).fetchone() or (None,)
    return None if found is None else str(found)
