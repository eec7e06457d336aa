"""The lab's zones: a signed root, com. and net. as the real ones look, and leaf zones behind them.

com. and net.: P-256 (algorithm 13), KSK and ZSK apart, NSEC3 with opt-out, 0 iterations and no salt, 20,000 delegations
of which 5 % are signed. With opt-out an unsigned delegation has neither a signature nor an NSEC3 record, so
only apex and signed delegations are given to ldns-signzone; the other lines are appended as they stand.
A version of a zone takes some 0.2 s: a stale one is made when it is wanted, with times of its own.
"""

import functools
import hashlib
import os
import random
import re
import shutil
import time

from labnet import REAL, SITES, addr4, addr6, run
from labtree import Tree

TLDS = ("com.", "net.")
DELEGATIONS = 20000
SIGNED_SHARE = 0.05
LEAF_ZONES = 1000  # per TLD, unsigned, one content for all: what a resolver can finish

# Leaf zones with a content of their own. A chain from .com to .net as a customer's origin has it; the labels under
# `*` are free, so that no cache knows the next question.
LEAF_SPECIAL = {
    "shopfront.com.": (True, "origin.edgehost.net."),
    "plainshop.com.": (False, "origin.plainhost.net."),
    "edgehost.net.": (True, None),
    "plainhost.net.": (False, None),
}

DAY = 86400
DEFAULT_LIFE_S = 7 * DAY
INCEPTION_AGO_S = 3600
ROOT_KEY_TTL_S = 6  # where the root's keys are rolled: nobody wants to wait for the real one

SYLLABLES = ("ba be bo da de do fa fi fo ga go ka ke ki ko la le li lo lu ma me mi mo na ne ni no pa pe po ra re ri "
             "ro sa se si so ta te ti to va ve vi vo wa we wi za zo").split()


@functools.lru_cache
def names_of(tld, count=DELEGATIONS):
    """The same names in every lab, in an order that tells nothing."""
    rng = random.Random(tld)
    seen, out = set(LEAF_SPECIAL), []
    while len(out) < count:
        word = "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(3, 5)))
        if rng.random() < 0.1:
            word += f"-{rng.randint(1, 99)}"
        name = f"{word}.{tld}"
        if name not in seen:
            seen.add(name)
            out.append(name)
    return out


def leaf_names(tld):
    return names_of(tld)[:LEAF_ZONES]


def signed_names(tld):
    first = LEAF_ZONES
    return names_of(tld)[first:first + int(DELEGATIONS * SIGNED_SHARE)]


class Zones:
    """Makes zone files under `folder`; keys are made once per lab."""

    def __init__(self, folder):
        self.folder = folder
        self.serial = int(time.time())
        self.plans = {}
        self.spare_keys = {}  # zone: DNSKEY lines that its next versions publish besides those that sign

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def anchor(self):
        """The root's key-signing key, in the form of dns-root-data's root.key."""
        return self.path("root.key")

    def prepare(self):
        """Keys and everything that does not change between versions."""
        os.makedirs(self.folder, exist_ok=True)
        self.keys = {zone: [self.key(zone, "-k"), self.key(zone)] for zone in (".", *TLDS)}
        for zone, (signed, _) in LEAF_SPECIAL.items():
            if signed:
                self.keys[zone] = [self.key(zone, "-k")]
        os.replace(self.keys["."][0] + ".key", self.anchor)
        os.symlink(self.anchor, self.keys["."][0] + ".key")
        for tld in TLDS:
            self.write(f"{tld}plain", _plain_delegations(tld))
            self.write(f"{tld}signed", self._signed_delegations(tld))
        self._leaf()
        self.tree = Tree(self)
        self.tree_delegations = self.tree.prepare()
        self.root()

    def key(self, zone, *options, algorithm="ECDSAP256SHA256"):
        """A new key of a zone: the base name of its files. -k: a key-signing key."""
        return self._in_folder("ldns-keygen", "-a", algorithm, *options, zone)

    def revoked(self, key):
        """The same key with its REVOKE bit set."""
        with open(key + ".key", encoding="ascii") as f:
            self.write(os.path.basename(key) + "r.key", f.read().replace(" 257 3", " 385 3").replace("\t257 3", "\t385 3"))
        shutil.copy(key + ".private", key + "r.private")
        return key + "r"

    def _in_folder(self, *argv):
        here = os.getcwd()
        try:
            os.chdir(self.folder)  # these tools know no folder option
            return self.path(run(*argv).strip())
        finally:
            os.chdir(here)

    def plan(self, zone, published, signers, ds=None):
        """From now on versions of a zone have these keys in their DNSKEY set and are signed by those. ds: what the
        root says of it, from its next version on."""
        self.plans[zone] = (published, signers, ds)

    def _ds(self, zone):
        keys = self.plans[zone][2] if zone in self.plans else None
        return "".join(run("ldns-key2ds", "-n", "-2", k + ".key").strip() + "\n" for k in keys or self.keys[zone][:1])

    def _dnskeys(self, zone, ttl):
        lines = []
        for key in self.plans[zone][0] if zone in self.plans else ():
            with open(key + ".key", encoding="ascii") as f:
                lines.append(re.sub(r"^(\S+)\s(?:\d+\s)?IN", rf"\1 {ttl} IN", f.read().strip()) + "\n")
        return "".join(lines)

    def write(self, name, text):
        """Make a file in the folder, in one step; returns its path."""
        path = self.path(name)
        with open(path + ".new", "w", encoding="ascii") as f:
            f.write(text)
        os.replace(path + ".new", path)
        return path

    def _signed_delegations(self, tld):
        parts = []
        for name in signed_names(tld):
            digest = hashlib.sha256(name.encode()).hexdigest()
            parts.append(_own_glue(name) + f"{name} 86400 IN DS {int(digest[:4], 16)} 13 2 {digest}\n")
        for zone, (signed, _) in LEAF_SPECIAL.items():
            if signed and zone.endswith("." + tld):
                parts.append(_own_glue(zone) + self._ds(zone))
        return "".join(parts)

    def _leaf(self):
        self.write("leaf.generic", _leaf_zone("@", None))
        for zone, (signed, target) in LEAF_SPECIAL.items():
            path = self.write(f"{zone}leaf", _leaf_zone(zone, target))
            if signed:
                now = int(time.time())
                self._sign_once(zone, path, self.path(f"{zone}zone"), now + DEFAULT_LIFE_S, nsec3=False)
            else:
                os.replace(path, self.path(f"{zone}zone"))

    def root(self, more=()):
        """The root zone; more: lines of other delegations."""
        lines = [_soa(".", self.serial, "a.lab-root."), ". 518400 IN NS a.lab-root.\n",
                 f"a.lab-root. 518400 IN A {addr4('root', REAL)}\n",
                 f"a.lab-root. 518400 IN AAAA {addr6('root', REAL)}\n"]
        for tld in TLDS:
            lines += [f"{tld} 172800 IN NS {s}.gtld-servers.net.\n" for s in SITES]
            lines.append(self._ds(tld))
        lines += [_server_glue(), self.tree_delegations, *more]
        lines.append(self._dnskeys(".", ROOT_KEY_TTL_S))
        source = self.write("root.unsigned", "".join(lines))
        self._sign_once(".", source, self.path("root.zone"), int(time.time()) + DEFAULT_LIFE_S, nsec3=False)

    def make_spare_keys(self, zone, count):
        """Keys that are published and sign nothing yet, as before a rollover (RFC 6781 s4.1.1.1)."""
        lines = []
        for _ in range(count):
            with open(self.key(zone) + ".key", encoding="ascii") as f:
                lines.append(f.read())
        self.spare_keys[zone] = lines

    def version(self, label, nsec3=None, rest=None, plain=True):
        """Make com. and net. anew as files `<tld><label>`, with the next serial.

        nsec3: times (epoch s) at which signatures over NSEC3 records end, spread over the records by owner name;
        rest: when the others end. None: a week from now. plain: with the many unsigned delegations, which take a
        server most of the time it needs to load the zone.
        """
        later = int(time.time()) + DEFAULT_LIFE_S
        self.serial += 1
        for tld in TLDS:
            self.version_of(tld, label, sorted(set(nsec3 or [later])), rest or later, plain)
        return self.serial

    def version_of(self, tld, label, nsec3, rest, plain):
        """One zone of a version, with the serial of the last one."""
        apex = _soa(tld, self.serial, "sin.gtld-servers.net.")
        apex += "".join(f"{tld} 172800 IN NS {s}.gtld-servers.net.\n" for s in SITES)
        apex += self._dnskeys(tld, 900)
        with open(self.path(f"{tld}signed"), encoding="ascii") as f:
            source = self.write(f"{tld}{label}.in", apex + "".join(self.spare_keys.get(tld, [])) + f.read())
        by_end = {}
        for end in {*nsec3, rest}:
            out = self.path(f"{tld}{label}.{end}")
            self._sign_once(tld, source, out, end)
            with open(out, encoding="ascii") as f:
                by_end[end] = f.read().splitlines(keepends=True)
            os.unlink(out)
        os.unlink(source)
        with open(self.path(f"{tld}plain"), encoding="ascii") as f:
            self.write(f"{tld}{label}", "".join(_merge(by_end, nsec3, rest)) + (f.read() if plain else ""))

    def _sign_once(self, zone, source, out, end, nsec3=True):
        options = ["-n", "-p", "-t", "0"] if nsec3 else []
        signers = self.keys[zone]
        if zone in self.plans:  # -d: only those keys are in the zone that stand in it
            options += ["-d", "-U", "-A"]
            signers = self.plans[zone][1]
        begins = min(int(time.time()), end) - INCEPTION_AGO_S  # what ended long ago began before that
        run("ldns-signzone", *options, "-o", zone, "-i", str(begins), "-e", str(end), "-f", out, source, *signers)


def _merge(by_end, nsec3, rest):
    """One zone out of several signings of it: they differ in their RRSIG records only.

    A signature stands for itself, so each may be taken from the signing whose end it is to have.
    """
    for lines in zip(*(by_end[e] for e in by_end)):
        choice = dict(zip(by_end, lines))
        line = choice[rest]
        covers_nsec3 = re.match(r"(\S+)\t\d+\tIN\tRRSIG\tNSEC3 ", line)
        if covers_nsec3:
            digest = hashlib.sha256(covers_nsec3.group(1).encode()).digest()
            line = choice[nsec3[digest[0] % len(nsec3)]]
        yield line


def _soa(zone, serial, primary):
    return f"{zone} 900 IN SOA {primary} hostmaster.{'' if zone == '.' else zone} {serial} 1800 900 604800 900\n"


def _own_glue(name):
    """A delegation whose server is inside it and is the lab's leaf server."""
    return (f"{name} 172800 IN NS ns1.{name}\n"
            f"ns1.{name} 172800 IN A {addr4('leaf', REAL)}\n"
            f"ns1.{name} 172800 IN AAAA {addr6('leaf', REAL)}\n")


def _server_glue():
    return "".join(f"{s}.gtld-servers.net. 172800 IN A {addr4(s, REAL)}\n"
                   f"{s}.gtld-servers.net. 172800 IN AAAA {addr6(s, REAL)}\n" for s in SITES)


def _plain_delegations(tld):
    """Unsigned delegations: those the leaf server knows, and the many that only give a referral."""
    rng = random.Random(tld + "plain")
    hosting = [z for z in leaf_names("net.")[:20]]
    parts = [_own_glue(n) for n in leaf_names(tld)]
    parts += [_own_glue(z) for z, (signed, _) in LEAF_SPECIAL.items() if not signed and z.endswith("." + tld)]
    if tld == "net.":
        parts += [f"gtld-servers.net. 172800 IN NS {s}.gtld-servers.net.\n" for s in SITES]
        parts.append(_server_glue())
    for name in names_of(tld)[LEAF_ZONES + int(DELEGATIONS * SIGNED_SHARE):]:
        if rng.random() < 0.6:
            parts.append(_own_glue(name))
        else:
            pair = rng.sample(hosting, 2)
            parts += [f"{name} 172800 IN NS ns1.{h}\n" for h in pair]
    return "".join(parts)


def _leaf_zone(zone, target):
    ns = "ns1" if zone == "@" else f"ns1.{zone}"
    lines = [f"{zone} 300 IN SOA {ns} hostmaster.{'' if zone == '@' else zone} 1 1800 900 604800 5".replace(
                 "hostmaster. ", "hostmaster "),
             f"{zone} 300 IN NS {ns}",
             f"{ns} 300 IN A {addr4('leaf', REAL)}",
             f"{ns} 300 IN AAAA {addr6('leaf', REAL)}"]
    suffix = "" if zone == "@" else f".{zone}"
    for owner in ("*", "www"):
        if target:
            lines.append(f"{owner}{suffix} 5 IN CNAME {target}")
        else:
            lines += [f"{owner}{suffix} 5 IN A 192.0.2.80", f"{owner}{suffix} 5 IN AAAA 2001:db8::80"]
    if zone != "@" and not target:
        lines += [f"origin.{zone} 5 IN A 192.0.2.81", f"origin.{zone} 5 IN AAAA 2001:db8::81"]
    return "\n".join(lines) + "\n"


def question_mix(count, seed="mix"):
    """Questions as a resolver's upstream sees them: (name, type). Delegations, names that are not there, DS, apex."""
    rng = random.Random(seed)
    names = {t: names_of(t) for t in TLDS}
    signed = {t: signed_names(t) for t in TLDS}
    out = []
    for _ in range(count):
        tld = rng.choice(TLDS)
        kind = rng.random()
        if kind < 0.45:
            prefix = rng.choice(("", "", "www.", "a.b.c."))
            out.append((prefix + rng.choice(names[tld]), rng.choice(("A", "AAAA", "HTTPS", "NS", "MX", "TXT"))))
        elif kind < 0.70:
            out.append((f"nx{rng.getrandbits(40):010x}.{tld}", rng.choice(("A", "AAAA", "NS", "DS"))))
        elif kind < 0.85:
            out.append((rng.choice(signed[tld]), rng.choice(("DS", "DS", "NS", "A"))))
        elif kind < 0.95:
            out.append((rng.choice(names[tld]), "DS"))
        else:
            out.append((tld, rng.choice(("SOA", "NS", "DNSKEY", "NSEC3PARAM", "A", "MX"))))
    return out


def question_file(path, count, seed="mix"):
    with open(path, "w", encoding="ascii") as f:
        f.writelines(f"{name} {kind}\n" for name, kind in question_mix(count, seed))
    return path


def question_stream(seed):
    """question_mix() without an end."""
    turn = 0
    while True:
        yield from question_mix(2000, f"{seed}.{turn}")
        turn += 1
