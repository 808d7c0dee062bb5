"""What the case tests have in common: record while something happens, then ask the export about it."""
import base64
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
import expecting  # noqa: E402
from recording import SKIPPED, Recorder, lineage, program, rows  # noqa: E402

run = expecting.run


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def actor(build):
    return program(build, "tests/cases/actor")


class History:
    """An export, by pid and by parent. Pids name their last life here: what a test has just seen die or live."""

    def __init__(self, build, database):
        self.rows = rows(build, database)
        self.by_id = {row["id"]: row for row in self.rows}
        self.by_pid = {}
        self.children = {}
        for row in sorted(self.rows, key=lambda row: (row["born"]["time"], row["id"])):
            self.by_pid[row["pid"]] = row
            self.children.setdefault(row["parent"], []).append(row)

    def parent(self, row):
        return self.by_id[row["parent"]]

    def children_of(self, row):
        return self.children.get(row["id"], [])


def recorded(build, folder, expect, act, source="auto", name="lineage", settled=lambda: None):
    """Does act() while lineaged records; returns what act returned and the history."""
    recorder = Recorder(build, os.path.join(folder, f"{name}.db"), source)
    expect.that(recorder.ready, f"lineaged gets ready: {recorder.said()}")
    try:
        told = act()
        settled()
    finally:
        status = recorder.stop()
    expect.equal(status, 0, f"lineaged's exit status: {recorder.said()}")
    return told, History(build, recorder.database)


def argv_of(row):
    """Arguments as bytes, also where they are no UTF-8."""
    if "argv_base64" in row:
        return [base64.b64decode(word) for word in row["argv_base64"]]
    return [word.encode() for word in row["argv"]]


def end_of(row):
    ended = row["ended"] or {}
    return ended.get("code"), ended.get("signal")


def expect_life(expect, history, pid, what, parent=None, code=None, signal=None, inferred=None, **facts):
    """The row of `pid`, or None after a failed expectation. code or signal None: not looked at."""
    row = history.by_pid.get(pid)
    expect.that(row is not None, f"{what}: pid {pid} is in the history")
    if row is None:
        return None
    if parent is not None:
        expect.equal(history.parent(row)["pid"], parent, f"{what}: pid of the creation parent")
    if code is not None or signal is not None:
        expect.equal(end_of(row), (code, signal), f"{what}: exit code and signal")
    expect.equal(row["inferred"], inferred, f"{what}: inferred")
    for fact, wanted in facts.items():
        expect.equal(row[fact], wanted, f"{what}: {fact}")
    return row


def child_that(build, words, **more):
    """Runs the actor to its end; (its pid, exit status, what it printed)."""
    child = subprocess.Popen([actor(build), *words], stdout=subprocess.PIPE, text=True, **more)
    printed = child.communicate(timeout=60)[0]
    return child.pid, child.returncode, printed


def forked(deed):
    """Runs deed() in a forked child; its pid. The child ends with what deed returns, or 99 where it raises."""
    pid = os.fork()
    if pid != 0:
        return pid
    code = 99
    try:
        code = deed() or 0
    finally:
        os._exit(code)


def code_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
