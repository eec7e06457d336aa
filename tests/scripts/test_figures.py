#!/usr/bin/env python3
"""What tests/bench says about figures: medians, intervals, changes since the run before, and the picture's stages.

    test_figures.py REPOSITORY
"""

import os
import random
import sys

sys.path.insert(0, os.path.join(sys.argv[1], "tests/bench"))

import figures  # noqa: E402
import stages  # noqa: E402


def expect(holds, text):
    if not holds:
        sys.exit(f"not ok: {text}")


def test_interval():
    """The ranks of a table of the binomial distribution, and how often the true median is inside."""
    for n, low, high in ((3, 1, 3), (5, 1, 5), (6, 1, 6), (9, 2, 8), (15, 4, 12), (25, 8, 18)):
        got = figures.interval(list(range(n, 0, -1)))
        expect(got == (low, high), f"{n} values: ranks {got}, not {(low, high)}")
    rng, inside = random.Random(1), 0
    for _ in range(2000):
        low, high = figures.interval([rng.expovariate(1) for _ in range(9)])
        inside += low <= 0.6931 <= high
    expect(1880 <= inside <= 1980, f"{inside} of 2000 intervals hold the median")


def test_ratio():
    expect(figures.ratio_of([(2, 1), (9, 3), (4, 4)]) == (2, 1, 3), "of three pairs")
    expect(figures.ratio_of([(2, 1), (9, 3), (5, 0)])[0] == 2.5, "a side that did nothing counts nowhere")
    try:
        figures.ratio_of([(1, 0)])
    except figures.NotMeasured:
        return
    expect(False, "a ratio over nothing")


def test_changes():
    def run(*rows):
        return {"rows": [{"name": n, "value": v, "low": lo, "high": hi} for n, v, lo, hi in rows]}

    before = run(("a", 1.0, 0.99, 1.01), ("b", 1.0, 0.9, 1.1), ("c", 1.0, 1.0, 1.0), ("gone", 1, 1, 1))
    now = run(("a", 1.06, 1.05, 1.07), ("b", 0.94, 0.85, 1.0), ("c", 1.049, 1.0, 1.1), ("new", 1, 1, 1), ("d", None, 0, 0))
    told = figures.changes(now, before)
    expect([t.split(":")[0] for t in told] == ["a", "b"], f"{told}")
    expect("overlap" not in told[0] and "overlap" in told[1], f"{told}")
    expect(figures.changes(now, None) == [], "no run before")


def test_stages():
    for function, file, want in (("dp_packet_parse", "dataplane/packet.c", "parse headers"), ("write_headers", "dataplane/packet.c", "rewrite"),
                                 ("judge", "dataplane/judge.c", "judge"), ("val_sigcache_get", "validator/sigcache.c", "judge"),
                                 ("dns_name_lower", "dns/name.c", "parse DNS"), ("route_table_choose", "routing/table.c", "look up"),
                                 ("dp_response", "dataplane/response.c", "match"), ("val_response_judge", "validator/response.c", "judge"),
                                 ("dp_deliver", "dataplane/deliver.c", "deliver")):
        got = stages.stage_of(function, file)
        expect(got == want, f"{function} of {file}: {got}, not {want}")


def test_places():
    """Inlined: the room's innermost file counts, not a header; what the load tool calls does not."""
    got = stages.read_places("0x10\ndns_get16\n/src/dns/wire.h:9\nread_usual\n/src/dns/query.c:5\ndp_queries\n/src/dataplane/query.c:7\n"
                             "0x20\ndns_name_lower\n/src/dns/name.c:3 (discriminator 2)\nmake\n/src/gen/answers.c:4\n"
                             "0x30\nmain\n??:0\n"
                             "0x40\ntake\n../../dataplane/response.c:12\nrig_turn\n/src/tests/bench/rig.c:4\n")
    expect(got == {0x10: ("read_usual", "dns/query.c"), 0x40: ("take", "dataplane/response.c")}, f"{got}")


def main():
    for test in (test_interval, test_ratio, test_changes, test_stages, test_places):
        test()
        print(f"ok {test.__name__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
