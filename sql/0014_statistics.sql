-- Why: how many trades come, and how late, ought to be known second by second without counting trades.
--
-- Whoever does the work counts it and writes a row a second; minutes are sums of them. A latency is kept
-- as a histogram with fixed buckets, because histograms can be added and percentiles cannot be averaged.

-- ---- Histograms: bucket i counts whole microseconds from bucket_bound(i) to below bucket_bound(i + 1)
--
-- An array's own subscripts are the buckets' numbers: '[57:59]={1,0,4}'. Up to 15 us each value has a bucket
-- of its own; above, each doubling has eight. The same in alphapulse/statistics.py, tested together.

CREATE FUNCTION bucket_bound(bucket integer) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN bucket < 16 THEN bucket ELSE (8 + bucket % 8)::bigint << (bucket / 8 - 1) END;
COMMENT ON FUNCTION bucket_bound IS 'The smallest value of a bucket, in microseconds.';

CREATE FUNCTION bucket_of(us bigint) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN us < 16 THEN greatest(us, 0)
                WHEN us >= 1::bigint << 40 THEN 303
                ELSE (61 - position(B'1' IN us::bit(64))) * 8
                     + (us >> (61 - position(B'1' IN us::bit(64)))) END;
COMMENT ON FUNCTION bucket_of IS 'The bucket of so many microseconds; less than none counts as none, 12 days and more as the last.';

CREATE FUNCTION add_buckets(sums integer[], others integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    first_bucket CONSTANT integer := array_lower(others, 1);
    last_bucket CONSTANT integer := array_upper(others, 1);
BEGIN
    IF first_bucket IS NULL THEN
        RETURN sums;
    ELSIF array_lower(sums, 1) IS NULL THEN
        RETURN others;
    END IF;
    IF first_bucket < array_lower(sums, 1) THEN
        sums := array_fill(0, ARRAY[array_lower(sums, 1) - first_bucket], ARRAY[first_bucket]) || sums;
    END IF;
    IF last_bucket > array_upper(sums, 1) THEN
        sums := sums || array_fill(0, ARRAY[last_bucket - array_upper(sums, 1)]);
    END IF;
    FOR bucket IN first_bucket..last_bucket LOOP
        sums[bucket] := least(sums[bucket]::bigint + others[bucket], 2147483647);
    END LOOP;
    RETURN sums;
END $$;
COMMENT ON FUNCTION add_buckets IS 'The histogram of all that two histograms count.';

CREATE AGGREGATE merge_buckets(integer[]) (
    sfunc = add_buckets, stype = integer[], combinefunc = add_buckets, parallel = safe
);
COMMENT ON AGGREGATE merge_buckets(integer[]) IS 'The histogram of all that several count: of more feeds, or of a longer time.';

CREATE FUNCTION quantiles_of(buckets integer[], shares double precision[]) RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    found double precision[] := array_fill(NULL::double precision, ARRAY[cardinality(shares)]);
    total bigint := 0;
    passed bigint := 0;
    bucket integer := array_lower(buckets, 1) - 1;
    place integer := 1;
    number integer;
    rank bigint;
BEGIN
    FOREACH number IN ARRAY buckets LOOP
        total := total + number;
    END LOOP;
    IF total = 0 OR cardinality(shares) = 0 THEN
        RETURN found;
    END IF;
    rank := greatest(1, ceil(shares[1] * total));
    FOREACH number IN ARRAY buckets LOOP
        bucket := bucket + 1;
        passed := passed + number;
        WHILE passed >= rank LOOP
            found[place] := (bucket_bound(bucket) + bucket_bound(bucket + 1) - 1)::double precision / 2;
            place := place + 1;
            IF place > cardinality(shares) THEN
                RETURN found;
            END IF;
            rank := greatest(1, ceil(shares[place] * total));
        END LOOP;
    END LOOP;
    RETURN found;
END $$;
COMMENT ON FUNCTION quantiles_of IS 'Values in microseconds, no more than 6.25 % away, that so many (ascending shares, 0 to 1) do not exceed; null where nothing was counted.';

CREATE FUNCTION quantile_of(buckets integer[], share double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (quantiles_of(buckets, ARRAY[share]))[1];
COMMENT ON FUNCTION quantile_of IS 'The value in microseconds, no more than 6.25 % away, that this share of what was counted does not exceed.';

-- ---- Seconds, written by those who do the work. The time leads the keys: rows arrive, are read and leave by it.

CREATE TABLE feed_seconds (
    at timestamptz NOT NULL,
    lag_max bigint,
    market_id integer NOT NULL,
    trades integer NOT NULL,
    lag integer[] NOT NULL,
    PRIMARY KEY (at, market_id)
);
COMMENT ON TABLE feed_seconds IS 'Trades of each market that were received in each second; no row where none was.';
COMMENT ON COLUMN feed_seconds.at IS 'The second that begins here, of our clock.';
COMMENT ON COLUMN feed_seconds.lag IS 'Histogram: from the exchange''s time of a trade that was pushed live to our receiving it.';
COMMENT ON COLUMN feed_seconds.lag_max IS 'The longest of them, in microseconds, exact; null: none was pushed live.';

CREATE TABLE collector_seconds (
    at timestamptz NOT NULL,
    bytes bigint NOT NULL,
    journal_bytes bigint NOT NULL,
    journal_lag_bytes bigint NOT NULL,
    write_max bigint,
    lag_max bigint,
    frames integer NOT NULL,
    rejected integer NOT NULL,
    trades integer NOT NULL,
    stored integer NOT NULL,
    repeats integer NOT NULL,
    connects integer NOT NULL,
    disconnects integer NOT NULL,
    queue_rows integer NOT NULL,
    batches integer NOT NULL,
    exchange text NOT NULL,
    write integer[] NOT NULL,
    lag integer[] NOT NULL,
    PRIMARY KEY (at, exchange)
);
COMMENT ON TABLE collector_seconds IS 'What each exchange''s collector did in each second; no row: it was not alive.';
COMMENT ON COLUMN collector_seconds.at IS 'The second that begins here, of our clock.';
COMMENT ON COLUMN collector_seconds.bytes IS 'Of the frames'' payload.';
COMMENT ON COLUMN collector_seconds.journal_bytes IS 'That the journal takes on disk at the second''s end; journal_lag_bytes: of them not yet in the store.';
COMMENT ON COLUMN collector_seconds.rejected IS 'Frames that no parser understood.';
COMMENT ON COLUMN collector_seconds.trades IS 'Received; stored and repeats (it was stored already) are told when they are committed, in this second or a later one.';
COMMENT ON COLUMN collector_seconds.queue_rows IS 'Most trades that waited for the database.';
COMMENT ON COLUMN collector_seconds.batches IS 'Transactions that stored trades.';
COMMENT ON COLUMN collector_seconds.write IS 'Histogram: how long each of them took, commit included; write_max: the longest, in microseconds, exact.';
COMMENT ON COLUMN collector_seconds.lag IS 'As in feed_seconds, of all the exchange''s markets together; lag_max too.';

CREATE TABLE stream_seconds (
    at timestamptz PRIMARY KEY,
    sent bigint NOT NULL,
    deliver_max bigint,
    clients integer NOT NULL,
    deliver integer[] NOT NULL
);
COMMENT ON TABLE stream_seconds IS 'What the streamer did in each second; no row: it was not alive.';
COMMENT ON COLUMN stream_seconds.at IS 'The second that begins here, of our clock.';
COMMENT ON COLUMN stream_seconds.sent IS 'Frames of trades and gaps handed to clients.';
COMMENT ON COLUMN stream_seconds.deliver IS 'Histogram: from our receiving a trade from the exchange to handing it to the clients; deliver_max: the longest, in microseconds, exact.';

-- ---- Minutes: their sums

CREATE TABLE feed_minutes (LIKE feed_seconds INCLUDING CONSTRAINTS INCLUDING INDEXES);
ALTER TABLE feed_minutes ADD COLUMN seconds integer NOT NULL;
COMMENT ON TABLE feed_minutes IS 'feed_seconds, added up by minute; seconds: how many of them have a row.';

CREATE TABLE collector_minutes (LIKE collector_seconds INCLUDING CONSTRAINTS INCLUDING INDEXES);
ALTER TABLE collector_minutes ADD COLUMN seconds integer NOT NULL;
COMMENT ON TABLE collector_minutes IS 'collector_seconds by minute: sums, but of journal_bytes, journal_lag_bytes, queue_rows, write_max and lag_max the largest; seconds: for how many of them the collector was alive.';

CREATE TABLE stream_minutes (LIKE stream_seconds INCLUDING CONSTRAINTS INCLUDING INDEXES);
ALTER TABLE stream_minutes ADD COLUMN seconds integer NOT NULL;
COMMENT ON TABLE stream_minutes IS 'stream_seconds by minute: sums, but of clients and deliver_max the largest; seconds: for how many of them the streamer was alive.';

-- Whoever writes a second names its minute here in the same transaction, and whoever comes by once the minute
-- is over adds it up anew. So it does not matter who was killed, or which second came late.
CREATE TABLE due_minutes (
    at timestamptz NOT NULL,
    exchange text NOT NULL,
    PRIMARY KEY (at, exchange)
) WITH (fillfactor = 50);
COMMENT ON TABLE due_minutes IS 'Minutes with seconds that are not in the minutes'' tables yet; exchange is empty for the streamer''s.';

CREATE FUNCTION roll_minutes() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    due record;
    rolled integer := 0;
BEGIN
    FOR due IN
        SELECT at, exchange FROM due_minutes WHERE at < date_trunc('minute', clock_timestamp())
        ORDER BY at, exchange FOR UPDATE SKIP LOCKED
    LOOP
        -- A second that was written meanwhile is seen by the statements below: its writer held this row.
        DELETE FROM due_minutes WHERE at = due.at AND exchange = due.exchange;
        IF due.exchange = '' THEN
            INSERT INTO stream_minutes AS m (at, sent, clients, deliver, deliver_max, seconds)
            SELECT due.at, sum(sent), max(clients), coalesce(merge_buckets(deliver), '{}'), max(deliver_max), count(*)
            FROM stream_seconds WHERE at >= due.at AND at < due.at + interval '1 minute'
            HAVING count(*) > 0
            ON CONFLICT (at) DO UPDATE SET
                (sent, clients, deliver, deliver_max, seconds)
                = (excluded.sent, excluded.clients, excluded.deliver, excluded.deliver_max, excluded.seconds)
            WHERE m.seconds <= excluded.seconds;
        ELSE
            INSERT INTO feed_minutes AS m (market_id, at, trades, lag, lag_max, seconds)
            SELECT market_id, due.at, sum(trades), coalesce(merge_buckets(lag), '{}'), max(lag_max), count(*)
            FROM feed_seconds s
            WHERE at >= due.at AND at < due.at + interval '1 minute'
              AND market_id IN (SELECT market_id FROM markets WHERE exchange = due.exchange)
            GROUP BY market_id
            ON CONFLICT (at, market_id) DO UPDATE SET
                (trades, lag, lag_max, seconds)
                = (excluded.trades, excluded.lag, excluded.lag_max, excluded.seconds)
            WHERE m.seconds <= excluded.seconds;
            INSERT INTO collector_minutes AS m (
                exchange, at, frames, rejected, bytes, trades, stored, repeats, connects, disconnects, batches,
                queue_rows, journal_bytes, journal_lag_bytes, write, write_max, lag, lag_max, seconds)
            SELECT exchange, due.at, sum(frames), sum(rejected), sum(bytes), sum(trades), sum(stored), sum(repeats),
                sum(connects), sum(disconnects), sum(batches),
                max(queue_rows), max(journal_bytes), max(journal_lag_bytes),
                coalesce(merge_buckets(write), '{}'), max(write_max),
                coalesce(merge_buckets(lag), '{}'), max(lag_max), count(*)
            FROM collector_seconds
            WHERE at >= due.at AND at < due.at + interval '1 minute' AND exchange = due.exchange
            GROUP BY exchange
            ON CONFLICT (at, exchange) DO UPDATE SET
                (frames, rejected, bytes, trades, stored, repeats, connects, disconnects, batches,
                 queue_rows, journal_bytes, journal_lag_bytes, write, write_max, lag, lag_max, seconds)
                = (excluded.frames, excluded.rejected, excluded.bytes, excluded.trades, excluded.stored,
                   excluded.repeats, excluded.connects, excluded.disconnects, excluded.batches, excluded.queue_rows,
                   excluded.journal_bytes, excluded.journal_lag_bytes, excluded.write, excluded.write_max,
                   excluded.lag, excluded.lag_max, excluded.seconds)
            WHERE m.seconds <= excluded.seconds;
        END IF;
        rolled := rolled + 1;
    END LOOP;
    RETURN rolled;
END $$;
COMMENT ON FUNCTION roll_minutes IS 'Adds up every minute that is due and over; gives how many. Whole minutes from their seconds, so it may be done again; a minute whose seconds were forgotten meanwhile stays as it is.';

-- ---- For people, and for Grafana: by name, with percentiles in milliseconds

CREATE VIEW stats_feeds AS
    SELECT m.exchange, m.symbol, s.at, s.trades, s.lag, s.lag_max,
           least(quantile_of(s.lag, 0.5), s.lag_max) / 1000 AS lag_p50_ms,
           least(quantile_of(s.lag, 0.95), s.lag_max) / 1000 AS lag_p95_ms,
           least(quantile_of(s.lag, 0.99), s.lag_max) / 1000 AS lag_p99_ms,
           s.lag_max::double precision / 1000 AS lag_max_ms, s.market_id
    FROM feed_seconds s JOIN markets m USING (market_id);
COMMENT ON VIEW stats_feeds IS 'feed_seconds by name. Percentiles of more than one row: quantile_of(merge_buckets(lag), 0.99) / 1000.';

CREATE VIEW stats_feed_minutes AS
    SELECT m.exchange, m.symbol, s.at, s.trades, s.lag, s.lag_max,
           least(quantile_of(s.lag, 0.5), s.lag_max) / 1000 AS lag_p50_ms,
           least(quantile_of(s.lag, 0.95), s.lag_max) / 1000 AS lag_p95_ms,
           least(quantile_of(s.lag, 0.99), s.lag_max) / 1000 AS lag_p99_ms,
           s.lag_max::double precision / 1000 AS lag_max_ms, s.market_id, s.seconds
    FROM feed_minutes s JOIN markets m USING (market_id);
COMMENT ON VIEW stats_feed_minutes IS 'feed_minutes by name.';

CREATE VIEW stats_collectors AS
    SELECT exchange, at, frames, rejected, bytes, trades, stored, repeats, connects, disconnects, queue_rows,
           journal_bytes, journal_lag_bytes, batches, write, write_max,
           least(quantile_of(write, 0.5), write_max) / 1000 AS write_p50_ms,
           least(quantile_of(write, 0.95), write_max) / 1000 AS write_p95_ms,
           least(quantile_of(write, 0.99), write_max) / 1000 AS write_p99_ms,
           write_max::double precision / 1000 AS write_max_ms,
           lag, lag_max,
           least(quantile_of(lag, 0.5), lag_max) / 1000 AS lag_p50_ms,
           least(quantile_of(lag, 0.95), lag_max) / 1000 AS lag_p95_ms,
           least(quantile_of(lag, 0.99), lag_max) / 1000 AS lag_p99_ms,
           lag_max::double precision / 1000 AS lag_max_ms
    FROM collector_seconds;
COMMENT ON VIEW stats_collectors IS 'collector_seconds with percentiles.';

CREATE VIEW stats_collector_minutes AS
    SELECT exchange, at, frames, rejected, bytes, trades, stored, repeats, connects, disconnects, queue_rows,
           journal_bytes, journal_lag_bytes, batches, write, write_max,
           least(quantile_of(write, 0.5), write_max) / 1000 AS write_p50_ms,
           least(quantile_of(write, 0.95), write_max) / 1000 AS write_p95_ms,
           least(quantile_of(write, 0.99), write_max) / 1000 AS write_p99_ms,
           write_max::double precision / 1000 AS write_max_ms,
           lag, lag_max,
           least(quantile_of(lag, 0.5), lag_max) / 1000 AS lag_p50_ms,
           least(quantile_of(lag, 0.95), lag_max) / 1000 AS lag_p95_ms,
           least(quantile_of(lag, 0.99), lag_max) / 1000 AS lag_p99_ms,
           lag_max::double precision / 1000 AS lag_max_ms, seconds
    FROM collector_minutes;
COMMENT ON VIEW stats_collector_minutes IS 'collector_minutes with percentiles.';

CREATE VIEW stats_stream AS
    SELECT at, sent, clients, deliver, deliver_max,
           least(quantile_of(deliver, 0.5), deliver_max) / 1000 AS deliver_p50_ms,
           least(quantile_of(deliver, 0.95), deliver_max) / 1000 AS deliver_p95_ms,
           least(quantile_of(deliver, 0.99), deliver_max) / 1000 AS deliver_p99_ms,
           deliver_max::double precision / 1000 AS deliver_max_ms
    FROM stream_seconds;
COMMENT ON VIEW stats_stream IS 'stream_seconds with percentiles.';

CREATE VIEW stats_stream_minutes AS
    SELECT at, sent, clients, deliver, deliver_max,
           least(quantile_of(deliver, 0.5), deliver_max) / 1000 AS deliver_p50_ms,
           least(quantile_of(deliver, 0.95), deliver_max) / 1000 AS deliver_p95_ms,
           least(quantile_of(deliver, 0.99), deliver_max) / 1000 AS deliver_p99_ms,
           deliver_max::double precision / 1000 AS deliver_max_ms, seconds
    FROM stream_minutes;
COMMENT ON VIEW stats_stream_minutes IS 'stream_minutes with percentiles.';
