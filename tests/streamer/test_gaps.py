"""Gaps are told: to whom it concerns, behind the trades that filled them, and after our outages."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from streamer import ledger
from tests.streamer.conftest import (
    DEADLINE,
    Frame,
    Reader,
    add_market,
    insert,
    play,
    staged,
)
from tests.streamer.test_outage import kill, replace_database


def open_gap(store: Store, market: int, after: int, before: int | None = None) -> int:
    """The gap's id."""
    row = store.execute(
        "INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, cause)"
        " VALUES (%s, %s, '2026-01-31 12:00Z', %s::bigint,"
        " CASE WHEN %s::bigint IS NULL THEN NULL ELSE '2026-01-31 12:00:01.5Z'::timestamptz END,"
        " 'disconnect') RETURNING gap_id",
        [market, after, before, before],
    ).fetchone()
    assert row
    return int(row[0])


def open_gaps(store: Store, market: int, count: int) -> None:
    """In one transaction, as ids 1, 11, 21, …"""
    store.execute(
        "INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, cause)"
        " SELECT %s, n * 10 + 1, '2026-01-31 12:00Z', n * 10 + 5, '2026-01-31 12:01Z', 'restart'"
        " FROM generate_series(0, %s - 1) AS n ORDER BY n",
        [market, count],
    )


def turn(store: Store, gap: int, state: str, filled: int = 0, absent: int = 0) -> None:
    store.execute(
        "UPDATE gaps SET state = %s, filled = %s, absent = %s,"
        " closed_at = CASE WHEN %s IN ('suspected', 'repairing') THEN NULL ELSE now() END"
        " WHERE gap_id = %s",
        [state, filled, absent, state, gap],
    )


def delete(store: Store, gap: int) -> None:
    store.execute("DELETE FROM gaps WHERE gap_id = %s", [gap])


def gaps_in(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] in ("gap", "repaired")]


def states(reader: Reader) -> list[tuple[int, str]]:
    return [(frame["gap_id"], frame["state"]) for frame in gaps_in(reader.frames)]


async def until(reader: Reader, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await reader.next()


def test_each_state_of_a_gap_is_told_as_it_is(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            gap = open_gap(store, market, 2**53 + 1, 2**53 + 9)
            assert await reader.until("gap") == {
                "type": "gap",
                "gap_id": gap,
                "exchange": "kraken",
                "symbol": "BTC/USD",
                "state": "suspected",
                "after_id": "9007199254740993",
                "before_id": "9007199254741001",
                "after": "2026-01-31T12:00:00.000000Z",
                "before": "2026-01-31T12:00:01.500000Z",
                "cause": "disconnect",
                "filled": 0,
                "absent": 0,
            }
            for state, type in [
                ("repairing", "gap"),
                ("absent", "gap"),
                ("unrecoverable", "gap"),
                ("suspected", "gap"),
                ("repaired", "repaired"),
            ]:
                turn(store, gap, state, filled=5, absent=2)
                frame = await reader.until("gap", "repaired")
                assert (frame["type"], frame["state"]) == (type, state)
                assert (frame["filled"], frame["absent"]) == (5, 2)
            delete(store, gap)
            frame = await reader.until("repaired")
            assert (frame["gap_id"], frame["state"]) == (gap, "dismissed")
            assert stage.streamer.counters.gaps == 7

    play(story)


def test_a_gap_without_an_end_has_none(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            open_gap(store, market, 7)
            frame = await reader.until("gap")
            assert (frame["after_id"], frame["before_id"], frame["before"]) == ("7", None, None)

    play(story)


def test_only_whoever_wants_the_market_is_told(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    ether = add_market(store, "ETH/USD")

    async def story() -> None:
        async with (
            staged(database_url, tmp_path) as stage,
            stage.joined("?market=kraken/ETH_USD&last=0") as one,
            stage.joined() as all_of_it,
        ):
            bitcoins, ethers = open_gap(store, market, 1, 5), open_gap(store, ether, 1, 5)
            insert(store, ether, 9)
            await one.until_trade(9)
            await all_of_it.until_trade(9)
            assert states(one) == [(ethers, "suspected")]
            assert states(all_of_it) == [(bitcoins, "suspected"), (ethers, "suspected")]
            async with stage.joined("?market=kraken/ETH_USD&last=0") as late:
                assert states(late) == [(ethers, "suspected")]

    play(story)


@pytest.mark.parametrize("price", ["100.10", "1" * 3000])
def test_repaired_comes_behind_the_trades_that_filled_the_gap(
    price: str, store: Store, market: int, other_store: Store, database_url: str, tmp_path: Path
) -> None:
    """Also behind those that a notice cannot carry, for which the store has to be asked."""

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            gap = open_gap(store, market, 1, 5)
            for id in (2, 3, 4):
                insert(other_store, market, id, price=price)
            turn(store, gap, "repaired", filled=3)
            insert(other_store, market, 5)
            await reader.until_trade(5)
            told = [frame.get("id") or frame.get("state") for frame in reader.frames]
            assert told[told.index("suspected") :] == ["suspected", "2", "3", "4", "repaired", "5"]

    play(story)


def test_an_aborted_change_is_not_told(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            store.execute("BEGIN")
            open_gap(store, market, 1, 5)
            store.execute("ROLLBACK")
            insert(store, market, 6)
            await reader.until_trade(6)
            assert states(reader) == []

    play(story)


def test_gap_frames_do_not_move_the_cursor(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined() as reader:
                insert(store, market, 1, 2)
                await reader.until_trade(2)
                open_gap(store, market, 2, 9)
                assert "cursor" not in await reader.until("gap")
            insert(store, market, 3)
            async with stage.joined(f"?cursor={reader.trades[0]['cursor']}") as again:
                assert again.ids == [2, 3]

    play(story)


def test_a_transaction_with_trades_on_both_sides_of_a_gap_stays_whole(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            store.execute("BEGIN")
            insert(store, market, 1, 2)
            gap = open_gap(store, market, 2, 9)
            insert(store, market, 9, 10)
            store.execute("COMMIT")
            await reader.until_trade(10)
            assert reader.ids == [1, 2, 9, 10]
            assert states(reader) == [(gap, "suspected")]
            async with stage.joined(f"?cursor={reader.trades[1]['cursor']}") as again:
                assert again.ids == [9, 10]

    play(story)


def test_a_newcomer_is_told_what_is_open_before_it_is_live(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    insert(store, market, 1)
    first, second = open_gap(store, market, 1, 5), open_gap(store, market, 7, 9)
    turn(store, first, "repairing")
    turn(store, open_gap(store, market, 20, 30), "absent")

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined("?last=5") as reader:
                assert states(reader) == [(first, "repairing"), (second, "suspected")]
                assert [frame["type"] for frame in reader.frames if frame["type"] != "status"] == [
                    "hello",
                    "subscribed",
                    "trade",
                    "gap",
                    "gap",
                    "live",
                ]
                turn(store, first, "repaired")
                delete(store, second)
                third = open_gap(store, market, 50)
                await until(reader, lambda: (third, "suspected") in states(reader))
                cursor = reader.trades[0]["cursor"]
            async with stage.joined(f"?cursor={cursor}") as again:
                assert states(again) == [(third, "suspected")]

    play(story)


def test_a_list_that_is_cut_off_says_so(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    open_gaps(store, market, ledger.MOST_LISTED + 1)

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined() as reader:
                told = gaps_in(reader.frames)
                assert [frame["after_id"] for frame in told] == [
                    str(n * 10 + 1) for n in range(1, ledger.MOST_LISTED + 1)
                ]
                assert reader.frames[-2] == {"type": "gaps", "told": 100, "more": True}
                delete(store, told[-1]["gap_id"])
                await reader.until("repaired")
            async with stage.joined() as again:
                assert len(gaps_in(again.frames)) == ledger.MOST_LISTED
                assert "gaps" not in [frame["type"] for frame in again.frames]

    play(story)


def test_what_changed_while_the_line_was_down_is_told_afterwards(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            kept, filled, gone = (open_gap(store, market, id, id + 5) for id in (10, 20, 30))
            insert(store, market, 1)
            await reader.until_trade(1)
            stage.streamer.listener.line.url = make_conninfo(database_url, port=1)
            kill(store)
            assert (await reader.until("status"))["state"] == "reconnecting"
            told = len(states(reader))
            insert(store, market, 21, 22, 23, 24)
            turn(store, filled, "repaired", filled=4)
            delete(store, gone)
            opened = open_gap(store, market, 40, 45)
            brief = open_gap(store, market, 50, 55)
            turn(store, brief, "absent", absent=4)
            stage.streamer.listener.line.url = database_url
            insert(store, market, 2)
            turn(store, kept, "repairing")
            await until(reader, lambda: (kept, "repairing") in states(reader))
            insert(store, market, 3)
            await reader.until_trade(3)
            assert set(states(reader)[told:]) == {
                (kept, "repairing"),
                (filled, "repaired"),
                (gone, "dismissed"),
                (opened, "suspected"),
                (brief, "absent"),
            }
            at = [frame.get("id") or frame.get("state") for frame in reader.frames]
            assert at.index("24") < at.index("repaired")
            assert reader.ids == [1, 21, 22, 23, 24, 2, 3]
            async with stage.joined() as late:
                assert states(late) == [(kept, "repairing"), (opened, "suspected")]

    play(story)


def test_lines_killed_during_changes_leave_everybody_with_the_truth(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    """Each gap ends in another state; the last word that a client hears of it is the right one."""
    endings = ["repaired", "absent", "unrecoverable", "dismissed", "suspected", "repairing"]

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            truth = {}
            for n in range(60):
                gap = open_gap(store, market, n * 10 + 1, n * 10 + 5)
                truth[gap] = endings[n % len(endings)]
                if n % 15 == 7:
                    kill(store)
                end(gap, truth[gap])
                await asyncio.sleep(0)
            await until(reader, lambda: are_told(truth, reader))
            async with stage.joined() as late:
                still = {gap: s for gap, s in truth.items() if s in ("suspected", "repairing")}
                assert dict(states(late)) == still

    def are_told(truth: dict[int, str], reader: Reader) -> bool:
        """One that came and went within an outage may never be told."""
        told = dict(states(reader))
        return all(told.get(gap, "dismissed") == state for gap, state in truth.items())

    def end(gap: int, state: str) -> None:
        turn(store, gap, "repairing")
        if state == "dismissed":
            delete(store, gap)
        else:
            turn(store, gap, state)

    play(story)


def test_another_life_of_the_database_has_gaps_of_its_own(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    open_gap(store, market, 1, 5)

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            assert len(states(reader)) == 1
            replace_database(database_url)
            subscribed = await reader.until("subscribed")
            assert subscribed["recovered"] is False
            await reader.until("live")
            assert len(states(reader)) == 1
            with connect(database_url, "test") as fresh:
                open_gap(fresh, add_market(fresh, "ETH/USD", "coinbase"), 1, 5)
                assert (await reader.until("gap"))["symbol"] == "ETH/USD"

    play(story)


def test_a_gap_of_a_market_that_is_new_is_told_in_order(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            newcomer = add_market(store, "SOL/USD")
            gap = open_gap(store, newcomer, 1, 5)
            insert(store, market, 1)
            turn(store, gap, "repaired")
            assert (await reader.until("repaired"))["symbol"] == "SOL/USD"
            assert states(reader) == [(gap, "suspected"), (gap, "repaired")]
            assert reader.ids == [1]
            assert stage.streamer.counters.looked_up == 1

    play(story)


def test_a_flood_of_gaps_hurts_nobody(
    store: Store, market: int, other_store: Store, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            open_gaps(store, market, 10_000)
            insert(other_store, market, 1)
            await reader.until_trade(1)
            assert len(states(reader)) == 10_000
            delete_all = "DELETE FROM gaps WHERE market_id = %s"
            store.execute(delete_all, [market])
            insert(other_store, market, 2)
            await reader.until_trade(2)
            assert len(states(reader)) == 20_000
            assert stage.streamer.counters.slow_clients == 0
            assert not stage.streamer.hub.gaps.open

    play(story)


def test_whoever_does_not_take_the_gaps_in_is_closed_and_slows_nobody(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            staged(database_url, tmp_path, stream_buffer_bytes=100_000) as stage,
            stage.joined(max_queue=1) as slow,
            stage.joined() as quick,
        ):
            for id in range(1, 200):
                open_gaps(store, market, 200)
                insert(store, market, id)
                await quick.until_trade(id)
                if any(client.was_slow for client in stage.streamer.clients):
                    break
            closed = await slow.until_closed()
            assert closed.code == 1013
            assert quick.ids == list(range(1, id + 1))

    play(story)


def test_strange_notices_of_gaps_are_counted_and_harm_nobody(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            for payload in ("hello", "{", "{}", '{"gap_id":1,"state":"lost"}', "1,2|"):
                store.execute("SELECT pg_notify('gaps', %s)", [payload])
            gap = open_gap(store, market, 1, 5)
            await reader.until("gap")
            assert states(reader) == [(gap, "suspected")]
            assert stage.streamer.counters.strange_notices == 5

    play(story)


def test_simulated_gaps_say_so(empty_database: str, tmp_path: Path) -> None:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
        market = add_market(store)
        open_gap(store, market, 1, 5)

        async def story() -> None:
            async with staged(empty_database, tmp_path) as stage, stage.joined() as reader:
                assert [frame["simulated"] for frame in gaps_in(reader.frames)] == [True]
                open_gap(store, market, 11, 15)
                assert (await reader.until("gap"))["simulated"] is True

        play(story)
