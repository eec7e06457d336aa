"""SIGKILL under load: the next swerved takes the interface over, and goes on with the same table and path states."""

import signal
import time

from labcase import await_true, expect
from labdns import ask
from labnet import REAL, addr4
from labzones import TLDS

ORDER = ["nrt", "lax", "sin"]


def kept(swerved):
    """What must be the same afterwards: table number, states of all paths, order of sites."""
    paths = {(p["zone"], p["address"]): p["state"] for p in swerved.sites()}
    routes = swerved.ctl("routes", "show")
    return routes["number"], paths, [[p["site"] for p in r["paths"]] for z in routes["zones"] for r in z["regions"]]


def answers(bench):
    with bench.lab.net.inside("client"):
        reply = ask(addr4("edge", REAL), TLDS[0], "SOA", timeout_s=0.1)
    return reply is not None and reply.rcode == "NOERROR"


def prepare(bench, swerved):
    """Other routes than the file's, one site failing by its own fault, others drained by the operator."""
    swerved.apply_routes(fronts=["lax"], zone_sites={t: ORDER for t in TLDS})
    bench.lab.servers.front("lax", "servfail")
    for tld in TLDS:
        swerved.ctl("site", "drain", tld, "sin", "--family", "v6", "--for", "1h", "--reason", "works")
        swerved.ctl("site", "drain", tld, "nrt", "--reason", "send it to lax")
        await_true(lambda zone=tld: swerved.states()[(zone, "lax")] == {"failing"}, 15, f"{tld} stays at lax")
    time.sleep(0.5)  # what has changed is saved at once, but by another thread
    return kept(swerved)


def run(bench):
    swerved = bench.swerved
    swerved.start(fronts=["lax"])
    load = bench.load(100)
    try:
        before = prepare(bench, swerved)
        swerved.stop(signal.SIGKILL)
        begun = time.monotonic()
        swerved.launch(keep_state=True, fronts=["lax"])
        with bench.swerve(running=True):
            forwarding = await_true(lambda: answers(bench), 30, "no answer after the restart", 0.01)
            after = kept(swerved)
            took = time.monotonic() - begun
            expect(after == before, f"before the kill {before}, after it {after}")
            drained = [e for e in swerved.events() if e["kind"] == "recalled"]
            expect(drained, "no event `recalled`")
            answered = load.answered
            time.sleep(1.0)
            expect(load.answered - answered > 50, f"after the restart: {load}")
            port = swerved.ctl("status")["ports"][0]
            expect(port["driver"] == swerved.driver, f"after the restart it runs on {port['driver']}")
            load.stop()
    finally:
        load.asking = False
        bench.lab.servers.front("lax", "pass")
    expect(load.bad < 100 * (took + 4), f"more is lost than the time without swerved explains: {load}")
    return f"forwarding again {forwarding:.2f} s after SIGKILL, table {after[0]} and {len(after[1])} path states the same"
