-- Why: somebody has to be told when something is wrong, once, whatever restarts meanwhile; and when a market is silent is known from its own pauses.

CREATE TABLE alerts (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    watch text NOT NULL,
    key text NOT NULL,
    state text NOT NULL CHECK (state IN ('rising', 'standing', 'clearing', 'resolved')),
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    title text NOT NULL,
    text text NOT NULL,
    link text,
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    raised_at timestamptz,
    clear_at timestamptz,
    resolved_at timestamptz,
    resolution text,
    CHECK ((raised_at IS NULL) = (state = 'rising')),
    CHECK ((resolved_at IS NULL) = (state <> 'resolved'))
);
CREATE UNIQUE INDEX alerts_alive ON alerts (key) WHERE state <> 'resolved';
CREATE INDEX alerts_by_key ON alerts (key);
CREATE INDEX alerts_by_end ON alerts (resolved_at);
COMMENT ON TABLE alerts IS 'What was found wrong: one row from its rising to its end; the next time is another row.';
COMMENT ON COLUMN alerts.watch IS 'Who looks for it and says when it is over.';
COMMENT ON COLUMN alerts.state IS 'rising (not for long enough yet), standing, clearing (over, but not for long enough yet), resolved.';
COMMENT ON COLUMN alerts.since IS 'Since when what it says is so; seen_at: when that was first seen.';

CREATE TABLE alert_channels (
    channel text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    error text,
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    held bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE alert_channels IS 'By what we tell (log, webhook, mail). Whoever tells holds its row, so that nobody tells the same.';
COMMENT ON COLUMN alert_channels.attempts IS 'That failed since the last message that was taken; failures: ever. No try before next_at.';
COMMENT ON COLUMN alert_channels.held IS 'Alerts that wait because so many messages were sent within the hour.';

CREATE TABLE alert_messages (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel text NOT NULL REFERENCES alert_channels,
    kind text NOT NULL CHECK (kind IN ('raised', 'reminder', 'resolved')),
    subject text NOT NULL,
    reference text NOT NULL,
    alerts integer NOT NULL,
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX alert_messages_by_time ON alert_messages (channel, sent_at);
COMMENT ON TABLE alert_messages IS 'Every message that a channel took; reference is its Message-ID.';

CREATE TABLE alert_told (
    alert_id bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    channel text NOT NULL REFERENCES alert_channels,
    told_at timestamptz NOT NULL,
    reference text,
    resolve_told_at timestamptz,
    PRIMARY KEY (alert_id, channel)
);
COMMENT ON TABLE alert_told IS 'Which alert was told by which channel: told_at last of its standing (reference: in which message), resolve_told_at of its end.';

CREATE TABLE pauses (
    market_id integer NOT NULL REFERENCES markets,
    hour timestamptz NOT NULL,
    pauses bigint NOT NULL,
    longest double precision[] NOT NULL,
    PRIMARY KEY (market_id, hour)
);
CREATE INDEX pauses_by_hour ON pauses (hour);
COMMENT ON TABLE pauses IS 'Per market and hour: how many pauses between two neighbouring trades ended in it, and the four longest, in seconds.';
