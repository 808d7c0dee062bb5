"""Runs lineaged and lineage by their contract alone (options, exit codes, JSON), for live tests, the truth harness and
the bench. Everything here that touches audit runs below tests/support/audit_guard: see under_guard()."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
GUARDED = "LINEAGE_UNDER_GUARD"


def program(build, name):
    for path in (name, f"tests/support/{name}", f"tests/truth/{name}", f"tests/live/{name}", f"bench/{name}"):
        full = os.path.join(build, path)
        if os.access(full, os.X_OK) and not os.path.isdir(full):
            return full
    sys.exit(f"{os.path.basename(sys.argv[0])}: {name} is not in {build}")


def under_guard(build):
    """Returns when we run below the guard, which restores the machine's audit state however we end."""
    if os.environ.get(GUARDED) == "1":
        return
    os.environ[GUARDED] = "1"
    guard = program(build, "audit_guard")
    os.execv(guard, [guard, "--", sys.executable, *sys.argv])


class Recorder:
    """lineaged in the foreground, from its ready line to its end."""

    def __init__(self, build, database, source="auto", extra=(), ready_s=30):
        self.build, self.database = build, database
        reader, writer = os.pipe()
        self.errors = tempfile.TemporaryFile()
        command = [program(build, "lineaged"), "--foreground", "--db", database, "--source", source,
                   "--backlog-wait-ms", "100", "--ready-fd", str(writer), *extra]
        self.process = subprocess.Popen(command, pass_fds=[writer], stderr=self.errors, stdin=subprocess.DEVNULL, start_new_session=True)
        os.close(writer)
        self.ready = self._read_ready(reader, ready_s)
        os.close(reader)

    @staticmethod
    def _read_ready(reader, ready_s):
        until = time.monotonic() + ready_s
        while time.monotonic() < until:
            if select.select([reader], [], [], 0.5)[0]:
                return os.read(reader, 100).startswith(b"ready")
        return False

    @property
    def journal(self):
        return os.path.splitext(self.database)[0] + ".journal"

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def pids(self):
        """Its processes: the capture first, then its children."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [pid, *map(int, children.read().split())]

    def stop(self, signal_number=signal.SIGTERM, timeout_s=120, whole_group=False):
        """whole_group: as a service manager does it, to every process of the recorder at once."""
        if whole_group:
            os.killpg(self.process.pid, signal_number)
        else:
            self.process.send_signal(signal_number)
        return self.process.wait(timeout_s)


def lineage(build, database, *words, check=True):
    done = subprocess.run([program(build, "lineage"), "--db", database, *words], capture_output=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"lineage {' '.join(words)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done


def export(build, database, path):
    lineage(build, database, "export", "--format", "json", "-o", path)


def rows(build, database, *words):
    """Process rows of find, or of a whole export where no words are given."""
    words = words or ("export", "--format", "json")
    lines = lineage(build, database, *words).stdout.decode().splitlines()
    return [item for item in map(json.loads, lines) if item["kind"] == "process"]


def grow(build, truth, count, seed, *words, directory=None):
    """A forest; its truth goes to `truth`."""
    command = [program(build, "forest"), "--count", str(count), "--seed", str(seed), "--out", truth, *words]
    if directory:
        command += ["--dir", directory]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def cpu_seconds(pids):
    """User and system time of live processes and of their dead, waited-for children."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
