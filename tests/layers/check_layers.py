#!/usr/bin/env python3
"""Goal: no source file includes what its layer may not see.
Method: the table in CMakeLists.txt (LINEAGE_LAYERS) is read, every #include in include/, src/ and cli/ is held against
it. A layer sees itself and what its row reaches. `--self-test` plants violations in a copy and wants each one found.

usage: check_layers.py ROOT | check_layers.py --self-test ROOT
"""
import pathlib
import re
import shutil
import sys
import tempfile

# What a program may include directly; the rest of cli/ asks and draws.
PROGRAMS = {
    "cli/lineaged.cpp": {"daemon"},
    "cli/lineage_early.cpp": {"audit"},
    "cli": {"query", "render", "trace", "ingest", "doctor"},
}
# Other people's headers that one layer alone may see (DESIGN.md: SQL lives in schema/ and the store alone).
FOREIGN = {"sqlite3.h": "store", "libaudit.h": "audit", "auparse.h": "audit", "seccomp.h": "daemon"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)


def read_table(root):
    text = (root / "CMakeLists.txt").read_text()
    body = re.search(r"set\(LINEAGE_LAYERS\s+(.*?)\)", text, re.DOTALL)
    if not body:
        sys.exit("CMakeLists.txt: no LINEAGE_LAYERS table")
    rows = re.findall(r'"(\w+):([\w,]*)"', body.group(1))
    return {layer: {lower for lower in below.split(",") if lower} for layer, below in rows}


def reach(table, layers):
    seen, todo = set(), list(layers)
    while todo:
        layer = todo.pop()
        if layer not in seen:
            seen.add(layer)
            todo += table.get(layer, ())
    return seen


def part_of(path):
    """('src' | 'include' | 'cli', layer)"""
    parts = path.parts
    if parts[0] == "src":
        return "src", parts[1]
    if parts[0] == "include":
        return "include", parts[2]
    return "cli", None


def allowed_for(table, path):
    kind, layer = part_of(path)
    if kind == "cli":
        return reach(table, PROGRAMS.get(str(path), PROGRAMS["cli"]))
    return reach(table, [layer])


def is_own(root, path, name):
    """A private header lies in the folder of its own layer, or of the programs."""
    home = root / "cli" if path.parts[0] == "cli" else root / path.parts[0] / path.parts[1]
    return (root / path.parent / name).resolve().is_relative_to(home.resolve()) or ".." not in pathlib.PurePath(name).parts


def violations(root):
    table = read_table(root)
    files = [p for top in ("src", "include", "cli") for p in sorted((root / top).rglob("*.[ch]pp"))]
    if not files:
        sys.exit(f"{root}: no sources found")
    for file in files:
        path = file.relative_to(root)
        kind, layer = part_of(path)
        if kind != "cli" and layer not in table:
            yield f"{path}: layer '{layer}' is not in the table"
            continue
        allowed = allowed_for(table, path)
        for bracket, name in INCLUDE.findall(file.read_text(errors="replace")):
            match = re.match(r"lineage/(\w+)/", name)
            if match and match.group(1) not in allowed:
                yield f"{path}: includes {name}, but may not see '{match.group(1)}'"
            elif bracket == '"' and not match and not is_own(root, path, name):
                yield f"{path}: includes {name}, a private header of somebody else"
            elif name in FOREIGN and layer != FOREIGN[name]:
                yield f"{path}: includes {name}, which is for '{FOREIGN[name]}' alone"
            elif match and not (root / "include" / name).exists():
                yield f"{path}: includes {name}, which does not exist"


PLANTED = [
    ("src/tree/planted.cpp", '#include "lineage/store/store.hpp"'),       # upwards
    ("src/audit/planted.cpp", '#include "lineage/connector/connector.hpp"'),  # sideways
    ("include/lineage/model/planted.hpp", '#include <lineage/journal/journal.hpp>'),
    ("src/render/planted.cpp", '#include "../store/sqlite.hpp"'),
    ("src/query/planted.cpp", "#  include <sqlite3.h>"),
    ("src/nowhere/planted.cpp", '#include "lineage/base/check.hpp"'),
    ("cli/commands/planted.cpp", '#include "lineage/capture/capture.hpp"'),
]


def self_test(root):
    before = set(violations(root))
    failed = False
    for where, text in PLANTED:
        with tempfile.TemporaryDirectory() as name:
            copy = pathlib.Path(name)
            for top in ("src", "include", "cli"):
                shutil.copytree(root / top, copy / top)
            shutil.copy(root / "CMakeLists.txt", copy)
            (copy / where).parent.mkdir(parents=True, exist_ok=True)
            (copy / where).write_text(text + "\n")
            found = set(violations(copy)) - before
            if len(found) != 1 or not found.pop().startswith(where):
                print(f"not found: {where}: {text}")
                failed = True
    return failed


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--self-test":
        return self_test(pathlib.Path(arguments[1]))
    if len(arguments) != 1:
        print(__doc__)
        return 2
    found = list(violations(pathlib.Path(arguments[0])))
    print("\n".join(found))
    return bool(found)


sys.exit(main(sys.argv[1:]))
