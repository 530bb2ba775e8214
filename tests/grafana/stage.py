"""An hour of two markets as collectors and the streamer leave it: sums are known."""

from alphapulse.store.connect import Store

SPAN = 600  # seconds with statistics, up to now; two trades of each market in each

STATEMENTS = (
    """INSERT INTO markets (exchange, symbol)
       VALUES ('kraken', 'BTC/USD'), ('binance', 'BTCUSDT'), ('binance', 'IDLE')""",
    """INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
       SELECT now() - i * interval '0.5 s', now(), 100000 - i, m, 'b', 60000 + i % 7, 0.25
       FROM generate_series(1, 1200) AS i, generate_series(1, 2) AS m""",
    """INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
       VALUES (now() - interval '26 hours', now(), 1, 3, 's', 5, 1)""",
    # 1 ms of lag for half of the trades, 1 s for the other: buckets 63 and 143 (or thereabouts).
    """INSERT INTO feed_seconds (market_id, at, trades, lag, lag_max)
       SELECT m, second, 2, add_buckets(one_of(1000), one_of(1000000)), 1000000
       FROM spread() AS second, generate_series(1, 2) AS m""",
    """INSERT INTO collector_seconds (exchange, at, frames, rejected, bytes, trades, stored,
           repeats, connects, disconnects, queue_rows, journal_bytes, journal_lag_bytes, batches,
           write, write_max, lag, lag_max)
       SELECT exchange, second, 3, 0, 700, 2, 2, 1, 0, 0, 5, 1000, 10, 1, one_of(2000), 2000,
              add_buckets(one_of(1000), one_of(1000000)), 1000000
       FROM spread() AS second, unnest(ARRAY['kraken', 'binance']) AS exchange""",
    """INSERT INTO stream_seconds (at, sent, clients, deliver, deliver_max)
       SELECT second, 4, 7, one_of(500), 500 FROM spread() AS second""",
    """INSERT INTO due_minutes (at, exchange)
       SELECT DISTINCT date_trunc('minute', second), exchange
       FROM spread() AS second, unnest(ARRAY['kraken', 'binance', '']) AS exchange""",
    "SELECT roll_minutes()",
    """INSERT INTO coverage (market_id, day, expected, stored, repaired, absent, missing, observed,
           verdict, reason, is_provisional)
       SELECT 1, current_date - d, 100, 100 - (d = 2)::int, 3, 0, (d = 2)::int, 0.99,
              CASE d WHEN 2 THEN 'incomplete' ELSE 'complete' END, 'because', d = 0
       FROM generate_series(0, 4) AS d""",
    """INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause, found_at)
       VALUES (1, 10, 20, now() - interval '1 hour', now() - interval '59 min', 'disconnect',
               now() - interval '50 min')""",
    """INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause, found_at,
           state, closed_at, filled)
       VALUES (2, 10, 20, now() - interval '1 hour', now() - interval '59 min', 'restart',
               now() - interval '50 min', 'repaired', now() - interval '49 min', 9)""",
    """INSERT INTO pauses (market_id, hour, pauses, longest)
       SELECT m, date_trunc('hour', now()) - interval '2 hours', 500, '{40, 30, 20, 10}'
       FROM generate_series(1, 3) AS m""",
    """INSERT INTO alerts (watch, key, state, severity, title, text, since, seen_at, raised_at)
       VALUES ('disk', 'disk low: /', 'standing', 'warning', 'the disk of / is low: 3 GB free',
               'text', now(), now(), now()),
              ('gaps', 'gap', 'standing', 'warning', 'a gap', 'text', now(), now(), now())""",
)

# The stage's own words; they go again.
WORDS = (
    """CREATE FUNCTION spread() RETURNS SETOF timestamptz LANGUAGE sql AS $$
       SELECT date_trunc('second', now()) - i * interval '1 s' FROM generate_series(1, 600) AS i
       $$""",
    """CREATE FUNCTION one_of(us bigint) RETURNS integer[] LANGUAGE sql AS $$
       SELECT format('[%1$s:%1$s]={1}', bucket_of(us))::integer[] $$""",
)


def fill(owner: Store) -> None:
    with owner.transaction():
        for statement in (*WORDS, *STATEMENTS):
            owner.execute(statement.encode())
        owner.execute("DROP FUNCTION spread(), one_of(bigint)")
