"""Machine-wide settings that a test changes are put back however the test ends, SIGKILL included.

keeper() goes before the audit guard, whose tree is killed at its end: it starts a process outside that tree, which holds
one end of a pipe. change() and own_cgroup() tell it what to undo before they do anything; it does so as soon as the
process that told it is gone."""
import json
import os
import select
import signal
import time

from recording import GUARDED

CHANNEL = "LINEAGE_CASE_KEEPER"
CGROUPS = "/sys/fs/cgroup/memory"


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _undo(order):
    if order["undo"] == "write":
        _write(order["path"], order["text"])
        return
    for _ in range(100):  # a killed process leaves its cgroup a moment later
        try:
            with open(os.path.join(order["path"], "cgroup.procs"), encoding="ascii") as procs:
                for pid in procs.read().split():
                    os.kill(int(pid), signal.SIGKILL)
            os.rmdir(order["path"])
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)


def _keep(reader):
    orders, teller, text = [], None, b""
    while True:
        ready = select.select([reader] + ([teller] if teller is not None else []), [], [])[0]
        if reader in ready:
            part = os.read(reader, 4096)
            text += part
            *lines, text = text.split(b"\n")
            for order in map(json.loads, lines):
                if order["undo"] == "watch":
                    try:
                        teller = os.pidfd_open(order["pid"])
                    except ProcessLookupError:  # gone before we heard of it
                        part = b""
                elif order not in orders:
                    orders.append(order)
            if not part:
                break
        elif teller in ready:
            break
    for order in reversed(orders):
        _undo(order)


def keeper():
    """Returns in the test; to be called before expecting.run()."""
    if os.environ.get(GUARDED) == "1":
        return
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(writer)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            _keep(reader)
        os._exit(0)
    os.wait()
    os.close(reader)
    os.set_inheritable(writer, True)
    os.environ[CHANNEL] = str(writer)


def _tell(*orders):
    channel = int(os.environ[CHANNEL])
    os.set_inheritable(channel, False)
    for order in ({"undo": "watch", "pid": os.getpid()}, *orders):
        os.write(channel, json.dumps(order).encode() + b"\n")


class change:
    """with change(PATH, TEXT): the file under /proc/sys holds TEXT."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        with open(path, encoding="ascii") as file:
            self.found = file.read().rstrip("\n")

    def __enter__(self):
        _tell({"undo": "write", "path": self.path, "text": self.found})
        _write(self.path, self.text)
        return self

    def __exit__(self, *_):
        _write(self.path, self.found)


class own_cgroup:
    """with own_cgroup(BYTES) as path: a memory cgroup (v1) of that limit. Raises OSError where that cannot be.

    It stands at the top, not below the test's own: what happens in a cgroup is counted in all that it stands in."""

    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes
        self.path = f"{CGROUPS}/lineage-case-{os.getpid()}"

    def __enter__(self):
        _tell({"undo": "rmdir", "path": self.path})
        os.mkdir(self.path)
        _write(f"{self.path}/memory.limit_in_bytes", str(self.limit_bytes))
        return self.path

    def __exit__(self, *_):
        _undo({"undo": "rmdir", "path": self.path})
