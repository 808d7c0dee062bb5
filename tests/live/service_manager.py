"""Stands in for systemd: starts lineaged with NOTIFY_SOCKET, keeps the descriptors that it stores (FDSTORE=1, SCM_RIGHTS) and
hands them to the next one it starts (LISTEN_FDS). Used below the audit guard only."""
import array
import os
import signal
import socket
import tempfile
import threading
import time

from recording import program


class ServiceManager:
    def __init__(self, build, database, source="auto", extra=(), store=True, environment=None):
        self.build, self.database, self.store = build, database, store
        self.environment = environment or {}
        self.command = [program(build, "lineaged"), "--foreground", "--db", database, "--source", source,
                        "--backlog-wait-ms", "100", *extra]
        self.errors = tempfile.TemporaryFile()
        self.kept = {}
        self.told = []  # every message, with the time it came
        self.ready = threading.Event()
        self.pid = None
        name = f"@lineage-manager-{os.getpid()}-{id(self)}"
        self.path = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            text, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 16))
            fds = array.array("i")
            for level, kind, data in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
            self._told(dict(line.split("=", 1) for line in text.decode().splitlines()), list(fds))

    def _told(self, message, fds):
        self.told.append((time.monotonic(), message))
        name = message.get("FDNAME")
        if message.get("FDSTORE") == "1" and self.store and len(fds) == 1:
            if name in self.kept:  # systemd compares the file behind it; here the newest counts
                os.close(self.kept.pop(name))
            self.kept[name] = fds.pop()
        if message.get("FDSTOREREMOVE") == "1" and name in self.kept:
            os.close(self.kept.pop(name))
        for fd in fds:
            os.close(fd)
        if message.get("READY") == "1":
            self.ready.set()

    def start(self):
        """As systemd does it: descriptors from 3 on, LISTEN_PID the child's own."""
        self.ready.clear()
        names, fds = list(self.kept), list(self.kept.values())
        self.pid = os.fork()
        if self.pid:
            return
        try:
            os.setsid()
            os.dup2(self.errors.fileno(), 2, inheritable=True)  # before its number is another's
            os.dup2(os.open(os.devnull, os.O_RDWR), 0, inheritable=True)
            high = [os.dup2(fd, 200 + n, inheritable=False) for n, fd in enumerate(fds)]
            for n, fd in enumerate(high):
                os.dup2(fd, 3 + n, inheritable=True)
            environment = {**os.environ, **self.environment, "NOTIFY_SOCKET": self.path}
            if fds:
                environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(names))
            os.closerange(3 + len(fds), 200)
            os.execve(self.command[0], self.command, environment)
        finally:
            os._exit(127)

    def wait_ready(self, timeout_s=60):
        return self.ready.wait(timeout_s)

    def children(self):
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as children:
                return [int(pid) for pid in children.read().split()]
        except OSError:
            return []

    def child(self, name):
        for pid in self.children():
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                    if comm.read() == f"{name}\n":
                        return pid
            except OSError:
                pass
        return None

    def tracker(self):
        return self.child("lineaged-track")

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def wait(self):
        """Its wait status, once it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def ended(self):
        return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid

    def stop(self, number=signal.SIGTERM):
        self.kill(number)
        return self.wait()

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")
