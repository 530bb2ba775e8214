"""A file's checksum from the file alone, by other code than the store's, and by two libraries.

DuckDB needs microseconds to spell a decimal, Arrow a tenth of one: so pyarrow reads the rows and
spells them, and DuckDB makes the checksum of that. It also reads the file itself, and a hash of
each row, of all its columns, must come out the same: what one of them wrote, both read.
"""

from glob import escape
from pathlib import Path

from duckdb import DuckDBPyConnection

from alphapulse import lake
from alphapulse.lake import LakeError

HASHES = f"sum(hash({', '.join(lake.SCHEMA.names)})::HUGEINT)::VARCHAR"

CHECKSUM = f"""
SELECT sum(('0x' || left(md5(concat_ws('|',
    trade_id, epoch_us(traded_at), price_text, size_text, side)), 15))::BIGINT)::VARCHAR, {HASHES}
FROM spelled"""  # noqa: S608 - of nothing but constants

OWN = f"SELECT {HASHES} FROM read_parquet($path)"  # noqa: S608 - the same


def checksum_of(duck: DuckDBPyConnection, path: Path) -> str | None:
    """See `alphapulse.certificate`; None for a file without rows.

    Raises LakeError, duckdb.Error, OSError or ValueError.
    """
    duck.register("spelled", lake.spelled(path))
    found, theirs = duck.execute(CHECKSUM).fetchall()[0]
    duck.unregister("spelled")
    ((ours,),) = duck.execute(OWN, {"path": escape(str(path))}).fetchall()
    if ours != theirs:
        raise LakeError(f"{path}: DuckDB reads other rows than pyarrow does")
    return None if found is None else str(found)
