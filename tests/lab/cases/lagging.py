"""sin stops receiving updates while its signatures are still good: it is left before it gives one bogus answer."""

import time

from labcase import await_true, expect, moved_away, steady

ENDS_IN_S = 3600
STANDS_STILL_MS = 3000


def lagging_event(swerved):
    found = [e for e in swerved.events() if e["kind"] == "lagging" and e.get("site") == "sin"]
    expect(found, "no lagging event about sin")
    return found[0]


def run(bench):
    with bench.swerve(steering={"probe_interval_ms": 500, "serial_lag_ms": STANDS_STILL_MS}) as swerved:
        load = bench.load(150)
        try:
            steady(bench, swerved, load, 1.5)
            frozen = time.time()
            bench.freeze(["sin"], [ENDS_IN_S], ENDS_IN_S)
            await_true(lambda: moved_away(swerved, "sin"), 20, "sin's serial stands still and sin stays in use")
            took = time.time() - frozen
            time.sleep(1)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        bad = sum(p["bad"] for p in swerved.sites() if p["site"] == "sin")
        expect(bad == 0, f"{bad} bad answers from sin: it was left too late")
        event = lagging_event(swerved)
        expect(event["lag"] == "serial" and event["lag_by"] >= 1, f"event: {event}")
        expect(event.get("margin_s", 0) > ENDS_IN_S - 60, f"margin: {event}")
    return (f"{load}, none bad; sin left {took:.1f} s after the freeze with 0 bogus answers, "
            f"{event['margin_s']} s before its first signature ends: {event['text']}")
