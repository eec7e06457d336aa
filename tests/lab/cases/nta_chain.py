"""Negative trust anchors of names behind recursive upstreams: checked like any other, they go when the name validates
and stay while it does not."""

import time

import labdns
from cases.chain import routes
from cases.nta import RECHECK, names
from labcase import await_true, expect

LIMIT_S = 20


def ask(bench, name):
    with bench.lab.net.inside("client"):
        return labdns.ask(bench.service4, name, "A", timeout_s=4, rd=True, do=True)


def run(bench):
    servers = bench.lab.servers
    servers.recursors()
    try:
        with bench.swerve(routes_text=routes(), more=RECHECK) as swerved:
            bad = await_true(lambda: ask(bench, "www.expired.tree."), LIMIT_S, "no answer") and ask(bench, "www.expired.tree.")
            expect(bad.rcode == "SERVFAIL", f"www.expired.tree.: {bad}")
            for zone in ("expired.tree.", "sec.tree."):
                swerved.ctl("nta", "add", zone, "--for", "10m", "--reason", "as a test")
            let = ask(bench, "www.expired.tree.")
            expect(let.rcode == "NOERROR" and not let.ad, f"www.expired.tree. with its negative anchor: {let}")
            took = await_true(lambda: names(swerved) == ["expired.tree."], LIMIT_S, "sec.tree. validates and its anchor stays")
            time.sleep(3)
            expect(names(swerved) == ["expired.tree."], f"expired.tree. is still broken, and its anchor went: {names(swerved)}")
            entry = next(n for n in swerved.ctl("nta", "list") if n["name"] == "expired.tree.")
            expect(entry["failed"] > 0 and entry["validated"] == 0, f"the checks of expired.tree.: {entry}")
            good = ask(bench, "www.sec.tree.")
            expect(good.rcode == "NOERROR" and good.ad, f"www.sec.tree.: {good}")
    finally:
        for label in ("recursor-a", "recursor-b"):
            servers.stop(label)
    return f"the one that validates went after {took:.1f} s, the one that does not stays"
