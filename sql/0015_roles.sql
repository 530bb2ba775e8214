-- Why: collectors log in as a role that may add trades and not more (alphapulse/store/roles.py), and a
-- new day needs a new partition, which only the owner of trades can make.
--
-- So make_days runs as its owner, with a path that nobody can put a table of his own into, and is
-- nobody's to call but those whom `alphapulse roles` lets. The same for roll_minutes: the streamer, too,
-- comes by when minutes are due, and is to write nothing about collectors.

ALTER FUNCTION make_days(date, date) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION make_days(date, date) FROM PUBLIC;
ALTER FUNCTION roll_minutes() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION roll_minutes() FROM PUBLIC;
