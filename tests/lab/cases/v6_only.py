"""sin is bad over IPv6 alone: those paths are left, and IPv4 goes on carrying the load."""

import time

from labcase import await_true, expect, fault_event, steady
from labzones import TLDS


def by_family(swerved, v6):
    return [p for p in swerved.sites() if p["site"] == "sin" and p["zone"] in TLDS and (":" in p["address"]) == v6]


def run(bench):
    with bench.swerve(fronts=["sin"]) as swerved:
        load = bench.load(150)
        try:
            steady(bench, swerved, load, 1.5)
            bench.lab.servers.front("sin", "only 6", "bitflip")
            took = await_true(lambda: all(p["state"] == "failing" for p in by_family(swerved, True)), 15,
                              "sin is bad over IPv6 and stays in use there")
            before = sum(p["sent"] for p in by_family(swerved, False))
            time.sleep(2)
            carried = sum(p["sent"] for p in by_family(swerved, False)) - before
        finally:
            load.stop()
        others = {(p["zone"], p["site"], p["address"]): p["state"] for p in swerved.sites() if p["state"] != "up"}
        expect(len(others) == len(TLDS) and all(":" in a for _, _, a in others), f"left: {others}")
        expect(carried > 150, f"{carried} questions to sin over IPv4 in 2 s: it does not carry the load")
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        said = fault_event(swerved, "sin")
    return f"{load}, none bad; left over IPv6 after {took:.1f} s, {carried} over IPv4 then: {said}"
