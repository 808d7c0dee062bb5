-- Version 4: a bounded history. The dead are forgotten in the order of their ends; `horizon` is how far that has come.
-- Who is forgotten while descendants are kept leaves a stub: bit 18 of process.marks, no arguments, directories, scripts
-- or attempts in its images, no sender. A stub goes with its last descendant, a boot with its pid 0.
--
-- From here on names, argument vectors and credentials that nobody refers to any more are deleted, too (0001 says never);
-- their numbers are not given out again.
CREATE TABLE horizon (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    next_block INTEGER NOT NULL,  -- of the blocks before this one only stubs, the alive and the long-lived are left
    time_ns    INTEGER NOT NULL   -- who ended before is forgotten
);
