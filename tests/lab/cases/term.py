"""SIGTERM under load: what runs is finished, the rest refused, and the end is orderly."""

import time

from labcase import ended_in_order, expect


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(400)
        try:
            time.sleep(2)
            early = load.bad
            status, took = swerved.stop()
        finally:
            load.stop()
        expect(early == 0, f"before SIGTERM: {load}; {load.failures}")
        expect(status == 0, f"ended with {status}:\n{swerved.log_tail()}")
        expect(took < 4, f"the end took {took:.1f} s")
        ended_in_order(swerved)
        bad = set(load.counts) - {"asked", "NOERROR", "NXDOMAIN", "lost", "SERVFAIL", "REFUSED"}
        expect(not bad, f"odd answers: {load}")
    return f"exit 0 after {took:.1f} s; {load} (asked after the end: lost)"
