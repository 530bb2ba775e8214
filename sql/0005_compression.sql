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
