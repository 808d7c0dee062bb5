"""The kernel's log from a point on. Not by dmesg: what that shows has a beginning that moves."""
import os

PATH = "/dev/kmsg"


class KernelLog:
    def __init__(self):
        self.file = os.open(PATH, os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.file, 0, os.SEEK_END)

    def new_lines(self):
        """(facility, level, text) of each line since the last call (dev-kmsg in the kernel's Documentation/ABI)."""
        lines = []
        while True:
            try:
                head, _, text = os.read(self.file, 8192).decode(errors="replace").partition(";")
            except BlockingIOError:
                return lines
            except BrokenPipeError:
                continue  # so much was written that the oldest is gone
            lines.append((*divmod(int(head.split(",")[0]), 8), text.split("\n")[0]))
