-- Why: history that is loaded on demand goes on behind the last stored page, whatever ended it; and
-- all processes that ask one exchange's REST keep one pace.
--
-- reached_id and reached_at are written by the transaction that stores a page.

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
