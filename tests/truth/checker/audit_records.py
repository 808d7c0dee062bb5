"""The audit records of a run, from a log or from lineaged's journal, and what reading them in the usual ways tells."""
import glob
import os
import re
import struct
from collections import defaultdict

FIELDS = re.compile(rb"audit\((\d+)\.(\d+):\d+\): arch=(\w+) syscall=(\d+)(?: success=(\w+) exit=(-?\d+))? a0=(\w+)"
                    rb".*? ppid=(\d+) pid=(\d+) ")
# audit's numbers (x86_64, aarch64); the 32-bit tables' calls are not counted
EXECS, BIRTHS, EXIT_GROUP = {59, 322, 221, 281}, {56, 57, 58, 435, 220}, {231, 94}
SYSCALL = 1300
AUDIT_FRAME = 2


def from_log(path):
    with open(path, "rb") as lines:
        for line in lines:
            if line.startswith(b"type=SYSCALL"):
                yield line


def from_journal(directory):
    """Frames as src/journal/segment.hpp lays them out."""
    for path in sorted(glob.glob(os.path.join(directory, "*"))):
        with open(path, "rb") as segment:
            data = segment.read()
        if not data.startswith(b"lin") and len(data) < 128:
            continue
        used = struct.unpack_from("<Q", data, 64)[0] & ~7
        at, end = 128, min(len(data), 128 + used)
        while at + 24 <= end:
            _, size, _, _, kind, source, _ = struct.unpack_from("<IIqIHBB", data, at)
            if source == AUDIT_FRAME and kind == SYSCALL:
                yield data[at + 24:at + 24 + size]
            at += (24 + size + 7) & ~7


def life_at(lives, moment_ns):
    """The last of a pid's lives that had begun."""
    begun = [life for life in lives if life["before_ns"] - 10_000_000 <= moment_ns]
    return begun[-1]["slot"] if begun else None


def readings(lives, records):
    """name -> (share present, share with the true parent, share of deaths or None), in percent."""
    lives_of = defaultdict(list)
    for life in sorted(lives.values(), key=lambda life: life["before_ns"]):
        lives_of[life["pid"]].append(life)
    parents = {"ppid in exec records": {}, "ppid in any record": {}, "clone's return value": {}}
    codes = {}
    for record in records:
        found = FIELDS.search(record)
        if not found:
            continue
        seconds, millis, _, call, success, returned, a0, ppid, pid = found.groups()
        moment = int(seconds) * 1_000_000_000 + int(millis.ljust(9, b"0"))
        call, pid, ppid = int(call), int(pid), int(ppid)
        if pid in lives_of:
            slot = life_at(lives_of[pid], moment)
            parents["ppid in any record"].setdefault(slot, ppid)
            if call in EXECS and success == b"yes":
                parents["ppid in exec records"].setdefault(slot, ppid)
            if call in EXIT_GROUP:
                codes[slot] = int(a0, 16) & 255
        if call in BIRTHS and returned and int(returned) in lives_of:
            parents["clone's return value"].setdefault(life_at(lives_of[int(returned)], moment + 10_000_000), pid)
    judged = [life for life in lives.values() if life["parent"] is not None]
    deaths = sum(life["code"] is not None and codes.get(life["slot"]) == life["code"] for life in judged)
    table = {}
    for name, told in parents.items():
        present = sum(life["slot"] in told for life in judged)
        right = sum(told.get(life["slot"]) == lives[life["parent"]]["pid"] for life in judged)
        share = None if name == "ppid in exec records" else 100 * deaths / len(judged)
        table[name] = (100 * present / len(judged), 100 * right / len(judged), share)
    return table
