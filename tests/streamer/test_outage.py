"""The line to PostgreSQL breaks: clients are told, and nothing is lost or told twice."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from tests.streamer.conftest import Stage, add_market, eventually, insert, play, staged

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = ANY (%s)"  # noqa: E501
LINES = ["alphapulse streamer ear", "alphapulse streamer", "alphapulse streamer backlog"]


def kill(store: Store, *programs: str) -> None:
    store.execute(KILL, [list(programs or LINES)])


@pytest.mark.parametrize("victim", LINES[:2])
def test_a_killed_line_is_told_and_nothing_is_missing(
    victim: str, store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            insert(store, market, 1, 2)
            await reader.until_trade(2)
            kill(store, victim)
            insert(store, market, 3, 4)
            assert (await reader.until("status"))["state"] == "reconnecting"
            insert(store, market, 5)
            status = await reader.until("status")
            assert status["state"] == "live"
            insert(store, market, 6)
            await reader.until_trade(6)
            assert reader.ids == [1, 2, 3, 4, 5, 6]
            assert status["caught_up"] == sum("replayed" in trade for trade in reader.trades)
            assert stage.streamer.counters.catch_ups == 1

    play(story)


def test_lines_killed_again_and_again_during_inserts_lose_nothing(
    store: Store, market: int, other_store: Store, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            for id in range(1, 200, 4):
                other_store.execute("BEGIN")
                insert(other_store, market, id, id + 1)
                insert(store, market, id + 2)
                if id % 40 == 1:
                    kill(store)
                await asyncio.sleep(0)
                insert(other_store, market, id + 3)
                other_store.execute("COMMIT")
            while len(reader.ids) < 200:
                await reader.until("trade")
            assert sorted(reader.ids) == list(range(1, 201))
            async with stage.joined(f"?cursor={reader.trades[10]['cursor']}") as late:
                assert sorted(late.ids + reader.ids[:11]) == list(range(1, 201))

    play(story)


def test_a_client_that_comes_during_an_outage_is_not_left_in_silence(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        nowhere = make_conninfo(database_url, port=1)
        async with staged(nowhere, tmp_path) as stage, stage.client() as reader:
            hello = await reader.next()
            assert (hello["state"], hello["cursor"], hello["simulated"]) == (
                "reconnecting",
                None,
                None,
            )
            beat = await reader.next()
            assert (beat["type"], beat["state"], "cursor" in beat) == (
                "heartbeat",
                "reconnecting",
                False,
            )
            stage.streamer.listener.line.url = stage.streamer.backlogs.url = database_url
            insert(store, market, 1)
            assert (await reader.until("status"))["state"] == "live"
            assert [m["symbol"] for m in (await reader.until("subscribed"))["markets"]] == [
                "BTC/USD"
            ]
            await reader.until("live")
            assert reader.ids == [1]

    play(story)


def test_a_resume_waits_for_the_line_and_is_exact(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined() as reader:
                insert(store, market, 1)
                cursor = (await reader.until_trade(1))["cursor"]
            kill(store)
            insert(store, market, 2)
            async with stage.joined(f"?cursor={cursor}") as reader:
                assert reader.ids == [2]
                assert next(f for f in reader.frames if f["type"] == "subscribed")["recovered"]

    play(story)


def test_too_much_missed_is_said_and_begins_afresh(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            staged(database_url, tmp_path, stream_resume_rows=10) as stage,
            stage.joined("?last=2") as reader,
        ):
            stage.streamer.listener.line.url = make_conninfo(database_url, port=1)
            kill(store)
            await reader.until("status")
            insert(store, market, *range(1, 21))
            stage.streamer.listener.line.url = database_url
            subscribed = await reader.until("subscribed")
            assert subscribed["recovered"] is False
            assert subscribed["reason"] == "more than 10 trades were missed"
            await reader.until("live")
            assert reader.ids == [19, 20]
            insert(store, market, 21)
            await reader.until_trade(21)
            assert reader.ids == [19, 20, 21]

    play(story)


def replace_database(url: str) -> None:
    """Drop the database and make one of the same name: another life."""
    name = str(conninfo_to_dict(url)["dbname"])
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as admin:
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    with connect(url, "test") as store:
        migrate(store)


def test_another_life_of_the_database_begins_afresh(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            insert(store, market, 1)
            cursor = (await reader.until_trade(1))["cursor"]
            replace_database(database_url)
            subscribed = await reader.until("subscribed")
            assert subscribed["recovered"] is False
            assert "another one" in subscribed["reason"]
            await reader.until("live")
            with connect(database_url, "test") as fresh:
                new_market = add_market(fresh, "ETH/USD", "coinbase")
                insert(fresh, new_market, 7)
                assert (await reader.until("trade"))["symbol"] == "ETH/USD"
            await stranger(stage, cursor)

    async def stranger(stage: Stage, cursor: str) -> None:
        async with stage.joined(f"?cursor={cursor}") as reader:
            subscribed = next(f for f in reader.frames if f["type"] == "subscribed")
            assert subscribed["recovered"] is False
            assert "another database" in subscribed["reason"]
            assert reader.ids == [7]

    play(story)


def test_a_backlog_whose_line_breaks_goes_on_where_it_was(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path, stream_buffer_bytes=20_000) as stage:
            async with stage.joined() as reader:
                cursor = next(f for f in reader.frames if f["type"] == "live")["cursor"]
            for first in range(1, 4001, 100):
                insert(store, market, *range(first, first + 100))
            options = {"max_queue": 1}
            async with stage.client(f"?last=0&cursor={cursor}", **options) as reader:
                await reader.until_trade(600)
                kill(store, LINES[2])
                await reader.until_trade(4000)
                assert reader.ids == list(range(1, 4001))

    play(story)


def test_rows_of_another_cluster_are_no_part_of_the_stream(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined() as reader:
                insert(store, market, 1)
                cursor = (await reader.until_trade(1))["cursor"]
            insert(store, market, 2)
            store.execute(
                "INSERT INTO trades"
                " SELECT '2020-01-01Z', received_at, 3, tx + 1000000000, seq,"
                " market_id, side, source, price, size FROM trades WHERE trade_id = 2"
            )
            async with stage.joined(f"?cursor={cursor}") as reader:
                assert reader.ids == [2]
            async with stage.joined("?last=9") as reader:
                assert reader.ids == [1, 2]

    play(story)


def test_the_counters_reach_the_status_file(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        path = tmp_path / "status" / "streamer.json"
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            insert(store, market, 1)
            await reader.until_trade(1)
            await eventually(lambda: '"trades":1' in path.read_text())
            text = path.read_text()
            assert '"state":"live"' in text and '"clients":1' in text and '"at":' in text

    play(story)


def test_a_doorbell_brings_the_rows_from_the_store_in_order(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    wide = "1" * 3000

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            insert(store, market, 1)
            insert(store, market, 2, 3, price=wide)
            insert(store, market, 4)
            await reader.until_trade(4)
            assert reader.ids == [1, 2, 3, 4]
            assert [len(trade["price"]) for trade in reader.trades] == [6, 3000, 3000, 6]
            assert stage.streamer.counters.looked_up == 1

    play(story)


def test_strange_notices_are_counted_and_harm_nobody(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            for payload in ("hello", "1|2,3", "@mark of another streamer", '9|1,1,1,0,0,bl,",1'):
                store.execute("SELECT pg_notify('trades', %s)", [payload])
            store.execute("SELECT pg_notify('trades', pg_current_xact_id()::text || '|')")
            insert(store, market, 1)
            await reader.until_trade(1)
            assert reader.ids == [1]
            assert stage.streamer.counters.strange_notices == 3

    play(story)


def test_a_catch_up_and_a_slow_reader_end_exactly(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            kill(store)
            for first in range(1, 5001, 500):
                insert(store, market, *range(first, first + 500))
            await reader.until_trade(5000)
            assert reader.ids == list(range(1, 5001))
            replayed = [frame for frame in reader.trades if "replayed" in frame]
            assert max(len(frame["cursor"]) for frame in replayed) < 60
            async with stage.joined(f"?cursor={reader.trades[2500]['cursor']}") as again:
                assert again.ids == list(range(2502, 5001))

    play(story)
