-- Why: of each market and UTC day it is written down whether it is whole, and what follows from what.
--
-- Judged from the ids at the day's edges and the rows of gaps, never by reading the day; the export
-- counts every row, and what it found stands beside the judgement.

ALTER TABLE markets ADD COLUMN counts_trades boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN markets.counts_trades IS 'Its ids are consecutive: a jump is a gap.';

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
