"""Seconds on their way into the store: once each, whatever breaks, and added up by the minute."""

from collections.abc import Iterator

import pytest

from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram, StreamSecond
from alphapulse.store import scribe as scribing
from alphapulse.store.connect import Store, connect
from alphapulse.store.scribe import Scribe
from alphapulse.store.statistics import forget_statistics, roll_minutes

MINUTE = 1_700_000_040  # 2023-11-14 22:14:00 UTC
FEEDS = "SELECT symbol, sum(trades), merge_buckets(lag)::text, max(lag_max), {} FROM {} GROUP BY 1"
SUMS = (
    "SELECT exchange, sum(trades), sum(stored), sum(bytes), max(queue_rows), max(journal_bytes), "
    "merge_buckets(lag)::text, max(lag_max), merge_buckets(write)::text, max(write_max), {} "
    "FROM {} GROUP BY 1"
)


def second(at: int, trades: int = 3, lag: int = 20_000) -> CollectorSecond:
    late = Histogram()
    for number in range(trades):
        late.add(lag * (number + 1))
    feeds = (FeedSecond("BTCUSDT", trades, late),)
    return CollectorSecond(
        "binance", at, feeds, late, late, trades, at, 0, trades=trades, stored=trades, bytes=at
    )


@pytest.fixture
def scribe(database_url: str) -> Iterator[Scribe]:
    """Its thread is not started: the test tells it when."""
    found = Scribe(database_url, "statistics test")
    yield found
    found.close(0)
    if found.writer:
        found.writer.store.close()


def rows(store: Store, question: str) -> list[tuple[object, ...]]:
    return store.execute(question.encode()).fetchall()


def test_minutes_are_the_sums_of_their_seconds_however_late_those_come(
    scribe: Scribe, store: Store
) -> None:
    for at in (*range(MINUTE, MINUTE + 31), MINUTE + 61):  # then it was killed
        scribe.put(second(at, at % 4))
    scribe.put(StreamSecond(MINUTE + 7, 40, 2, second(MINUTE).lag))
    assert scribe.tell()
    first = rows(store, "SELECT at, seconds FROM stats_collector_minutes ORDER BY at")
    assert [seconds for _, seconds in first] == [31, 1]
    for at in range(MINUTE + 31, MINUTE + 60):
        scribe.put(second(at, 2, 70_000))
    assert scribe.tell()
    assert roll_minutes(store) == 1
    for question, seconds, minutes in (
        (FEEDS, "stats_feeds", "stats_feed_minutes"),
        (SUMS, "stats_collectors", "stats_collector_minutes"),
    ):
        of_seconds = rows(store, question.format("count(*)", seconds))
        assert rows(store, question.format("sum(seconds)", minutes)) == of_seconds
    (stream,) = rows(store, "SELECT sent, clients, deliver_max, seconds FROM stats_stream_minutes")
    assert stream == (40, 2, 60_000, 1)
    assert (rows(store, "SELECT * FROM due_minutes"), roll_minutes(store)) == ([], 0)


def test_two_processes_within_one_second_share_it(scribe: Scribe, store: Store) -> None:
    for _ in range(2):
        scribe.put(second(MINUTE))
        assert scribe.tell()
    assert rows(store, "SELECT trades, queue_rows, lag_max FROM stats_collectors") == [
        (6, 3, 60_000)
    ]
    assert rows(store, "SELECT trades FROM stats_feeds") == [(6,)]


@pytest.mark.parametrize("was_committed", [True, False])
def test_a_connection_that_breaks_at_the_commit_costs_and_doubles_nothing(
    scribe: Scribe, store: Store, was_committed: bool
) -> None:
    writer = scribe.connect()
    scribe.doubted = [second(MINUTE)]
    with writer.store.transaction(force_rollback=not was_committed):
        scribe.doubtful = writer.begin()
        writer.write(scribe.doubted)
    writer.store.close()  # before we heard how it ended
    scribe.put(second(MINUTE + 1))
    assert not scribe.tell()
    assert scribe.tell()
    assert rows(store, "SELECT sum(trades), count(*) FROM stats_collectors") == [(6, 2)]
    assert (scribe.written, scribe.lost) == (2, 0)


def test_while_the_database_is_away_the_newest_seconds_wait(
    scribe: Scribe, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribing, "MOST", 5)
    away, scribe.url = scribe.url, "host=127.0.0.1 port=1"
    for at in range(MINUTE, MINUTE + 8):
        scribe.put(second(at))
    assert not scribe.tell()
    assert scribe.lost == 3
    scribe.url = away
    assert scribe.tell()
    with connect(database_url, "test") as store:
        assert rows(store, "SELECT count(*), min(at)::text FROM stats_collectors") == [
            (5, "2023-11-14 22:14:03+00")
        ]


def test_a_second_that_no_table_can_hold_is_given_up(scribe: Scribe, store: Store) -> None:
    scribe.put(second(MINUTE))
    scribe.waiting[0] = CollectorSecond(
        "binance", MINUTE, (), Histogram(), Histogram(), 2**40, 0, 0
    )
    assert scribe.tell()
    scribe.put(second(MINUTE + 1))
    assert scribe.tell()
    assert (scribe.written, scribe.lost) == (1, 1)
    assert rows(store, "SELECT trades FROM stats_collectors") == [(3,)]


def test_old_rows_are_forgotten_and_no_second_that_no_minute_has(
    scribe: Scribe, store: Store
) -> None:
    for at in range(MINUTE, MINUTE + 90):
        scribe.put(second(at))
    assert scribe.tell()
    store.execute("INSERT INTO due_minutes SELECT now() + interval '1 day', 'binance'")
    kept = rows(store, "SELECT sum(trades), sum(seconds) FROM stats_collector_minutes")
    done = forget_statistics(store, 3, 0, batch=50)
    assert (done.seconds, done.minutes, done.rolled) == (180, 0, 0)
    assert rows(store, "SELECT sum(trades), sum(seconds) FROM stats_collector_minutes") == kept
    scribe.put(second(MINUTE + 95))
    assert scribe.tell()
    roll_minutes(store)  # of its seconds one is left: the minute stays as it was
    assert rows(store, "SELECT sum(trades), sum(seconds) FROM stats_collector_minutes") == kept
    assert forget_statistics(store, 0, 3).minutes == 4
