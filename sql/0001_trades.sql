-- Why: the one table everything else is about, and the names of its markets.
--
-- Readers use the view `market_trades`, which shows exchange and symbol by name. The table keeps a
-- small integer for the market: half the index size and a third less work per row than two texts.
-- No foreign key from trades to markets: its check would cost more per row than the insert itself;
-- every writer of ours takes the id from markets_id().

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
