-- Why: a day may leave the database only when its file lies in the backup too, where there is one.

CREATE TABLE copies (
    market_id integer NOT NULL REFERENCES markets,
    day date NOT NULL,
    place text NOT NULL,
    checksum numeric NOT NULL,
    copied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, day)
);
COMMENT ON TABLE copies IS 'The day''s Parquet file, of this certified checksum, was read back from the backup at place.';
