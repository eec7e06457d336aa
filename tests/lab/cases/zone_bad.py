"""The zone is bad everywhere, as .de was on 5 May 2026: steering would be wrong, so nothing moves."""

import time

from labcase import await_true, expect, nothing_moved, steady
from labnet import SITES


def run(bench):
    with bench.swerve(fronts=SITES) as swerved:
        load = bench.load(80)
        try:
            steady(bench, swerved, load, 1.5)
            for site in SITES:
                bench.lab.servers.front(site, "bitflip")
            await_true(lambda: any(e["kind"] in ("zone_fault", "ours") for e in swerved.events()), 15,
                       "no event says that the zone is bad everywhere")
            time.sleep(2)
            expect(nothing_moved(swerved), f"moved although every site is bad: {swerved.states()}")
            failed = load.counts["SERVFAIL"]
            bench.lab.servers.fronts_pass()
        finally:
            load.stop()
        expect(failed > 0, f"bogus answers went to clients: {load}")
        expect(load.counts["lost"] == 0, f"questions without any answer: {load}")
        time.sleep(6)  # failures are cached for five seconds
        after = bench.load(80)
        time.sleep(2)
        after.stop()
        expect(after.bad == 0, f"good again at the sites, not here: {after}; {after.failures}")
        expect(nothing_moved(swerved), f"moved afterwards: {swerved.states()}")
    return f"{failed} SERVFAIL while all were bad, nothing moved, well again afterwards"
