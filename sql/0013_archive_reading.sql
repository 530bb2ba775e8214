-- Why: one query over Parquet and the store, without a trade twice: the reader (DuckDB) takes each
-- market-day from one of them, and asks the store only for days that no file says all of.
--
-- Day by day through the trades' key, so that what a reader asks for (exchange, symbol, date, traded_at)
-- reaches the index; and with the archive's exact decimals, which DuckDB otherwise reads as floats.

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
