"""What a virtual machine is made of: a kernel, a root tree, disk images, an initramfs. The first two come from the
Debian mirror that apt uses and are kept in the cache; the rest is made anew each time, in seconds."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GUEST = HERE / "guest"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "lineage-boot"
SUITE = "bookworm"  # the machine that builds is one, and its programs run only beside the same libraries
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "procps", "auditd"]
KERNEL_NEEDS = ["AUDIT", "AUDITSYSCALL", "PROC_EVENTS", "EXT4_FS", "BLK_DEV_NVME", "DEVTMPFS", "FTRACE"]


class Unobtainable(Exception):
    """A piece that this machine cannot get hold of: the test is skipped."""


def run(*command, **more):
    return subprocess.run([str(word) for word in command], check=True, text=True, **more)


def obtain(*command, **more):
    try:
        return run(*command, capture_output=True, **more).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unobtainable(f"{command[0]}: {getattr(error, 'stderr', '') or error}") from error


def kernel():
    """Debian's cloud kernel: NVMe, ext4 and the serial line are built in, so that it boots without an initramfs."""
    said = obtain("apt-cache", "depends", "linux-image-cloud-amd64")
    package = next((line.split()[-1] for line in said.splitlines() if "Depends:" in line), None)
    if not package:
        raise Unobtainable("apt-cache knows no linux-image-cloud-amd64")
    folder = CACHE / package
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            obtain("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package, cwd=scratch)
            obtain("dpkg", "-x", *pathlib.Path(scratch).glob("*.deb"), f"{scratch}/x")
            os.rename(f"{scratch}/x", folder)
    config = next((folder / "boot").glob("config-*")).read_text()
    lacking = [name for name in KERNEL_NEEDS if f"CONFIG_{name}=y" not in config]
    if lacking:
        raise Unobtainable(f"{package} lacks {lacking}")
    return next((folder / "boot").glob("vmlinuz-*"))


def library_packages(programs):
    """The packages that the programs' shared libraries are from."""
    packages = set()
    for path in programs:
        for line in obtain("ldd", path).splitlines():
            if "=> /" in line:
                library = os.path.realpath(line.split("=>")[1].split()[0])
                # By name: dpkg knows it below /lib or below /usr/lib, whichever the package says.
                packages.add(obtain("dpkg", "-S", "*/" + os.path.basename(library)).split(":")[0])
    return sorted(packages)


def root_tree(build):
    """A minimal systemd userland, without anything of ours."""
    packages = PACKAGES + library_packages([build / "lineaged", build / "lineage"])
    name = hashlib.sha256(" ".join([SUITE, *packages]).encode()).hexdigest()[:12]
    tree = CACHE / f"root-{name}"
    if tree.exists():
        return tree
    sources = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
    memory = pathlib.Path("/dev/shm")  # dpkg syncs a lot
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else CACHE) as scratch:
        made = pathlib.Path(scratch) / "root"
        obtain("mmdebstrap", "--quiet", "--variant=essential", "--mode=root", "--skip=check/empty",
               "--include=" + ",".join(packages), SUITE, made, *([sources] if sources.exists() else []))
        for superfluous in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(made / superfluous, ignore_errors=True)
        (made / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (made / "etc/fstab").write_text("/dev/nvme0n1 / ext4 rw 0 0\n")
        half = CACHE / f"half-{name}"
        shutil.rmtree(half, ignore_errors=True)
        run("cp", "-a", made, half)
        half.rename(tree)
    return tree


def put(source, target):
    """An executable copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755)


def link(root, at, to):
    path = root / at
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(to)


def install(root, build):
    """What the package installs and its postinst sets up, and the test's own. Nothing here may write through a file that
    the cached tree shares: all of it is new, or written anew and renamed (systemd-sysusers)."""
    run("cmake", "--install", build, "--strip", env={**os.environ, "DESTDIR": str(root)}, stdout=subprocess.DEVNULL)
    steps = "systemd-sysusers lineage.conf && systemd-tmpfiles --create lineage.conf && systemctl --quiet enable lineaged.service"
    run("unshare", "--mount", "sh", "-c", 'mount -t proc proc "$1/proc" && exec chroot "$1" sh -ec "$2"', "sh", root, steps)
    put(build / "tests/boot/boot_leave", root / "usr/lib/boot-test/leave")
    put(GUEST / "boot-test", root / "usr/lib/boot-test/boot-test")
    put(GUEST / "common", root / "usr/lib/boot-test/common")
    put(GUEST / "at-shutdown", root / "usr/lib/systemd/system-shutdown/boot-test")
    units = root / "etc/systemd/system"
    for unit in ("boot-test.service", "boot-test.target"):
        shutil.copy(GUEST / unit, units / unit)
    link(units, "default.target", "boot-test.target")


def image(tree, build, at, files, without):
    """A disk of the tree with our programs in it, `files` (path: text) added and the paths `without` left out."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = pathlib.Path(scratch) / "root"
        run("cp", "-al", tree, root)
        install(root, build)
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.write_text(text)
        for path in without:
            (root / path).unlink()
        at.unlink(missing_ok=True)
        with open(at, "wb") as disk:
            disk.truncate(1 << 30)
        run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard", "-m0", "-d", root, at)
    return at


def initramfs(build, at):
    """busybox, the loader, and an /init that switches the root."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = pathlib.Path(scratch)
        for folder in ("bin", "dev", "proc", "sys", "run", "newroot"):
            (root / folder).mkdir()
        put("/bin/busybox", root / "bin/busybox")
        for applet in ("sh", "mount", "switch_root", "sleep"):
            (root / "bin" / applet).symlink_to("busybox")
        put(build / "lineage-early", root / "usr/sbin/lineage-early")
        run("strip", root / "usr/sbin/lineage-early")
        put(GUEST / "initramfs-init", root / "init")
        names = "\n".join(str(path.relative_to(root)) for path in root.rglob("*"))
        with open(at, "wb") as archive:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), stdout=archive, cwd=root, check=True)
    return at
