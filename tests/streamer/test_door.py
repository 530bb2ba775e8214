"""Who is let in: by page, by token, by address. First the rules, then over real sockets."""

import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from alphapulse.settings import SettingsError, read_settings
from streamer.door import Door
from tests.streamer.conftest import Stage, eventually, play, staged

TOKEN = "correct horse battery staple"


@pytest.mark.parametrize(
    ("origin", "host", "is_let_in"),
    [
        ("http://localhost:5000", "localhost:8766", True),
        ("http://127.0.0.1:5173", "localhost:8766", True),
        ("http://[::1]:5000", "127.0.0.1:8766", True),
        ("http://192.168.1.7:5000", "192.168.1.7:8766", True),
        ("https://keeper:5000", "Keeper:8766", True),
        ("https://data.example.org", "data.example.org", True),  # named below
        ("https://DATA.example.org", "elsewhere", True),
        ("http://data.example.org", "data.example.org", False),  # another scheme is another page
        ("https://evil.example", "localhost:8766", False),
        ("http://evil.example:8766", "evil.example:8766", False),  # a name pointed at us: rebinding
        ("http://192.168.1.7:5000", "192.168.1.8:8766", False),
        ("http://localhost:5000", "192.168.1.8:8766", False),
        ("http://localhost.evil.example", "localhost:8766", False),
        ("http://localhost@evil.example", "localhost:8766", False),
        ("null", "localhost:8766", False),
        ("file://", "localhost:8766", False),
        ("chrome-extension://abc", "localhost:8766", False),
        ("http://localhost:notaport", "localhost:8766", False),
        ("http://[::1", "localhost:8766", False),
        ("", "localhost:8766", False),
    ],
)
def test_a_page_is_let_in_if_it_is_ours_or_named(origin: str, host: str, is_let_in: bool) -> None:
    door = Door(origins=["https://data.example.org/"], names=["keeper"])
    assert door.lets_in_page([origin], host) is is_let_in


def test_a_program_sends_no_origin_and_two_origins_are_none() -> None:
    assert Door().lets_in_page([], "anything")
    assert not Door().lets_in_page(["http://localhost", "http://localhost"], "localhost")
    assert Door(origins=["*"]).lets_in_page(["https://anywhere.example"], "localhost")


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_origin_and_no_host_make_the_door_fall(origin: str, host: str) -> None:
    assert Door().lets_in_page([origin], host) in (True, False)
    Door(proxies=["10.0.0.0/8"]).visitor(host, [origin])


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("127.0.0.1", [], None),  # ourselves
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),  # a proxy of this machine
        ("10.0.0.2", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # only its own word counts
        ("10.0.0.2", ["203.0.113.7, 10.0.0.3"], "203.0.113.7"),  # two proxies of ours in a row
        ("10.0.0.2", ["nonsense"], "10.0.0.2"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # anybody may write that
    ],
)
def test_whom_a_connection_is_counted_for(
    peer: str, forwarded: list[str], visitor: str | None
) -> None:
    assert Door(proxies=["10.0.0.0/8"]).visitor(peer, forwarded) == visitor


def test_a_short_token_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least 16 characters") as refused:
        read_settings({"ALPHAPULSE_HOME": str(tmp_path), "ALPHAPULSE_STREAM_TOKEN": "hunter2"})
    assert "hunter2" not in str(refused.value)


# -- over real sockets


async def refusal(stage: Stage, **options: object) -> int:
    """The HTTP status by which a connection is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with stage.client("?last=0", **options):
            pass
    return int(refused.value.response.status_code)


def test_a_strange_page_gets_403_and_ours_gets_trades(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            assert await refusal(stage, origin="https://evil.example") == 403
            assert stage.streamer.counters.refused_pages == 1
            async with stage.joined(origin="http://localhost:5000") as reader:
                assert reader.frames[0]["type"] == "hello"
            async with stage.joined() as reader:  # a program
                assert reader.frames[0]["type"] == "hello"

    play(story)


def test_with_a_token_set_it_opens_in_a_header_or_as_the_first_frame(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing else does: no hello, no market, no heartbeat before it."""

    async def story() -> None:
        async with staged(database_url, tmp_path, stream_token=TOKEN) as stage:
            good = {"Authorization": f"Bearer {TOKEN}"}
            async with stage.joined(additional_headers=good) as reader:
                assert reader.frames[0]["type"] == "hello"
            for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer é"):
                assert await refusal(stage, additional_headers={"Authorization": wrong}) == 401
            async with stage.client() as reader:
                await reader.send(type="token", token=TOKEN)
                await reader.until("live")
                assert reader.frames[0]["type"] == "hello"
            openings = (
                json.dumps({"type": "token", "token": TOKEN[:-1]}),
                json.dumps({"type": "subscribe"}),
                "nonsense",
                b"\x00",
            )
            for opening in openings:
                async with stage.client("?last=0") as reader:
                    await reader.connection.send(opening)
                    closed = await reader.until_closed()
                    assert (closed.code, [f["type"] for f in reader.frames]) == (1008, ["error"])
            basic = {"Authorization": "Basic eDp5"}  # is no token, and so nothing is known yet
            async with stage.client(additional_headers=basic) as reader:
                await reader.send(type="subscribe")
                assert (await reader.until_closed()).code == 1008
            assert not stage.streamer.clients

    with caplog.at_level(logging.INFO):
        play(story)
    assert TOKEN not in caplog.text


def test_a_silent_stranger_is_shown_out(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.reception.INTRODUCTION", 0.05)

    async def story() -> None:
        async with staged(database_url, tmp_path, stream_token=TOKEN) as stage:
            async with stage.client("?last=0") as reader:
                assert (await reader.until_closed()).code == 1008
                assert [frame["code"] for frame in reader.frames] == ["unauthorized"]
            assert stage.streamer.reception.strangers == 0

    play(story)


def test_one_address_has_so_many_places_and_gets_them_back(
    database_url: str, tmp_path: Path
) -> None:
    """Counted behind a proxy of this machine, by what the proxy says."""

    async def story() -> None:
        async with staged(database_url, tmp_path, stream_clients_per_address=2) as stage:
            theirs: dict[str, Any] = {"additional_headers": {"X-Forwarded-For": "203.0.113.7"}}
            others: dict[str, Any] = {"additional_headers": {"X-Forwarded-For": "203.0.113.8"}}
            async with stage.joined(**theirs), stage.joined(**theirs):
                async with stage.client(**theirs) as third:
                    closed = await third.until_closed()
                    assert closed.code == 1013
                    assert "places of your address" in closed.reason
                async with stage.joined(**others), stage.joined():
                    pass
            await eventually(lambda: not stage.streamer.reception.door.inside)
            async with stage.joined(**theirs):
                pass

    play(story)


def test_a_half_open_handshake_holds_no_place(database_url: str, tmp_path: Path) -> None:
    """Sockets that connect and say nothing keep nobody else out."""

    async def story() -> None:
        async with staged(database_url, tmp_path, stream_clients=2) as stage:
            port = int(stage.address.rpartition(":")[2])
            idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
            async with stage.joined(), stage.joined():
                await asyncio.sleep(0)
            for each in idle:
                each.close()

    play(story)
