"""culprit.py DEED   weakens audit's recording as `auditctl` can, by plain netlink, and looks how long it takes until all is as
it was; meanwhile it has a child. Prints one line of JSON: the deed's time, the child's pid, the milliseconds until it was undone (null: not within WAIT_S)."""
import ctypes
import json
import os
import socket
import struct
import sys
import time

WAIT_S = 8
GET, SET, ADD_RULE, DEL_RULE, LIST_RULES = 1000, 1001, 1011, 1012, 1013
DONE, ERROR = 3, 2
ENABLED, PID, RATE_LIMIT, BACKLOG_LIMIT, BACKLOG_WAIT, LOST = 0x1, 0x4, 0x8, 0x10, 0x20, 0x40
FIELDS = ("mask", "enabled", "failure", "pid", "rate_limit", "backlog_limit", "lost", "backlog", "features", "backlog_wait_time")
USER, TASK, EXIT, EXCLUDE, PREPEND = 0, 1, 4, 5, 0x10
NEVER, ALWAYS = 0, 2
MSGTYPE, AUDIT_PID, EQUAL = 12, 0, 0x40000000
SYSCALL, CONFIG_CHANGE, PROCTITLE = 1300, 1305, 1327
USER_MESSAGE = 1121  # AUDIT_TRUSTED_APP
OUR_KEY = b"lineage"


class Audit:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
        self.sequence = 0

    def ask(self, kind, payload=b"", ends=ERROR):
        """The messages up to the one of type `ends`."""
        self.sequence += 1
        flags = 1 | (4 if ends == ERROR else 0)
        self.socket.sendto(struct.pack("=IHHII", 16 + len(payload), kind, flags, self.sequence, 0) + payload, (0, 0))
        messages = []
        while True:
            data = self.socket.recv(65536)
            _, got, _, sequence, _ = struct.unpack_from("=IHHII", data)
            if sequence != self.sequence:
                continue
            if got == ERROR and struct.unpack_from("=i", data, 16)[0] != 0:
                raise OSError(-struct.unpack_from("=i", data, 16)[0], "audit")
            messages.append(data[16:])
            if got == ends:
                return messages

    def status(self):
        return dict(zip(FIELDS, struct.unpack_from("=10I", self.ask(GET, ends=GET)[-1])))

    def set(self, mask, **values):
        self.ask(SET, struct.pack("=10I", mask, *(values.get(name, 0) for name in FIELDS[1:])))

    def rules(self):
        return self.ask(LIST_RULES, ends=DONE)[:-1]

    def add(self, rule):
        self.ask(ADD_RULE, rule)

    def delete(self, rule):
        try:
            self.ask(DEL_RULE, rule)
        except FileNotFoundError:
            pass


def rule(list_and_flags, action, fields=()):
    padded = [*fields] + [(0, 0)] * (64 - len(fields))
    return struct.pack("=3I64I64I64I64II", list_and_flags, action, len(fields), *[0xFFFFFFFF] * 64, *(name for name, _ in padded),
                       *(value for _, value in padded), *(EQUAL if i < len(fields) else 0 for i in range(64)), 0)


def watch(path, key):
    """-w PATH -p wa -k KEY, as the kernel lists it."""
    fields = [(105, len(path)), (106, 0b0110), (210, len(key))]  # AUDIT_WATCH, AUDIT_PERM, AUDIT_FILTERKEY
    return rule(EXIT, ALWAYS, fields)[:-4] + struct.pack("=I", len(path) + len(key)) + path.encode() + key


def exclude_program(path):
    """-a always,exclude -F exe=PATH, as the kernel lists it."""
    return rule(EXCLUDE, ALWAYS, [(112, len(path))])[:-4] + struct.pack("=I", len(path)) + path.encode()


def delete_all(audit):
    for one in audit.rules():
        audit.delete(one)


def delete_ours(audit):
    for one in audit.rules():
        if OUR_KEY in one:
            audit.delete(one)


def silently_remove(audit):
    audit.set(ENABLED, enabled=0)
    delete_ours(audit)


def hide_and_remove(audit):
    """Nothing of it shows in the stream."""
    audit.add(rule(EXCLUDE, ALWAYS, [(MSGTYPE, CONFIG_CHANGE)]))
    delete_ours(audit)


def reset_lost(audit):
    """Loses some first, and lets lineaged come to know of it."""
    audit.set(RATE_LIMIT, rate_limit=1)
    for _ in range(20):
        audit.ask(USER_MESSAGE, b"culprit")
    time.sleep(0.5)
    began = time.clock_gettime(time.CLOCK_REALTIME)
    try:
        audit.set(LOST)
    except OSError:
        pass  # the kernel acknowledges with how many there were
    return began


DEEDS = {
    "delete_all": delete_all,
    "delete_one": lambda audit: audit.delete(audit.rules()[1]),
    "disable_then_remove": silently_remove,
    "hide_and_remove": hide_and_remove,
    "never_exit": lambda audit: audit.add(rule(EXIT | PREPEND, NEVER)),
    "never_task": lambda audit: audit.add(rule(TASK, NEVER)),
    "exclude_type": lambda audit: audit.add(rule(EXCLUDE, ALWAYS, [(MSGTYPE, SYSCALL)])),
    "exclude_field": lambda audit: audit.add(rule(EXCLUDE, ALWAYS, [(AUDIT_PID, os.getppid())])),
    "backlog_limit": lambda audit: audit.set(BACKLOG_LIMIT, backlog_limit=70),
    "backlog_wait": lambda audit: audit.set(BACKLOG_WAIT, backlog_wait_time=0),
    "rate_limit": lambda audit: audit.set(RATE_LIMIT, rate_limit=3),
    "lost_reset": reset_lost,
}


def picture(audit):
    status = audit.status()
    return [status[name] for name in ("enabled", "pid", "rate_limit", "backlog_limit", "backlog_wait_time")], audit.rules()


def sorted_fields(one):
    """A rule whatever the order of its fields: lineaged writes its own in either (include/lineage/audit/control.hpp)."""
    words = struct.unpack_from("=3I64I64I64I64I", one)
    return words[:67], sorted(zip(words[67:131], words[131:195], words[195:259])), one[260 * 4:]


def are_same(rules, others):
    return [sorted_fields(one) for one in rules] == [sorted_fields(one) for one in others]


def is_undone(before, now):
    """Settings and everybody's rules are as before, ours first; behind them the exit list may have more."""
    was, rules = ([sorted_fields(one) for one in side[1]] for side in (before, now))
    ours = [one for one in was if OUR_KEY in one[2]]
    others = [one for one in was if one not in ours]
    exits = [one for one in rules if one[0][0] == EXIT]
    return (before[0] == now[0] and exits[:len(ours)] == ours and [one for one in rules if one in others] == others
            and all(one in was or one[0][0] == EXIT for one in rules))


def listed(one):
    return struct.unpack_from("=I", one)[0]


def main():
    ctypes.CDLL(None).prctl(15, b"auditctl", 0, 0, 0)  # PR_SET_NAME
    audit = Audit()
    before = picture(audit)
    began = time.clock_gettime(time.CLOCK_REALTIME)
    began = DEEDS[sys.argv[1]](audit) or began
    done = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    undone_ms = None
    while undone_ms is None and time.monotonic() - done < WAIT_S:
        if is_undone(before, picture(audit)):
            undone_ms = round(1000 * (time.monotonic() - done), 1)
        time.sleep(0.001)  # each look starts two kernel threads
    audit.delete(rule(EXIT, NEVER))  # it was only outranked
    print(json.dumps({"time": began, "child": child, "undone_ms": undone_ms}))


if __name__ == "__main__":
    main()
