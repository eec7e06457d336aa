"""swervectl inspect on a capture of the lab's traffic: the stale site is called bogus, and no other."""

import json
import os
import subprocess
import time
from collections import Counter

import labdns
from labcase import await_true, expect, moved_away
from labnet import REAL, SITES, addr4, addr6
from labtap import Recorder

ENDS_IN_S = 6
SIG_EXPIRED = 7  # RFC 8914
STALE = ("sin",)


def inspect(bench, path, *options):
    """(exit status, lines) of the command."""
    argv = [os.path.join(bench.build, "control/swervectl"), "inspect", "--anchor", bench.lab.zones.anchor, *options, path]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    expect(done.returncode != 2 and "swervectl" not in done.stderr, f"inspect said: {done.stderr}")
    return done.returncode, done.stdout.splitlines()


def ask_for_keys(bench):
    """The chain, as a resolver would ask for it: over UDP from the root, over TCP from a site."""
    with bench.lab.net.inside("client"):
        for name, kind in ((".", "DNSKEY"), ("com.", "DS"), ("net.", "DS")):
            expect(labdns.ask(addr6("root", REAL), name, kind, do=True), f"the root does not answer {name} {kind}")
        asked = [(t, kind) for t in ("com.", "net.") for kind in ("DNSKEY", "SOA", "NS")]
        expect(len(labdns.ask_tcp(addr4("lax", REAL), asked, do=True)) == len(asked), "lax does not answer over TCP")


def ask_sites(bench):
    """Every site the same questions, over IPv4 and IPv6: what a monitor does."""
    with bench.lab.net.inside("client"):
        for site in SITES:
            for address in (addr4(site, REAL), addr6(site, REAL)):
                for name in ("com.", "net.", "nobody-has-this.com.", "nobody-has-this.net."):
                    labdns.ask(address, name, "SOA", do=True)


def record(bench, path):
    """Traffic of a site whose NSEC3 signatures run out, and of its siblings."""
    recorder = Recorder(bench.lab.net, "core", path)
    try:
        with bench.swerve() as swerved:
            ask_for_keys(bench)
            load = bench.load(100)
            try:
                start = bench.freeze(STALE, [ENDS_IN_S], 3600)
                time.sleep(max(0, start + ENDS_IN_S + 1.5 - time.time()))
                await_true(lambda: moved_away(swerved, "sin"), 10, "NSEC3 ran out at sin and it stays in use")
                ask_sites(bench)
            finally:
                load.stop()
    finally:
        recorder.stop()
    return start + ENDS_IN_S


def run(bench):
    path = os.path.join(bench.lab.folder, "traffic.pcap")
    end = record(bench, path)
    status, lines = inspect(bench, path, "--json")
    expect(status == 1, f"exit status {status}, though a site is bogus")
    responses = [json.loads(line) for line in lines]
    stale = {a(s, REAL) for s in STALE for a in (addr4, addr6)}
    good = {a(s, REAL) for s in SITES if s not in STALE for a in (addr4, addr6)}
    bogus = [r for r in responses if r["verdict"] == "bogus"]
    for r in bogus:
        expect(r["server"] in stale, f"called bogus, and is not: {r}")
        expect(r["reason"] == "sig_expired" and r["ede"] == SIG_EXPIRED and r["margin_s"] < 0, f"the wrong reason: {r}")
        expect(r["time"] > end and r["covered"] == "NSEC3", f"expired too early, or something else: {r}")
    expect({r["server"] for r in bogus} == stale, f"bogus at {({r['server'] for r in bogus})}, not all of {stale}")
    secure = Counter(r["server"] for r in responses if r["verdict"] == "secure")
    for server in good | {addr6("root", REAL)}:
        expect(secure[server] > 0, f"nothing secure from {server}: {secure}")
    expect(any(r["transport"] == "tcp" and r["verdict"] == "secure" for r in responses), "nothing over TCP")
    status, table = inspect(bench, path)
    first = [line for line in table if line.startswith("SERVER")]
    rows = table[table.index(first[0]) + 1:]
    for row in rows[:len(stale)]:
        expect(row.split()[0] in stale and "BOGUS (sig_expired" in row, f"not at the top: {rows}")
    return f"{len(responses)} responses judged, {len(bogus)} bogus, all of them sin's: {' '.join(rows[0].split())}"
