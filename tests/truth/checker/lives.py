"""The two sides that are compared: lives (the truth, from forest) and rows (an export), and which row is which life.

A pid is no identity: a row belongs to the life of its pid whose time of birth is nearest.
"""
import base64
import calendar
import json
import re
import time
from collections import defaultdict

# Audit stamps with the coarse clock at system call entry: one tick, 10 ms at most, before the call. The rest is what
# /proc's start times (10 ms) and a child that got a CPU late add.
SLACK_NS = 40_000_000
NEAR_NS = 1_000_000_000


def read_truth(path):
    with open(path, encoding="ascii") as lines:
        lives = [json.loads(line) for line in lines]
    for life in lives:
        for image in life["images"] + [life["inherited"]]:
            image["exe"] = bytes.fromhex(image["exe"])
            image["argv"] = [bytes.fromhex(argument) for argument in image["argv"]]
    return {life["slot"]: life for life in lives}


def read_export(path):
    """The rows of the newest boot by id, and its gaps."""
    rows, gaps, boot = {}, [], None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            if item["kind"] == "boot":
                boot = item
            elif item["kind"] == "gap":
                gaps.append(item)
            else:
                rows[item["id"]] = item
    names = {row["boot"] for row in rows.values()}
    if len(names) > 1:
        newest = max(rows.values(), key=lambda row: row["id"])["boot"]
        rows = {key: row for key, row in rows.items() if row["boot"] == newest}
    return rows, gaps, boot


STAMP = re.compile(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d+))?Z$")
_seconds = {}


def nanoseconds(stamp):
    whole, fraction = STAMP.match(stamp).groups()
    if whole not in _seconds:
        _seconds[whole] = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return _seconds[whole] * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def arguments(item):
    if item.get("argv_base64") is not None:
        return [base64.b64decode(argument) for argument in item["argv_base64"]]
    return None if item.get("argv") is None else [argument.encode() for argument in item["argv"]]


def distance(born_ns, life):
    if born_ns < life["before_ns"]:
        return life["before_ns"] - born_ns
    end = life["after_ns"] or life["before_ns"]
    return max(0, born_ns - end)


def clusters(lives):
    """Lives of one pid that lie so close together that a coarse clock, or a call that returned late, does not tell them
    apart, and each other one alone."""
    together, until_ns = [], 0
    for life in sorted(lives, key=lambda life: life["before_ns"]):
        if together and life["before_ns"] - until_ns > 2 * SLACK_NS:
            yield together
            together, until_ns = [], 0
        together.append(life)
        until_ns = max(until_ns, life["after_ns"] or life["before_ns"])
    yield together


def match(lives, rows):
    """slot -> the ids of its rows. A row of the right pid that was born at another time is somebody else's, but stands in
    as evidence where a life has no better one; strangers() finds it if it is made up."""
    lives_of = defaultdict(list)
    for life in lives.values():
        lives_of[life["pid"]].append(life)
    rows_of = defaultdict(list)
    for row in rows.values():
        if row["pid"] in lives_of and row["born"]["time"] is not None:
            rows_of[row["pid"]].append((nanoseconds(row["born"]["time"]), row["id"]))
    found = {slot: [] for slot in lives}
    for pid, ours in lives_of.items():
        left = sorted(rows_of[pid])
        for together in clusters(ours):
            near = [born for born in left if min(distance(born[0], life) for life in together) <= SLACK_NS]
            left = [born for born in left if born not in near]
            if len(near) == len(together):
                for life, born in zip(together, near):
                    found[life["slot"]].append(born[1])
            else:
                for born, key in near:
                    found[min(together, key=lambda life: distance(born, life))["slot"]].append(key)
        for life in ours:
            if not found[life["slot"]] and left:
                nearest = min(left, key=lambda born: distance(born[0], life))
                if distance(nearest[0], life) <= NEAR_NS:
                    left.remove(nearest)
                    found[life["slot"]].append(nearest[1])
    return found
