"""One life of one socket, against real peers that behave and misbehave."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection

from collectors import feed as feeds
from collectors.action import CUT, DISCONNECT, RESTART, Edge, Quarantine, Report
from collectors.deadletters import DeadLetters, read_letters
from collectors.exchange import Event
from collectors.journal import Journal
from collectors.journal_reader import Reader
from collectors.runner import Runner
from collectors.segments import Batch
from replay.frames import text_frame
from tests.collectors.peer import Peer, Shelf, peer, running, soon
from tests.collectors.toy import Toy, trade

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

PING = b"\x89\x04quax"


class Impatient(Toy):
    SILENCE = 1.2


class Buggy(Toy):
    def parse(self, frame: bytes, received_at: int) -> list[Event]:
        if b"bug" in frame:
            raise ZeroDivisionError("a bug of ours")
        return super().parse(frame, received_at)


@pytest.fixture(params=LOOPS)
def play(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[Any, Any, None]], None]]:
    """Runs a test's story on asyncio's own loop and on uvloop."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield lambda story: runner.run(asyncio.wait_for(story, 30))


async def quiet(connection: ServerConnection) -> None:
    """Says nothing."""


def says(*lines: str) -> Callable[[ServerConnection], Coroutine[Any, Any, None]]:
    async def script(connection: ServerConnection) -> None:
        for line in lines:
            await connection.send(line)

    return script


def test_it_subscribes_and_hands_over_each_trade_in_order(play: Any) -> None:
    async def story() -> None:
        async with peer(says("ok A B", "A:1", "A:2 A:3", "B:9")) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink):
                await soon(lambda: sink.ids()[-1:] == [9] and len(there.heard) == 2)
            assert [id for id in sink.ids() if id] == [1, 2, 3, 9]
            assert there.heard == ["A B", "C"]

    play(story())


def test_a_frame_that_nobody_knows_costs_itself_alone(play: Any) -> None:
    async def story() -> None:
        async with peer(says("A:1", "surprise!", "A:2")) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink) as runner:
                await soon(lambda: sink.ids()[-1:] == [2])
                assert runner.counters.rejected == 1
                assert runner.counters.connections == 1

    play(story())


def test_a_message_in_pieces_is_heard_whole_though_a_ping_comes_between(play: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        connection.transport.write(b"\x01\x02A:" + PING + b"\x80\x014")

    async def story() -> None:
        async with peer(script) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink):
                await soon(lambda: 4 in sink.ids())

    play(story())


def test_pieces_without_end_are_not_kept(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LARGEST", 1000)

    async def script(connection: ServerConnection) -> None:
        await connection.send("A:1")
        connection.transport.write(b"\x01\x01x" + (b"\x00\x7e\x02\x00" + b"y" * 512) * 3)

    async def story() -> None:
        async with peer(script) as there, running(Toy(), there.url, Shelf()) as runner:
            await soon(lambda: len(there.connections) == 2)
            assert runner.feed
            assert sum(map(len, runner.feed.parts)) <= 1000 + 512

    play(story())


def test_pings_are_answered_and_keep_a_line_alive_that_says_nothing_else(play: Any) -> None:
    answers: list[float] = []

    async def script(connection: ServerConnection) -> None:
        await connection.send("A:1")
        for _ in range(8):
            answers.append(await (await connection.ping()))
            await asyncio.sleep(0.3)  # together twice as long as SILENCE

    async def story() -> None:
        async with peer(script) as there, running(Impatient(), there.url, Shelf()):
            await soon(lambda: len(answers) == 8)
            assert len(there.connections) == 1

    play(story())


def test_a_trade_before_a_ping_in_one_read_is_handed_over_at_once(play: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        connection.transport.write(text_frame("A:7") + PING)

    async def story() -> None:
        async with peer(script) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink) as runner:
                await soon(lambda: runner.counters.frames == 1)
                assert 7 in sink.ids()

    play(story())


def test_silence_ends_the_line_and_dials_again(play: Any) -> None:
    async def story() -> None:
        async with peer(says("A:1")) as there, running(Impatient(), there.url, Shelf()) as runner:
            await soon(lambda: len(there.connections) == 2)
            assert runner.dialing.failures == 0  # good data had come

    play(story())


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012])
def test_a_close_is_answered_and_dialled_again(play: Any, code: int) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("A:1")
        await connection.close(code, "later")

    async def story() -> None:
        async with peer(script) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink):
                await soon(lambda: len(there.connections) == 2)
                assert there.connections[0].close_code == 1000  # our answer, not a broken line
                assert 1 in sink.ids()

    play(story())


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x8f\x00",  # no such opcode
        b"\x81\xff" + b"z" * 40,  # masked
        b"\x81\x7f" + (2**40).to_bytes(8) + b"z" * 40,  # a frame of a terabyte
        b"\xff" * 64,
    ],
    ids=["unknown opcode", "masked", "a terabyte", "ones"],
)
def test_bytes_that_are_no_websocket_are_theirs_and_dialled_again(
    play: Any, nonsense: bytes
) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("A:1")
        connection.transport.write(nonsense)

    async def story() -> None:
        async with peer(script) as there, running(Toy(), there.url, Shelf()):
            await soon(lambda: len(there.connections) >= 2)

    play(story())


def test_a_bug_of_a_parser_costs_its_frame_alone(play: Any, tmp_path: Path) -> None:
    async def story() -> None:
        async with peer(says("A:1", "bug", "A:2")) as there:
            sink = Shelf()
            async with running(Buggy(), there.url, sink) as runner:
                runner.letters = DeadLetters(tmp_path)
                await soon(lambda: 2 in sink.ids())
                assert runner.counters.rejected == 1
                assert runner.counters.connections == 1
            (letter,) = read_letters(tmp_path)
            assert letter.raw == b"bug"
            assert letter.reason == "a bug of the parser: ZeroDivisionError('a bug of ours')"

    play(story())


def test_a_bug_of_ours_in_a_callback_comes_out_of_the_runner(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def see(*_: object) -> None:
        raise ZeroDivisionError("a bug of the session")

    monkeypatch.setattr("collectors.session.Session.see", see)

    async def story() -> None:
        async with peer(says("A:1")) as there:
            with pytest.raises(ZeroDivisionError, match="a bug of the session"):
                await Runner(Toy(), there.url, ["A"], Shelf()).run({})

    play(story())


def test_frames_are_in_the_journal_before_anyone_looks_at_them(play: Any, tmp_path: Path) -> None:
    kept: list[bytes] = []

    class Looking(Toy):
        def parse(self, frame: bytes, received_at: int) -> list[Event]:
            batches = [item for item in Reader(tmp_path).read() if isinstance(item, Batch)]
            kept.extend(frame for batch in batches for frame in batch.frames)
            assert frame in kept
            return super().parse(frame, received_at)

    async def story() -> None:
        journal = Journal(tmp_path, "toy", 2**30)
        journal.open("test")
        async with peer(says("ok A", "A:1", "surprise!", "A:2")) as there:
            sink = Shelf()
            async with running(Looking(), there.url, sink) as runner:
                runner.journal = journal
                await soon(lambda: 2 in sink.ids())
                assert runner.counters.rejected == 1  # no assertion failed
        assert kept[-4:] == [b"ok A", b"A:1", b"surprise!", b"A:2"]
        assert journal.counters.kept == 4
        journal.close()

    play(story())


def test_a_bug_of_ours_in_a_tick_comes_out_of_the_runner(play: Any) -> None:
    class Odd(Toy):
        SILENCE = cast("float", "soon")  # to compare with it is a TypeError

    async def story() -> None:
        async with peer(quiet) as there:
            with pytest.raises(TypeError):
                await Runner(Odd(), there.url, ["A"], Shelf()).run({})

    play(story())


def test_a_full_queue_stops_the_reading_and_room_resumes_it_without_loss(play: Any) -> None:
    """Far more than the kernel's buffers hold, so that only a reader that reads gets it all."""
    frames = 300
    padding = " " * 60_000
    sent: list[int] = []

    async def script(connection: ServerConnection) -> None:
        for id in range(1, frames + 1):
            await connection.send(f"A:{id}{padding}")
            sent.append(id)

    async def story() -> None:
        async with peer(script) as there:
            sink = Shelf(queue_rows=10)
            async with running(Impatient(), there.url, sink) as runner:
                await soon(lambda: runner.counters.pauses == 1)
                was_heard = len(sink.queue)
                await asyncio.sleep(Impatient.SILENCE * 1.5)  # our own deafness is no silence
                assert len(sent) < frames  # the peer is held up: the kernel's buffers are full
                assert len(sink.queue) == was_heard
                sink.queue_rows = 10**6
                sink.on_room()
                await soon(lambda: frames in sink.ids())
            assert [id for id in sink.ids() if id] == list(range(1, frames + 1))
            assert len(there.connections) == 1

    play(story())


def test_room_that_comes_after_the_line_has_ended_is_no_error(play: Any) -> None:
    async def story() -> None:
        async with peer(says("A:1 A:2 A:3")) as there:
            sink = Shelf(queue_rows=2)
            async with running(Toy(), there.url, sink) as runner:
                await soon(lambda: runner.counters.pauses == 1)
                feed = runner.feed
                assert feed and feed.transport
                feed.transport.disconnect(graceful=False)
                await soon(lambda: feed.open_transport is None)
                feed.resume()
                feed.items.append(trade("A", 9))
                feed.hand_over()
                assert feed.is_paused

    play(story())


def test_what_was_seen_before_a_cut_is_the_edge_of_the_next_line(play: Any) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send("A:1 A:2")
        await connection.send("A:5")
        connection.transport.abort()

    async def story() -> None:
        last = {"B": Edge(4, 4)}
        async with peer(script) as there, running(Toy(), there.url, Shelf(), last) as runner:
            await soon(lambda: len(there.connections) == 2)
            assert runner.last == {"A": Edge(5, 5_000_000), "B": Edge(4, 4)}

    play(story())


async def close(connection: ServerConnection) -> None:
    await connection.close(1012, "restarting")


async def abort(connection: ServerConnection) -> None:
    connection.transport.abort()


ENDS = {"close": (close, CUT), "farewell": (says("bye"), CUT), "abort": (abort, DISCONNECT),
        "silence": (quiet, DISCONNECT)}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_gap_is_due_to_what_ended_the_connection_before(play: Any, end: str) -> None:
    finish, cause = ENDS[end]

    async def script(connection: ServerConnection) -> None:
        await connection.send(f"A:{len(there.connections) * 10}")
        if len(there.connections) == 1:
            await finish(connection)

    there: Peer

    async def story() -> None:
        nonlocal there
        sink, last = Shelf(), {"A": Edge(4, 4_000_000)}
        async with peer(script) as there, running(Impatient(), there.url, sink, last):
            await soon(lambda: 20 in sink.ids(), 20)
        reports = [item for item in sink.queue if isinstance(item, Report)]
        told = [(one.gap.after_id, one.gap.before_id, one.cause) for one in reports]
        assert told[:2] == [(4, 10, RESTART), (10, 20, cause)]

    play(story())


def test_a_refused_market_is_left_out_and_asked_for_again_when_its_time_has_come(play: Any) -> None:
    there: Peer

    async def script(connection: ServerConnection) -> None:
        again = len(there.connections) > 1
        await connection.send("ok A" if again else "no A")
        await connection.send("ok B C")
        await connection.send(f"B:{len(there.connections)}")

    async def story() -> None:
        nonlocal there
        async with peer(script) as there:
            sink = Shelf()
            async with running(Toy(), there.url, sink) as runner:
                await soon(lambda: 1 in sink.ids())
                assert runner.refusals.symbols == ["A"]
                assert any(isinstance(item, Quarantine) for item in sink.queue)
                runner.refusals.known["A"].due_at = 0.0
                await soon(lambda: 2 in sink.ids())
                assert runner.refusals.symbols == []
                await soon(lambda: there.heard.count("A B") == 2)

    play(story())
