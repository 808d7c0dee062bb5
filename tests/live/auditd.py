"""Debian's auditd, unpacked and not installed (dev.d's fetch_audit_tools), for as long as a test below audit_guard wants it."""
import glob
import os
import signal
import subprocess
import time

SKIPPED = 77
CONFIG = """local_events = yes
write_logs = yes
log_file = {folder}/audit.log
log_group = root
log_format = {log_format}
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 200
num_logs = 2
priority_boost = 4
name_format = NONE
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
use_libwrap = no
q_depth = 20000
overflow_action = IGNORE
plugin_dir = {folder}/plugins.d
end_of_event_timeout = 2
"""
PLUGIN = "active = yes\ndirection = out\npath = {path}\ntype = always\nformat = string\n"


def unpacked():
    """Where its programs are; None: nowhere, or they cannot run here."""
    folder = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../build/tools"))
    daemon = os.path.join(folder, "sbin/auditd")
    if not os.access(daemon, os.X_OK):
        return None
    linked = subprocess.run(["ldd", daemon], env=environment_of(folder), capture_output=True, text=True, check=False)
    return None if "not found" in linked.stdout else folder


def environment_of(tools):
    return dict(os.environ, LD_LIBRARY_PATH=":".join(glob.glob(os.path.join(tools, "usr/lib/*/"))))


class Auditd:
    """`plugin`: a program to which it writes its records, as to any of its plugins."""

    def __init__(self, tools, folder, plugin=None, log_format="RAW"):
        self.tools, self.folder, self.log = tools, folder, os.path.join(folder, "audit.log")
        os.makedirs(os.path.join(folder, "plugins.d"))
        os.chmod(folder, 0o700)
        with open(os.path.join(folder, "auditd.conf"), "w", encoding="ascii") as out:
            out.write(CONFIG.format(folder=folder, log_format=log_format))
        if plugin:
            with open(os.path.join(folder, "plugins.d", "plugin.conf"), "w", encoding="ascii") as out:
                out.write(PLUGIN.format(path=plugin))
        for name in ("auditd.conf", "plugins.d/plugin.conf"):
            if os.path.exists(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o600)
        self.environment = environment_of(tools)
        self.errors = open(os.path.join(folder, "auditd.err"), "wb")
        self.process = subprocess.Popen([os.path.join(tools, "sbin/auditd"), "-n", "-s", "enable", "-c", folder],
                                        env=self.environment, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)

    def ready(self, within_s=10):
        until = time.monotonic() + within_s
        while time.monotonic() < until and self.process.poll() is None:
            if f"pid {self.process.pid}\n" in self.auditctl("-s"):
                return True
            time.sleep(0.05)
        return False

    def auditctl(self, *words):
        done = subprocess.run([os.path.join(self.tools, "sbin/auditctl"), *words], env=self.environment, capture_output=True,
                              text=True, check=False)
        return done.stdout + done.stderr

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.errors.close()

