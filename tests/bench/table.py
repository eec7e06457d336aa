#!/usr/bin/env python3
"""One table: what swerve does over what others do, side by side, pair by pair. Called by scripts/bench.

    table.py --build DIR [--quick] [--pairs N] [--out FILE.json] [ROW...]

A row's two sides are measured in turn, A B A B, so that what else the machine does falls on both; the figure is the median of the
pairs' ratios, with the interval that holds the true median 95 times of 100. What cannot be measured says why.
"""

import argparse
import json
import os
import signal
import sys
import time

import figures
import forwarders
import inprocess
import ports
from figures import NotMeasured

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Bench:
    """What rows need to know of the run."""

    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.root = ROOT
        self.quick = options.quick
        self.seconds_by_hand = 0.3 if options.quick else 1.0
        self.seconds = 1.0 if options.quick else 3.0

    def pairs(self, row, wanted):
        return min(wanted, row.quick_pairs) if self.quick else wanted


def rows():
    return [
        *ports.ROWS,
        *forwarders.ROWS,
        *inprocess.ROWS,
    ]


def measure_pairs(row, count, say):
    """[(a, b)] and every figure beside them. Odd pairs begin with the other side."""
    pairs, detail = [], []
    for i in range(count):
        seen = {}
        for side in ("ab", "ba")[i % 2]:
            seen[side] = row.measure(side)
        pairs.append((seen["a"]["value"], seen["b"]["value"]))
        detail.append(seen)
        say(".")
    return pairs, detail


def run_row(bench, row, wanted, say):
    result = {"name": row.name, "title": row.title, "floor": row.floor, "goal": row.goal, "value": None}
    begun, steal = time.monotonic(), figures.cpu_times()
    try:
        prepared = row.prepare(bench)
        try:
            pairs, detail = measure_pairs(row, bench.pairs(row, wanted), say)
        finally:
            prepared.close()
        value, low, high = figures.ratio_of(pairs)
        result |= {"value": value, "low": low, "high": high, "pairs": pairs, "detail": detail,
                   "a": figures.median([a for a, _ in pairs]), "b": figures.median([b for _, b in pairs]),
                   "note": getattr(row, "note", "")}
    except NotMeasured as reason:
        result["reason"] = str(reason)
    result |= {"seconds": time.monotonic() - begun, "steal": figures.steal_share(steal)}
    return result


def judged(row):
    if row["value"] >= row["goal"]:
        return "goal"
    return "floor" if row["value"] >= row["floor"] else "MISSED"


def line(row):
    head = f"{row['title'][:84]:84} {row['floor']:>5g} {row['goal']:>5g} "
    if row["value"] is None:
        return f"{head} not measured: {row['reason']}"
    return (f"{head} {row['value']:7.3f}  {row['low']:.3f}..{row['high']:.3f}  {len(row['pairs']):2}  "
            f"{row['a']:.4g} / {row['b']:.4g}  {judged(row)}" + (f"  ({row['note']})" if row["note"] else ""))


def show(run):
    m = run["machine"]
    print(f"\n{m['cpus']} x {m['cpu']}, Linux {m['kernel']}, DPDK {m['versions']['dpdk']}, commit {m['commit']}; "
          f"steal {run['steal']:.2%}, load {m['load']:.1f} at the start\n")
    print(f"{'ratio':84} floor  goal   median  95 %           n  A / B")
    for row in run["rows"]:
        print(line(row))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--out", required=True)
    parser.add_argument("names", nargs="*", metavar="ROW")
    options = parser.parse_args()
    unknown = set(options.names) - {row.name for row in rows()}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))} (there are: {', '.join(r.name for r in rows())})")
    return options


def ended(number, _frame):
    sys.exit(128 + number)  # what rows have started is ended on the way out


def main():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ended)
    options = parse()
    bench = Bench(options)
    before = figures.load_run(options.out)
    run = {"machine": figures.machine(ROOT), "quick": options.quick, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
           "rows": []}
    steal = figures.cpu_times()
    for row in rows():
        if options.names and row.name not in options.names:
            continue
        print(f"{row.name} ", end="", flush=True)
        result = run_row(bench, row, options.pairs or (5 if options.quick else 9), lambda t: print(t, end="", flush=True))
        run["rows"].append(result)
        print(f" {result['value']:.3f}" if result["value"] is not None else f" not measured: {result['reason']}", flush=True)
    forwarders.Shared.release()
    run["steal"] = figures.steal_share(steal)
    show(run)
    moved = figures.changes(run, before)
    if before:
        print(f"\nagainst the run of {before.get('when')}: " + ("nothing moved by more than 5 %" if not moved else ""))
        for text in moved:
            print(f"  {text}")
    keep(options, run, before)
    return 0


def keep(options, run, before):
    """The file holds the newest figure of every row: a run of some rows does not forget the others."""
    names = {row["name"] for row in run["rows"]}
    run["rows"] += [row for row in (before or {}).get("rows", []) if row["name"] not in names]
    with open(options.out + ".new", "w", encoding="utf-8") as f:
        json.dump(run, f, indent=1)
    os.replace(options.out + ".new", options.out)
    print(f"\nfigures: {options.out}")


if __name__ == "__main__":
    sys.exit(main())
