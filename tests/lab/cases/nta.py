"""com. is bogus at every site; a negative trust anchor lets it through, over a restart too, and goes by itself when the
zone validates again."""

import time

import labdns
from labcase import await_true, expect
from labnet import SITES
from labswerve import SwerveError
from labzones import signed_names

RECHECK = "negative_anchors:\n  recheck_s: 1\n\n"
LIMIT_S = 15


def ask(bench, name):
    with bench.lab.net.inside("client"):
        return labdns.ask(bench.service4, name, "A", timeout_s=2.5)


def rcode(bench, tld, turn):
    """Of a name that nobody asked before: no failure is remembered."""
    reply = ask(bench, f"nx{turn}{time.monotonic_ns()}.{tld}")
    return reply.rcode if reply else "lost"


def break_com(bench):
    """com. everywhere with signatures that have ended; net. stays as it is."""
    lab = bench.lab
    past = int(time.time()) - 5
    serial = lab.zones.version("broken", plain=False)
    lab.zones.version_of("com.", "broken", [past], past, plain=False)
    bench.frozen = True
    for site in SITES:
        lab.servers.load(site, "broken", serial)


def names(swerved):
    return [n["name"] for n in swerved.ctl("nta", "list")]


def refused(swerved, *words):
    try:
        swerved.ctl("nta", *words)
    except SwerveError:
        return True
    return False


def run(bench):
    broken = signed_names("com.")[3]
    with bench.swerve(more=RECHECK) as swerved:
        expect(refused(swerved, "add", "com."), "no reason was needed")
        expect(refused(swerved, "add", "com.", "--for", "8d", "--reason", "x"), "more than a week was granted")
        break_com(bench)
        await_true(lambda: rcode(bench, "com.", 0) == "SERVFAIL", LIMIT_S, "com. is broken and passes")
        expect(ask(bench, broken).rcode == "SERVFAIL", "a delegation of the broken com. passes")
        swerved.ctl("nta", "add", "com.", "--for", "10m", "--reason", "their signer broke")
        reply = ask(bench, broken)
        expect(reply.rcode == "NOERROR", f"the failure that was remembered outlives it: {reply.rcode}")
        expect(rcode(bench, "com.", 1) == "NXDOMAIN", "com. is bogus in spite of it")
        zones = {z["zone"]: z["keys"] for z in swerved.ctl("zones")}
        expect(zones == {".": "secure", "com.": "negative_anchor", "net.": "secure"}, f"zones: {zones}")
    with bench.swerve(more=RECHECK, keep_state=True) as swerved:
        expect(names(swerved) == ["com."], f"after a restart: {names(swerved)}")
        expect(rcode(bench, "com.", 2) == "NXDOMAIN", "it does not survive a restart")
        time.sleep(2.5)
        expect(names(swerved) == ["com."], "it went though com. is still broken")
        bench.reset()
        took = await_true(lambda: names(swerved) == [], LIMIT_S, "com. validates and it stays")
        await_true(lambda: rcode(bench, "com.", 3) == "NXDOMAIN", LIMIT_S, "com. is repaired and does not pass")
        said = [e["why"] for e in swerved.events() if e["kind"] == "nta_removed"]
        expect(said == ["the zone validates again"], f"said: {said}")
    return f"bogus, let through at once, kept over a restart, gone {took:.1f} s after the repair"
