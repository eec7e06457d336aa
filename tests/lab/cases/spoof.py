"""An attacker floods bad replies under sin's address at guessed ports and IDs: nothing may move."""

import time
from concurrent.futures import ThreadPoolExecutor

from labcase import expect, nothing_moved, steady
from labnet import REAL, SOURCE, addr4, addr6

COUNT, RATE = 20000, 5000  # of each family
REAL_RATE = 100


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(REAL_RATE)
        try:
            steady(bench, swerved, load, 1.5)
            before = swerved.stats()["sum"]["dropped"]["reply_unmatched"]

            def flood(addr):
                return bench.tool("mallory", "lab_spoof", "--from", addr("sin", REAL), "--to",
                                  addr("edge", SOURCE), "--question", "www.shopfront.com.", "--rate", str(RATE),
                                  "--count", str(COUNT))

            begun = time.monotonic()
            with ThreadPoolExecutor(2) as pool:
                results = list(pool.map(flood, (addr4, addr6)))
            times = 2 * COUNT / (time.monotonic() - begun) / REAL_RATE
            expect(all(code == 0 for code, _, _ in results), f"the flood failed: {results}")
            dropped = swerved.stats()["sum"]["dropped"]["reply_unmatched"] - before
            expect(nothing_moved(swerved), f"forged replies moved something: {swerved.states()}")
            # each would be bogus: signed with noise
            believed = swerved.stats()["sum"]["verdicts"]["bogus"]
            expect(believed == 0, f"{believed} forged replies were taken for an answer")
        finally:
            load.stop()
        expect(times > 10, f"forged replies came at {times:.0f} times the real rate only")
        expect(dropped > COUNT, f"only {dropped} of {2 * COUNT} forged replies were seen")
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return f"{dropped} forged replies at {times:.0f} times the real rate dropped, 0 believed, nothing moved; {load}"
