"""Several markets' day at once: whatever befalls one of them, or the process, the rest stands."""

import logging
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse import lake
from alphapulse.archive import copying
from alphapulse.archive import export as export_module
from alphapulse.archive.export import (
    Exported,
    ExportError,
    Failed,
    export_days,
    passes,
    unarchived_days,
)
from alphapulse.archive.staging import HIDDEN, staging
from alphapulse.archive.verifying import verify_paths
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.reopening import look_for_late_rows, reopened_days
from alphapulse.trade import Market
from tests.stored import BTC, DAY, ETH, SOL, store_day, store_trades

NOON = "2024-08-08 12:00:00"
THREE = (BTC, ETH, SOL)
UNFIT = ["NaN", "Infinity", "100000000000000000000", "0.1234567890123456789"]


def files_below(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def many(store: Store, markets: int, trades: int = 4) -> list[MarketDay]:
    """Markets whose trades lie mixed on disk, and in every quarter of an hour anew."""
    found = [Market("kraken", f"M{n}/USD") for n in range(markets)]
    for id in range(trades):
        for place, market in enumerate(found):
            at = timedelta(minutes=(id * 37 + place * 11) % 1440, microseconds=place)
            row = (id, f"{MarketDay(DAY, market).starts_at + at:%Y-%m-%d %H:%M:%S.%f}")
            store_trades(store, market, [(*row, f"{place}.{id}", "0.5")])
    return [MarketDay(DAY, market) for market in found]


def count_passes(caplog: pytest.LogCaptureFixture) -> int:
    return sum("one pass over" in record.message for record in caplog.records)


@pytest.mark.parametrize("markets", [1, 2, 30])
def test_a_date_is_one_pass_however_many_markets_it_has(
    store: Store, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, markets: int
) -> None:
    days = many(store, markets)
    with caplog.at_level(logging.INFO):
        outcomes = list(export_days(database_url, tmp_path, days))
    assert [outcome.day for outcome in outcomes] == days
    assert all(isinstance(outcome, Exported) for outcome in outcomes)
    assert count_passes(caplog) == 1
    assert all(finding.is_good for finding in verify_paths([tmp_path]))
    for place, day in enumerate(days):
        table = lake.read(lake.path_of(tmp_path, day))
        assert sorted(table["price"].to_pylist()) == [Decimal(f"{place}.{n}") for n in range(4)]
        assert set(table["symbol"].to_pylist()) == {day.market.symbol}


IDS = st.integers(-(2**62), 2**62 - 1)  # what is expected between two of them is counted
UNITS = st.integers(-(10**38) + 1, 10**38 - 1)
MICROS = st.integers(0, 86_400_000_000 - 1)
TAPE = st.dictionaries(IDS, st.tuples(MICROS, UNITS, UNITS, st.sampled_from("bs")), max_size=25)


@given(st.lists(TAPE, min_size=2, max_size=4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_numbers_that_fit_are_archived_exactly(
    store: Store,
    database_url: str,
    tmp_path: Path,
    tapes: list[dict[int, tuple[int, int, int, str]]],
) -> None:
    store.execute("DELETE FROM trades")
    for path in files_below(tmp_path):
        path.unlink()
    days = [MarketDay(DAY, Market("kraken", f"M{n}")) for n in range(len(tapes))]
    starts_at = days[0].starts_at
    for day, tape in zip(days, tapes, strict=True):
        store_day(store, day.market, DAY - timedelta(days=1))
        for id, (micros, price, size, side) in tape.items():
            at = f"{starts_at + timedelta(microseconds=micros):%Y-%m-%d %H:%M:%S.%f}"
            store_trades(store, day.market, [(id, at, f"{price}e-18", f"{size}e-18")], side=side)
    for done, tape in zip(export_days(database_url, tmp_path, days), tapes, strict=True):
        assert isinstance(done, Exported), done
        found = lake.read(done.path).to_pylist() if done.path else []
        assert {row["trade_id"]: scaled(row) for row in found} == tape
        assert [key(row) for row in found] == sorted(key(row) for row in found)


def scaled(row: dict[str, object]) -> tuple[object, ...]:
    at = row["traded_at"] - MarketDay(DAY, BTC).starts_at  # type: ignore[operator]
    return (
        at // timedelta(microseconds=1),
        *(whole(row[n]) for n in ("price", "size")),
        str(row["side"])[0],
    )


def whole(number: object) -> int:
    """In units of the eighteenth decimal."""
    assert isinstance(number, Decimal)
    sign, digits, exponent = number.as_tuple()
    assert exponent == -18
    value = int("".join(map(str, digits)))
    return -value if sign else value


def key(row: dict[str, object]) -> tuple[object, object]:
    return row["traded_at"], row["trade_id"]


@pytest.mark.parametrize("value", UNFIT)
def test_a_number_that_does_not_fit_fails_its_market_alone(
    store: Store, database_url: str, tmp_path: Path, value: str
) -> None:
    days = many(store, 5)
    store_trades(store, days[2].market, [(99, NOON, "1", value)])
    outcomes = list(export_days(database_url, tmp_path, days))
    assert [outcome.day for outcome in outcomes] == days
    assert [type(outcome) for outcome in outcomes] == [Exported] * 2 + [Failed] + [Exported] * 2
    assert isinstance(outcomes[2], Failed)
    assert "trade 99 does not fit numeric(38,18) exactly" in outcomes[2].reason
    assert len(files_below(tmp_path)) == 4


def test_ids_too_far_apart_to_be_counted_fail_their_market_alone(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = many(store, 3)
    for id in (-(2**63), 2**63 - 1):
        store_trades(store, days[0].market, [(id, NOON, "1", "1")])
    outcomes = list(export_days(database_url, tmp_path, days))
    assert [type(outcome) for outcome in outcomes] == [Failed, Exported, Exported]
    assert days[0] in unarchived_days(database_url, tmp_path, DAY, DAY)


def test_a_file_that_reads_back_wrong_fails_its_market_alone(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = many(store, 3)
    honest = lake.DayFile.close

    def damage(file: lake.DayFile, words: dict[str, str]) -> None:
        honest(file, words)
        if words["alphapulse.symbol"] == days[1].market.symbol:
            data = bytearray(file.path.read_bytes())
            data[40:90] = bytes(50)
            file.path.write_bytes(data)

    monkeypatch.setattr(lake.DayFile, "close", damage)
    outcomes = list(export_days(database_url, tmp_path, days))
    assert [type(outcome) for outcome in outcomes] == [Exported, Failed, Exported]
    assert len(files_below(tmp_path)) == 2


def test_a_pass_that_fails_for_no_markets_fault_is_tried_market_by_market(
    store: Store,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    days = many(store, 3)
    honest = copying.copy_rows

    def refuse_several(duck: object, ids: list[int], *rest: object) -> None:
        if len(ids) > 1:
            raise ExportError("too much at once")
        honest(duck, ids, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("alphapulse.archive.one_pass.copy_rows", refuse_several)
    with caplog.at_level(logging.INFO):
        outcomes = list(export_days(database_url, tmp_path, days))
    assert [type(outcome) for outcome in outcomes] == [Exported] * 3
    assert "too much at once" in caplog.text
    assert count_passes(caplog) == 4


def test_connections_that_are_cut_in_mid_pass_fail_the_days_and_leave_nothing(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = many(store, 3)
    honest = copying.copy_rows

    def cut(*given: object) -> None:
        store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        honest(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("alphapulse.archive.one_pass.copy_rows", cut)
    outcomes = list(export_days(database_url, tmp_path, days))
    assert [type(outcome) for outcome in outcomes] == [Failed] * 3
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert all(isinstance(done, Exported) for done in export_days(database_url, tmp_path, days))


def test_a_market_without_trades_that_day_has_no_file_beside_the_others(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = [store_day(store, BTC), MarketDay(DAY, ETH), store_day(store, SOL)]
    store_day(store, ETH, DAY + timedelta(days=1))
    outcomes = list(export_days(database_url, tmp_path, days))
    assert outcomes[1] == Exported(days[1])
    assert len(files_below(tmp_path)) == 2


def test_a_date_on_which_nothing_traded_leaves_nothing(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    for market in THREE:
        store_day(store, market, DAY + timedelta(days=1))
    days = [MarketDay(DAY, market) for market in THREE]
    assert list(export_days(database_url, tmp_path, days)) == [Exported(day) for day in days]
    assert list(tmp_path.iterdir()) == []


def test_markets_that_were_not_asked_for_are_not_exported(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = many(store, 4)
    list(export_days(database_url, tmp_path, days[1:3]))
    assert files_below(tmp_path) == [lake.path_of(tmp_path, day) for day in days[1:3]]


def test_a_second_export_gives_the_same_rows_in_the_same_bytes_but_for_its_instant(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = many(store, 3)
    list(export_days(database_url, tmp_path, days))
    first = [lake.read(path) for path in files_below(tmp_path)]
    list(export_days(database_url, tmp_path, days))
    assert [lake.read(path) for path in files_below(tmp_path)] == first
    assert unarchived_days(database_url, tmp_path, DAY, DAY) == []


def test_rows_that_come_during_the_pass_are_the_next_exports(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = many(store, 3)
    honest = copying.copy_rows

    def meanwhile(*given: object) -> None:
        store_trades(store, days[1].market, [(99, NOON, "1", "1")])
        honest(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("alphapulse.archive.one_pass.copy_rows", meanwhile)
    outcomes = list(export_days(database_url, tmp_path, days))
    assert [
        done.certificate.rows
        for done in outcomes
        if isinstance(done, Exported) and done.certificate
    ] == [4] * 3
    assert [found.day for found in reopened_days(store)] == [days[1]]
    monkeypatch.undo()
    assert unarchived_days(database_url, tmp_path, DAY, DAY) == [days[1]]
    (again,) = export_days(database_url, tmp_path, [days[1]])
    assert isinstance(again, Exported) and again.certificate and again.certificate.rows == 5
    look_for_late_rows(store, None)
    assert reopened_days(store) == []


def test_each_day_is_told_in_the_log_with_rows_bytes_and_seconds(
    store: Store, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    day = store_day(store, BTC)
    with caplog.at_level(logging.INFO):
        (done,) = export_days(database_url, tmp_path, [day])
    assert isinstance(done, Exported)
    assert f"{day.key}: 3 rows, {done.bytes} bytes, " in caplog.text


def test_dates_are_passes_of_their_own_and_large_ones_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_module, "TOGETHER", 2)
    later = DAY + timedelta(days=1)
    days = [MarketDay(DAY, BTC), MarketDay(later, BTC), MarketDay(DAY, ETH), MarketDay(DAY, SOL)]
    assert list(passes([*days, days[0]])) == [[days[0], days[2]], [days[3]], [days[1]]]


EXPORT = """
import os, signal, sys
from pathlib import Path
from alphapulse.archive import landing, one_pass
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay

url, parquet, where, *keys = sys.argv[1:]

def die(*given, **named):
    os.kill(os.getpid(), signal.SIGKILL)

def after(honest):
    def run(*given, **named):
        honest(*given, **named)
        die()
    return run

if where == "copying":
    one_pass.judge_days = die
elif where == "copied":
    landing.lake.verify = after(landing.lake.verify)
elif where == "renamed":
    landing.lake.put_in_place = after(landing.lake.put_in_place)
elif where == "recorded":
    landing.record_export = after(landing.record_export)
list(export_days(url, Path(parquet), [MarketDay.from_key(key) for key in keys]))
"""


@pytest.mark.parametrize("where", ["copying", "copied", "renamed", "recorded"])
@pytest.mark.parametrize("had_files", [False, True])
def test_a_kill_at_any_step_leaves_old_files_or_new_and_the_next_export_sweeps(
    store: Store, database_url: str, tmp_path: Path, where: str, had_files: bool
) -> None:
    days = many(store, 4)
    if had_files:
        list(export_days(database_url, tmp_path, days))
        for day in days:
            store_trades(store, day.market, [(99, NOON, "1", "1")])
    command = [sys.executable, "-c", EXPORT, database_url, str(tmp_path), where]
    killed = subprocess.run([*command, *(day.key for day in days)], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    whole = {4, 5} if had_files else {4}
    visible = [file.path for file in lake.files(tmp_path)]
    assert all(finding.is_good for finding in verify_paths(visible))
    assert {lake.read_certificate(path).rows for path in visible} <= whole
    assert list((tmp_path / HIDDEN).iterdir())
    look_for_late_rows(store, None)
    found = unarchived_days(database_url, tmp_path, DAY, DAY)
    assert len(found) >= 3
    assert all(isinstance(done, Exported) for done in export_days(database_url, tmp_path, found))
    assert [file.path for file in lake.files(tmp_path)] == files_below(tmp_path)
    assert {lake.read_certificate(path).rows for path in files_below(tmp_path)} == {max(whole)}
    assert not (tmp_path / HIDDEN).exists()


def test_a_folder_in_use_is_not_swept_by_another_export(tmp_path: Path) -> None:
    with staging(tmp_path) as first:
        (first / "a.part").write_text("being written")
        with staging(tmp_path) as second:
            assert first != second
            assert (first / "a.part").exists()
    assert list(tmp_path.iterdir()) == []


def test_two_exports_at_once_are_both_whole(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    days = many(store, 6)
    outcomes: list[Exported | Failed] = []

    def run(part: list[MarketDay]) -> None:
        outcomes.extend(export_days(database_url, tmp_path, part))

    threads = [threading.Thread(target=run, args=[part]) for part in (days[:4], days[2:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [type(outcome) for outcome in outcomes] == [Exported] * 8
    assert all(finding.is_good for finding in verify_paths([tmp_path]))
    assert not (tmp_path / HIDDEN).exists()


def test_verifying_the_lake_does_not_trip_over_files_that_are_being_made(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    list(export_days(database_url, tmp_path, [store_day(store, BTC)]))
    with staging(tmp_path) as folder:
        (folder / "0.part").write_text("half")
        assert [finding.is_good for finding in verify_paths([tmp_path])] == [True]
        assert len(lake.files(tmp_path)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["coinbase"]
