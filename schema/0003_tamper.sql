-- Version 3: who weakened the recording, and for how long it was impaired. Few rows: the recorder tells one that goes on, or
-- comes again soon, as one. The interval stands in `gap` as well.
CREATE TABLE tamper (
    id       INTEGER PRIMARY KEY,
    boot     INTEGER NOT NULL,
    time_ns  INTEGER NOT NULL,  -- of the deed where a record tells of it, else when it was found
    what     TEXT NOT NULL,
    by       INTEGER NOT NULL,  -- process.id; 0: not known
    inferred INTEGER NOT NULL,  -- no record names `by`
    pid      INTEGER NOT NULL,  -- 0: not known
    auid     INTEGER,           -- NULL: unset, or not known
    from_ns  INTEGER NOT NULL,
    to_ns    INTEGER NOT NULL,  -- 0: it could not be undone
    times    INTEGER NOT NULL   -- how often it had to be undone
);
