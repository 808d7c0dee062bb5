"""One boot of a virtual machine, and what it left on its second disk."""
import os
import pathlib
import subprocess

FINISHED = 33  # QEMU's exit status when the guest asked for it by guest/leave.cpp; a power-off and a panic give 0
TRACE = "sched:sched_process_fork,sched:sched_process_exec,sched:sched_process_exit,task:task_newtask"
# A kernel that hangs is to be a panic, not a timeout (BOOT.md: kauditd was once seen in a soft lockup). The trace's
# usual clock is reset late in boot without KVM. On a busy host an emulated timer may tick too late for the kernel's
# check of it (seen: "IO-APIC + timer doesn't work").
WORDS = ("console=ttyS0 panic=-1 no_timer_check loglevel=5 softlockup_panic=1 root=/dev/nvme0n1 rw net.ifnames=0 "
         f"trace_event={TRACE} trace_buf_size=12M trace_clock=global boot_test.results=/dev/nvme1n1")


def accelerator():
    """A /dev/kvm that opens is no proof of KVM: inside a virtual machine without nesting a stock kernel hangs in it."""
    flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    if os.access("/dev/kvm", os.W_OK) and (" vmx" in flags or " svm" in flags):
        return "kvm"
    return "tcg,thread=multi"


class Failed(Exception):
    """The machine did not come to its end."""


def boot(kernel, disk, words, folder, initrd=None, *, keep, limit_s):
    """Boots `disk` (what is written to it is forgotten, unless `keep`) and unpacks the results into `folder`."""
    folder.mkdir(parents=True)
    results = folder / "results.tar"
    with open(results, "wb") as disk_file:
        disk_file.truncate(256 << 20)
    snapshot = "off" if keep else "on"
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", accelerator(), "-cpu", "max", "-smp", "2", "-m", "1024",
               "-nodefaults", "-display", "none", "-nic", "none", "-no-reboot", "-serial", f"file:{folder}/console.log",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
               "-drive", f"if=none,id=root,file={disk},format=raw,cache=unsafe,snapshot={snapshot}",
               "-device", "nvme,drive=root,serial=root",
               "-drive", f"if=none,id=results,file={results},format=raw,cache=unsafe",
               "-device", "nvme,drive=results,serial=results",
               "-kernel", str(kernel), "-append", f"{WORDS} {words}"]
    if initrd:
        command += ["-initrd", str(initrd)]
    try:
        with open(folder / "qemu.out", "wb") as said:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=limit_s, check=False).returncode
    except subprocess.TimeoutExpired:
        status = f"none within {limit_s} s"
    if status != FINISHED:
        last = (folder / "console.log").read_text(errors="replace").splitlines()[-8:]
        raise Failed(f"QEMU's exit status: {status}, not {FINISHED}; the console's end:\n    " + "\n    ".join(last))
    subprocess.run(["tar", "-xf", results, "-C", folder], check=True)
    results.unlink()
