"""Every road into a boot. A scenario is data: what is on the disk, what is on the kernel's command line, and from
which program's start on nothing may be missing."""
from dataclasses import dataclass, field

# What the package installs, and what is there without it. Debian's journald is built with Audit=no, which switches audit
# off when it starts (BOOT.md).
JOURNALD = "usr/lib/systemd/journald.conf.d/50-lineage.conf"
WANTED = "etc/systemd/system/sysinit.target.wants/lineaged.service"
NO_AUDITD = "systemd.mask=auditd.service"
EARLY = "/usr/sbin/lineage-early"
LATE_S = 150


@dataclass
class Scenario:
    about: str
    words: str
    loader: str | None                                 # its start is where the promise begins; None: where the recorder says that it began
    files: dict = field(default_factory=dict)          # on the disk besides
    without: tuple = ()                                # left out of it
    initramfs: bool = False
    limit_s: int = 400                                 # for one boot, in an emulator on a busy machine
    said: dict = field(default_factory=dict)           # a file that the guest's steps leave, and words that it must hold
    loses: bool = False                                # by design; the images that are told to be lost are not missing
    second_boot: bool = False                          # shut down in order, and boot once more from the same disk


SCENARIOS = {
    "late": Scenario("a daemon started minutes late, thousands of processes queued",
                     f"audit=1 init={EARLY} boot_test.late_s={LATE_S} boot_test.steps=late,workload {NO_AUDITD}", EARLY,
                     without=(WANTED,), limit_s=LATE_S + 500),
    "initramfs": Scenario("rdinit= loader, switch_root",
                          f"audit=1 rdinit={EARLY} boot_test.steps=workload {NO_AUDITD}", EARLY,
                          initramfs=True),
    "init": Scenario("init= loader", f"audit=1 init={EARLY} boot_test.steps=workload {NO_AUDITD}", EARLY),
    "unit": Scenario("the unit alone", f"audit=1 boot_test.steps=workload {NO_AUDITD}", None),
    "auditd": Scenario("auditd installed beside it", f"audit=1 init={EARLY} boot_test.steps=workload", EARLY),
    "journald": Scenario("journald with Debian's default, Audit=no",
                         f"audit=1 init={EARLY} boot_test.steps=workload {NO_AUDITD}", EARLY,
                         without=(JOURNALD,)),
    "immutable": Scenario("lock = true: nobody can change audit's configuration, the consumer can be killed and comes back",
                          f"audit=1 init={EARLY} boot_test.steps=locked,workload {NO_AUDITD}", EARLY,
                          files={"etc/lineage/lineage.toml": "[rules]\nlock = true\n"},
                          said={"locked.txt": ("enabled 2 before", "enabled 2 after", "rules kept", "pid changed")}),
    "stall": Scenario("the recorder stands still and the queue is full: programs wait seconds at most, and what is lost is told",
                      f"audit=1 init={EARLY} boot_test.steps=stall,workload {NO_AUDITD}", EARLY,
                      files={"etc/lineage/lineage.toml": "queue_bytes = 262144\nbacklog_limit = 100\n"},
                      said={"stall.txt": ("tasks waited", "waited seconds at most", "pid changed")}, loses=True),
    "reboot": Scenario("shutdown, and a second boot into the same database",
                       f"audit=1 init={EARLY} boot_test.steps=workload {NO_AUDITD}", EARLY, second_boot=True),
}
