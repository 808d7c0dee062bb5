"""What the actor's storm did, beside what the history tells of it."""
import subprocess

import case


class Storm:
    """A running storm; truth() waits for its end."""

    def __init__(self, build, workers, lives, milliseconds_max):
        words = [case.actor(build), "storm", *map(str, (workers, lives, milliseconds_max))]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def truth(self, expect):
        """{worker pid: [(child pid, code, kind, moment before its birth, grandchild's pid), ...] in order of birth}"""
        printed = self.process.communicate(timeout=150)[0]
        expect.equal(self.process.returncode, 0, "storm's exit status")
        truth = {}
        for line in printed.splitlines():
            worker, *birth = map(int, line.split())
            truth.setdefault(worker, []).append(tuple(birth))
        return truth


def tag_of(row):
    """WORKER.N of one that exec'ed, else None."""
    return row["argv"][2] if row["images"] and row["argv"][:2] == ["actor", "leaf"] else None


def told_of(history, worker):
    """What the history tells of a worker's row, in the shape of wanted_of()."""
    return [(child["pid"], case.end_of(child), tag_of(child),
             [(below["pid"], case.end_of(below), below["images"]) for below in history.children_of(child)])
            for child in history.children_of(worker)]


def wanted_of(number, births):
    return [(child, (code, None), f"{number}.{n}" if kind == 1 else None,
             [(grandchild, (255 - code, None), [])] if kind == 2 else [])
            for n, (child, code, kind, _, grandchild) in enumerate(births)]
