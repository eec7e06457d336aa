"""The edge's link goes down and up again: that is no site's fault. Nothing moves, and service comes back by itself."""

import time

from labcase import FAULTS, await_true, expect, nothing_moved, steady
from labnet import addr6, run as command


def link(bench, state):
    """Of the router's end. Linux takes IPv6 addresses off a link that goes down."""
    core = bench.lab.net.name("core")
    command("ip", "-n", core, "link", "set", "edge", state)
    if state == "up":
        command("ip", "-n", core, "address", "replace", f"{addr6('edge', 1)}/64", "dev", "edge", "nodad")


def run(bench):
    with bench.swerve(steering={"probe_interval_ms": 200}) as swerved:
        load = bench.load(100)
        try:
            steady(bench, swerved, load, 1)
        finally:
            load.stop()
        link(bench, "down")
        try:
            took = await_true(lambda: swerved.ctl("status")["fault"]["kind"] == "ours", 20,
                              "the link is down and nobody says that it is our fault")
            expect(nothing_moved(swerved), f"moved because our link is down: {swerved.states()}")
        finally:
            link(bench, "up")
        again = await_true(swerved.ready, 10, "the link is up again and nothing is answered")
        load = bench.load(100)
        time.sleep(2)
        load.stop()
        expect(load.bad == 0, f"clients notice afterwards: {load}; {load.failures}")
        expect(nothing_moved(swerved), f"moved afterwards: {swerved.states()}")
        said = [e["kind"] for e in swerved.events() if e["kind"] in FAULTS]
        expect("site_fault" not in said and "lagging" not in said, f"somebody was blamed: {said}")
    return f"said after {took:.1f} s: {said}; answers {again:.1f} s after the link was back; nothing moved"
