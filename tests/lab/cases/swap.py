"""Routes are swapped under load, again and again: nothing is lost."""

import time

from labcase import expect
from labzones import TLDS

SWAPS = 20
ORDERS = (["nrt", "lax", "sin"], ["lax", "sin", "nrt"], ["sin", "nrt", "lax"])


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(300)
        try:
            time.sleep(1)
            for turn in range(SWAPS):
                order = ORDERS[turn % len(ORDERS)]
                before = swerved.sent(order[0])
                swerved.apply_routes(zone_sites={t: order for t in TLDS})
                time.sleep(0.25)
                expect(swerved.sent(order[0]) > before + 5, f"swap {turn}: {order[0]} is first and gets nothing")
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return f"{SWAPS} swaps, {load}, none bad"
