-- Why: native partitions must exist before rows arrive, or rows fall into the default partition.
--
-- The default partition keeps any INSERT of any day from failing. make_days() turns days into
-- partitions of their own, ahead of need (writers call it), and moves into the new partition whatever
-- fell into the default one. It attaches, so it never blocks readers or writers of other days.

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
