import asyncio

import pytest

from replay.control import is_local
from replay.server import Replay
from tests.replay.talk import DEADLINE, MARKETS, collect, get, line
from tests.replay.test_server import closed, run


def test_a_fault_is_injected_through_the_door() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay, line(replay, "kraken") as socket:
            await collect(socket, 1)
            answer = await get(replay, "/control/inject?fault=cut&exchange=kraken&code=1011")
            assert answer.json() == {
                "injected": {"fault": "cut", "exchange": "kraken", "code": 1011, "reason": ""}
            }
            assert await closed(socket) == 1011

    run(story())


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fault=earthquake", "Invalid value 'earthquake'"),
        ("fault=cut&exchange=bitmex", "no such exchange here"),
        ("", "missing required field `fault`"),
    ],
)
def test_a_wrong_fault_is_answered_with_the_reason(query: str, words: str) -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            answer = await get(replay, f"/control/inject?{query}")
            assert answer.status_code == 400
            assert words in answer.json()["error"]

    run(story())


def test_the_state_tells_what_was_published_and_who_listens() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay, line(replay, "binance") as socket:
            found = await collect(socket, 3)
            state = (await get(replay, "/control/state")).json()
            assert (state["binance"]["clients"], state["kraken"]["clients"]) == (1, 0)
            assert state["binance"]["published"]["BTCUSDT"]["last_id"] >= found[-1]
            assert not state["binance"]["finished"]

    run(story())


def test_the_door_finishes_the_trades() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay:
            assert (await get(replay, "/control/finish")).json()["kraken"]["finished"]
            await asyncio.wait_for(replay.wait_finished(), DEADLINE)

    run(story())


def test_an_unknown_word_lists_the_known_ones() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            answer = await get(replay, "/control/dance")
            assert answer.status_code == 404
            assert "known: state, inject, finish" in answer.json()["error"]

    run(story())


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.org"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "a.b:80"}],
)
def test_a_page_in_a_browser_is_turned_away(headers: dict[str, str]) -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            answer = await get(replay, "/control/finish", **headers)
            assert answer.status_code == 403
            assert not replay.is_finished

    run(story())


def test_another_machine_is_turned_away() -> None:
    assert is_local("127.0.0.1", {"Host": "127.0.0.1:8770"})
    assert is_local("127.0.0.1", {"Host": "localhost"})
    assert not is_local("10.0.0.7", {"Host": "127.0.0.1:8770"})
