-- Why: a hole in a market's trades is a row with a state, not a line in a log.
--
-- Written by the collector before the trades behind the hole, so that a crash cannot forget it.
-- before_id null: everything after after_id may be missing (we were away, no later trade seen yet).

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
