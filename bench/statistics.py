"""What statistics cost: on the way of a trade, on disk, and when they are read.

The way of a trade is Feed.hear_all without the socket: the same frames are parsed and compared with
and without being counted, in turns; both without a store. Twenty feeds that trade every second are
the most that three exchanges' majors write.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from psycopg.sql import SQL, Composed, Identifier

from alphapulse.postgres import Server
from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram, StreamSecond, merged
from alphapulse.store.connect import Store, connect
from alphapulse.store.statistics import StatisticsWriter, forget_statistics, roll_minutes
from alphapulse.store.statistics_reading import read_feeds, read_ingestion, read_latency
from alphapulse.trade import Trade
from bench.stage import fresh_database, median
from collectors.exchanges import binance
from collectors.session import Session
from collectors.tally import Tally

EXCHANGES, FEEDS = ("binance", "coinbase", "kraken"), 7  # of each: 21 in all
KEPT = 1_800  # seconds that are written; their minutes are copied to fill a week
DAY = 86_400
TRADES = 20_000
WINDOWS = {
    "15 min": timedelta(minutes=15),
    "24 h": timedelta(days=1),
    "7 days": timedelta(days=7),
}


def run(found: Server, rounds: int) -> dict[str, float]:
    """Milliseconds and megabytes, and the share of a frame's way that counting takes."""
    told = {"counting / receiving": median([counting() for _ in range(rounds)])}
    with connect(fresh_database(found, "statistics"), "bench") as store:
        started = time.perf_counter()
        write(store)
        told["write one second, ms"] = (time.perf_counter() - started) * 1000 / KEPT / 3
        told["add up one minute, ms"] = once(lambda: roll_minutes(store)) / (KEPT / 60)
        store.execute("VACUUM ANALYZE feed_seconds, collector_seconds, stream_seconds")
        told |= sizes(store)
        fill_week(store)
        for name, window in WINDOWS.items():
            asked = {
                "ingestion": partial(read_ingestion, store, window),
                "latency": partial(read_latency, store, window),
            }
            for what, read in asked.items():
                told[f"{what} of {name}, ms"] = median([once(read) for _ in range(rounds)])
        told["feeds, ms"] = median([once(lambda: read_feeds(store)) for _ in range(rounds)])
        store.execute("UPDATE feed_seconds SET at = at - interval '10 days'")
        rows = 1e6 / KEPT / len(EXCHANGES) / FEEDS
        told["forget a million rows, s"] = once(lambda: forget_statistics(store, 3, 0)) * rows / 1e3
    return told


def fill_week(store: Store) -> None:
    """The same minutes again and again, seven days back."""
    for name in ("feed_minutes", "collector_minutes", "stream_minutes"):
        table, columns = Identifier(name), columns_of(store, name)
        span = KEPT
        while span < 7 * DAY:
            store.execute(
                SQL("CREATE TEMPORARY TABLE again AS SELECT {} FROM {}").format(columns, table)
            )
            store.execute("UPDATE again SET at = at - make_interval(secs => %s)", [span])
            store.execute(SQL("INSERT INTO {} ({}) TABLE again").format(table, columns))
            store.execute("DROP TABLE again")
            span *= 2
        store.execute(SQL("ANALYZE {}").format(table))


def columns_of(store: Store, table: str) -> Composed:
    """Those that PostgreSQL does not make itself."""
    rows = store.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    return SQL(", ").join(Identifier(name) for (name,) in rows)


def once(work: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def counting() -> float:
    """The time that Tally.take adds to Session.receive, in parts of it."""
    at = time.time_ns() // 1_000_000
    frames = [
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"61000.10",'
        b'"q":"0.00100","T":%d,"m":true,"M":true}}' % (at, number, at)
        for number in range(1, TRADES + 1)
    ]
    tally, spent = Tally("binance"), {"receive": 0.0, "take": 0.0}
    session = Session(binance, ["BTCUSDT"], {}, 0.0)
    received = at * 1000 + 40_000
    counted = 0
    for place in range(0, TRADES, 500):
        spent["receive"] -= time.perf_counter()
        heard = [session.receive(frame, 1.0, received) for frame in frames[place : place + 500]]
        spent["receive"] += time.perf_counter()
        trades = [[one for one in actions if isinstance(one, Trade)] for actions in heard]
        spent["take"] -= time.perf_counter()
        for read in trades:
            tally.take(read, received)
        spent["take"] += time.perf_counter()
        counted += sum(map(len, trades))
    assert counted >= TRADES
    return spent["take"] / spent["receive"]


def write(store: Store) -> None:
    """Lags of a handful of trades a second, log-normal about 60 ms."""
    draw = random.Random(7)
    end = int(time.time()) // 60 * 60
    writer = StatisticsWriter(store)
    for start in range(end - KEPT, end, 60):
        with store.transaction():
            for exchange in EXCHANGES:
                seconds = [second(draw, exchange, at) for at in range(start, start + 60)]
                writer.write(seconds)
            writer.write([StreamSecond(at, 40, 2, late(draw)) for at in range(start, start + 60)])


def second(draw: random.Random, exchange: str, at: int) -> CollectorSecond:
    feeds = tuple(FeedSecond(f"M{n}", 8, late(draw)) for n in range(FEEDS))
    lag = merged(feed.lag for feed in feeds)
    return CollectorSecond(exchange, at, feeds, lag, late(draw), 9, 1, 0, trades=8 * FEEDS)


def late(draw: random.Random) -> Histogram:
    found = Histogram()
    for _ in range(8):
        found.add(int(draw.lognormvariate(11.0, 0.5)))
    return found


def sizes(store: Store) -> dict[str, float]:
    """A day of what was written, in megabytes."""
    told = {}
    for grain, part in (("second", DAY / KEPT), ("minute", DAY / KEPT)):
        names = [f"{what}_{grain}s" for what in ("feed", "collector", "stream")]
        (size,) = store.execute(
            "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest(%s::text[]) AS t", [names]
        ).fetchone() or (0,)
        told[f"a day by the {grain}, MB"] = float(size) * part / 1e6
    return told
