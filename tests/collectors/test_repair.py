"""Gaps are filled page by page; what cannot be filled costs nobody else anything."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import report
from alphapulse.store.mending import settle
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Micros, Side, Source, Trade
from collectors import fetch, mend
from collectors import repair as repairs
from collectors.exchange import Exchange, ExchangeError, Page, Pages, Request
from collectors.repair import Repair
from tests.collectors.toy import SECOND, Toy

PAGE = 10  # trades


def trade(symbol: str, id: int) -> Trade:
    one = Decimal(1)
    return Trade("toy", symbol, id, one, one, Side.BUY, id * SECOND, 7, Source.BACKFILL)


def live(symbol: str, id: int) -> Trade:
    return replace(trade(symbol, id), source=Source.LIVE)


class Bookish(Toy):
    """Its pages hold ids as JSON, from `from` on, oldest first."""

    REQUEST_PAUSE = 0.0

    def page_request(self, gap: Gap, cursor: str | None) -> Request:
        params = {"symbol": gap.market.symbol, "from": cursor or str(gap.after_id + 1)}
        return Request("/trades", params)

    def parse_page(self, gap: Gap, body: bytes, received_at: Micros) -> Page:  # noqa: ARG002
        ids = json.loads(body)
        if ids == "bug":
            raise ZeroDivisionError("a bug of ours")
        if isinstance(ids, str):
            raise ExchangeError(ids)
        trades = [trade(gap.market.symbol, id) for id in ids]
        return Page(trades, str(ids[-1] + 1) if ids and gap.holds(ids[-1] + 1) else None)


class Shop(ThreadingHTTPServer):
    """The exchange's past: `books` holds ids by symbol; `trouble` may answer instead."""

    def __init__(self, **books: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), Clerk)
        self.books = books
        self.asked: list[tuple[str, int]] = []
        self.trouble: Callable[[str], tuple[int, bytes] | None] = lambda _: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, symbol: str, first: int) -> tuple[int, bytes]:
        self.asked.append((symbol, first))
        page = [id for id in self.books.get(symbol, ()) if id >= first][:PAGE]
        return self.trouble(symbol) or (200, json.dumps(page).encode())


class Clerk(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        params = parse_qs(urlsplit(self.path).query)
        status, body = self.server.answer(params["symbol"][0], int(params["from"][0]))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' screen."""


@contextmanager
def shop(**books: Sequence[int]) -> Iterator[Shop]:
    with Shop(**books) as server:
        thread = Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def repairing(url: str, rest: str, exchange: Exchange | None = None) -> Iterator[Repair]:
    repair = Repair(url, exchange or Bookish(), rest, "repair toy")
    repair.mender.looks = (0.1, 0.2)
    repair.start()
    try:
        yield repair
    finally:
        repair.close(20)
        assert not repair.thread.is_alive()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairs, "GRACE", 0.0)
    monkeypatch.setattr(repairs, "SETTLED", 0.0)
    monkeypatch.setattr(repairs, "POLL", 0.1)
    monkeypatch.setattr(repairs, "REST", 0.1)


def gap(symbol: str, after_id: int, before_id: int | None) -> Gap:
    before_at = None if before_id is None else before_id * SECOND
    return Gap(Market("toy", symbol), after_id, after_id * SECOND, before_id, before_at)


def tell(store: Store, *gaps: Gap) -> None:
    for one in gaps:
        report(store, one, "sequence hole")


def ids(store: Store, symbol: str) -> list[int]:
    query = "SELECT trade_id FROM market_trades WHERE symbol = %s ORDER BY trade_id"
    return [id for (id,) in store.execute(query, [symbol])]


def gaps(store: Store) -> list[tuple[str, str, str | None]]:
    """(symbol, state, note) of each."""
    return store.execute("SELECT symbol, state, note FROM market_gaps ORDER BY gap_id").fetchall()


def edges(store: Store) -> list[tuple[int, int | None]]:
    return store.execute("SELECT after_id, before_id FROM gaps ORDER BY gap_id").fetchall()


def soon(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline
        sleep(0.02)


def closed(store: Store) -> bool:
    return store.execute("SELECT bool_and(closed_at IS NOT NULL) FROM gaps").fetchone() == (True,)


def test_a_gap_of_many_pages_is_filled_and_closed(store: Store, database_url: str) -> None:
    tell(store, gap("A", 0, 96))
    with shop(A=range(1, 200)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: closed(store))
    assert ids(store, "A") == list(range(1, 96))
    assert gaps(store) == [("A", "repaired", "95 rows from REST")]
    assert len(there.asked) == 10
    assert (repair.counters.repaired, repair.counters.rows) == (1, 95)
    assert store.execute("SELECT DISTINCT source FROM market_trades").fetchall() == [("backfill",)]


def test_a_gap_that_filled_by_itself_asks_for_nothing(store: Store, database_url: str) -> None:
    TradeWriter(store).insert([live("A", id) for id in range(1, 6)])
    tell(store, gap("A", 0, 6))
    with shop() as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "repaired", "0 rows from REST")]
    assert there.asked == []


def test_a_new_gap_wakes_the_repair(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "POLL", 3600.0)
    with shop(A=range(10)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: repair.jobs == {})
        tell(store, gap("A", 1, 5))
        repair.wake.set()
        soon(lambda: closed(store))


def test_ids_that_rest_lacks_are_looked_for_some_times_and_then_absent(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 10))
    with shop(A=[1, 2, 3, 7, 8, 9, 10]) as there, repairing(database_url, there.url) as repair:
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "absent", "3 ids are not at the exchange either")]
    assert ids(store, "A") == [1, 2, 3, 7, 8, 9]
    assert len(there.asked) == 3
    assert repair.counters.absent == 3


def test_ids_that_rest_has_a_little_later_are_found(store: Store, database_url: str) -> None:
    tell(store, gap("A", 0, 10))
    with shop(A=[1, 2]) as there, repairing(database_url, there.url):
        soon(lambda: ids(store, "A") == [1, 2])
        there.books = {"A": range(1, 10)}
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "repaired", "9 rows from REST")]


def test_refusals_and_outages_do_not_count_as_looks(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "UNSAID", 0.2)
    tell(store, gap("A", 0, 4))
    answers = iter([(503, b""), (503, b""), (429, b""), (503, b"")])
    with shop(A=[1, 2, 3]) as there:
        there.trouble = lambda _: next(answers, None)
        repair = Repair(database_url, Bookish(), there.url, "repair toy")
        repair.mender.looks = ()
        repair.start()
        soon(lambda: closed(store))
        repair.close(20)
    assert gaps(store) == [("A", "repaired", "3 rows from REST")]


def test_an_open_end_with_nothing_behind_it_is_forgotten(store: Store, database_url: str) -> None:
    tell(store, gap("A", 5, None))
    with shop(A=range(1, 6)) as there, repairing(database_url, there.url):
        soon(lambda: gaps(store) == [])
    assert there.asked == [("A", 6)]


def test_an_open_end_with_trades_behind_it_stays_on_record(store: Store, database_url: str) -> None:
    tell(store, gap("A", 5, None))
    with shop(A=range(1, 29)) as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "repaired", "23 rows from REST")]
    assert ids(store, "A") == list(range(6, 29))


def test_an_open_end_that_an_earlier_process_had_filled_stays_on_record(
    store: Store, database_url: str
) -> None:
    """It was killed before it said so."""
    tell(store, gap("A", 5, None))
    TradeWriter(store).insert([trade("A", id) for id in (6, 7, 8)])
    with shop() as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "repaired", "3 rows from REST")]
    assert edges(store) == [(5, 9)]


def test_a_gap_of_billions_of_ids_is_left_to_its_owner(store: Store, database_url: str) -> None:
    """Such as between a recording of 2024 and today."""
    tell(store, gap("A", 0, 10), gap("A", 20, 4_000_000_000))
    with shop(A=range(1, 10)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: repair.counters.repaired == 1)
        soon(lambda: repair.jobs == {})
    assert repair.counters.too_wide == 1
    ((number,),) = store.execute("SELECT gap_id FROM gaps WHERE after_id = 20").fetchall()
    why = f"up to 3,999,999,979 ids; alphapulse backfill --gap {number}"
    assert gaps(store)[1] == ("A", "suspected", f"too wide to repair by itself: {why}")
    assert there.asked == [("A", 1)]


def test_an_endless_walk_is_left_to_its_owner(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mend, "MOST_PAGES", 4)
    tell(store, gap("A", 0, None))
    with shop(A=range(1, 10_000)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: repair.counters.too_wide == 1)
        soon(lambda: repair.jobs == {})
    assert len(there.asked) == 4
    ((_, state, note),) = gaps(store)
    assert state == "suspected"
    assert note
    assert note.startswith("too wide to repair by itself: not at its end after 4 pages, 40 rows")


def test_a_market_that_rest_rejects_does_not_hold_up_the_others(
    store: Store, database_url: str
) -> None:
    tell(store, gap("B", 0, 4), gap("A", 0, 4), gap("BAD", 0, 4))  # the bad one is the newest
    with shop(A=[1, 2, 3], B=[1, 2, 3]) as there, repairing(database_url, there.url):
        there.trouble = lambda symbol: (404, b"gone") if symbol == "BAD" else None
        soon(lambda: ids(store, "A") == ids(store, "B") == [1, 2, 3])
        assert ("BAD", 1) in there.asked
        soon(lambda: len(gaps(store)) == 3 and gaps(store)[2][2])
        (symbol, state, note) = gaps(store)[2]
        assert (symbol, state) == ("BAD", "suspected")
        assert note and note.endswith("HTTP 404: gone")


def test_a_busy_exchange_is_left_alone_for_as_long_as_it_says(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 4), gap("B", 0, 4))
    answers = iter([(429, b"")])
    with shop(A=[1, 2, 3], B=[1, 2, 3]) as there, repairing(database_url, there.url) as repair:
        there.trouble = lambda _: next(answers, None)
        soon(lambda: repair.counters.failures == 1)
        assert repair.rest_at - monotonic() > 5  # nothing said: UNSAID
        sleep(0.5)
        assert len(there.asked) == 1
        store.execute("TRUNCATE rest_turns")
        repair.rest_at = 0.0
        repair.wake.set()
        soon(lambda: closed(store))


def test_a_newer_gap_goes_before_the_rest_of_a_long_walk(store: Store, database_url: str) -> None:
    tell(store, gap("A", 0, 2000))
    with shop(A=range(1, 2000), B=[1, 2, 3]) as there, repairing(database_url, there.url) as repair:
        soon(lambda: len(there.asked) > 3)
        tell(store, gap("B", 0, 4))
        repair.wake.set()
        soon(lambda: ("B", 1) in there.asked)
        soon(lambda: closed(store))
    turn = there.asked.index(("B", 1))
    assert turn < len(there.asked) - 1  # the long walk went on afterwards,
    assert len(there.asked) == len(set(there.asked)) == 201  # and not from its beginning
    assert ids(store, "A") == list(range(1, 2000))


def test_waiting_for_a_second_look_does_not_hold_up_the_others(
    store: Store, database_url: str
) -> None:
    tell(store, gap("B", 0, 4), gap("A", 0, 4))
    with shop(B=[1, 2, 3]) as there:
        repair = Repair(database_url, Bookish(), there.url, "repair toy")
        repair.mender.looks = (3600.0,)
        repair.start()
        soon(lambda: ids(store, "B") == [1, 2, 3])
        repair.close(20)
    assert [(symbol, state) for symbol, state, _ in gaps(store)] == [
        ("B", "repaired"),
        ("A", "suspected"),
    ]


def test_the_exchanges_own_words_are_the_note(store: Store, database_url: str) -> None:
    tell(store, gap("A", 0, 4))
    with shop() as there, repairing(database_url, there.url) as repair:
        there.trouble = lambda _: (200, b'"EQuery:Unknown\\u0000 asset pair"')
        soon(lambda: repair.counters.failures >= 2)
    assert gaps(store) == [("A", "suspected", "EQuery:Unknown asset pair")]


def test_a_bug_costs_its_gap_a_pause_and_the_others_nothing(
    store: Store, database_url: str
) -> None:
    tell(store, gap("B", 0, 4), gap("A", 0, 4))
    with shop(B=[1, 2, 3]) as there, repairing(database_url, there.url) as repair:
        there.trouble = lambda symbol: (200, b'"bug"') if symbol == "A" else None
        soon(lambda: ids(store, "B") == [1, 2, 3])
        soon(lambda: repair.counters.failures >= 2)
        assert repair.thread.is_alive()
        soon(lambda: "a bug of ours" in str(gaps(store)[1][2]))


def test_a_row_that_postgresql_cannot_hold_does_not_stop_the_walk(
    store: Store, database_url: str
) -> None:
    class Odd(Bookish):
        def parse_page(self, gap: Gap, body: bytes, received_at: Micros) -> Page:
            page = super().parse_page(gap, body, received_at)
            huge = Decimal("1E+999999")
            odd = [replace(t, price=huge) if t.id == 2 else t for t in page.trades]
            return Page(odd, page.cursor)

    tell(store, gap("A", 0, 4))
    with shop(A=[1, 2, 3]) as there:
        repair = Repair(database_url, Odd(), there.url, "repair toy")
        repair.mender.looks = ()
        repair.start()
        soon(lambda: closed(store))
        repair.close(20)
    assert ids(store, "A") == [1, 3]
    assert gaps(store) == [("A", "absent", "1 ids are not at the exchange either")]


KILL = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'alphapulse repair toy' AND datname = current_database()"""


def test_connections_killed_at_any_moment_cost_no_page(store: Store, database_url: str) -> None:
    dice = Random(3)
    is_over = Event()

    def keep_killing() -> None:
        with connect(database_url, "admin") as admin:
            while not is_over.wait(dice.uniform(0.01, 0.25)):
                admin.execute(KILL)

    tell(store, gap("A", 0, 800), gap("B", 0, None))
    with shop(A=range(1, 800), B=range(1, 800)) as there, repairing(database_url, there.url):
        killer = Thread(target=keep_killing)
        killer.start()
        sleep(2.0)
        is_over.set()
        killer.join()
        soon(lambda: closed(store), 40)
    assert ids(store, "A") == ids(store, "B") == list(range(1, 800))
    assert {state for _, state, _ in gaps(store)} == {"repaired"}


def test_a_page_that_came_but_could_not_be_stored_is_asked_for_again(
    store: Store, database_url: str
) -> None:
    """Behind an open end nobody would ever miss it."""
    third_time: list[str] = []

    def kill_once(symbol: str) -> None:
        if len(there.asked) == 3 and not third_time:
            third_time.append(symbol)
            with connect(database_url, "admin") as admin:
                admin.execute(KILL)

    tell(store, gap("A", 0, None))
    with shop(A=range(1, 60)) as there:
        there.trouble = kill_once
        with repairing(database_url, there.url):
            soon(lambda: closed(store))
    assert third_time
    assert ids(store, "A") == list(range(1, 60))


def test_a_walk_that_was_cut_short_goes_on_in_the_next_collector(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 1500))
    with shop(A=[id for id in range(1, 1500) if id != 5]) as there:
        with repairing(database_url, there.url):
            soon(lambda: len(there.asked) > 3)
        assert not closed(store)
        before = len(there.asked)
        with repairing(database_url, there.url):
            soon(lambda: len(there.asked) > before + 3)
    first_again = there.asked[before]
    assert first_again not in there.asked[: before - 1]  # the last page may not have been noted
    assert first_again[1] > 5  # nor does what the exchange lacks bring it back to the beginning


def test_a_repair_that_was_killed_begins_behind_the_last_page_that_it_stored(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 30))
    store.execute("UPDATE gaps SET state = 'repairing', cursor = '21', attempts = 1")
    with shop(A=range(1, 30)) as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert there.asked == [("A", 21), ("A", 1), ("A", 11)]
    assert ids(store, "A") == list(range(1, 30))


def test_what_is_stored_at_the_edges_of_a_gap_is_not_asked_for(
    store: Store, database_url: str
) -> None:
    TradeWriter(store).insert([live("A", id) for id in (*range(1, 40), *range(45, 90))])
    tell(store, gap("A", 0, 90))
    with shop(A=range(1, 90)) as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert there.asked == [("A", 40)]
    assert gaps(store) == [("A", "repaired", "5 rows from REST")]


def test_the_last_look_is_at_the_whole_gap(store: Store, database_url: str) -> None:
    """Where a time is out of order, a narrower one might pass by what is there."""
    TradeWriter(store).insert([live("A", 1)])
    tell(store, gap("A", 0, 5))
    with shop(A=[1, 2, 4]) as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
    assert there.asked == [("A", 2), ("A", 3), ("A", 1)]
    assert gaps(store) == [("A", "absent", "1 ids are not at the exchange either")]


def test_a_tail_reported_anew_while_it_is_walked_is_walked_anew(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, None))
    with shop(A=range(1, 400)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: len(there.asked) > 3)
        tell(store, gap("A", 0, None))
        repair.wake.set()
        soon(lambda: closed(store))
    assert there.asked.count(("A", 1)) == 2
    assert ids(store, "A") == list(range(1, 400))


def test_a_gap_that_grows_while_it_is_walked_is_one_gap_and_walked_to_its_end(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 300))
    with shop(A=range(1, 400)) as there, repairing(database_url, there.url) as repair:
        soon(lambda: len(there.asked) > 3)
        tell(store, gap("A", 250, 400))
        repair.wake.set()
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "repaired", "399 rows from REST")]
    assert ids(store, "A") == list(range(1, 400))
    assert there.asked.count(("A", 1)) == 1  # what was stored by then did not come again


def test_late_rows_that_fill_a_gap_end_its_walk(store: Store, database_url: str) -> None:
    tell(store, gap("A", 0, 1500))
    with shop(A=range(1, 1500)) as there, repairing(database_url, there.url):
        soon(lambda: len(there.asked) > 3)
        TradeWriter(store).insert([live("A", id) for id in range(1, 1500)])
        settle(store, Market("toy", "A"), 1, 1499)
        soon(lambda: closed(store))
        asked = len(there.asked)
        tell(store, gap("B", 0, 2))
        soon(lambda: ("B", 1) in there.asked)
    assert len([one for one in there.asked[asked:] if one[0] == "A"]) <= 1
    assert gaps(store)[0] == ("A", "repaired", "filled by late rows")


def test_a_tail_behind_which_the_exchange_lacks_ids_ends_as_absent(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 5, None))
    with shop(A=[6, 7, 10]) as there, repairing(database_url, there.url) as repair:
        soon(lambda: closed(store))
    assert gaps(store) == [("A", "absent", "2 ids are not at the exchange either")]
    assert edges(store) == [(5, 11)]
    assert repair.counters.absent == 2


def test_what_the_exchange_keeps_rejecting_is_given_up(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "LONGEST", 0.1)
    tell(store, gap("A", 0, 4), gap("B", 0, None))
    with shop() as there, repairing(database_url, there.url) as repair:
        there.trouble = lambda _: (404, b"delisted")
        soon(lambda: closed(store))
    for symbol, state, note in gaps(store):
        assert (symbol in "AB", state) == (True, "unrecoverable")
        assert note and note.startswith("rejected 12 times in a row: ") and "delisted" in note
    assert repair.counters.unrecoverable == 2
    assert len(there.asked) == 24


def test_rejections_are_counted_across_collectors_and_forgotten_when_a_page_comes(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "LONGEST", 0.1)
    tell(store, gap("A", 0, 4))
    store.execute("UPDATE gaps SET rejections = 10")
    answers = iter([(404, b"not yet")])
    with shop(A=[1, 2]) as there:
        there.trouble = lambda _: next(answers, None)
        with repairing(database_url, there.url) as repair:
            soon(lambda: closed(store))
    assert repair.counters.failures == 1
    assert gaps(store)[0][1] == "absent"
    assert rejections(store) == [0]


def rejections(store: Store) -> list[int]:
    return [number for (number,) in store.execute("SELECT rejections FROM gaps")]


class Forgetful(Bookish):
    """Its pages go by time: what is shown first need not be what was asked for first."""

    PAGES = Pages("time", "from")


def test_what_the_exchange_no_longer_shows_is_unrecoverable_not_absent(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 0, 10), gap("B", 0, 10))
    with shop(A=range(7, 20)) as there, repairing(database_url, there.url, Forgetful()):
        soon(lambda: closed(store))
    assert gaps(store) == [
        ("A", "unrecoverable", "the exchange's record begins at 7"),
        ("B", "unrecoverable", "the exchange's record shows nothing from then on"),
    ]


class Uncounted(Bookish):
    COUNTS_TRADES = False


def test_where_ids_are_not_consecutive_a_gap_is_repaired_when_its_walk_is_over(
    store: Store, database_url: str
) -> None:
    tell(store, gap("A", 100, 1000), gap("B", 5, None), gap("C", 5, None))
    books = {"A": range(105, 990, 9), "B": [50, 60]}
    with shop(**books) as there, repairing(database_url, there.url, Uncounted()):
        soon(lambda: closed(store))
    assert gaps(store) == [
        ("A", "repaired", "99 rows from REST"),
        ("B", "repaired", "2 rows from REST"),
    ]


def test_rows_that_others_store_in_a_gap_given_up_are_found(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "RECHECK", 0.1)
    tell(store, gap("A", 0, 3))
    with shop() as there, repairing(database_url, there.url):
        soon(lambda: closed(store))
        assert gaps(store)[0][1] == "absent"
        TradeWriter(store).insert([trade("A", 1), trade("A", 2)])
        soon(lambda: gaps(store)[0][1] == "repaired")
