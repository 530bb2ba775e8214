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
    UNIQUE (exchange, symbol)
);
COMMENT ON COLUMN markets.symbol IS 'The exchange''s own spelling.';
COMMENT ON COLUMN markets.refusal IS 'Why the exchange would not serve it, in its own words; null while it does.';

CREATE SEQUENCE trades_seq CACHE 1;

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

-- ---- Days: native partitions, made ahead of need (0002_days.sql)

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
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION make_days IS 'Makes the daily partitions of trades from first to last day; gives how many were new.';

-- ---- The announcement: whoever stores a trade tells every listener (0003_announce.sql)

CREATE FUNCTION announce_trades() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM pg_notify('trades', pg_current_xact_id()::text || '|' || string_agg(line, ';' ORDER BY seq))
        FROM (
            SELECT seq, line,
                   sum(octet_length(line) + 1) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) / 6900 AS part
            FROM (
                SELECT seq, CASE WHEN octet_length(line) < 900 THEN line
                            ELSE concat_ws(',', seq, market_id, trade_id) END AS line
                FROM (
                    SELECT seq, market_id, trade_id, format('%s,%s,%s,%s,%s,%s%s,%s,%s',
                        seq, market_id, trade_id,
                        (date_part('epoch', traded_at) * 1000000)::bigint,
                        (date_part('epoch', received_at - traded_at) * 1000000)::bigint,
                        side, source, price, size) AS line
                    FROM stored OFFSET 0
                ) AS full_lines OFFSET 0
            ) AS lines
        ) AS parts
        GROUP BY part ORDER BY part;
    EXCEPTION WHEN OTHERS THEN
        PERFORM pg_notify('trades', pg_current_xact_id()::text || '|') WHERE EXISTS (SELECT FROM stored);
    END;
    RETURN NULL;
END $$;

CREATE TRIGGER announce_trades AFTER INSERT ON trades
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION announce_trades();

-- ---- Gaps: a hole in a market's trades is a row with a state (0004_gaps.sql)

CREATE TABLE gaps (
    gap_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id integer NOT NULL REFERENCES markets,
    after_id bigint NOT NULL,
    before_id bigint,
    after_at timestamptz NOT NULL,
    before_at timestamptz,
    state text NOT NULL DEFAULT 'suspected'
        CHECK (state IN ('suspected', 'repairing', 'repaired', 'absent', 'unrecoverable')),
    cause text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,
    closed_at timestamptz,
    note text,
    CHECK (before_id > after_id)
);
CREATE UNIQUE INDEX gaps_once ON gaps (market_id, after_id, coalesce(before_id, 0));
CREATE INDEX gaps_open ON gaps (market_id) WHERE closed_at IS NULL;

CREATE VIEW market_gaps AS
    SELECT m.exchange, m.symbol, g.*
    FROM gaps g JOIN markets m USING (market_id);
COMMENT ON COLUMN gaps.state IS 'suspected, repairing, repaired, absent (the exchange has no such ids either), unrecoverable.';

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
