"""The tree of one boot against the truth: the kernel's own sched_process_* and task_newtask trace.

Promised, and counted here: of every process that was forked in user space after the loader's start there is a row, its
creation parent is the true one, its later images are there in order, and its end when it ended; so are init's images;
every row's chain of parents reaches pid 0 of its boot; no row is made up. What the kernel itself starts (modprobe, say) leaves no audit
record of its birth, so it must be there only from when the process connector was listened to.
"""
import datetime
import json
import re
from collections import defaultdict

CLONE_THREAD = 0x10000
LINE = re.compile(r"\s*(.+)-(\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): (\w+): (.*)$")
LISTENING_S = 0.3  # from the time that the recorder gives as its beginning until its sockets are open, in an emulator


class Life:
    """One process as the trace tells it; times are seconds of the trace's clock."""

    def __init__(self, pid, parent, born):
        self.pid, self.parent, self.born = pid, parent, born
        self.user = parent is not None and parent.user
        self.from_kernel = not self.user
        self.images, self.threads, self.ended = [], 1, None  # images: (time, file name)

    def __repr__(self):
        name = self.images[-1][1] if self.images else (self.parent.images[-1][1] if self.parent and self.parent.images else "?")
        return f"{self.pid} ({name}, born {self.born:.3f})"


class Truth:
    def __init__(self, lines):
        self.lives, self.last, self.end, self.end_real = [], 0.0, None, None
        self._of_thread = {}
        for line in lines:
            match = LINE.match(line)
            if match:
                caller, time, what, rest = int(match[2]), float(match[3]), match[4], match[5]
                self.last = max(self.last, time)
                getattr(self, "_" + what, self._other)(caller, time, rest)

    def _other(self, *_):
        pass

    def _life(self, thread):
        if thread not in self._of_thread:  # older than the trace: the boot thread, pid 1, kthreadd
            self._add(thread, None, 0.0)
        return self._of_thread[thread]

    def _add(self, pid, parent, time):
        life = Life(pid, parent, time)
        life.user = life.user or pid == 1
        self.lives.append(life)
        self._of_thread[pid] = life

    def _task_newtask(self, caller, time, rest):
        pid, flags = int(re.search(r"pid=(\d+)", rest)[1]), int(re.search(r"clone_flags=(\w+)", rest)[1], 16)
        parent = self._life(caller)
        if flags & CLONE_THREAD:
            parent.threads += 1
            self._of_thread[pid] = parent
        else:
            self._add(pid, parent, time)

    def _sched_process_exec(self, _, time, rest):
        name, pid, old = re.match(r"filename=(.*) pid=(\d+) old_pid=(\d+)", rest).groups()
        life = self._life(int(old))
        if pid != old:  # another thread than the first takes its pid
            self._of_thread[int(pid)] = self._of_thread.pop(int(old))
        life.user = True
        life.images.append((time, name))

    def _sched_process_exit(self, _, time, rest):
        thread = int(re.search(r"pid=(\d+)", rest)[1])
        life = self._life(thread)
        self._of_thread.pop(thread)
        life.threads -= 1
        if life.threads == 0:
            life.ended = time

    def _tracing_mark_write(self, _, time, rest):
        mark = re.match(r"boot_test end ([\d.]+)", rest)
        if mark:
            self.end, self.end_real = time, float(mark[1])

    def ended_as_text(self):
        """The trace's last moment as an export writes times; None where the guest did not say what time it was."""
        if self.end is None:
            return None
        return datetime.datetime.utcfromtimestamp(self.end_real + self.last - self.end).isoformat(timespec="microseconds")

    def at(self, real):
        """The trace's time at a second since the epoch, where the guest said what time it was."""
        return self.end - (self.end_real - real)

    def started(self, file_name):
        return min((time for life in self.lives for time, name in life.images if name == file_name), default=None)


class Tree:
    """One boot's rows of an export."""

    def __init__(self, lines, boot):
        rows = [row for row in map(json.loads, lines) if row["kind"] == "process" and row["boot"] == boot]
        self.by_id = {row["id"]: row for row in rows}
        self.by_pid = defaultdict(list)
        for row in rows:
            self.by_pid[row["pid"]].append(row)

    def unrooted(self):
        """Rows whose chain does not reach pid 0 of this boot."""
        for row in self.by_id.values():
            at, seen = row, set()
            while at is not None and at["pid"] != 0 and at["id"] not in seen:
                seen.add(at["id"])
                at = self.by_id.get(at["parent"])
            if at is None or at["pid"] != 0:
                yield f"{row['pid']} ({row['comm']})"


def pair(truth, tree):
    """Truth's lives with rows: the lives of a pid are in order on both sides. A pid whose counts differ has lost its
    earlier ones first (what ran before the loader), or has rows too many. Early kernel threads are older than the trace,
    and who was born while it was being read is younger."""
    rows, made_up, ended = {}, [], truth.ended_as_text()
    lives = defaultdict(list)
    for life in truth.lives:
        lives[life.pid].append(life)
    for pid, its_rows in tree.by_pid.items():
        its_rows = [row for row in its_rows if ended is None or (row["born"]["time"] or "") <= ended]
        ordered = sorted(its_rows, key=lambda row: row["born"]["time"] or "")
        its_lives = lives.get(pid, [])
        made_up += [f"{pid} ({row['comm']})" for row in ordered[:max(0, len(ordered) - len(its_lives))]
                    if pid != 0 and not row["kernel_thread"]]
        for life, row in zip(reversed(its_lives), reversed(ordered)):
            rows[life] = row
    return rows, made_up


def comm_of(file_name):
    return file_name.rsplit("/", 1)[-1].encode()[:15].decode(errors="replace")


def missing_images(life, row, since, until):
    """The truth's images between the two times that the row has not, compared from the last one back."""
    true = [comm_of(name) for time, name in life.images if since < time < until]
    told = [image["comm"] for image in row["images"]]
    later = sum(1 for time, _ in life.images if time >= until)
    told = told[:len(told) - later] if later and len(told) > len(true) else told
    return [] if not true or told[-len(true):] == true else [f"{life}: {true}, told {told}"]


def compare(truth, tree, since, listening=None, until=None, gaps=()):
    """{what is wrong: [each]}, and the counts. `since`: from when on nothing of a user process may be missing (trace time; None: that
    never began), `listening`: nor of what the kernel starts, since the connector tells of that, `until`: the last time of which everything must be known, `gaps`: from when to when audit told that it lost something: images."""
    if since is None:
        return {"nothing was ever promised": ["neither loader nor recorder began"]}, {}
    until = until if until is not None else truth.end
    rows, made_up = pair(truth, tree)
    wrong = {"missing": [], "wrong parent": [], "images missing": [], "ends missing": [], "made up": made_up,
             "not rooted": list(tree.unrooted())}
    counts = {"forks": 0, "helpers": 0, "before": 0, "images": 0, "ends": 0}
    for life in truth.lives:
        if not life.user or life.born >= until:
            continue
        if life.pid == 1:
            wrong["images missing"] += missing_images(life, rows[life], since, until) if life in rows else [str(life)]
            continue
        born_since = (listening if listening is not None else until) if life.from_kernel else since
        required = life.born > born_since
        counts["helpers" if life.from_kernel else "forks"] += required
        counts["before"] += not required
        row = rows.get(life)
        if row is None:
            wrong["missing"] += [str(life)] if required else []
            continue
        if not required:
            continue
        wanted = rows.get(life.parent)
        if wanted is None or row["parent"] != wanted["id"]:
            told = tree.by_id.get(row["parent"])
            wrong["wrong parent"].append(f"{life}: child of {life.parent}, told {told and told['pid']} {row['inferred']}")
        in_gap = any(begin <= time <= end for time, _ in life.images for begin, end in gaps)
        counts["images"] += sum(1 for time, _ in life.images if time < until and not in_gap)
        wrong["images missing"] += missing_images(life, row, since, until) if not in_gap else []
        if life.ended is not None and life.ended < until:
            counts["ends"] += 1
            wrong["ends missing"] += [str(life)] if row["ended"] is None else []
    return wrong, counts
