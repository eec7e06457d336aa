"""com. and net. roll their keys under load, the sites one after the other and nobody waiting for a TTL: ZSK by
pre-publication and by double signature, KSK by double DS, algorithm 8 to 13 (RFC 6781 s4.1). Nobody notices, nobody is
blamed."""

import time

from labcase import expect, nothing_moved
from labnet import SITES
from labzones import TLDS

RSA = {"algorithm": "RSASHA256"}


class Keys:
    """Of one zone."""

    def __init__(self, zones, tld):
        def rsa(*kind):
            return zones.key(tld, *kind, "-b", "1024", **RSA)

        self.k8, self.k8b = rsa("-k"), rsa("-k")
        self.z8, self.z8b, self.z8c = rsa(), rsa(), rsa()
        self.k13, self.z13 = zones.keys[tld]


# name, DNSKEY set, signers, DS at the root. Keys are named as in Keys.
STEPS = (
    ("at first", "k8 z8", "k8 z8", "k8"),
    ("the next ZSK is published", "k8 z8 z8b", "k8 z8", "k8"),
    ("it signs", "k8 z8 z8b", "k8 z8b", "k8"),
    ("the one before is gone", "k8 z8b", "k8 z8b", "k8"),
    ("two ZSKs sign", "k8 z8b z8c", "k8 z8b z8c", "k8"),
    ("one of them is gone", "k8 z8c", "k8 z8c", "k8 k8b"),
    ("another KSK", "k8b z8c", "k8b z8c", "k8b"),
    ("signatures of another algorithm", "k8b z8c", "k8b z8c z13", "k8b"),
    ("and its keys", "k8b z8c k13 z13", "k8b z8c k13 z13", "k13"),
    ("the keys of the first algorithm are gone", "k13 z13", "k13 z8c z13", "k13"),
    ("and its signatures", "k13 z13", "k13 z13", "k13"),
)


def prepare(lab, keys, label, step):
    """Files of this step; the root already says what the zones will need. Returns their serial."""
    zones = lab.zones
    for tld in TLDS:
        published, signers, ds = ([getattr(keys[tld], k) for k in names.split()] for names in step[1:])
        zones.plan(tld, published, signers, ds)
    serial = zones.version(label, plain=False)
    zones.root()
    lab.servers.load_root(serial)
    return serial


def roll(bench, swerved, keys):
    for turn, step in enumerate(STEPS[1:]):
        serial = prepare(bench.lab, keys, "rolled", step)
        # the first to have it is another one each time; the last two have it at once
        order = [SITES[(turn + i) % len(SITES)] for i in range(len(SITES))]
        for wait, site in zip((0.5, 0, 0.3), order):
            bench.lab.servers.load(site, "rolled", serial)
            time.sleep(wait)
        expect(nothing_moved(swerved), f"{step[0]}, {order[0]} first: {swerved.states()}")


def check(swerved):
    stats = swerved.stats()["sum"]
    expect(stats["verdicts"]["bogus"] == 0, f"bogus: {stats['reasons']}")
    expect(stats["keys_awaited"] > 0, "no key was new to swerve: this test shows nothing")
    said = [e["text"] for e in swerved.events() if e["kind"] in ("site_fault", "zone_fault", "lagging", "keys_lost")]
    expect(not said, f"somebody was blamed: {said}")
    return stats["keys_awaited"]


def run(bench):
    lab = bench.lab
    keys = {tld: Keys(lab.zones, tld) for tld in TLDS}
    try:
        serial = prepare(lab, keys, "rolled", STEPS[0])
        for site in SITES:
            lab.servers.load(site, "rolled", serial)
        with bench.swerve() as swerved:
            load = bench.load(300)
            try:
                time.sleep(1)
                roll(bench, swerved, keys)
                time.sleep(0.5)
            finally:
                load.stop()
            expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
            held = check(swerved)
    finally:
        lab.zones.plans.clear()
        lab.zones.serial += 1
        lab.zones.root()
        lab.servers.load_root(lab.zones.serial)
        lab.thaw()
    return f"{len(STEPS) - 1} steps at three sites, {load}, none bad; {held} replies waited for a key"
