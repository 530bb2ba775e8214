-- Why: a gap's whole life is data: what made it, how far its repair is, what it brought; and each
-- change of its state is told to whoever listens.
--
-- Open gaps of one market never overlap or adjoin: alphapulse/store/gaps.py joins them, one writer of
-- a market at a time. So the old unique index has nothing left to do.

UPDATE gaps SET cause = CASE cause
    WHEN 'reconnect' THEN 'disconnect'
    WHEN 'jump' THEN 'sequence hole'
    WHEN 'heartbeat' THEN 'heartbeat'
    ELSE 'unknown'
END;

ALTER TABLE gaps
    ADD CONSTRAINT gaps_cause_check CHECK (cause IN (
        'disconnect', 'restart', 'exchange cut', 'sequence hole', 'heartbeat', 'history', 'unknown')),
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN cursor text,
    ADD COLUMN filled bigint NOT NULL DEFAULT 0,
    ADD COLUMN absent bigint NOT NULL DEFAULT 0,
    ADD COLUMN rejections integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN gaps.cause IS 'disconnect (ours), restart (ours), exchange cut, sequence hole, heartbeat, history, unknown.';
COMMENT ON COLUMN gaps.revision IS 'Grows with the gap: what was known of it, and a walk across it, no longer hold.';
COMMENT ON COLUMN gaps.cursor IS 'How far the walk under way has stored its pages, in the exchange''s own words; null: none is.';
COMMENT ON COLUMN gaps.filled IS 'Rows that repairs stored in it.';
COMMENT ON COLUMN gaps.absent IS 'Ids that the exchange''s own record lacks, counted on closing.';
COMMENT ON COLUMN gaps.rejections IS 'Answers in a row in which the exchange would not serve it.';

DROP INDEX gaps_once;
CREATE INDEX gaps_by_end ON gaps (market_id, coalesce(before_id, 9223372036854775807));

CREATE OR REPLACE VIEW market_gaps AS
    SELECT m.exchange, m.symbol, g.*
    FROM gaps g JOIN markets m USING (market_id);

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
