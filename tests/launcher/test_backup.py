"""A machine that is lost comes back: from the backup, the copied files, and the exchange's REST."""

import asyncio
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alphapulse.postgres import Server, dagster_url
from alphapulse.store.connect import connect
from launcher.supervisor import UNFINISHED
from replay.server import Replay
from tests.alphapulse.backup.stage import GONE, Stage, furnish, rows
from tests.launcher.stage import environment, processes_naming, run, wait_until
from tests.launcher.test_survival import is_long, platform, served, stored

MARKETS = {"binance": ("BTCUSDT",), "kraken": ("BTC/USD",)}
TRADES = 1_500  # per market
RATE = 25.0  # trades per second and market

pytestmark = [pytest.mark.slow, pytest.mark.embedded]


def test_a_lost_machine_comes_back_whole(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(lose_and_restore(tmp_path), 400))
    assert processes_naming(tmp_path) == []


async def lose_and_restore(folder: Path) -> None:
    place = folder / "backups"
    place.mkdir()
    async with Replay(MARKETS, seed=11, rate=RATE, trades=TRADES) as replay:
        endpoints = {
            name: {"ws": e.ws, "rest": e.rest} for name in MARKETS for e in [replay.endpoint(name)]
        }
        settings: dict[str, Any] = {
            "markets": MARKETS,
            "endpoints": endpoints,
            "simulated": True,
            "dagster": False,
            "backup_to": place,
        }
        before = await asyncio.to_thread(live_and_lose, folder / "lost", settings)
        env = environment(folder / "new", **settings)
        await asyncio.to_thread(restore, env, place, folder / "new", before)
        with platform(env):
            await asyncio.wait_for(replay.wait_finished(), 120)
            server = Server(folder / "new", int(env["ALPHAPULSE_POSTGRES_PORT"]))
            await asyncio.to_thread(await_tape, server, replay)
            await asyncio.to_thread(compare_past, server, before)


def live_and_lose(home: Path, settings: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Collect, back up, collect on, and lose everything; gives the rows of the markets' past."""
    env = environment(home, **settings)
    server = Server(home, int(env["ALPHAPULSE_POSTGRES_PORT"]))
    with platform(env):
        wait_until(partial(has_rows, server, 50), 90, "first rows of both markets")
        url = server.url()
        furnish(Stage(home, url))
        with connect(dagster_url(url), "test") as dagster:
            dagster.execute("CREATE TABLE runs AS SELECT 'a run'::text AS id")
        made = run(env, "backup", "--json")
        assert made.returncode == 0, made.stderr
        facts = json.loads(made.stdout)
        assert (facts["files"], facts["dagster"]) == (7, "in it")
        past = past_of(rows(url))
        wait_until(partial(has_rows, server, facts["rows"] // 2 + 50), 60, "rows after the backup")
    shutil.rmtree(home)
    return past


def has_rows(server: Server, count: int) -> bool:
    if not server.is_running():
        return False
    try:
        with connect(server.url(), "test", read_only=True) as store:
            return all(
                len(stored(store, exchange, symbol)) >= count
                for exchange, symbols in MARKETS.items()
                for symbol in symbols
            )
    except Exception:  # noqa: BLE001  # not there yet
        return False


def past_of(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the markets that nobody collects here, without ids that only this store knows."""
    return [row for row in found if row[1] not in {"BTCUSDT", "BTC/USD"}]


def restore(env: dict[str, str], place: Path, home: Path, past: list[Any]) -> None:
    words = ("restore", "--from", str(place), "--json")
    plan = json.loads(run(env, *words, "--dry-run").stdout)
    assert not home.exists()
    assert plan["rows"] > len(past) and plan["files"] == 7
    done = run(env, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == plan
    assert not (home / UNFINISHED).exists()
    again = run(env, *words)
    assert again.returncode == 1
    assert "is not empty" in again.stderr and "Traceback" not in again.stderr


def await_tape(server: Server, replay: Replay) -> None:
    """Everything that the exchange published, before the backup, after it and since: once."""
    with connect(server.url(), "test", read_only=True) as store:
        for exchange, symbols in MARKETS.items():
            for symbol in symbols:
                wanted = served(replay, exchange, symbol)
                found = partial(stored, store, exchange, symbol)
                wait_until(partial(is_long, found, len(wanted)), 90, f"{exchange} {symbol} whole")
                assert found() == wanted
        causes = store.execute("SELECT DISTINCT cause FROM gaps WHERE filled > 0").fetchall()
        assert ("restart",) in causes, "what came after the backup was fetched by REST"


def compare_past(server: Server, past: list[Any]) -> None:
    assert past_of(rows(server.url())) == past
    with connect(dagster_url(server.url()), "test", read_only=True) as dagster:
        assert dagster.execute("SELECT id FROM runs").fetchall() == [("a run",)]


@pytest.fixture
def backed_up(tmp_path: Path) -> dict[str, str]:
    """The settings of a house that was backed up and is gone."""
    (tmp_path / "backups").mkdir()
    home = tmp_path / "home"
    env = environment(home, backup_to=tmp_path / "backups", dagster=False)
    assert run(env, "migrate").returncode == 0
    server = Server(home, int(env["ALPHAPULSE_POSTGRES_PORT"]))
    server.start()
    furnish(Stage(home, server.url()))
    server.stop()
    assert run(env, "backup").returncode == 0
    shutil.rmtree(home)
    return env


def test_a_restore_that_was_killed_goes_on_and_nothing_runs_before(
    backed_up: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    words = ("restore", "--from", str(tmp_path / "backups"))
    assert run(backed_up, *words).returncode == 0
    stamp = next((tmp_path / "backups" / "backups").iterdir()).name
    (home / UNFINISHED).write_text(stamp)  # killed just before its end
    (home / "parquet" / "coinbase" / "BTC-USD" / f"{GONE}.parquet").unlink()
    refused = run(backed_up, "up")
    assert refused.returncode == 1 and "did not end" in refused.stderr
    done = run(backed_up, *words)
    assert done.returncode == 0, done.stderr
    assert (home / "parquet" / "coinbase" / "BTC-USD" / f"{GONE}.parquet").exists()
    assert not (home / UNFINISHED).exists()


def test_the_drill_passes_and_fails_with_an_exit_code(
    backed_up: dict[str, str], tmp_path: Path
) -> None:
    good = run(backed_up, "drill", "--json")
    assert (good.returncode, json.loads(good.stdout)["passed"]) == (0, True)
    next((tmp_path / "backups" / "files").rglob(f"{GONE}.*.parquet")).unlink()
    bad = run(backed_up, "drill")
    assert bad.returncode == 1
    assert "is missing" in bad.stdout


def test_status_says_where_backups_go_or_that_there_are_none(tmp_path: Path) -> None:
    for place, words in (("", "NONE         set ALPHAPULSE_BACKUP_TO"), ("/mnt/b", "/mnt/b")):
        env = environment(tmp_path / "home", backup_to=place)
        (line,) = [one for one in run(env, "status").stdout.splitlines() if "backups" in one]
        assert line.endswith(words)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("backup",), "set ALPHAPULSE_BACKUP_TO"),
        (("drill",), "set ALPHAPULSE_BACKUP_TO"),
        (("restore", "--from", "/nowhere/at/all"), "is no directory"),
        (("restore", "--from", "{tmp}"), "there is none at all"),
        (("restore", "--from", "s3://nothing/x"), "s3://nothing/x: "),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    env = environment(tmp_path / "home") | {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    done = run(env, *(word.format(tmp=tmp_path) for word in words))
    assert done.returncode == 1
    assert complaint in done.stderr and "Traceback" not in done.stderr
    assert "a-secret" not in done.stderr
