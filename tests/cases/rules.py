"""Other people's rules: adds them to the kernel as auditctl would. The audit guard that every case runs under takes them away."""
import os
import socket
import struct

# linux/audit.h; system calls by asm/unistd_64.h
NETLINK_AUDIT, ADD_RULE, FILTER_EXIT, ALWAYS, PPID, FILTERKEY, EQUAL = 9, 1011, 4, 2, 18, 210, 0x40000000
CALLS = {"getppid": 110, "openat": 257, "fork": 57, "clone": 56, "wait4": 61, "kill": 62, "tkill": 200, "tgkill": 234,
         "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424}


def add_rule(key, *calls, ppid=None):
    """Records these calls of everyone, or of the children of `ppid`."""
    mask = [0] * 64
    for call in calls:
        mask[CALLS[call] // 32] |= 1 << CALLS[call] % 32
    fields = [(FILTERKEY, len(key))] + ([(PPID, ppid)] if ppid is not None else [])
    rest = [0] * (64 - len(fields))
    rule = struct.pack("=III64I", FILTER_EXIT, ALWAYS, len(fields), *mask)
    for column in ([name for name, _ in fields], [value for _, value in fields], [EQUAL] * len(fields)):
        rule += struct.pack("=64I", *column, *rest)
    rule += struct.pack("=I", len(key)) + key.encode()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT) as kernel:
        kernel.bind((0, 0))
        kernel.send(struct.pack("=IHHII", 16 + len(rule), ADD_RULE, 5, 1, 0) + rule)
        answer = kernel.recv(8192)
    error = struct.unpack_from("=i", answer, 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))
