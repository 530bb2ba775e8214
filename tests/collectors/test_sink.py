"""The thread that stores: once each, gaps first, through outages, within its bound."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from msgspec.structs import replace

from alphapulse.store.claims import AlreadyCollected, claim
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.trade import Gap, Market, Side, Trade
from collectors import sink as sinks
from collectors.action import Edge, Quarantine, Report, Serve
from collectors.lag import Item
from collectors.sink import Sink
from tests.collectors.stage import locked_trades

NOON = 1_723_118_400_000_000
BTC = Market("kraken", "BTC/USD")


def trade(id: int, symbol: str = "BTC/USD") -> Trade:
    one = Decimal(1)
    return Trade("kraken", symbol, id, one, one, Side.BUY, NOON + id, NOON + id)


def trades(first: int, last: int) -> list[Trade]:
    return [trade(id) for id in range(first, last + 1)]


@contextmanager
def sinking(url: str, queue_rows: int = 10_000) -> Iterator[Sink]:
    sink = Sink(url, "kraken", queue_rows, "collector kraken, pid 1 on test")
    sink.open()
    sink.start()
    try:
        yield sink
    finally:
        sink.close(20)
        assert not sink.thread.is_alive()


def ids(url: str) -> list[int]:
    with connect(url, "test") as store:
        return [id for (id,) in store.execute("SELECT trade_id FROM trades ORDER BY trade_id")]


def soon(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline
        sleep(0.01)


def terminate(url: str, process: int) -> None:
    with connect(url, "admin") as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def test_what_is_put_is_stored_and_counted(database_url: str) -> None:
    with sinking(database_url) as sink:
        assert sink.put(trades(1, 5))
        soon(lambda: sink.counters.stored == 5)
        assert sink.put(trades(4, 100))
        soon(lambda: sink.counters.stored == 100)
    assert ids(database_url) == list(range(1, 101))
    assert (sink.counters.repeated, sink.counters.refused) == (2, 0)
    assert sink.counters.stored_at > 0


def test_a_lone_trade_is_not_kept_waiting_for_company(database_url: str) -> None:
    with sinking(database_url) as sink:
        sink.put([trade(1)])
        soon(lambda: ids(database_url) == [1])


def test_what_arrives_during_one_commit_goes_with_the_next(database_url: str) -> None:
    with sinking(database_url) as sink:
        sink.put([trade(1)])
        soon(lambda: sink.counters.stored == 1)
        with locked_trades(database_url):
            for id in range(2, 402):
                sink.put([trade(id)])
        soon(lambda: sink.counters.stored == 401)
        assert sink.counters.commits <= 4


def test_closing_stores_what_is_left(database_url: str) -> None:
    with sinking(database_url) as sink:
        sink.put(trades(1, 3000))
        assert sink.close(20) == 0
    assert len(ids(database_url)) == 3000


def test_closing_ends_in_time_though_the_database_stalls(database_url: str) -> None:
    with sinking(database_url) as sink:
        with locked_trades(database_url):
            sink.put(trades(1, 30))
            assert sink.close(0.3) == 30
        soon(lambda: not sink.thread.is_alive())


def test_closing_ends_in_time_though_the_database_is_away(database_url: str) -> None:
    with sinking(database_url) as sink:
        sink.deposit.url = "postgresql://127.0.0.1:1/nowhere"
        terminate(database_url, sink.deposit.server_process)
        sink.put(trades(1, 30))
        assert sink.close(0.5) == 30
        soon(lambda: not sink.thread.is_alive())


def test_a_sink_that_was_never_started_lets_go_of_its_exchange(database_url: str) -> None:
    sink = Sink(database_url, "kraken", 10, "x")
    sink.open()
    assert sink.close(1) == 0
    with sinking(database_url):
        pass


def test_opening_gives_the_newest_stored_trades(database_url: str) -> None:
    with sinking(database_url) as sink:
        sink.put([trade(1), trade(2), trade(7, "ETH/USD")])
    later = Sink(database_url, "kraken", 10, "x")
    assert later.open() == {"BTC/USD": Edge(2, NOON + 2), "ETH/USD": Edge(7, NOON + 7)}
    later.close(1)


def test_a_database_that_is_not_there_is_said_to_be_away() -> None:
    with pytest.raises(StoreUnavailable):
        Sink("postgresql://127.0.0.1:1/nowhere", "kraken", 10, "x").open()


def test_a_second_sink_is_refused_at_once_and_told_the_holder(database_url: str) -> None:
    with sinking(database_url):
        words = "already being collected by alphapulse collector kraken, pid 1 on test"
        with pytest.raises(AlreadyCollected, match=words):
            Sink(database_url, "kraken", 10, "y").open()


def test_a_row_that_postgresql_cannot_hold_costs_itself_alone(database_url: str) -> None:
    huge = replace(trade(100), price=Decimal("1E+999999"))
    with sinking(database_url) as sink:
        sink.put([*trades(1, 99), huge, *trades(1, 2)])
        soon(lambda: sink.counters.refused == 1)
        sink.put(trades(101, 110))
    assert ids(database_url) == [*range(1, 100), *range(101, 111)]
    assert sink.counters.repeated == 2


def test_a_note_that_postgresql_cannot_hold_costs_itself_alone(database_url: str) -> None:
    with sinking(database_url) as sink:
        backwards = Gap(BTC, 9, NOON, 5, NOON)
        endless = Gap(BTC, 9, 10**30, None, None)
        notes: list[Item] = [
            Report(backwards, "unknown"),
            Report(endless, "unknown"),
            Quarantine("A\0B", "what?"),
        ]
        sink.put([*notes, trade(1)])
        soon(lambda: sink.counters.stored == 1)
        assert sink.counters.refused == 3
        assert sink.failure is None


def test_a_gap_is_on_record_before_the_trades_behind_it(database_url: str) -> None:
    told = Event()
    with sinking(database_url) as sink:
        sink.deposit.on_gap = told.set
        with locked_trades(database_url):
            sink.put([trade(1), Report(Gap(BTC, 1, NOON, 5, NOON + 5), "unknown"), trade(5)])
            assert told.wait(10)
            with connect(database_url, "test") as store:
                assert store.execute("SELECT after_id, before_id FROM gaps").fetchone() == (1, 5)
        soon(lambda: sink.counters.stored == 2)
        assert sink.counters.gaps == 1


def test_refusals_are_written_down_and_taken_back_in_order(database_url: str) -> None:
    look = "SELECT symbol, refusal FROM markets ORDER BY symbol"
    with sinking(database_url) as sink, connect(database_url, "test") as store:
        sink.put([Serve("A"), Quarantine("A", "gone"), Quarantine("B", "gone"), Serve("B")])
        soon(lambda: store.execute(look).fetchall() == [("A", "gone"), ("B", None)])
        sink.put([Serve("A")])
        soon(lambda: store.execute(look).fetchall() == [("A", None), ("B", None)])


def test_partitions_stand_ready_for_the_coming_days(database_url: str) -> None:
    with sinking(database_url) as sink, connect(database_url, "test") as store:
        sink.put([trade(1)])
        soon(lambda: sink.counters.stored == 1)
        if store.execute("SELECT layout FROM instance").fetchone() == ("partitions",):
            tomorrow = "SELECT to_regclass('trades_' || to_char(now() + '1 day', 'YYYYMMDD'))"
            assert store.execute(tomorrow).fetchone() != (None,)
        assert sink.deposit.today > 20_000


def test_a_full_queue_says_so_and_calls_when_half_is_stored(database_url: str) -> None:
    rooms: list[int] = []
    with sinking(database_url, queue_rows=100) as sink:
        sink.on_room = lambda: rooms.append(len(sink.queue))
        with locked_trades(database_url):
            assert sink.put(trades(1, 99))
            assert not sink.put(trades(100, 100))
            assert not sink.put(trades(101, 150))
            assert sink.counters.times_full == 1
            assert rooms == []
        soon(lambda: rooms == [0])
        assert sink.put(trades(151, 151))
    assert ids(database_url) == list(range(1, 152))
    assert sink.counters.queue_peak == 150


@pytest.mark.parametrize("queue_rows", [1, 2, 3, 17])
def test_whoever_waits_for_room_is_always_called(
    database_url: str, queue_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads meet at the bound again and again; a call that is missed would wait for ever."""
    monkeypatch.setattr(sinks, "BATCH", 2)
    room = Event()
    with sinking(database_url, queue_rows) as sink:
        sink.on_room = room.set
        for id in range(1, 400):
            room.clear()
            if not sink.put([trade(id)]):
                assert room.wait(20), f"nobody called after trade {id}"
    assert ids(database_url) == list(range(1, 400))


def test_connections_killed_at_any_moment_cost_and_double_nothing(database_url: str) -> None:
    dice = random.Random(7)
    is_over = Event()
    kills: list[int] = []

    def kill(sink: Sink) -> None:
        with connect(database_url, "admin") as admin:
            while not is_over.wait(dice.uniform(0.005, 0.06)):
                admin.execute("SELECT pg_terminate_backend(%s)", [sink.deposit.server_process])
                kills.append(sink.deposit.server_process)

    with sinking(database_url) as sink:
        killer = Thread(target=kill, args=[sink])
        killer.start()
        first = 1
        while first < 5_000 or len(set(kills)) < 7:
            count = dice.choice([1, 3, 60, 400])
            sink.put(trades(first, first + count - 1))
            first += count
            sleep(0.01)
        is_over.set()
        killer.join()
        sink.close(30)
    assert ids(database_url) == list(range(1, first))
    assert sink.counters.reconnects > 3


def test_another_collector_that_came_while_we_were_away_ends_the_thread(database_url: str) -> None:
    died = Event()
    with connect(database_url, "the other") as other, sinking(database_url) as sink:
        sink.on_failure = died.set
        terminate(database_url, sink.deposit.server_process)
        claim(other, "kraken")
        sink.put([trade(1)])
        assert died.wait(20)
        assert isinstance(sink.failure, AlreadyCollected)
        assert "the other" in str(sink.failure)


def test_what_no_waiting_can_mend_ends_the_thread_and_says_so(database_url: str) -> None:
    died = Event()
    with sinking(database_url) as sink:
        sink.on_failure = died.set
        with connect(database_url, "vandal") as vandal:
            vandal.execute("DROP TABLE trades CASCADE")
        sink.put([trade(1)])
        assert died.wait(20)
        assert "trades" in str(sink.failure)
        assert sink.close(1) == 1
