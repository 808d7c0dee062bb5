"""What can be right or wrong about one life. Each aspect gives None where the truth does not say, True, or what is wrong."""
from .lives import SLACK_NS, arguments, distance, nanoseconds


class Comparison:
    def __init__(self, lives, rows, found):
        self.lives, self.rows, self.found = lives, rows, found
        self.rooted = {}

    def row(self, slot):
        ids = self.found[slot]
        return self.rows[ids[0]] if ids else None

    def once(self, life, row):
        ids = self.found[life["slot"]]
        if len(ids) != 1:
            return f"{len(ids)} rows {ids}"
        away = distance(nanoseconds(row["born"]["time"]), life)
        return True if away <= SLACK_NS else f"born {away / 1e6:.1f} ms from its time"

    def parent(self, life, row):
        if life["parent"] is None:
            return None
        wanted = self.row(life["parent"])
        if wanted is not None and row["parent"] == wanted["id"]:
            return True
        told = self.rows.get(row["parent"])
        return (f"hangs under @{row['parent']} (pid {told and told['pid']}), true parent is "
                f"@{wanted and wanted['id']} (pid {self.lives[life['parent']]['pid']})")

    def chain(self, life, row):
        """From the row to pid 0 without a hole or a cycle."""
        path, key = [], row["id"]
        while key not in self.rooted:
            here = self.rows.get(key)
            if here is None or key in path:
                self.rooted[key] = False
                break
            path.append(key)
            if here["parent"] is None:
                self.rooted[key] = here["pid"] == 0
                break
            key = here["parent"]
        for passed in path:
            self.rooted[passed] = self.rooted[key]
        return True if self.rooted[row["id"]] else f"breaks at @{key}"

    def images(self, life, row):
        if life["parent"] is None:
            return None
        if len(row["images"]) != len(life["images"]):
            return f"{len(row['images'])} images, truly {len(life['images'])} ({[i['kind'] for i in life['images']]})"
        for number, (told, true) in enumerate(zip(row["images"], life["images"])):
            why = differs(told, true)
            if why:
                return f"image {number} ({true['kind']}): {why}"
        return True

    def now(self, life, row):
        """What it runs at its end: its last image, or the one it inherited."""
        if life["parent"] is None:
            return None
        true = life["images"][-1] if life["images"] else life["inherited"]
        return differs(row, true) or True

    def death(self, life, row):
        if life["parent"] is None:
            return None
        if row["ended"] is None:
            return f"alive, truly {ending(life)}"
        if (row["ended"]["code"], row["ended"]["signal"]) == (life["code"], life["signal"]):
            return True
        return f"{ending(row['ended'])}, truly {ending(life)} by {life['end']}"

    def uid(self, life, row):
        told, true = (row["uid"], row["euid"]), (life["uid"], life["euid"])
        return True if told == true else f"uid, euid {told}, truly {true}"

    def gid(self, life, row):
        told, true = (row["gid"], row["egid"]), (life["gid"], life["egid"])
        return True if told == true else f"gid, egid {told}, truly {true}"

    def auid(self, life, row):
        return True if row["auid"] == life["auid"] else f"{row['auid']}, truly {life['auid']}"

    def ns_pid(self, life, row):
        return True if row["ns_pid"] == life["ns_pid"] else f"{row['ns_pid']}, truly {life['ns_pid']}"

    def ppid(self, life, row):
        if life["ppid"] is None:
            return None
        return True if row["ppid"] == life["ppid"] else f"{row['ppid']}, truly {life['ppid']}"


ASPECTS = ["once", "parent", "chain", "images", "now", "death", "uid", "gid", "auid", "ns_pid", "ppid"]


def differs(told, true):
    """How a told image is not the true one, or None."""
    if arguments(told) != true["argv"]:
        return f"argv {short(arguments(told))}, truly {short(true['argv'])}"
    exe = (told["exe"] or "").encode()
    unlinked = true["exe"] + b" (deleted)" if true["kind"] == "deleted" else None
    return None if exe in (true["exe"], unlinked) else f"exe {exe}, truly {true['exe']}"


def ending(end):
    if end["code"] is not None:
        return f"code {end['code']}"
    return "gone" if end["signal"] is None else f"signal {end['signal']}"


def short(argv):
    text = repr(argv)
    return text if len(text) < 100 else f"{text[:90]}... ({len(argv)} arguments, {sum(map(len, argv))} bytes)"


def strangers(lives, rows, found):
    """Rows below the forest's root that are no life: doubled or made up."""
    root = found[0][0] if found[0] else None
    known = {key for ids in found.values() for key in ids}
    below = {root: True}

    def is_below(key):
        path = []
        while key is not None and key not in below and len(path) < 100_000:
            path.append(key)
            key = rows[key]["parent"] if key in rows else None
        result = below.get(key, False) if key is not None else False
        for passed in path:
            below[passed] = result
        return result

    helper = lives[0].get("helper")  # the root's own, which keeps pid_max
    return [row for key, row in rows.items()
            if key not in known and root is not None and is_below(key) and (row["parent"], row["pid"]) != (root, helper)]
