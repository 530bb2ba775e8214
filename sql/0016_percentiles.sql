-- Why: a week of latencies by the minute took seconds, of which nearly all went into the percentiles of
-- histograms that do not change any more. PostgreSQL makes them with the minute now.

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
