-- Why: the whole schema on one page, for reading. Databases are made by the numbered files, in order;
-- a test builds one from this page and one from them and finds no difference.
--
-- Nothing here depends on TimescaleDB: where it can be used, trades is a hypertable, else it has
-- native daily partitions; the row of `instance` says which.

-- ---- Which numbered files this database has seen (alphapulse/migrate.py)

CREATE TABLE migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- ---- The trades, and the names of their markets (0001_trades.sql)

CREATE TABLE instance (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    layout text NOT NULL CHECK (layout IN ('hypertable', 'partitions')),
    simulated boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE instance IS 'One row: how trades is stored here, and whether its data is simulated.';

CREATE TABLE markets (
    market_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exchange text NOT NULL CHECK (exchange <> ''),
    symbol text NOT NULL CHECK (symbol <> ''),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    refused_at timestamptz,
    refusal text,
    counts_trades boolean NOT NULL DEFAULT true,
    UNIQUE (exchange, symbol)
);
COMMENT ON COLUMN markets.symbol IS 'The exchange''s own spelling.';
COMMENT ON COLUMN markets.refusal IS 'Why the exchange would not serve it, in its own words; null while it does.';
COMMENT ON COLUMN markets.counts_trades IS 'Its ids are consecutive: a jump is a gap.';

CREATE SEQUENCE trades_seq CACHE 100;

-- The transaction that stored a row, as a plain number (clients have no xid8).
CREATE FUNCTION this_tx() RETURNS bigint LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN pg_current_xact_id()::text::bigint;

-- Column order puts the fixed 8-byte ones first: no padding.
-- The key holds the time because partitions and hypertables demand it. It is unique per trade all the
-- same: a trade's time is the exchange's own, cut to microseconds by one rule (docs/decisions/0003).
DO $$
DECLARE
    columns CONSTANT text := $columns$ (
        traded_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        trade_id bigint NOT NULL,
        tx bigint NOT NULL DEFAULT this_tx(),
        seq bigint NOT NULL DEFAULT nextval('trades_seq'),
        market_id integer NOT NULL,
        side "char" NOT NULL CHECK (side IN ('b', 's')),
        source "char" NOT NULL DEFAULT 'l' CHECK (source IN ('l', 's', 'b')),
        price numeric NOT NULL,
        size numeric NOT NULL,
        CONSTRAINT trades_key PRIMARY KEY (market_id, traded_at, trade_id)
    ) $columns$;
    with_timescale boolean := false;
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS timescaledb;
            with_timescale := true;
        EXCEPTION WHEN OTHERS THEN  -- available on disk, but not preloaded or not permitted
            RAISE NOTICE 'timescaledb is there but cannot be used (%): native partitions instead', SQLERRM;
        END;
    END IF;
    IF with_timescale THEN
        EXECUTE 'CREATE TABLE trades' || columns;
        PERFORM create_hypertable('trades', by_range('traded_at', interval '1 day'), create_default_indexes => false);
    ELSE
        EXECUTE 'CREATE TABLE trades' || columns || 'PARTITION BY RANGE (traded_at)';
        CREATE TABLE trades_default PARTITION OF trades DEFAULT;
    END IF;
    INSERT INTO instance (layout, simulated) VALUES (
        CASE WHEN with_timescale THEN 'hypertable' ELSE 'partitions' END,
        coalesce(current_setting('alphapulse.simulated', true), '') = 'on'
    );
END $$;
COMMENT ON COLUMN trades.tx IS 'Transaction that stored the row; with seq, the place in the stream.';
COMMENT ON COLUMN trades.side IS 'The taker''s: b bought, s sold.';
COMMENT ON COLUMN trades.source IS 'l pushed live, s in a snapshot on subscribing, b asked for afterwards (backfill).';

-- Finds the rows of recent transactions; a btree here would double the cost of a row.
CREATE INDEX trades_tx ON trades USING brin (tx) WITH (pages_per_range = 32, autosummarize = on);

CREATE VIEW market_trades AS
    SELECT m.exchange, m.symbol, t.trade_id, t.traded_at, t.price, t.size,
           CASE t.side WHEN 'b' THEN 'buy' ELSE 'sell' END AS side,
           t.received_at,
           CASE t.source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END AS source,
           t.tx, t.seq, t.market_id
    FROM trades t JOIN markets m USING (market_id);
COMMENT ON VIEW market_trades IS 'Every stored trade with its exchange and symbol by name: the table for readers.';

-- ---- Days: native partitions, made ahead of need (0002_days.sql, 0009)

CREATE FUNCTION make_days(first_day date, last_day date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    day date;
    name text;
    lower_bound timestamptz;
    upper_bound timestamptz;
    made integer := 0;
BEGIN
    IF (SELECT layout FROM instance) = 'hypertable' THEN
        RETURN 0;  -- chunks make themselves
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('alphapulse make_days', 0));
    FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        name := 'trades_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        lower_bound := day::timestamp AT TIME ZONE 'UTC';
        upper_bound := (day + 1)::timestamp AT TIME ZONE 'UTC';
        EXECUTE format('CREATE TABLE %I (LIKE trades INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format(
            'WITH moved AS (DELETE FROM trades_default WHERE traded_at >= %L AND traded_at < %L RETURNING *)
             INSERT INTO %I SELECT * FROM moved', lower_bound, upper_bound, name);
        EXECUTE format('ALTER TABLE trades ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       name, lower_bound, upper_bound);
        PERFORM announce_partition(name::regclass);  -- after the move: those rows were announced
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION make_days IS 'Makes the daily partitions of trades from first to last day; gives how many were new.';

-- ---- The announcement: whoever stores a trade tells every listener (0003_announce.sql, 0009_quicker_copy.sql)

CREATE FUNCTION announce_trades() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM pg_notify('trades', pg_current_xact_id()::text || '|' || lines)
        FROM (
            SELECT string_agg(CASE WHEN octet_length(line) <= 150 THEN line
                              ELSE concat_ws(',', seq, market_id, trade_id) END, ';' ORDER BY seq) AS lines
            FROM (
                SELECT seq, market_id, trade_id, concat_ws(',',
                    seq, market_id, trade_id,
                    (date_part('epoch', traded_at) * 1000000)::bigint,
                    (date_part('epoch', received_at - traded_at) * 1000000)::bigint,
                    side::text || source::text, price, size) AS line
                FROM stored OFFSET 0
            ) AS full_lines
            GROUP BY seq / 48 ORDER BY seq / 48
        ) AS parts;
    EXCEPTION WHEN OTHERS THEN
        PERFORM pg_notify('trades', pg_current_xact_id()::text || '|') WHERE EXISTS (SELECT FROM stored);
    END;
    RETURN NULL;
END $$;

CREATE TRIGGER announce_trades AFTER INSERT ON trades
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION announce_trades();

CREATE FUNCTION announce_partition(partition regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER announce_trades AFTER INSERT ON %s REFERENCING NEW TABLE AS stored '
                   'FOR EACH STATEMENT EXECUTE FUNCTION announce_trades()', partition);
END $$;
COMMENT ON FUNCTION announce_partition IS 'Lets a native partition announce what is inserted into it by its own name.';

DO $$
BEGIN
    IF (SELECT layout FROM instance) = 'partitions' THEN
        PERFORM announce_partition(inhrelid) FROM pg_inherits WHERE inhparent = 'trades'::regclass;
    END IF;
END $$;

-- ---- Gaps: a hole in a market's trades is a row with a state (0004_gaps.sql, 0006_gap_life.sql)

CREATE TABLE gaps (
    gap_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id integer NOT NULL REFERENCES markets,
    after_id bigint NOT NULL,
    before_id bigint,
    after_at timestamptz NOT NULL,
    before_at timestamptz,
    state text NOT NULL DEFAULT 'suspected'
        CHECK (state IN ('suspected', 'repairing', 'repaired', 'absent', 'unrecoverable')),
    cause text NOT NULL CHECK (cause IN (
        'disconnect', 'restart', 'exchange cut', 'sequence hole', 'heartbeat', 'history', 'unknown')),
    found_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    closed_at timestamptz,
    note text,
    revision integer NOT NULL DEFAULT 1,
    cursor text,
    filled bigint NOT NULL DEFAULT 0,
    absent bigint NOT NULL DEFAULT 0,
    rejections integer NOT NULL DEFAULT 0,
    CHECK (before_id > after_id)
);
CREATE INDEX gaps_open ON gaps (market_id) WHERE closed_at IS NULL;
CREATE INDEX gaps_by_end ON gaps (market_id, coalesce(before_id, 9223372036854775807));

CREATE VIEW market_gaps AS
    SELECT m.exchange, m.symbol, g.*
    FROM gaps g JOIN markets m USING (market_id);
COMMENT ON COLUMN gaps.state IS 'suspected, repairing, repaired, absent (the exchange has no such ids either), unrecoverable.';
COMMENT ON COLUMN gaps.cause IS 'disconnect (ours), restart (ours), exchange cut, sequence hole, heartbeat, history, unknown.';
COMMENT ON COLUMN gaps.revision IS 'Grows with the gap: what was known of it, and a walk across it, no longer hold.';
COMMENT ON COLUMN gaps.cursor IS 'How far the walk under way has stored its pages, in the exchange''s own words; null: none is.';
COMMENT ON COLUMN gaps.filled IS 'Rows that repairs stored in it.';
COMMENT ON COLUMN gaps.absent IS 'Ids that the exchange''s own record lacks, counted on closing.';
COMMENT ON COLUMN gaps.rejections IS 'Answers in a row in which the exchange would not serve it.';

CREATE FUNCTION announce_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    gap gaps := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.state, OLD.after_id, OLD.before_id)
                            IS NOT DISTINCT FROM (NEW.state, NEW.after_id, NEW.before_id) THEN
        RETURN NULL;
    END IF;
    PERFORM pg_notify('gaps', format(
        '{"gap_id":%s,"market_id":%s,"state":"%s","after_id":%s,"before_id":%s,'
        '"after_at":%s,"before_at":%s,"cause":"%s","filled":%s,"absent":%s}',
        gap.gap_id, gap.market_id, CASE TG_OP WHEN 'DELETE' THEN 'dismissed' ELSE gap.state END,
        gap.after_id, coalesce(gap.before_id::text, 'null'),
        (extract(epoch FROM gap.after_at) * 1000000)::bigint,
        coalesce((extract(epoch FROM gap.before_at) * 1000000)::bigint::text, 'null'),
        gap.cause, gap.filled, gap.absent));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN  -- no listener's loss may cost the row
    RAISE WARNING 'gap % was not announced: %', gap.gap_id, SQLERRM;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION announce_gap IS 'Tells channel gaps of a gap that came, changed its state or edges, or proved to be none (dismissed).';

CREATE TRIGGER announce_gap AFTER INSERT OR UPDATE OF state, after_id, before_id OR DELETE ON gaps
    FOR EACH ROW EXECUTE FUNCTION announce_gap();

-- ---- History on demand, and one pace for each REST API (0007_backfills.sql)

CREATE TABLE backfills (
    backfill_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id integer NOT NULL REFERENCES markets,
    gap_id bigint,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    after_id bigint NOT NULL,
    after_at timestamptz NOT NULL,
    before_id bigint NOT NULL,
    before_at timestamptz,
    reached_id bigint,
    reached_at timestamptz,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'interrupted', 'failed')),
    requests bigint NOT NULL DEFAULT 0,
    trades bigint NOT NULL DEFAULT 0,
    new_trades bigint NOT NULL DEFAULT 0,
    absent bigint NOT NULL DEFAULT 0,
    note text,
    started_at timestamptz NOT NULL DEFAULT now(),
    touched_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CHECK (before_id > after_id)
);
CREATE UNIQUE INDEX backfills_unfinished ON backfills (market_id, from_at, to_at, coalesce(gap_id, 0))
    WHERE state <> 'done';
COMMENT ON COLUMN backfills.gap_id IS 'The gap it is for; null: for a stretch of time.';
COMMENT ON COLUMN backfills.reached_id IS 'Up to here (from here on, where the exchange turns pages downwards) it is done; null: not begun.';
COMMENT ON COLUMN backfills.state IS 'running (or killed), done, interrupted (by Ctrl-C), failed; the same command goes on with all but done.';

CREATE VIEW market_backfills AS
    SELECT m.exchange, m.symbol, b.*
    FROM backfills b JOIN markets m USING (market_id);

CREATE TABLE rest_turns (
    address text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
COMMENT ON TABLE rest_turns IS 'From when on an exchange''s REST may be asked again by any process of ours.';

-- ---- Coverage: whether each market's day is whole (0008_coverage.sql)

CREATE TABLE uptime (
    market_id integer NOT NULL REFERENCES markets,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (market_id, since),
    CHECK (until >= since)
);
CREATE INDEX uptime_by_end ON uptime (market_id, until);
COMMENT ON TABLE uptime IS 'When a connection was alive and served the market; the running one grows every few seconds.';

CREATE TABLE coverage (
    market_id integer NOT NULL REFERENCES markets,
    day date NOT NULL,
    first_id bigint,
    last_id bigint,
    after_id bigint,
    before_id bigint,
    expected bigint,
    stored bigint,
    repaired bigint,
    absent bigint,
    missing bigint,
    unexplained bigint NOT NULL DEFAULT 0,
    observed double precision CHECK (observed BETWEEN 0 AND 1),
    verdict text NOT NULL CHECK (verdict IN ('complete', 'complete with absences', 'incomplete', 'unknown')),
    reason text NOT NULL,
    is_provisional boolean NOT NULL,
    judged_at timestamptz NOT NULL DEFAULT now(),
    rows bigint,
    checksum numeric,
    certified text,
    exported_at timestamptz,
    snapshot pg_snapshot,
    reopened_at timestamptz,
    PRIMARY KEY (market_id, day),
    CHECK ((exported_at IS NULL) = (snapshot IS NULL))
);
CREATE INDEX coverage_by_day ON coverage (day);
CREATE INDEX coverage_reopened ON coverage (day) WHERE reopened_at IS NOT NULL;
COMMENT ON COLUMN coverage.first_id IS 'Smallest stored id of the day; last_id: the largest.';
COMMENT ON COLUMN coverage.after_id IS 'The stored ids around the day: it ought to hold those above after_id and below before_id.';
COMMENT ON COLUMN coverage.repaired IS 'Ids that stood in a gap and are stored now.';
COMMENT ON COLUMN coverage.absent IS 'Ids that the exchange''s own record lacks too.';
COMMENT ON COLUMN coverage.unexplained IS 'Difference between the rows that the export counted and those that should be there; 0, or a fault of ours.';
COMMENT ON COLUMN coverage.observed IS 'Share of the day, so far, during which a connection served the market.';
COMMENT ON COLUMN coverage.is_provisional IS 'It may change by itself: the day is not over, or no later trade has come.';
COMMENT ON COLUMN coverage.rows IS 'Of the exported file, as are checksum, certified (the verdict in it), exported_at and snapshot.';
COMMENT ON COLUMN coverage.snapshot IS 'What the export saw; a row of a transaction that it did not see came late.';
COMMENT ON COLUMN coverage.reopened_at IS 'Since when the file no longer says what is known; null while it does.';

CREATE VIEW market_coverage AS
    SELECT m.exchange, m.symbol, c.*, pg_snapshot_xmin(c.snapshot) AS exported_xmin
    FROM coverage c JOIN markets m USING (market_id);
COMMENT ON VIEW market_coverage IS 'Every judged market-day with its exchange and symbol by name.';

-- Why: days that no longer change need a tenth of the space, where TimescaleDB's licence allows it.
--
-- The Apache build refuses compression; which build this is stands in the setting, not in the version.

DO $$
BEGIN
    IF (SELECT layout FROM instance) = 'hypertable'
       AND current_setting('timescaledb.license', true) = 'timescale' THEN
        EXECUTE 'ALTER TABLE trades SET (timescaledb.compress, timescaledb.compress_segmentby = ''market_id'', '
                'timescaledb.compress_orderby = ''traded_at, trade_id'')';
        PERFORM add_compression_policy('trades', compress_after => interval '7 days');
    END IF;
END $$;

-- ---- Copies of the days' files in the backup (0010_copies.sql)

CREATE TABLE copies (
    market_id integer NOT NULL REFERENCES markets,
    day date NOT NULL,
    place text NOT NULL,
    checksum numeric NOT NULL,
    copied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, day)
);
COMMENT ON TABLE copies IS 'The day''s Parquet file, of this certified checksum, was read back from the backup at place.';

-- ---- Alerts, and the pauses that markets make (0011_alerts.sql)

CREATE TABLE alerts (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    watch text NOT NULL,
    key text NOT NULL,
    state text NOT NULL CHECK (state IN ('rising', 'standing', 'clearing', 'resolved')),
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    title text NOT NULL,
    text text NOT NULL,
    link text,
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    raised_at timestamptz,
    clear_at timestamptz,
    resolved_at timestamptz,
    resolution text,
    CHECK ((raised_at IS NULL) = (state = 'rising')),
    CHECK ((resolved_at IS NULL) = (state <> 'resolved'))
);
CREATE UNIQUE INDEX alerts_alive ON alerts (key) WHERE state <> 'resolved';
CREATE INDEX alerts_by_key ON alerts (key);
CREATE INDEX alerts_by_end ON alerts (resolved_at);
COMMENT ON TABLE alerts IS 'What was found wrong: one row from its rising to its end; the next time is another row.';
COMMENT ON COLUMN alerts.watch IS 'Who looks for it and says when it is over.';
COMMENT ON COLUMN alerts.state IS 'rising (not for long enough yet), standing, clearing (over, but not for long enough yet), resolved.';
COMMENT ON COLUMN alerts.since IS 'Since when what it says is so; seen_at: when that was first seen.';

CREATE TABLE alert_channels (
    channel text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    error text,
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    held bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE alert_channels IS 'By what we tell (log, webhook, mail). Whoever tells holds its row, so that nobody tells the same.';
COMMENT ON COLUMN alert_channels.attempts IS 'That failed since the last message that was taken; failures: ever. No try before next_at.';
COMMENT ON COLUMN alert_channels.held IS 'Alerts that wait because so many messages were sent within the hour.';

CREATE TABLE alert_messages (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL REFERENCES alert_channels,
    kind text NOT NULL CHECK (kind IN ('raised', 'reminder', 'resolved')),
    subject text NOT NULL,
    reference text NOT NULL,
    alerts integer NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX alert_messages_by_time ON alert_messages (channel, sent_at);
COMMENT ON TABLE alert_messages IS 'Every message that a channel took; reference is its Message-ID.';

CREATE TABLE alert_told (
    alert_id bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    channel text NOT NULL REFERENCES alert_channels,
    told_at timestamptz NOT NULL,
    reference text,
    resolve_told_at timestamptz,
    PRIMARY KEY (alert_id, channel)
);
COMMENT ON TABLE alert_told IS 'Which alert was told by which channel: told_at last of its standing (reference: in which message), resolve_told_at of its end.';

CREATE TABLE pauses (
    market_id integer NOT NULL REFERENCES markets,
    hour timestamptz NOT NULL,
    pauses bigint NOT NULL,
    longest double precision[] NOT NULL,
    PRIMARY KEY (market_id, hour)
);
CREATE INDEX pauses_by_hour ON pauses (hour);
COMMENT ON TABLE pauses IS 'Per market and hour: how many pauses between two neighbouring trades ended in it, and the four longest, in seconds.';
-- ---- Days that left the database (0012_dropped_days.sql)

CREATE TABLE dropped_days (
    market_id integer NOT NULL REFERENCES markets,
    day date NOT NULL,
    rows bigint NOT NULL,
    checksum numeric NOT NULL,
    last_id bigint NOT NULL,
    last_at timestamptz NOT NULL,
    last_tx bigint NOT NULL,
    first_ids bigint[] NOT NULL,
    last_ids bigint[] NOT NULL,
    left_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, day)
);
CREATE INDEX dropped_days_by_tx ON dropped_days (last_tx);
COMMENT ON TABLE dropped_days IS 'Market-days that left the database: their trades are in their Parquet files.';
COMMENT ON COLUMN dropped_days.rows IS 'Of the file that was verified, as is checksum, when the day left last.';
COMMENT ON COLUMN dropped_days.last_id IS 'Its last trade, and when that was.';
COMMENT ON COLUMN dropped_days.last_tx IS 'The highest transaction that stored one of its rows.';
COMMENT ON COLUMN dropped_days.first_ids IS 'Ids near its first midnight, as last_ids near its last: the days beside it are judged by them.';

-- ---- Days and trades as readers of the archive need them (0013_archive_reading.sql)

CREATE VIEW archive_days AS
    SELECT m.exchange, m.symbol, midnight::date AS date,
           coalesce(CASE WHEN c.reopened_at IS NULL AND c.exported_at >= (midnight + interval '1 day') AT TIME ZONE 'UTC'
                    THEN c.exported_at END, 'infinity') AS settled_at,
           m.market_id, midnight AT TIME ZONE 'UTC' AS starts_at, (midnight + interval '1 day') AT TIME ZONE 'UTC' AS ends_at,
           c.snapshot
    FROM markets m
        CROSS JOIN LATERAL (SELECT traded_at FROM trades WHERE market_id = m.market_id
                            ORDER BY traded_at LIMIT 1) AS oldest
        CROSS JOIN LATERAL (SELECT traded_at FROM trades WHERE market_id = m.market_id
                            ORDER BY traded_at DESC LIMIT 1) AS newest
        CROSS JOIN LATERAL generate_series(date_trunc('day', oldest.traded_at AT TIME ZONE 'UTC'),
                                           newest.traded_at AT TIME ZONE 'UTC', interval '1 day') AS midnight
        LEFT JOIN coverage c ON c.market_id = m.market_id AND c.day = midnight::date;
COMMENT ON VIEW archive_days IS 'Days between a market''s first and last stored trade; settled_at: when the file was made that says all that is known, infinity where there is none.';

CREATE VIEW archive_trades AS
    SELECT d.exchange, d.symbol, d.date, t.trade_id, t.traded_at,
           t.price::numeric(38,18) AS price, t.size::numeric(38,18) AS size,
           CASE t.side WHEN 'b' THEN 'buy' ELSE 'sell' END AS side,
           t.received_at,
           CASE t.source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END AS source,
           CASE WHEN abs(quote - trunc(quote, 18)) = 0.5e-18 AND mod(trunc(quote, 18) * 1e18, 2) = 0
                THEN trunc(quote, 18) ELSE round(quote, 18) END::numeric(38,18) AS quote,
           d.settled_at,
           coalesce(NOT pg_visible_in_snapshot(t.tx::text::xid8, d.snapshot), false) AS is_late
    FROM archive_days d JOIN trades t
        ON t.market_id = d.market_id AND t.traded_at >= d.starts_at AND t.traded_at < d.ends_at
        CROSS JOIN LATERAL (SELECT t.price * t.size AS quote) AS worth;
COMMENT ON VIEW archive_trades IS 'The stored trades as the archive writes them, for readers of both; quote: price x size, rounded half to even as in candles; is_late: not in the day''s file, which was made before.';

-- ---- Statistics: seconds and minutes of each feed, collector and the streamer (0014_statistics.sql)

-- Histograms: bucket i counts whole microseconds from bucket_bound(i) to below bucket_bound(i + 1)
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

-- Seconds, written by those who do the work. The time leads the keys: rows arrive, are read and leave by it.

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

-- Minutes: their sums

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

-- For people, and for Grafana: by name, with percentiles in milliseconds

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

-- ---- Roles: what works for whoever may call it (0015_roles.sql; alphapulse/store/roles.py)

ALTER FUNCTION make_days(date, date) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION make_days(date, date) FROM PUBLIC;
ALTER FUNCTION roll_minutes() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION roll_minutes() FROM PUBLIC;

-- ---- Percentiles of whole minutes, made with them (0016_percentiles.sql)

ALTER TABLE collector_minutes
    ADD COLUMN lag_quantiles double precision[]
        GENERATED ALWAYS AS (quantiles_of(lag, '{0.5,0.95,0.99}'::double precision[])) STORED,
    ADD COLUMN write_quantiles double precision[]
        GENERATED ALWAYS AS (quantiles_of(write, '{0.5,0.95,0.99}'::double precision[])) STORED;
ALTER TABLE stream_minutes
    ADD COLUMN deliver_quantiles double precision[]
        GENERATED ALWAYS AS (quantiles_of(deliver, '{0.5,0.95,0.99}'::double precision[])) STORED;
COMMENT ON COLUMN collector_minutes.lag_quantiles IS 'The shares 0.5, 0.95 and 0.99 of lag, in microseconds; write_quantiles: of write. Made with the row.';
COMMENT ON COLUMN stream_minutes.deliver_quantiles IS 'The shares 0.5, 0.95 and 0.99 of deliver, in microseconds. Made with the row.';
