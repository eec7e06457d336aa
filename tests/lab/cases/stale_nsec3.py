"""sin keeps an old version; signatures over NSEC3 run out while those of the rest are still good."""

import time

from labcase import await_true, expect, fault_event, moved_away, steady

ENDS_IN_S = 8


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(150)
        try:
            start = bench.freeze(["sin"], [ENDS_IN_S], 3600)
            steady(bench, swerved, load, 1.5)
            time.sleep(max(0, start + ENDS_IN_S - time.time()))
            took = await_true(lambda: moved_away(swerved, "sin"), 10, "NSEC3 ran out at sin and it stays in use")
            time.sleep(2)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        said = fault_event(swerved, "sin")
    return f"{load}, none bad; left sin {took:.1f} s after the end: {said}"
