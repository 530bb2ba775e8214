"""What is kept and what leaves, decided without any place."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphapulse.backup.manifest import (
    Backup,
    BackupError,
    Certified,
    Copied,
    StoredDay,
    Written,
    carried,
    decode,
    encode,
    manifest_of,
    object_of,
    outdated,
    stamp_of,
    stamps_of,
    unreferenced,
)
from alphapulse.backup.sampling import sample

EARLY = datetime(1900, 1, 1)  # noqa: DTZ001 (hypothesis wants it without a zone)
AT = datetime(2026, 11, 29, 1, 30, tzinfo=UTC)


def copied(path: str, day: date | None = None, rows: int = 10, size: int = 100) -> Copied:
    words = [Certified("kraken", "BTC/USD", day, rows, "7", day_closed=True)] if day else []
    return Copied(path, 5, Written(object_of(path, "ab" * 32), size, "ab" * 32), tuple(words))


def stored(day: date, rows: int, file: str | None) -> StoredDay:
    return StoredDay("kraken", "BTC/USD", day, 1, rows, "7", file)


def backup(files: tuple[Copied, ...] = (), days: tuple[StoredDay, ...] = ()) -> Backup:
    return Backup(
        made_at=AT,
        version="0.1.0",
        server="18.6",
        layout="partitions",
        simulated=False,
        snapshot="5:5:",
        migrations={"0001_trades": "ab"},
        sequences={"trades_seq": 7},
        tables=(),
        trades=Written("backups/x/trades.zst", 9, "cd"),
        days=days,
        files=files,
    )


def test_a_manifest_is_read_as_it_was_written() -> None:
    day = date(2026, 11, 28)
    path = "parquet/kraken/BTC_USD/2026-11-28.parquet"
    found = backup((copied(path, day),), (stored(day, 10, path),))
    assert decode(encode(found), "x") == found
    assert found.stamp == "2026-11-29T013000.000000Z"


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_manifest_of_which_any_byte_was_changed_is_refused(place: int, change: int) -> None:
    content = bytearray(encode(backup()))
    content[place % len(content)] ^= change
    with pytest.raises(BackupError):
        assert decode(bytes(content), "x") != backup()


def test_a_manifest_of_another_format_is_refused() -> None:
    with pytest.raises(BackupError, match="format 2"):
        decode(encode(replace(backup(), format=2)), "x")


@given(st.sets(st.datetimes(EARLY), max_size=20), st.integers(1, 9))
def test_the_newest_are_kept(instants: set[datetime], keep: int) -> None:
    stamps = [stamp_of(at.replace(tzinfo=UTC)) for at in sorted(instants)]
    doomed = outdated(stamps, keep)
    assert len(stamps) - len(doomed) == min(keep, len(stamps))
    assert doomed == stamps[: len(doomed)]


def test_a_backup_without_a_manifest_was_never_finished() -> None:
    names = ["backups/a/trades.zst", manifest_of("b"), "backups/b/x.zst", "files/parquet/x"]
    assert stamps_of(names) == (["b"], ["a"])


def test_what_no_kept_backup_names_leaves() -> None:
    one, other = copied("parquet/a.parquet"), copied("parquet/b.parquet")
    names = [one.object.name, other.object.name, "files/parquet/c.parquet", manifest_of("b")]
    kept = [backup((one,)), backup((other,))]
    assert unreferenced(names, kept) == ["files/parquet/c.parquet"]


def test_another_content_is_another_object() -> None:
    assert object_of("parquet/a/2026-11-28.parquet", "0123456789abcdef77") == (
        "files/parquet/a/2026-11-28.0123456789abcdef.parquet"
    )


def test_a_vanished_day_is_carried_on_until_its_month_replaces_it() -> None:
    former = [copied("parquet/k/B/2026-10-31.parquet"), copied("parquet/k/B/2026-11-01.parquet")]
    assert carried(former, {"parquet/k/B/2026-10.parquet"}) == former[1:]
    assert carried(former, {one.path for one in former}) == []


def days_and_files(count: int) -> Backup:
    dates = [date(2026, 11, 1 + place) for place in range(count)]
    paths = [f"parquet/kraken/BTC_USD/{day}.parquet" for day in dates]
    files = tuple(copied(path, day) for path, day in zip(paths, dates, strict=True))
    days = tuple(stored(day, 10, path) for path, day in zip(paths, dates, strict=True))
    return backup(files, days)


def test_of_a_small_archive_a_drill_looks_at_all() -> None:
    whole = days_and_files(9)
    assert sample(whole, 90, 0) == whole


@given(st.integers(1, 28), st.integers(0, 300), st.integers(0, 3_000))
def test_a_sample_holds_the_newest_and_stays_within_its_bounds(
    count: int, rows: int, size: int
) -> None:
    whole = days_and_files(count)
    found = sample(whole, rows, size)
    assert whole.days[-1] in found.days and whole.files[-1] in found.files
    assert found.rows <= max(rows, 10)
    assert {day.file for day in found.days} <= {one.path for one in found.files}
    assert sample(whole, rows, size) == found
