"""sin's replies take 50 ms longer: slow is not bad."""

from labcase import expect, site_is_odd, slower_than

SLOW_MS, LEAST_US = 50, 128 << 8  # 33 ms


def run(bench):
    load, before, after = site_is_odd(bench, f"delay {SLOW_MS}")
    late = slower_than(before, after, LEAST_US)
    expect(late > 0.9, f"{late:.0%} of sin's replies took longer than {LEAST_US} us: this test shows nothing")
    return f"{load}, none bad; nothing moved"
