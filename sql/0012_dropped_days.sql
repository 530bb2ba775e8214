-- Why: once a day has left, its file alone has its trades, and whoever meets that day must know it.
--
-- Rows that come afterwards are not the whole day: no judgement and no file may follow from them alone.
-- A stream's cursor from before last_tx cannot be served any more, and a market that has not traded
-- since goes on behind last_id.

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
