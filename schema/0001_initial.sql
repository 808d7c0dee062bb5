-- The history, version 1. Migrations are append-only: this file never changes once released; what comes later is
-- 0002_*.sql. `PRAGMA user_version` is the number of the last one applied, `application_id` ("LINE") tells our files
-- from other people's.
--
-- Everything here serves one figure: a short process (one fork, one exec, one exit) shall cost at most 160 bytes,
-- indexes included, while `show` stays a handful of page reads among ten million. bench/store_bench.cpp measures it
-- with such processes, three in ten with an argv of their own (45 bytes), one in ten put twice because it outlived its
-- batch. Bytes a process among 1 million, and among 10 million, whose numbers are longer:
--
--     process 56.0  58.2      process_pid 24.0  24.0      image 44.1  45.2      argv 18.5  18.6
--                             process_parent 13.2  13.6   all the rest 0.2      all 156.2  159.9
--
-- and 4 us of CPU to write one, in batches of 1000 changes.
--
-- How it is kept small: SQLite stores an integer in the fewest of 0, 1, 2, 3, 4, 6 or 8 bytes, so what is 0, 1 or NULL
-- costs nothing but its byte in the row's header, and a difference to something near costs less than the thing
-- itself (lived_ns, ended_after). Strings, arguments and credentials stand once and are referred to by number.
--
-- Interning is best effort: the writer remembers the strings it met lately, within bounds, and stores one again that it
-- has forgotten. So the same text may have several numbers, and a query by text first collects all of them. In
-- return no index over texts is kept, and a flood of unique arguments costs no random reads.
PRAGMA application_id = 1279872581;

-- One run of the kernel on one host. A name may occur twice, when a recorder lost its memory of the boot.
CREATE TABLE boot (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,     -- /proc/sys/kernel/random/boot_id, or derived from an imported log
    host       TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    imported   INTEGER NOT NULL
);

-- Short texts that recur: exe, script, comm, cwd. The bytes are the kernel's, not necessarily UTF-8. Never deleted.
CREATE TABLE name (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL
);

-- A whole argument vector: each argument's bytes behind their length, a little-endian base-128 varint. An argument's
-- length is thus no byte that hostile input could forge, and any byte may stand in one.
CREATE TABLE argv (
    id    INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
);

-- Who a task is, as audit names it. NULL is audit's "unset" (4294967295). Never deleted.
CREATE TABLE credentials (
    id   INTEGER PRIMARY KEY,
    uid  INTEGER,
    gid  INTEGER,
    euid INTEGER,
    egid INTEGER,
    auid INTEGER,
    ses  INTEGER,
    tty  TEXT NOT NULL
);

-- One life of one pid.
CREATE TABLE process (
    id          INTEGER PRIMARY KEY,
    boot        INTEGER NOT NULL,
    pid         INTEGER NOT NULL,
    ns_pid      INTEGER,
    parent      INTEGER NOT NULL,  -- the creation parent's id; 0 for pid 0 alone
    ppid        INTEGER NOT NULL,
    born_ns     INTEGER NOT NULL,
    born_serial INTEGER NOT NULL,  -- 0: audit did not see it
    -- Bit by bit: 0-3 how it was born (model::How), 4-7 who saw that (model::Witness), 8-11 who saw the end,
    -- 12-15 why inferred (model::Inferred), 16 kernel thread, 17 core dumped.
    marks       INTEGER NOT NULL,
    lived_ns    INTEGER,           -- the end less the birth; NULL: has not ended
    ended_after INTEGER,           -- the end's serial less the birth's; NULL: audit did not see the end
    status      INTEGER,           -- exit code 0..255, or -1 - signal; NULL: not known
    credentials INTEGER NOT NULL,  -- as last known
    comm        INTEGER,           -- as last known
    image_owner INTEGER,           -- whose image it runs: NULL its own, 0 nobody knows
    image_seq   INTEGER NOT NULL,
    -- Who was alive at some moment? Within a class all lives are shorter than a bound, so they are one range of births a
    -- class: class k ends at 2 s * 16^k. Class 5 has no bound, class 6 lives. Most are class 0, which `block` serves.
    life_class  INTEGER GENERATED ALWAYS AS (
        CASE WHEN lived_ns < 2000000000 THEN 0
             WHEN lived_ns < 32000000000 THEN 1
             WHEN lived_ns < 512000000000 THEN 2
             WHEN lived_ns < 8192000000000 THEN 3
             WHEN lived_ns < 131072000000000 THEN 4
             WHEN lived_ns IS NOT NULL THEN 5
             ELSE 6 END) VIRTUAL
);

-- `show PID`: the latest life that had begun.
CREATE INDEX process_pid ON process (pid, born_ns);
-- `tree`: the children.
CREATE INDEX process_parent ON process (parent);
-- Events of the few who live long; see life_class.
CREATE INDEX process_long ON process (life_class, born_ns) WHERE life_class > 0;

-- The births among each 1024 successive ids (block = id >> 10). Ids are given out in the order in which lives become
-- known, so blocks follow time closely, and this table, a tenth of a byte a process, does for an index over all
-- births and all serials of the short-lived. Where the order is bad, it is slower and still right. A range may be wider
-- than its rows (after a removal), never narrower.
CREATE TABLE block (
    id           INTEGER PRIMARY KEY,
    born_from_ns INTEGER NOT NULL,
    born_to_ns   INTEGER NOT NULL
);

-- What one successful execve put into a process.
CREATE TABLE image (
    owner       INTEGER NOT NULL,  -- process.id
    seq         INTEGER NOT NULL,
    time_ns     INTEGER NOT NULL,
    serial      INTEGER NOT NULL,
    exe         INTEGER,           -- name.id; NULL: empty. Likewise below.
    script      INTEGER,
    comm        INTEGER,
    cwd         INTEGER,
    argv        INTEGER,           -- argv.id; NULL: no argument at all
    credentials INTEGER NOT NULL,
    seen_by     INTEGER NOT NULL,
    PRIMARY KEY (owner, seq)
) WITHOUT ROWID;

-- An interval in which something was lost.
CREATE TABLE gap (
    id      INTEGER PRIMARY KEY,
    boot    INTEGER NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns   INTEGER NOT NULL,
    lost    INTEGER,
    witness INTEGER NOT NULL,
    why     TEXT NOT NULL
);

-- How far the journal has been consumed (one row), and the tracker's state at some earlier frame. Apart, because
-- the position changes with every transaction and the state is megabytes.
CREATE TABLE position (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL
);
CREATE TABLE checkpoint (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,
    state    BLOB NOT NULL
);

-- What `status` tells of the recorder: "recorder.pid" -> "4242".
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
