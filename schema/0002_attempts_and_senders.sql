-- Version 2: failed execs, and who sent the signal that ended a process. Both are rare: a process without them has no row
-- here and costs nothing. An attempt at a path that was met before takes 31 bytes (2,000 processes with 20 each).

-- An execve that failed. Of one process the newest are kept, with the numbers that they have among all.
CREATE TABLE attempt (
    owner   INTEGER NOT NULL,  -- process.id
    seq     INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    serial  INTEGER NOT NULL,
    path    INTEGER,           -- name.id; NULL: empty. Likewise cwd.
    error   INTEGER NOT NULL,  -- errno
    cwd     INTEGER,
    PRIMARY KEY (owner, seq)
) WITHOUT ROWID;

-- Of a process that a signal ended, where a record told who sent it.
CREATE TABLE sender (
    process INTEGER PRIMARY KEY,
    by      INTEGER NOT NULL     -- process.id
);
