"""What the tests of `lineage trace` share."""
import gzip
import os
import pathlib
import subprocess
import sys

tests = pathlib.Path(__file__).resolve().parent.parent
golden = tests / "golden"


def logs():
    """Every recorded log of one host here, by name."""
    found = {case.name: (case / "in").read_bytes() for case in sorted(golden.iterdir()) if (case / "in").is_file()}
    found = {name: log for name, log in found.items() if not log.startswith(b"node=")}
    found["demo"] = gzip.decompress((tests / "data" / "demo.log.gz").read_bytes())
    return found


class Lineage:
    def __init__(self, program, database):
        self.program, self.database = program, str(database)

    def run(self, *arguments, data=b"", status=0):
        done = subprocess.run([self.program, "--db", self.database, *arguments], input=data, capture_output=True,
                              timeout=120)
        if done.returncode != status:
            sys.exit(f"lineage {' '.join(arguments)}: exit {done.returncode}: {done.stderr.decode()}")
        return done

    def load(self, log):
        for part in ("", "-wal", "-shm", ".lock"):
            pathlib.Path(self.database + part).unlink(missing_ok=True)
        self.run("import", "-", data=log)


class Check:
    def __init__(self):
        self.wrong = 0

    def that(self, holds, words):
        if not holds:
            self.wrong += 1
            print("WRONG:", words)

    def exit(self):
        sys.exit(1 if self.wrong else 0)
