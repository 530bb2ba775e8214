"""Certificates recomputed: by `verify`, and by readers that share no code with the writer."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse import lake
from alphapulse.archive.export import Exported, Failed, export_days, unarchived_days
from alphapulse.archive.verifying import Finding, verify_paths
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError
from alphapulse.store.connect import Store
from alphapulse.store.judgements import list_coverage
from alphapulse.store.reopening import recorded_days
from tests.alphapulse.archive.test_export import EXACT
from tests.alphapulse.test_lake import Row, certify, write
from tests.stored import BTC, BTC_DAY, DAY, store_day, store_trades
from tests.stored import Row as Stored

NEIGHBOURS: list[Stored] = [
    (0, "2024-08-07 23:59:59", "1", "1"),
    (9, "2024-08-09 00:00:00", "1", "1"),
]
TRADES: list[Stored] = [
    (n, f"2024-08-08 12:00:0{n}.00000{n}", text, EXACT[-n]) for n, text in enumerate(EXACT, 1)
]


@pytest.fixture
def exported(store: Store, database_url: str, tmp_path: Path) -> Exported:
    """A whole day of prices and sizes that are hard to spell."""
    store_trades(store, BTC, NEIGHBOURS + TRADES[::2])
    store_trades(store, BTC, TRADES[1::2], side="s")
    (done,) = export_days(database_url, tmp_path, [BTC_DAY])
    assert isinstance(done, Exported), done
    return done


def words_of(path: Path) -> dict[str, str]:
    pairs = pq.read_metadata(path).metadata
    return {key.decode(): value.decode() for key, value in pairs.items()}


def document() -> str:
    return (Path(__file__).parents[3] / "docs" / "archive.md").read_text()


def block_with(text: str) -> str:
    """The indented block of the document that has `text`."""
    (found,) = [block for block in blocks() if text in block]
    return found


def blocks() -> Iterator[str]:
    for part in document().split("\n\n"):
        lines = part.splitlines()
        if lines and all(line.startswith("    ") for line in lines):
            yield "\n".join(line[4:] for line in lines)


def test_the_documents_duckdb_line_gives_the_checksum(exported: Exported) -> None:
    sql = block_with("epoch_us(traded_at)").replace("FILE", str(exported.path))
    (found,) = duckdb.sql(sql).fetchone() or (None,)
    assert exported.path
    assert str(found) == words_of(exported.path)["alphapulse.checksum"]


def test_the_documents_python_lines_give_the_checksum(exported: Exported) -> None:
    names: dict[str, Any] = {}
    assert exported.path
    exec(block_with("hashlib").replace("FILE", str(exported.path)), names)
    assert str(names["checksum"]) == words_of(exported.path)["alphapulse.checksum"]


def test_the_documents_postgresql_line_gives_the_checksum(exported: Exported, store: Store) -> None:
    sql = block_with("::bit(60)").replace("EXCHANGE", BTC.exchange).replace("SYMBOL", BTC.symbol)
    for old, new in (("2026-11-21", "2024-08-08"), ("2026-11-22", "2024-08-09")):
        sql = sql.replace(old, new)
    row = store.execute(sql.encode())
    assert exported.certificate
    assert str((row.fetchone() or (None,))[0]) == exported.certificate.checksum


def test_a_reader_of_another_library_finds_every_figure(exported: Exported) -> None:
    assert exported.path
    table = pq.read_table(exported.path, partitioning=None)
    rows = table.to_pylist()
    with localcontext(prec=100):
        notional = sum((row["price"] * row["size"] for row in rows), Decimal(0))
    lines = [
        f"{row['trade_id']}|{at}|{spell(row['price'])}|{spell(row['size'])}|{row['side']}"
        for row, at in zip(rows, table["traded_at"].cast(pa.int64()).to_pylist(), strict=True)
    ]
    digests = [int(hashlib.md5(line.encode()).hexdigest()[:15], 16) for line in lines]
    words = words_of(exported.path)
    assert words["alphapulse.checksum"] == str(sum(digests))
    assert Decimal(words["alphapulse.notional_sum"]) == notional
    assert words["alphapulse.rows"] == str(len(rows)) == "8"
    assert words["alphapulse.certificate_version"] == "2"


def spell(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".")


def test_a_file_certifies_the_verdict_on_its_day(exported: Exported) -> None:
    words = exported.certificate
    assert words
    assert (words.verdict, words.expected, words.missing, words.absent) == ("complete", 8, 0, 0)
    assert (words.repaired, words.unexplained, words.observed) == (0, 0, 0.0)
    assert words.reason == "every id from 1 to 8 is stored"


def test_the_store_knows_what_was_exported(exported: Exported, store: Store) -> None:
    (row,) = list_coverage(store)
    assert exported.certificate
    assert (row.rows, row.checksum) == (8, exported.certificate.checksum)
    assert (row.verdict, row.exported_at) == ("complete", exported.certificate.exported_at)
    assert recorded_days(store) == {BTC_DAY}


def test_a_loss_that_nobody_noticed_is_named_in_the_file_and_becomes_a_gap(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, NEIGHBOURS + TRADES[:3] + TRADES[5:])
    (done,) = export_days(database_url, tmp_path, [BTC_DAY])
    assert isinstance(done, Exported) and done.certificate
    assert (done.certificate.verdict, done.certificate.unexplained) == ("incomplete", 2)
    assert "4 to 5" in (done.certificate.reason or "")
    assert store.execute("SELECT after_id, before_id FROM gaps").fetchall() == [(3, 6)]


def test_a_day_without_trades_is_judged_too(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [NEIGHBOURS[0], (1, "2024-08-09 00:00:00", "1", "1")])
    assert list(export_days(database_url, tmp_path, [BTC_DAY])) == [Exported(BTC_DAY)]
    (row,) = list_coverage(store)
    assert (row.verdict, row.expected, row.rows) == ("complete", 0, None)


def test_a_failed_export_writes_nothing_down(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, [(1, "2024-08-08 12:00:00", "NaN", "1")])
    (done,) = export_days(database_url, tmp_path, [BTC_DAY])
    assert isinstance(done, Failed)
    assert list_coverage(store) == []


def find(path: Path) -> Finding:
    (found,) = verify_paths([path])
    assert isinstance(found, Finding)
    return found


def test_a_file_is_verified_from_itself_alone(exported: Exported, tmp_path: Path) -> None:
    assert exported.path
    elsewhere = exported.path.rename(tmp_path / "a file.parquet")
    found = find(elsewhere)
    assert found.is_good, found.failures
    assert found.held == ("columns", "ids", "times", "sums", "price x size", "checksum")


CHANGES: list[tuple[str, Any, str]] = [
    ("side", "sell", "checksum"),
    ("size", Decimal(3), "sums"),
    ("trade_id", 99, "ids"),
    ("traded_at", BTC_DAY.starts_at, "checksum"),
    ("traded_at", BTC_DAY.ends_at, "times"),
]


@pytest.mark.parametrize(("name", "value", "check"), CHANGES)
def test_any_changed_value_is_found(exported: Exported, name: str, value: Any, check: str) -> None:
    assert exported.path
    rows = lake.read(exported.path).to_pylist()
    rows[0][name] = value
    rewrite(exported.path, rows)
    found = find(exported.path)
    assert not found.is_good
    assert check not in found.held


def test_two_sizes_that_changed_places_are_found(exported: Exported) -> None:
    assert exported.path
    rows = lake.read(exported.path).to_pylist()
    rows[0]["size"], rows[1]["size"] = rows[1]["size"], rows[0]["size"]
    rewrite(exported.path, rows)
    assert find(exported.path).held == ("columns", "ids", "times", "sums")


def rewrite(path: Path, rows: list[dict[str, Any]]) -> None:
    words = pq.read_metadata(path).metadata
    table = pa.Table.from_pylist(rows, schema=lake.SCHEMA).replace_schema_metadata(words)
    pq.write_table(table, path)


def test_a_file_of_version_1_is_verified_by_what_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "old.parquet", [Row(1), Row(2)], certify())
    assert "alphapulse.verdict" not in words_of(path)
    found = find(path)
    assert found.is_good
    assert found.certificate == certify()
    assert found.certificate.certificate_version == 1


def test_a_damaged_file_is_a_finding(exported: Exported) -> None:
    assert exported.path
    damaged = bytearray(exported.path.read_bytes())
    damaged[50:250] = bytes(200)
    exported.path.write_bytes(damaged)
    assert not find(exported.path).is_good
    exported.path.write_bytes(damaged[:-10])
    found = find(exported.path)
    assert found.certificate is None
    assert "is no file of this archive" in found.failures[0]


def test_a_directory_is_all_its_files(store: Store, database_url: str, tmp_path: Path) -> None:
    days = [store_day(store, BTC, DAY + timedelta(days=n)) for n in range(2)]
    list(export_days(database_url, tmp_path, days))
    found = list(verify_paths([tmp_path]))
    assert [one.certificate.day for one in found if one.certificate] == days
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LakeError, match="holds no Parquet file"):
        list(verify_paths([empty]))


def test_sums_of_products_are_exact_beyond_76_digits(tmp_path: Path) -> None:
    most = Decimal("99999999999999999999.999999999999999999")
    rows = [Row(n, price=most, size=most) for n in (1, 2)]
    with localcontext(prec=200):
        total = str(2 * most * most)
    path = write(tmp_path / "a.parquet", rows, certify())
    assert lake.notional_of(path) == total.rstrip("0")


def test_negative_and_tiny_products_are_exact(tmp_path: Path) -> None:
    tiny = Decimal("0.000000000000000001")
    path = write(tmp_path / "a.parquet", [Row(1, price=-tiny, size=tiny)], certify())
    assert lake.notional_of(path) == "-0." + "0" * 35 + "1"


def test_a_certificate_keeps_what_nobody_could_say_out_of_the_file() -> None:
    words = msgspec.structs.replace(certify(), verdict="unknown", observed=0.25)
    assert "alphapulse.expected" not in words.metadata()
    assert words.metadata()["alphapulse.observed"] == "0.25"
    assert isinstance(words, Certificate)


def test_a_day_that_is_reopened_is_exported_again(
    exported: Exported, store: Store, database_url: str, tmp_path: Path
) -> None:
    whole = [BTC_DAY]
    assert BTC_DAY not in unarchived_days(database_url, tmp_path, DAY, DAY)
    store.execute("UPDATE coverage SET reopened_at = now()")
    assert unarchived_days(database_url, tmp_path, DAY, DAY) == whole
    list(export_days(database_url, tmp_path, whole))
    assert unarchived_days(database_url, tmp_path, DAY, DAY) == []


def test_a_file_that_the_store_does_not_know_of_is_exported_again(
    exported: Exported, store: Store, database_url: str, tmp_path: Path
) -> None:
    """As after a kill between the rename and the record."""
    store.execute("DELETE FROM coverage")
    assert unarchived_days(database_url, tmp_path, DAY, DAY) == [BTC_DAY]
    assert MarketDay(DAY, BTC) == exported.day
