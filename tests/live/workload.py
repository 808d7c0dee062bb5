"""The workload of issue 2: short processes by fork, vfork, posix_spawn and clone that exec and exit; and its check."""
import os
import subprocess

from recording import export, grow

KINDS = "fork,raw_fork,vfork,posix_spawn,clone,clone3,double_fork"
ASPECTS = ["once", "parent", "chain", "images", "now", "death", "uid", "auid", "ppid"]
CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth", "check")


def start(build, folder, expect, count=2000, seed=1, words=("--exits-only", "--kinds", KINDS), name="truth"):
    grown = grow(build, os.path.join(folder, f"{name}.jsonl"), count, seed, *words)
    expect.equal(grown.returncode, 0, f"forest, seed {seed}: {grown.stderr}")


def expect_truth(build, folder, database, expect, name="truth", aspects=tuple(ASPECTS)):
    told = os.path.join(folder, "export.jsonl")
    export(build, database, told)
    words = [word for aspect in aspects for word in ("--require", aspect)]
    done = subprocess.run([CHECK, os.path.join(folder, f"{name}.jsonl"), told, "--brief", *words],
                          capture_output=True, text=True, check=False)
    print(done.stdout, flush=True)
    expect.equal(done.returncode, 0, f"every aspect of {name} is true {done.stderr}")
