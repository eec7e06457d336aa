"""New routes on trial send clients to a site that is bad: they are taken back, and no client has noticed."""

import time

from labcase import await_true, expect
from labswerve import routes
from labzones import TLDS

GOOD = ["nrt", "lax"]


def order(swerved):
    zones = {z["zone"]: z for z in swerved.ctl("routes", "show")["zones"]}
    return list(dict.fromkeys(p["site"] for p in zones[TLDS[0]]["regions"][0]["paths"]))


def run(bench):
    bench.lab.servers.front("sin", "servfail")
    with bench.swerve(fronts=["sin"], zone_sites={t: GOOD for t in TLDS}) as swerved:
        load = bench.load(150)
        try:
            time.sleep(2)
            path = swerved._write("routes.trial.yaml", routes(["sin"], {t: ["sin"] + GOOD for t in TLDS}))
            number = swerved.ctl("routes", "apply", path, "--canary", "1m")["number"]
            expect(order(swerved)[0] == "sin", "the table on trial is not in use")
            took = await_true(lambda: order(swerved) == GOOD, 20, "the bad table stays in use")
            time.sleep(0.5)
        finally:
            load.stop()
            bench.lab.servers.front("sin", "pass")
        said = [e for e in swerved.events() if e["kind"] == "canary_failed"]
        expect(said and said[0]["table"] == number, f"no event canary_failed about table {number}: {said}")
        last = swerved.ctl("routes", "history")[-1]
        expect(last["by"] == "canary" and last["current"], f"the last table of the history: {last}")
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return f"taken back after {took:.1f} s, {load}, none bad: {said[0]['text']}"
