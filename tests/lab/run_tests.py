#!/usr/bin/env python3
"""Lay one lab, run every test of cases/ in it, clear it away.

    run_tests.py --build DIR [--data DIR] [--no-hugepages] [NAME...]

One line a test: `ok NAME - what was seen`, `not ok NAME - why` or `skip NAME - why`. Last line: `N passed, N failed, N skipped`.
"""

import argparse
import gzip
import importlib
import os
import signal
import sys
import time
import traceback

from lab import Lab
from labcase import Bench, Failed, Skipped
from labswerve import SwerveError

TESTS = (
    "clean", "cache", "compare", "dnsperf", "resolver", "chain",
    "stale_nsec3", "stale_all", "stale_59min", "stale_16h", "lagging",
    "bitflip", "strip", "silent", "servfail", "refused", "lame", "v6_only",
    "slow", "too_slow", "loss_1", "loss_10", "loss_50", "duplicates", "reorder",
    "zone_bad", "clock", "link_down", "spoof", "swap", "canary", "rollover", "root_rollover", "term",
    "nta", "nta_chain",
    "garbage_client", "garbage_upstream",
    "kernel", "af_packet", "device", "pktgen", "killed",
    "tcp", "inspect", "metrics", "idle", "validators",
)


def garbage_file(lab, data):
    """The raw messages as hex lines, or None when the collection is not there."""
    source = os.path.join(data, "dns-messages.tsv.gz")
    if not os.path.exists(source):
        return None
    path = os.path.join(lab.folder, "garbage.hex")
    with gzip.open(source, "rt", encoding="ascii") as f, open(path, "w", encoding="ascii") as out:
        for line in f:
            columns = line.rstrip("\n").split("\t")
            if len(columns) == 2 and columns[1] and not columns[1].startswith("wire"):
                out.write(columns[1] + "\n")
    return path


def run_one(bench, name):
    """(mark, sentence) of one test."""
    case = importlib.import_module(f"cases.{name}")
    try:
        bench.reset()
        return "ok", case.run(bench)
    except Skipped as reason:
        return "skip", str(reason)
    except (Failed, SwerveError) as reason:
        return "not ok", str(reason)
    except Exception:  # a test that breaks is a failed test, and the others still run
        return "not ok", traceback.format_exc()


def run_all(bench, names):
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    for name in names:
        begun = time.monotonic()
        mark, text = run_one(bench, name)
        counts[mark] += 1
        print(f"{mark} {name} - {text} ({time.monotonic() - begun:.0f} s)", flush=True)
    return counts


def ended(number, _frame):
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--data", default=os.environ.get("SWERVE_DATA", ""))
    parser.add_argument("--no-hugepages", action="store_true")
    parser.add_argument("--driver", default="af_xdp", choices=["af_xdp", "af_packet"])
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ended)
    unknown = set(args.names) - set(TESTS)
    if unknown:
        parser.error(f"no such test: {', '.join(sorted(unknown))}")
    lab = Lab(os.environ.get("SWERVE_LAB_ID", str(os.getpid())))
    try:
        lab.up()
        bench = Bench(lab, os.path.abspath(args.build), args.data, not args.no_hugepages, args.driver)
        bench.garbage = garbage_file(lab, args.data)
        lab.servers.fronts(bench.build, bench.garbage)
        counts = run_all(bench, args.names or TESTS)
    finally:
        lab.down()
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
