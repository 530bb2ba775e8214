"""`alphapulse backfill` as a user meets it: its plan, its end, its going on."""

import json
import signal
import subprocess
from pathlib import Path
from subprocess import PIPE

import msgspec
import pytest

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from tests.collectors.past import SYMBOLS, Past, past
from tests.collectors.stage import stored_rows, tape_rows
from tests.launcher.stage import ROOT, command, environment, kill, run, wait_until

SPAN = ("--from", "2026-11-01", "--to", "2026-11-02")


@pytest.fixture
def url(empty_database: str) -> str:
    """Of a database for simulated trades, as replay's must have."""
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
    return empty_database


def prepared(home: Path, url: str, replay: Past) -> dict[str, str]:
    endpoints = {name: msgspec.to_builtins(replay.endpoint(name)) for name in replay.tapes}
    return environment(home, database_url=url, simulated=True, endpoints=endpoints)


def rows(store: Store) -> int:
    (count,) = store.execute("SELECT count(*) FROM trades").fetchone() or (0,)
    return int(count)


def test_a_dry_run_says_what_it_would_take_and_stores_nothing(tmp_path: Path, url: str) -> None:
    with past("coinbase", trades=2_500) as replay:
        env = prepared(tmp_path, url, replay)
        words = ("backfill", "--market", "coinbase/BTC_USD", *SPAN, "--dry-run")
        plan = json.loads(run(env, *words, "--json").stdout)
        assert plan["market"] == "coinbase/BTC-USD"
        assert (plan["expected"], plan["stored"], plan["requests"]) == (2_500, 0, 3)
        assert plan["seconds"] >= 0.45
        text = run(env, *words).stdout
        assert "2,500" in text and "3 for 1 stretch\n" in text
    with connect(url, "test") as store:
        assert rows(store) == 0
        assert store.execute("SELECT count(*) FROM backfills").fetchone() == (0,)


def test_killed_in_the_middle_it_goes_on_behind_the_last_stored_page(
    tmp_path: Path, url: str
) -> None:
    with past("coinbase", trades=12_000) as replay, connect(url, "test") as store:
        env = prepared(tmp_path, url, replay)
        words = command("backfill", "--market", "coinbase/BTC-USD", *SPAN)
        with subprocess.Popen(words, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE) as first:
            wait_until(lambda: rows(store) >= 3_000, 60, "three pages are stored")
            kill(first.pid)
        wait_until(lambda: not others(store), 30, "the dead process's connection has ended")
        before = replay.requests
        left = 12 - rows(store) // 1_000
        done = run(env, *words[3:], "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["plan"]["resumes"] and result["plan"]["planning_requests"] == 0
        assert result["requests"] == replay.requests - before == left
        assert (result["state"], result["new"], result["rows"]) == ("done", 12_000, 12_000)
        market = ("coinbase", SYMBOLS["coinbase"])
        assert stored_rows(store, *market) == tape_rows(replay, *market)


def others(store: Store) -> list[tuple[int, ...]]:
    return store.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'alphapulse backfill'"
    ).fetchall()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_says_how_to_go_on(tmp_path: Path, url: str, number: int) -> None:
    with past("coinbase", trades=12_000) as replay, connect(url, "test") as store:
        env = prepared(tmp_path, url, replay)
        words = command("backfill", "--market", "coinbase/BTC-USD", *SPAN)
        with subprocess.Popen(words, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE, text=True) as it:
            wait_until(lambda: rows(store) >= 2_000, 60, "two pages are stored")
            it.send_signal(number)
            _, said = it.communicate(timeout=60)
        assert it.returncode == 130
        again = "backfill --market coinbase/BTC-USD --from 2026-11-01 --to 2026-11-02"
        assert f"to go on: alphapulse {again}" in said
        assert store.execute("SELECT state FROM backfills").fetchall() == [("interrupted",)]
        assert rows(store) % 1_000 == 0
        done = run(env, *again.split())
        assert done.returncode == 0
        assert "12,000 rows read, 12,000 of them new, in 12 requests" in done.stdout
        assert rows(store) == 12_000


def test_when_postgresql_goes_away_it_says_how_to_go_on(tmp_path: Path, url: str) -> None:
    with past("coinbase", trades=12_000) as replay, connect(url, "test") as store:
        env = prepared(tmp_path, url, replay)
        words = command("backfill", "--market", "coinbase/BTC-USD", *SPAN)
        with subprocess.Popen(words, cwd=ROOT, env=env, stdout=PIPE, stderr=PIPE, text=True) as it:
            wait_until(lambda: rows(store) >= 2_000, 60, "two pages are stored")
            for (process,) in others(store):
                store.execute("SELECT pg_terminate_backend(%s)", [process])
            _, said = it.communicate(timeout=60)
        assert it.returncode == 1
        assert "PostgreSQL went away" in said and "Traceback" not in said
        assert "to go on: alphapulse backfill --market coinbase/BTC-USD" in said
        assert run(env, *words[3:]).returncode == 0
        assert rows(store) == 12_000


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--market", "mtgox/BTC-USD", *SPAN), "unknown exchange 'mtgox'; there are binance"),
        (("--market", "kraken/BTCUSDD", *SPAN), "similar: BTC/USD"),
        (("--market", "kraken/FOO-BAR", *SPAN), "EQuery:Unknown asset pair"),
        (("--market", "kraken", *SPAN), "--market kraken/SYMBOL"),
        (("--market", "kraken/BTC-USD", "--from", "soon"), "is no time"),
        (("--market", "kraken/BTC-USD", "--from", "2026-11-02", "--to", "2026-11-01"), "not later"),
        ((), "say --market"),
        (("--gap", "7"), "there is no gap 7"),
        (("--gap", "7", *SPAN), "leave out"),
    ],
)
def test_a_wish_that_cannot_be_is_one_clear_line(
    tmp_path: Path, url: str, words: tuple[str, ...], complaint: str
) -> None:
    with past("kraken", trades=10) as replay:
        done = run(prepared(tmp_path, url, replay), "backfill", *words)
    assert done.returncode == 1
    assert complaint in done.stderr and "Traceback" not in done.stderr
