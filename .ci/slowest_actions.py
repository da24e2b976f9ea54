"""Prints the ten slowest actions of a Bazel build, and their seconds by kind, from its --profile."""

import collections
import gzip
import json
import sys

opened = open(sys.argv[1], "rb")
packed = opened.read(2) == b"\x1f\x8b"
opened.seek(0)
with gzip.open(opened, "rt") if packed else open(sys.argv[1]) as profile:
    events = json.load(profile)["traceEvents"]
actions = [(event["dur"] / 1e6, event["name"]) for event in events if event.get("cat") == "action processing"]
kinds = collections.Counter()
counts = collections.Counter()
for seconds, name in actions:
    kinds[name.split()[0]] += seconds
    counts[name.split()[0]] += 1
for kind, seconds in kinds.most_common(3):
    print(f"{seconds:6.0f} s  {kind}, {counts[kind]} actions")
for seconds, name in sorted(actions, reverse=True)[:10]:
    print(f"{seconds:6.1f} s  {name}")
