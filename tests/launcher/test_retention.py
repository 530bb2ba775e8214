"""`alphapulse retention` as a user meets it; and killed in the middle."""

import json
import signal
import subprocess
from pathlib import Path

from alphapulse.archive.export import export_days
from alphapulse.store.connect import Store, connect
from alphapulse.store.dropped import dropped_days
from tests.launcher.stage import ROOT, command, environment, run, wait_until
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'alphapulse retention' AND backend_xid IS NOT NULL"""


def rows(store: Store) -> int:
    (found,) = store.execute("SELECT count(*) FROM trades").fetchone() or (0,)
    return int(found)


def archived_day(store: Store, url: str, home: Path) -> None:
    list(export_days(url, home / "parquet", [store_day(store, BTC)]))


def test_it_says_first_and_does_it_then(store: Store, database_url: str, tmp_path: Path) -> None:
    archived_day(store, database_url, tmp_path)
    env = environment(tmp_path, database_url=database_url)
    dry = run(env, "retention", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "2024-08-08  may leave  3 rows" in dry.stdout and rows(store) == 3
    done = run(env, "retention")
    assert done.returncode == 0, done.stderr
    assert "2024-08-08  left       3 rows" in done.stdout and rows(store) == 0
    assert "of 1 older ones 0 may not leave" in done.stdout
    assert dropped_days(store) == {BTC_DAY}
    store_trades(store, BTC, [(9, f"{DAY} 12:00:00", "1", "1")])
    assert "late after leaving" in run(env, "retention", "--dry-run").stdout
    united = run(env, "retention").stdout
    assert "2024-08-08  united     1 rows with coinbase/BTC-USD" in united, united
    assert "2024-08-08  left       1 rows" in united and rows(store) == 0


def test_it_names_what_stays_and_why(store: Store, database_url: str, tmp_path: Path) -> None:
    archived_day(store, database_url, tmp_path)
    store_day(store, ETH)
    env = environment(tmp_path, database_url=database_url)
    told = run(env, "retention")
    assert told.returncode == 0, told.stderr
    assert "2024-08-08  stays      6 rows" in told.stdout
    assert "    ! kraken/ETH_USD: not exported: " in told.stdout
    (facts,) = json.loads(run(env, "retention", "--json", "--dry-run").stdout)
    assert (facts["day"], facts["state"], facts["rows"]) == ("2024-08-08", "stays", 6)
    assert facts["refusals"][0]["why"] == "not exported"
    nothing = run(env | {"ALPHAPULSE_RETENTION_DAYS": "0"}, "retention")
    assert "every day stays" in nothing.stdout
    assert rows(store) == 6


def test_killed_in_the_middle_it_has_changed_nothing(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    """Held up before the last lock, with the day closed to writers and its leaving written down."""
    archived_day(store, database_url, tmp_path)
    env = environment(tmp_path, database_url=database_url)
    with connect(database_url, "another", read_only=True) as other, other.transaction():
        other.execute("SELECT count(*) FROM trades")
        with subprocess.Popen(command("retention"), cwd=ROOT, env=env) as started:
            try:
                wait_until(lambda: store.execute(BLOCKED).fetchone() != (0,), 60, "it is at work")
            finally:
                started.send_signal(signal.SIGKILL)
                started.wait(30)
        wait_until(lambda: store.execute(BLOCKED).fetchone() == (0,), 30, "its session ends")
        assert rows(store) == 3 and dropped_days(store) == set()
    done = run(env, "retention")
    assert "2024-08-08  left       3 rows" in done.stdout, done.stderr
    assert dropped_days(store) == {BTC_DAY}
