"""Rows that came after their day had left PostgreSQL: united with the day's file.

The file keeps all it has. What it certifies of itself is added to what PostgreSQL certifies of the
rows that are new to it, because counts, sums and checksum of rows add up: so the united file is
compared with numbers that DuckDB, who writes it, did not make.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct
from msgspec.structs import replace

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.archive.day_file import day_file
from alphapulse.archive.verifying import verify_file
from alphapulse.certificate import Certificate, with_coverage
from alphapulse.coverage import Coverage
from alphapulse.day import MarketDay
from alphapulse.extent import Piece
from alphapulse.lake import LakeError
from alphapulse.retention import Held, Refusal, Why
from alphapulse.store.connect import Store
from alphapulse.store.late import (
    Addition,
    copy_late_rows,
    judge_filed,
    one_snapshot,
    summarise_late_rows,
)
from alphapulse.store.reopening import Shipment, record_export

OFFLINE: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXACTLY = 200  # digits: no sum that a file can hold needs more

STORED = """
CREATE VIEW stored AS
SELECT trade_id, make_timestamptz(traded_us) AS traded_at, price, size, side,
       make_timestamptz(received_us) AS received_at, source
FROM read_csv({rows}, header = false, columns = {{
    trade_id: 'BIGINT', traded_us: 'BIGINT', price: 'DECIMAL(38,18)', size: 'DECIMAL(38,18)',
    side: 'VARCHAR', received_us: 'BIGINT', source: 'VARCHAR'}})"""
FILED = "CREATE VIEW filed AS FROM read_parquet({path}, hive_partitioning = false)"

FRESH = """
SELECT trade_id, epoch_us(traded_at) FROM stored ANTI JOIN filed USING (trade_id, traded_at)"""
DIFFERENT = """
SELECT count(*), min(s.trade_id) FROM stored s JOIN filed f USING (trade_id, traded_at)
WHERE (s.price, s.size, s.side) IS DISTINCT FROM (f.price, f.size, f.side)"""
INSIDE = """
SELECT count(DISTINCT trade_id)
FROM (SELECT trade_id FROM filed UNION ALL SELECT trade_id FROM stored)
WHERE trade_id BETWEEN $first AND $last"""

UNITE = """
COPY (
    FROM filed UNION ALL
    SELECT $exchange::VARCHAR, $symbol::VARCHAR, trade_id, traded_at, price, size, side,
           received_at, source
    FROM stored ANTI JOIN filed USING (trade_id, traded_at)
    ORDER BY traded_at, trade_id
) TO $path (FORMAT parquet, COMPRESSION zstd, KV_METADATA $certificate)"""


class RejoinError(Exception):
    """Late rows were not united with their file, which stands as it was; the message says why."""


class Joined(Struct, frozen=True):
    """A market's day whose file has `rows` more now."""

    day: MarketDay
    rows: int


class Both(Struct, frozen=True):
    """The rows of one market's day that lie in the store, and the file with the others."""

    duck: DuckDBPyConnection
    held: Held
    path: Path
    certificate: Certificate
    seen: str
    at: datetime


def rejoin_late_rows(
    store: Store, parquet: Path, held: Sequence[Held]
) -> Iterator[Joined | Refusal]:
    """Unite what came late with its file, of each market whose day left before.

    A file that was replaced by a run that was killed before it wrote that down is written down now.
    """
    for one in held:
        if one.was_dropped and (one.late or one.reopened_at):
            try:
                yield Joined(one.day, rejoin(store, parquet, one))
            except (RejoinError, LakeError, OSError, duckdb.Error) as failure:
                words = str(failure)
                yield Refusal(one.day.date, one.day.market.key, Why.LATE_AFTER_LEAVING, words)


def rejoin(store: Store, parquet: Path, held: Held) -> int:
    """Gives how many rows were new to the file. Raises RejoinError, LakeError, OSError."""
    with both(store, parquet, held) as found:
        fresh = fresh_keys(found)
        certificate = found.certificate
        judged = judge(store, found)
        if fresh:
            addition = summarise_late_rows(store, held.market_id, held.day, fresh)
            certificate = add(found, addition)
        if fresh or judged.verdict != certificate.verdict:
            certificate = with_coverage(certificate, judged)
            unite(found, certificate)
    shipment = Shipment(
        held.day, certificate.rows, certificate.checksum, certificate.exported_at, found.seen
    )
    record_export(store, held.market_id, shipment, judged)
    return len(fresh)


def count_unfiled(store: Store, parquet: Path, held: Held) -> int:
    """The store's rows of the day that are not in its file, or are there with other values."""
    with both(store, parquet, held) as found:
        (different, _) = found.duck.execute(DIFFERENT).fetchone() or (0, None)
        return len(fresh_keys(found, may_differ=True)) + int(different)


@contextmanager
def both(store: Store, parquet: Path, held: Held) -> Iterator[Both]:
    """One snapshot of the store beside the file, which is verified first. Raises RejoinError."""
    path = lake.path_of(parquet, held.day)
    rows = path.with_name(f".{path.name}.{uuid4().hex}.csv")
    try:
        with (
            day_file(parquet, held.day) as filed,
            duckdb.connect(":memory:", config=OFFLINE) as duck,
        ):
            if filed is None:
                raise RejoinError(f"{path} is gone, and the store has let its rows go: restore it")
            finding = verify_file(duck, filed)
            if finding.failures or finding.certificate is None:
                raise RejoinError(f"{'; '.join(finding.failures)}: restore it from the backup")
            with one_snapshot(store) as (seen, at):
                copy_late_rows(store, held.market_id, held.day, rows)
                duck.execute("SET TimeZone = 'UTC'")
                duck.execute(STORED.format(rows=quoted(rows)))
                duck.execute(FILED.format(path=quoted(filed)))
                yield Both(duck, held, path, finding.certificate, seen, at)
    finally:
        rows.unlink(missing_ok=True)


def fresh_keys(found: Both, *, may_differ: bool = False) -> list[tuple[int, datetime]]:
    """Id and time of the rows that the file has not. Raises RejoinError where they disagree."""
    (different, id) = found.duck.execute(DIFFERENT).fetchone() or (0, None)
    if different and not may_differ:
        raise RejoinError(
            f"{found.held.day.key}: the store has trade {id} with other values than {found.path}: "
            "find out which is right, and delete the wrong one"
        )
    rows = found.duck.execute(FRESH).fetchall()
    return [(id, EPOCH + timedelta(microseconds=at)) for id, at in rows]


def judge(store: Store, found: Both) -> Coverage:
    """The day's coverage with the late rows: of file and store together."""

    def count(piece: Piece) -> int:
        values = {"first": piece.first, "last": piece.last}
        (number,) = found.duck.execute(INSIDE, values).fetchone() or (0,)
        return int(number)

    query = """
        SELECT min(trade_id), max(trade_id), count(*)
        FROM (SELECT trade_id, traded_at FROM filed UNION SELECT trade_id, traded_at FROM stored)"""
    first_id, last_id, rows = found.duck.execute(query).fetchone() or (0, 0, 0)
    return judge_filed(
        store, found.held.market_id, found.held.day, (first_id, last_id), rows, count
    )


def add(found: Both, addition: Addition) -> Certificate:
    """What the file certifies, and what the store does of the rows that are new to it."""
    old = found.certificate
    if addition.unfit_id is not None:
        raise RejoinError(
            f"{old.day.key}: price or size of trade {addition.unfit_id} does not fit "
            "numeric(38,18) exactly: nothing was rounded and nothing written"
        )
    if old.checksum is None or old.notional_sum is None:
        raise RejoinError(f"{found.path} has a certificate of version 1: it cannot be added to")
    return replace(
        old,
        rows=old.rows + addition.rows,
        first_id=min(old.first_id, addition.first_id),
        last_id=max(old.last_id, addition.last_id),
        price_sum=total(old.price_sum, addition.price_sum),
        size_sum=total(old.size_sum, addition.size_sum),
        notional_sum=total(old.notional_sum, addition.notional_sum),
        checksum=total(old.checksum, addition.checksum),
        exported_at=found.at,
    )


def total(one: str, other: str) -> str:
    """Exactly, and as PostgreSQL's trim_scale() writes it."""
    with localcontext(prec=EXACTLY):
        text = f"{Decimal(one) + Decimal(other):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unite(found: Both, certificate: Certificate) -> None:
    """Written aside, read back, compared, renamed: a reader sees the old file or the new one."""
    path, day = found.path, found.held.day
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    bound = {
        "exchange": day.market.exchange,
        "symbol": day.market.symbol,
        "path": str(written),
        "certificate": certificate.metadata(),
    }
    try:
        found.duck.execute(UNITE, bound)
        lake.verify(written, certificate)
        if (sum_of_rows := checksum_of(found.duck, written)) != certificate.checksum:
            raise LakeError(f"{written}: its rows give checksum {sum_of_rows}, not {certificate}")
        lake.put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
