"""sin keeps an old version; signatures over NSEC3 run out while those of the rest are still good."""

import time

from labcase import await_true, expect, fault_event, moved_away, steady

ENDS_IN_S = 8


def incident(swerved):
    """The story of the fault, from the events alone."""
    stories = [i for i in swerved.ctl("incident") if i["kind"] == "site" and i["site"] == "sin"]
    expect(stories, "no incident about sin")
    told = stories[-1]
    expect(told["first_bad"] and told["judged"] and told["moved"], f"incident: {told}")
    expect(told["bad"] > 0 and told["names"] and told["paths"], f"incident: {told}")
    expect(all(p["instance"] for p in told["paths"]), f"no NSID of sin: {told['paths']}")
    return f"incident {told['id']}: moved {told['before_move_ms']} ms after the first bad answer, as {told['names'][0]}"


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(150)
        try:
            steady(bench, swerved, load, 1.5)
            start = bench.freeze(["sin"], [ENDS_IN_S], 3600)
            time.sleep(max(0, start + ENDS_IN_S - time.time()))
            took = await_true(lambda: moved_away(swerved, "sin"), 10, "NSEC3 ran out at sin and it stays in use")
            time.sleep(2)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        said = fault_event(swerved, "sin")
        told = incident(swerved)
    return f"{load}, none bad; left sin {took:.1f} s after the end: {said}; {told}"
