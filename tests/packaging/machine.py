"""A small machine in a folder, for dpkg --root: a shell, systemd's tools, stubs for GRUB and for the programs that make
an initramfs, which do with our files what the real ones do."""
import glob
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

SKIPPED = 77
TOOLS = ["sh", "cat", "chmod", "cp", "echo", "getent", "grep", "groupdel", "ls", "mkdir", "rm", "rmdir", "sed", "systemctl",
         "systemd-sysusers", "systemd-tmpfiles", "true", "userdel", "ldd"]
STUBS = {
    # As grub-mkconfig does it: under `set -e`, the drop-ins are sourced.
    "update-grub": """#!/bin/sh
set -e
[ ! -e /fail-grub ] || exit 1
. /etc/default/grub
for x in /etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
echo "linux $GRUB_CMDLINE_LINUX" >/boot/grub/grub.cfg
""",
    # A service manager, where there is one: notes what it is asked. A unit that refuses to be stopped it does not stop.
    "systemctl": """#!/bin/sh
case $* in
"--quiet enable "* | "--quiet disable "*) exec /usr/sbin/systemctl.real --root=/ "$@" ;;
esac
echo "$*" >>/asked
case $* in
*is-active*) [ -e /service-runs ] ;;
daemon-reload) cat /run/systemd/system/lineaged.service.d/* >/loaded 2>/dev/null || : >/loaded ;;
stop*) grep -q RefuseManualStop=no /loaded && rm /service-runs ;;
esac
""",
    "augenrules": """#!/bin/sh
set -e
[ $# = 0 ] || { echo "augenrules: what is $*?"; exit 1; }
cat /etc/audit/rules.d/*.rules >/etc/audit/audit.rules
""",
}
# An image is the list of its files; the hook puts ours in by the function that initramfs-tools gives it.
INITRAMFS_TOOLS = {
    "update-initramfs": """#!/bin/sh
set -e
[ "$*" = "-u -k all" ] || { echo "update-initramfs: what is $*?"; exit 1; }
[ ! -e /fail-initramfs ] || exit 1
for image in /boot/initrd.img-*; do
    echo init >"$image"
    for hook in /usr/share/initramfs-tools/hooks/*; do if [ -x "$hook" ]; then DESTDIR=$image "$hook"; fi; done
done
""",
    "lsinitramfs": "#!/bin/sh\nexec cat \"$1\"\n",
}
# Likewise; our module is checked and installed by dracut's own functions, whose every complaint is an error. A module
# may be left out without one: then dracut goes on without it.
DRACUT_TOOLS = ["bash", "uname", "readlink", "find", "sort", "ldconfig", "uniq", "ln"]
DRACUT = {
    "dracut": """#!/bin/bash
set -e
[ "$*" = "--regenerate-all --force" ] || { echo "dracut: what is $*?"; exit 1; }
export dracutbasedir=/usr/lib/dracut initdir=/tmp/dracut kernel=6.1 PATH=/usr/sbin:/usr/bin
for image in /boot/initrd.img-*; do
    rm -rf "$initdir"
    set +e
    . "$dracutbasedir/dracut-init.sh"
    complaint() { echo "dracut: $*" >&2; exit 1; }
    derror() { complaint "$@"; }
    dwarn() { complaint "$@"; }
    if module_check lineage; then module_install lineage || complaint "module lineage: $?"; fi
    set -e
    (echo init; cd "$initdir"; find . ! -type d -printf '%P\\n' | sort) >"$image"
done
rm -rf "$initdir"
""",
    "lsinitrd": "#!/bin/sh\nexec cat \"$1\"\n",
}


class Machine:
    def __init__(self, root, dracut=None):
        """`dracut`: the folder of dracut's own files; None: a machine with initramfs-tools."""
        self.root = root
        for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/default/grub.d", "boot/grub", "dev", "tmp",
                       "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/log", "run", "root",
                       "usr/share/initramfs-tools/hooks", "usr/lib/systemd/system", "etc/systemd/system",
                       "etc/audit/rules.d"):
            os.makedirs(f"{root}/{folder}")
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{name}", f"{root}/{name}")
        for tool in TOOLS + (DRACUT_TOOLS if dracut else []):
            self.copy(shutil.which(tool))
        shutil.move(f"{root}{os.path.realpath(shutil.which('systemctl'))}", f"{root}/usr/sbin/systemctl.real")
        for name, text in {**STUBS, **(DRACUT if dracut else INITRAMFS_TOOLS)}.items():
            self.write(f"usr/sbin/{name}", text, 0o755)
        if dracut:
            shutil.copytree(dracut, f"{root}/usr/lib/dracut", symlinks=True)
            self.copy_libraries(f"{dracut}/dracut-install")
        self.write("usr/share/initramfs-tools/hook-functions", 'copy_exec() { [ -x "$1" ] && echo "${2#/}" >>"$DESTDIR"; }\n')
        for path, text in {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n", "shadow": "root:*:1::::::\n",
                           "gshadow": "root:*::\n", "login.defs": "USERGROUPS_ENAB yes\n", "nsswitch.conf": "passwd: files\ngroup: files\n",
                           "default/grub": 'GRUB_CMDLINE_LINUX="quiet"\n'}.items():
            self.write(f"etc/{path}", text)
        for version in ("6.1", "6.2"):
            self.write(f"boot/initrd.img-{version}", "init\n")
        self.write("boot/grub/grub.cfg", "linux quiet\n")
        for path in ("rules.d/audit.rules", "audit.rules"):
            self.write(f"etc/audit/{path}", "-D\n")
        # Other packages' files: dpkg removes folders that nobody else uses.
        for path in ("etc/default/grub.d/other.cfg", "usr/lib/systemd/system/other.service", "usr/share/initramfs-tools/hooks/other"):
            self.write(path, "# of another package\n")
        for name in ("status", "available"):
            self.write(f"var/lib/dpkg/{name}", "")
        os.mknod(f"{root}/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.chmod(f"{root}/dev/null", 0o666)

    def write(self, path, text, mode=0o644):
        with open(f"{self.root}/{path}", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(f"{self.root}/{path}", mode)

    def copy(self, path):
        """A program with its libraries."""
        self.copy_libraries(path, path)

    def copy_libraries(self, of, *also):
        needed = subprocess.run(["ldd", of], capture_output=True, text=True, check=False).stdout.split()
        for file in [*also, *(word for word in needed if word.startswith("/"))]:
            to = f"{self.root}/usr/{os.path.realpath(os.path.dirname(file)).removeprefix('/usr').lstrip('/')}"
            os.makedirs(to, exist_ok=True)
            if not os.path.exists(f"{to}/{os.path.basename(file)}"):
                shutil.copy(file, to)

    def read(self, path):
        with open(f"{self.root}/{path}", encoding="utf-8") as file:
            return file.read()

    def has(self, path):
        return os.path.lexists(f"{self.root}/{path}")

    def dpkg(self, *words, check=True):
        done = subprocess.run(["dpkg", f"--root={self.root}", "--force-depends", "--force-not-root", "--log=/dev/null", *words],
                              capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        if check and done.returncode != 0:
            raise AssertionError(f"dpkg {words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def state(self):
        """Everything but dpkg's own books and the backups that the user database's tools keep."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            if folder == self.root:
                folders.remove("proc")
            for name in folders + files:
                path = os.path.join(folder, name)
                short = path[len(self.root):]
                status = os.lstat(path)
                if short.startswith("/var/lib/dpkg") or short in ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock"):
                    continue
                content = ""
                if stat.S_ISREG(status.st_mode):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                elif stat.S_ISLNK(status.st_mode):
                    content = os.readlink(path)
                found[short] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
        return found

    def owner(self, path):
        status = os.stat(f"{self.root}/{path}")
        return oct(status.st_mode & 0o7777), status.st_uid, status.st_gid


def same(before, after, what):
    wrong = [f"{path}: {before.get(path)} -> {after.get(path)}" for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    assert not wrong, f"{what}:\n" + "\n".join(wrong)


def build_package(source, build):
    done = subprocess.run(["bash", "dev.d/package", os.path.relpath(build, f"{source}/build")], cwd=source, capture_output=True,
                          text=True, check=False, env={**os.environ, "LINEAGE_ROOT": source})
    assert done.returncode == 0, done.stdout + done.stderr
    return glob.glob(f"{build}/package/*.deb")[0]


def alone(test, source, build):
    """Calls test(package, root) in a mount namespace of its own."""
    if os.geteuid() != 0 or not shutil.which("dpkg"):
        skip("needs root and dpkg")
    if os.environ.get("LINEAGE_UNSHARED") != "1":
        os.environ["LINEAGE_UNSHARED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    package = build_package(source, build)
    root = tempfile.mkdtemp(prefix="lineage-package.")
    os.chmod(root, 0o755)
    try:
        os.mkdir(f"{root}/proc")
        subprocess.run(["mount", "-t", "proc", "proc", f"{root}/proc"], check=True)
        test(package, root)
    finally:
        subprocess.run(["umount", f"{root}/proc"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(root)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)
