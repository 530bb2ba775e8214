"""`alphapulse verify` and `alphapulse coverage` as a user meets them."""

import json
from pathlib import Path

from alphapulse.archive.candles import make_days
from alphapulse.archive.export import Exported, export_days
from alphapulse.store.connect import Store
from tests.archived import archive_trades, trade
from tests.launcher.stage import environment, run
from tests.stored import BTC, BTC_DAY, store_trades

ROWS = [
    (1, "2024-08-07 23:00:00", "1", "1"),
    (2, "2024-08-08 01:00:00", "10.50", "0.5"),
    (3, "2024-08-09 00:00:00", "1", "1"),
]


def test_files_are_verified_without_a_database(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_trades(store, BTC, ROWS)
    (done,) = export_days(database_url, tmp_path / "lake", [BTC_DAY])
    assert isinstance(done, Exported) and done.path
    env = environment(tmp_path / "home")
    good = run(env, "verify", str(tmp_path / "lake"))
    assert good.returncode == 0, good.stderr
    assert "good  2024-08-08|coinbase/BTC-USD  1 rows  complete" in good.stdout
    assert "1 files: all good" in good.stdout
    assert not (tmp_path / "home").exists()
    other = tmp_path / "other.parquet"
    other.write_text("no parquet")
    bad = run(env, "verify", "--json", str(done.path), str(other))
    assert bad.returncode == 1
    facts = json.loads(bad.stdout)
    assert [fact["ok"] for fact in facts] == [True, False]
    assert facts[0]["certificate"]["verdict"] == "complete"
    assert "is no file of this archive" in facts[1]["failures"][0]


def test_candles_of_a_home_are_verified_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    day = archive_trades(home / "parquet", [trade(1, 0), trade(2, 70_000_000)])
    list(make_days(home / "parquet", home / "candles", [day]))
    env = environment(tmp_path / "another")
    done = run(env, "verify", str(home))
    assert done.returncode == 0, done.stdout + done.stderr
    told = "good  2024-08-08|coinbase/BTC-USD  2 bars of 1m  of 2 trades  held: columns, bars, "
    assert told in done.stdout and "2 files: all good" in done.stdout
    candles = json.loads(run(env, "verify", "--json", str(home / "candles")).stdout)
    assert [fact["certificate"]["size"] for fact in candles] == ["1m"]


def test_a_directory_without_files_is_one_clear_line(tmp_path: Path) -> None:
    done = run(environment(tmp_path / "home"), "verify", str(tmp_path))
    assert done.returncode == 1
    assert "holds no Parquet file" in done.stderr and "Traceback" not in done.stderr


def test_a_day_is_judged_on_demand(store: Store, database_url: str, tmp_path: Path) -> None:
    store_trades(store, BTC, ROWS)
    env = environment(tmp_path / "home", database_url=database_url)
    table = run(env, "coverage", "--day", "2024-08-08")
    assert table.returncode == 0, table.stderr
    head, row = table.stdout.splitlines()
    assert head.split()[:5] == ["day", "market", "verdict", "expected", "stored"]
    assert row.split()[:5] == ["2024-08-08", "coinbase/BTC-USD", "complete", "1", "1"]
    told = run(env, "coverage", "--market", "coinbase/BTC-USD", "--json")
    (today,) = [one for one in json.loads(told.stdout) if one["day"] != "2024-08-08"][-1:]
    assert "not over" in today["reason"]


def test_a_market_that_is_not_there_is_one_clear_line(database_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path / "home", database_url=database_url)
    done = run(env, "coverage", "--market", "kraken/NEVER")
    assert done.returncode == 1
    assert "the store knows no market kraken/NEVER" in done.stderr
    assert "Traceback" not in done.stderr
