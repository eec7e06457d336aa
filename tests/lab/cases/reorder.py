"""Half of sin's replies wait 20 ms: answers overtake each other, and each reaches who asked for it."""

from labcase import expect, site_is_odd, slower_than

LEAST_US = 128 << 7  # 16 ms


def run(bench):
    load, before, after = site_is_odd(bench, "reorder 50", rate=400)
    late = slower_than(before, after, LEAST_US)
    expect(0.35 < late and load.overtaken > 50, f"{late:.0%} of sin's replies were held, {load.overtaken} answers came "
           "out of order: this test shows nothing")
    return f"{load}, each once; {load.overtaken} out of order, nothing moved"
