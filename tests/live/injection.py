"""Makes a process that this test started send a datagram on a socket of its own: what only it may do. By ptrace, x86_64 only."""
import ctypes
import os
import platform
import struct

ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
SENDTO = 44
SCRATCH = 4096  # bytes below its stack pointer, and so below the red zone
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def possible():
    return platform.machine() == "x86_64"


def send_from(pid, protocol, payload):
    """sendto(its first netlink socket of that protocol, payload) made by `pid`, which is left as it was."""
    fd = _socket_of(pid, protocol)
    ptrace(ATTACH, pid)
    os.waitpid(pid, 0x40000000)  # __WALL
    registers = ctypes.create_string_buffer(8 * len(REGISTERS))
    ptrace(GETREGS, pid, ctypes.cast(registers, ctypes.c_void_p))
    saved = registers.raw
    values = dict(zip(REGISTERS, struct.unpack(f"{len(REGISTERS)}Q", saved)))
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(values["rip"])
        code = memory.read(2)
        address = (values["rsp"] - SCRATCH) & ~15
        memory.seek(address)
        below = memory.read(len(payload))
        memory.seek(address)
        memory.write(payload)
        memory.seek(values["rip"])
        memory.write(b"\x0f\x05")
        changed = {**values, "rax": SENDTO, "orig_rax": 2**64 - 1, "rdi": fd, "rsi": address, "rdx": len(payload), "r10": 0, "r8": 0, "r9": 0}
        ptrace(SETREGS, pid, struct.pack(f"{len(REGISTERS)}Q", *changed.values()))
        ptrace(SINGLESTEP, pid)
        os.waitpid(pid, 0x40000000)
        ptrace(GETREGS, pid, ctypes.cast(registers, ctypes.c_void_p))
        result = struct.unpack(f"{len(REGISTERS)}q", registers.raw)[REGISTERS.index("rax")]
        memory.seek(values["rip"])
        memory.write(code)
        memory.seek(address)
        memory.write(below)
    ptrace(SETREGS, pid, saved)
    ptrace(DETACH, pid)
    return result


def _sockets(protocol):
    """Inode -> the groups it is a member of."""
    with open("/proc/net/netlink", encoding="ascii") as table:
        lines = [line.split() for line in table.readlines()[1:]]
    return {words[9]: int(words[3], 16) for words in lines if words[1] == str(protocol)}


def _socket_of(pid, protocol):
    inodes = _sockets(protocol)
    for fd in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        link = os.readlink(f"/proc/{pid}/fd/{fd}")
        if link.startswith("socket:[") and link[8:-1] in inodes:
            return fd
    raise LookupError(f"process {pid} has no netlink socket of protocol {protocol}")


def listens(pid, protocol):
    """Its first netlink socket of that protocol is a member of a multicast group."""
    inode = os.readlink(f"/proc/{pid}/fd/{_socket_of(pid, protocol)}")[8:-1]
    return _sockets(protocol)[inode] != 0
