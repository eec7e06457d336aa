"""Small zones for chains of trust: two top-level domains at the leaf server, and below them what can go right and wrong.

    tree.  NSEC; alias CNAME, dn DNAME, ent an empty non-terminal above deep
    opt.   NSEC3 with opt-out

`TREE` says of each zone below them how it is signed and what its parent says of it.
"""

import os
import re
import time

from labnet import REAL, addr4, addr6, run

HOUR = 3600
P256 = "ECDSAP256SHA256"

# zone: (algorithm or None, options of ldns-signzone, what is done to it)
TREE = {
    "tree.": (P256, (), None),
    "opt.": (P256, ("-n", "-p", "-t", "0"), None),
    "sec.tree.": (P256, (), None),
    "ed.tree.": ("ED25519", (), None),
    "rsa.tree.": ("RSASHA256", (), None),
    "roll.tree.": (P256, (), None),  # gets other keys in mid-run, see roll()
    "big.tree.": ("RSASHA256", (), "large keys"),  # that do not fit into 1232 octets
    "n3.tree.": (P256, ("-n", "-t", "0"), None),
    "iter.tree.": (P256, ("-n", "-t", "500"), None),
    "deep.ent.tree.": (P256, (), None),
    "broken.tree.": (P256, (), "broken"),      # one signature is wrong
    "strip.tree.": (P256, (), "stripped"),     # no signatures over addresses
    "loose.tree.": (P256, (), "loose"),        # none over its NS records, which resolvers add to answers
    "expired.tree.": (P256, (), "expired"),    # all signatures are over
    "nodnskey.tree.": (P256, (), "wrong DS"),  # the DS is another key's
    "alg.tree.": (P256, (), "unknown algorithm"),
    "dig.tree.": (P256, (), "unknown digest"),
    "ins.tree.": (None, (), None),
    "sec.opt.": (P256, (), None),
    "ins.opt.": (None, (), None),
}

ALIASES = {  # in sec.tree.
    "ins": "www.ins.tree.", "opt": "www.sec.opt.", "broken": "www.broken.tree.", "expired": "www.expired.tree.",
    "alg": "www.alg.tree.", "nx": "nx.sec.opt.", "rsa": "www.rsa.tree.", "two": "opt.sec.tree.",
}

# (name, type, what must be said of it, extended error of swerve's answer or None for any)
QUESTIONS = [
    ("tree.", "SOA", "secure", None), ("tree.", "DNSKEY", "secure", None), ("opt.", "DS", "secure", None),
    ("www.sec.tree.", "A", "secure", None), ("www.ed.tree.", "A", "secure", None),
    ("www.rsa.tree.", "A", "secure", None), ("www.n3.tree.", "A", "secure", None),
    ("www.loose.tree.", "A", "secure", None), ("www.roll.tree.", "A", "secure", None), ("www.big.tree.", "A", "secure", None),
    ("www.deep.ent.tree.", "A", "secure", None), ("any.w.sec.tree.", "A", "secure", None),
    ("www.sec.opt.", "AAAA", "secure", None), ("alias.tree.", "A", "secure", None),
    ("www.dn.tree.", "A", "secure", None), ("opt.sec.tree.", "A", "secure", None),
    ("rsa.sec.tree.", "A", "secure", None), ("two.sec.tree.", "A", "secure", None),
    ("nx.sec.tree.", "A", "secure", None), ("nx1.sec.tree.", "A", "secure", None),
    ("nx1.n3.tree.", "A", "secure", None), ("www.sec.tree.", "MX", "secure", None),
    ("www.n3.tree.", "MX", "secure", None), ("any.w.sec.tree.", "MX", "secure", None),
    ("ent.tree.", "A", "secure", None), ("sec.tree.", "DS", "secure", None),
    ("www.sec.tree.", "DS", "secure", None), ("ins.tree.", "DS", "secure", None),
    ("nowhere.", "A", "secure", None),
    ("www.ins.tree.", "A", "insecure", None), ("nx1.ins.tree.", "A", "insecure", None),
    ("www.ins.tree.", "MX", "insecure", None), ("www.ins.opt.", "A", "insecure", None),
    ("ins.opt.", "DS", "insecure", None), ("ins.sec.tree.", "A", "insecure", None),
    ("www.alg.tree.", "A", "insecure", 1), ("alg.sec.tree.", "A", "insecure", 1),
    ("www.dig.tree.", "A", "insecure", 2), ("nx1.iter.tree.", "A", "insecure", 27),
    ("www.broken.tree.", "A", "bogus", 6), ("broken.sec.tree.", "A", "bogus", 6),
    ("www.strip.tree.", "A", "bogus", 10), ("www.expired.tree.", "A", "bogus", 7),
    ("expired.sec.tree.", "A", "bogus", 7), ("nx1.expired.tree.", "A", "bogus", 7),
    ("www.nodnskey.tree.", "A", "bogus", 9),
    ("www.shopfront.com.", "A", "secure", None), ("www.plainshop.com.", "A", "insecure", None),
]


def parent_of(zone):
    above = [z for z in TREE if z != zone and zone.endswith("." + z)]
    return max(above, key=len) if above else "."


class Tree:
    """Makes the tree's zone files; `zones` is the lab's Zones."""

    def __init__(self, zones):
        self.zones = zones
        self.keys = {}

    def prepare(self):
        """All zone files, and what the root says of them. Children first: their keys are in the parent's DS."""
        self.ds = {}
        for zone in sorted(TREE, key=lambda z: -z.count(".")):
            self._make(zone)
        return "".join(self._delegation(z) for z in TREE if parent_of(z) == ".")

    def roll(self, zone):
        """From one moment to the next, a zone has another key and its parent other DS records. Returns both."""
        del self.keys[zone]
        self._make(zone)
        self._make(parent_of(zone))
        return zone, parent_of(zone)

    def files(self):
        return [(zone, f"{zone}zone") for zone in TREE]

    def _make(self, zone):
        algorithm, options, harm = TREE[zone]
        path = self.zones.write(f"{zone}source", self._records(zone))
        if algorithm is None:
            os.replace(path, self.zones.path(f"{zone}zone"))
            return
        if zone not in self.keys:
            self.keys[zone] = self._keys_of(zone, algorithm, harm)
            self.ds[zone] = self._ds_of(zone, self.keys[zone][0], harm)
        now = int(time.time())
        end = now - 60 if harm == "expired" else now + 24 * HOUR
        run("ldns-signzone", *options, "-o", zone, "-i", str(now - HOUR), "-e", str(end), "-f",
            self.zones.path(f"{zone}zone"), path, *self.keys[zone])
        if harm in ("broken", "stripped", "loose"):
            self._spoil(zone, harm)
        if zone == "opt.":  # an opt-out span has no record of what is in it, and ldns-signzone would make one
            with open(self.zones.path(f"{zone}zone"), "a", encoding="ascii") as f:
                f.write(self._delegation("ins.opt."))

    def _keys_of(self, zone, algorithm, harm):
        if harm == "large keys":
            return [self.zones.key(zone, *kind, "-b", "4096", algorithm=algorithm) for kind in (("-k",), ())]
        return [self.zones.key(zone, "-k", algorithm=algorithm)]

    def _ds_of(self, zone, key, harm):
        if harm == "wrong DS":
            key = self.zones.key(zone, "-k")
        owner, rest = run("ldns-key2ds", "-n", "-2", key + ".key").strip().split("DS", 1)
        tag, algorithm, digest_type, digest = rest.split(None, 3)
        if harm == "unknown algorithm":
            algorithm = "12"
        if harm == "unknown digest":
            digest_type = "3"
        return f"{owner}DS {tag} {algorithm} {digest_type} {digest}\n"

    def _spoil(self, zone, harm):
        """The signature over www's address, or the zone's NS: one character of it changed, or the record left out."""
        owner = rf"{re.escape(zone)}\s\d+\sIN\sRRSIG\sNS\s" if harm == "loose" else \
            rf"www\.{re.escape(zone)}\s\d+\sIN\sRRSIG\sA\s"
        lines = []
        with open(self.zones.path(f"{zone}zone"), encoding="ascii") as f:
            for line in f:
                if re.match(owner, line):
                    if harm in ("stripped", "loose"):
                        continue
                    at = line.rstrip("\n").rindex(" ") + 10
                    line = line[:at] + ("B" if line[at] == "A" else "A") + line[at + 1:]
                lines.append(line)
        self.zones.write(f"{zone}zone", "".join(lines))

    def _delegation(self, zone):
        return (f"{zone} 600 IN NS ns1.{zone}\nns1.{zone} 600 IN A {addr4('leaf', REAL)}\n"
                f"ns1.{zone} 600 IN AAAA {addr6('leaf', REAL)}\n" + self.ds.get(zone, ""))

    def _records(self, zone):
        lines = [f"{zone} 600 IN SOA ns1.{zone} hostmaster.{zone} 1 1800 900 604800 600\n",
                 f"{zone} 600 IN NS ns1.{zone}\n", f"ns1.{zone} 600 IN A {addr4('leaf', REAL)}\n",
                 f"ns1.{zone} 600 IN AAAA {addr6('leaf', REAL)}\n",
                 f"www.{zone} 600 IN A 192.0.2.80\n", f"www.{zone} 600 IN AAAA 2001:db8::80\n"]
        if zone == "tree.":
            lines += ["alias.tree. 600 IN CNAME www.tree.\n", "dn.tree. 600 IN DNAME sec.opt.\n"]
        if zone == "sec.tree.":
            lines += [f"{name}.{zone} 600 IN CNAME {target}\n" for name, target in ALIASES.items()]
            lines.append(f"*.w.{zone} 600 IN A 192.0.2.81\n")
        lines += [self._delegation(z) for z in TREE if parent_of(z) == zone and z != "ins.opt."]
        return "".join(lines)
