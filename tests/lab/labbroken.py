"""Zones under `lab.` that are good in every way, and names and zones that are broken in one way each.

All are signed by ldns-signzone; what is broken is broken afterwards in the zone file, or by the keys given to the signer.
A name's or zone's *category* says how. Everything comes from one seed.
"""

import base64
import hashlib
import os
import random
import re
import sys
import time

from labnet import addr4, addr6, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "proofs"))
import zones as proofs  # noqa: E402

DAY = 86400
SERVER = "mallory"  # nobody else needs that host's own address
P256 = "ECDSAP256SHA256"

# Kinds of questions of tests/proofs that one zone alone answers: a forwarder does not follow delegations.
ONE_ZONE = ("answer", "cname", "name error", "no data", "DS", "no DS", "wildcard", "the wildcard", "dname inside",
            "dname to")
NOT_ONE_ZONE = ("cname out", "cname to unsigned", "cname to signed", "dnskey")


class Line:
    """One record of a signed zone."""

    def __init__(self, text):
        self.owner, self.ttl, _, self.type, rdata = re.split(r"\s+", text.split(";")[0].strip(), maxsplit=4)
        self.fields = rdata.split()
        self.covers = self.fields[0] if self.type == "RRSIG" else None

    def is_rrset(self, owner, kind):
        return self.owner == owner and kind in (self.type, self.covers)

    def __str__(self):
        return "\t".join((self.owner, self.ttl, "IN", self.type, " ".join(self.fields))) + "\n"


# ---- an RRset broken: each takes the RRset's records and its RRSIG, and says what stands there instead ----

TYPE, ALGORITHM, LABELS, TTL, END, BEGIN, TAG, SIGNER, SIGNATURE = range(9)


def _edit(records, sig, field, value):
    sig.fields[field] = value
    return [*records, sig]


def _flip(text, rng):
    octets = bytearray(base64.b64decode(text))
    octets[rng.randrange(8, len(octets))] ^= 1 << rng.randrange(8)
    return base64.b64encode(octets).decode()


def sig_flipped(records, sig, rng):
    return _edit(records, sig, SIGNATURE, _flip("".join(sig.fields[SIGNATURE:]), rng))


def rdata_changed(records, sig, rng):
    first = records[0]
    if first.type == "A":
        first.fields = [f"203.0.113.{rng.randrange(1, 255)}"]
    else:
        first.fields.append("TYPE1234")  # one more type in the bitmap
    return [*records, sig]


def sig_missing(records, _sig, _rng):
    return records


def record_missing(_records, _sig, _rng):
    return []


def labels_low(records, sig, _rng):
    return _edit(records, sig, LABELS, str(int(sig.fields[LABELS]) - 1))


def labels_high(records, sig, _rng):
    return _edit(records, sig, LABELS, str(int(sig.fields[LABELS]) + 1))


def signer_parent(records, sig, _rng):
    return _edit(records, sig, SIGNER, "lab.")


def tag_wrong(records, sig, rng):
    return _edit(records, sig, TAG, str(int(sig.fields[TAG]) ^ 1 << rng.randrange(16)))


def algorithm_wrong(records, sig, _rng):
    return _edit(records, sig, ALGORITHM, "8")


def original_ttl_wrong(records, sig, rng):
    return _edit(records, sig, TTL, str(int(sig.fields[TTL]) + rng.randrange(1, 1000)))


def times_reversed(records, sig, _rng):
    sig.fields[END], sig.fields[BEGIN] = sig.fields[BEGIN], sig.fields[END]
    return [*records, sig]


# Signatures taken from another signing of the same zone: their name is the signing's.
OTHER_SIGNINGS = ("expired", "not_yet_valid", "stranger")
ANSWERS_BROKEN = (sig_flipped, rdata_changed, sig_missing, labels_low, labels_high, signer_parent, tag_wrong,
                  algorithm_wrong, original_ttl_wrong, times_reversed, *OTHER_SIGNINGS)
DENIALS_BROKEN = (sig_flipped, rdata_changed, sig_missing, record_missing, labels_low, signer_parent,
                  tag_wrong, times_reversed, "expired")


def nsec3_owner(name, zone):
    """The NSEC3 owner of a name in a zone without salt and iterations."""
    wire = b"".join(bytes([len(x)]) + x.encode() for x in name.rstrip(".").split(".")) + b"\0"
    return base64.b32hexencode(hashlib.sha1(wire).digest()).decode().lower() + "." + zone


class Broken:
    """Makes the zones in lab.zones' folder. `zones`: (name, file); `questions`: (category, name, type)."""

    def __init__(self, zones, broken=500, good=500, seed="broken"):
        self.make, self.rng, self.seed = zones, random.Random(seed), seed
        self.now = int(time.time())
        self.zones, self.questions, self.delegations = [], [], []
        self._whole()
        self._rich(good)
        per_kind = 8
        self._zones_broken(per_kind)
        left = max(broken - (sum(c.startswith("zone ") for c, _, _ in self.questions)), 40)
        self._names_broken("names-nsec.lab.", False, left // 2)
        self._names_broken("names-nsec3.lab.", True, left - left // 2)
        self._parent()

    # ---- signing ----

    def _path(self, name):
        return self.make.path(name)

    def _key(self, zone, *options, algorithm=P256):
        here = os.getcwd()
        try:
            os.chdir(self.make.folder)
            return self._path(run("ldns-keygen", "-a", algorithm, *options, zone).strip())
        finally:
            os.chdir(here)

    def _keys(self, zone, algorithm=P256):
        size = ["-b", "2048"] if algorithm.startswith("RSA") else []
        return [self._key(zone, "-k", *size, algorithm=algorithm), self._key(zone, *size, algorithm=algorithm)]

    def _sign(self, zone, text, keys, options=(), begin=-DAY, end=DAY):
        """A signed zone's lines."""
        source = self.make.write(f"{zone}in", text)
        out = self._path(f"{zone}out")
        run("ldns-signzone", *options, "-o", zone, "-i", str(self.now + begin), "-e", str(self.now + end), "-f", out,
            source, *keys)
        with open(out, encoding="ascii") as f:
            lines = [Line(x) for x in f if x.strip() and not x.startswith(";")]
        os.unlink(out)
        os.unlink(source)
        return lines

    def _add(self, zone, lines, ds=()):
        self.make.write(f"{zone}zone", "".join(map(str, lines)))
        self.zones.append((zone, f"{zone}zone"))
        self.delegations.append(f"{zone} 3600 IN NS ns.lab.\n" + "".join(ds))

    @staticmethod
    def _ds(key, *options):
        return run("ldns-key2ds", "-n", *(options or ("-2",)), key + ".key").strip() + "\n"

    @staticmethod
    def _soa(zone):
        return f"$ORIGIN {zone}\n$TTL 300\n@ IN SOA ns.lab. hostmaster 1 3600 900 604800 300\n@ IN NS ns.lab.\n"

    def _parent(self):
        keys = self._keys("lab.")
        text = self._soa("lab.") + f"ns IN A {addr4(SERVER, 2)}\nns IN AAAA {addr6(SERVER, 2)}\n"
        text += "".join(self.delegations)
        lines = self._sign("lab.", text, keys)
        self.make.write("lab.zone", "".join(map(str, lines)))
        self.zones.append(("lab.", "lab.zone"))
        self.root = ["lab. 172800 IN NS ns.lab.\n", self._ds(keys[0]), f"ns.lab. 172800 IN A {addr4(SERVER, 2)}\n",
                     f"ns.lab. 172800 IN AAAA {addr6(SERVER, 2)}\n"]

    # ---- good zones ----

    def _whole(self):
        """What is good however odd it looks."""
        zone = "odd.lab."
        keys = self._keys(zone)
        text = self._soa(zone) + "ttl IN A 192.0.2.1\ntwo IN A 192.0.2.2\n"
        lines = self._sign(zone, text, keys)
        for line in list(lines):
            if line.is_rrset(f"ttl.{zone}", "A") and line.type == "A":
                line.ttl = "100"  # lower than the original: what a cache makes of it
            if line.is_rrset(f"two.{zone}", "A") and line.type == "RRSIG":
                bad = Line(str(line))
                sig_flipped([], bad, self.rng)
                lines.append(bad)
        self._add(zone, lines, [self._ds(keys[0])])
        self.questions += [("good: lower TTL", f"ttl.{zone}", "A"),
                           ("good: a broken signature beside a good one", f"two.{zone}", "A")]

    def _rich(self, count):
        """The zones of tests/proofs, and questions of every kind they have."""
        options = {"nsec": [], "nsec3": ["-n", "-t", "3", "-s", "5a17"], "optout": ["-n", "-p", "-t", "0"]}
        asked = []
        for algorithm, mnemonic in proofs.ALGORITHMS.items():
            for denial in proofs.DENIALS:
                zone = proofs.zone_name(algorithm, denial)
                keys = self._keys(zone, mnemonic)
                # its own servers are not there: resolvers would wait for them
                text = proofs.zone_text(zone).replace("@ IN NS ns1\n", "@ IN NS ns.lab.\n").replace("@ IN NS ns2\n", "")
                self._add(zone, self._sign(zone, text, keys, options[denial]), [self._ds(keys[0])])
                for kind, name, qtype, _ in proofs.questions("nsd", algorithm, denial):
                    if kind.startswith(ONE_ZONE) and not kind.startswith(NOT_ONE_ZONE):
                        asked.append((f"good: {denial}: {kind}", name, qtype))
                for i in range(count // 12):
                    word = f"{self.rng.getrandbits(32):08x}"
                    below, kind = self.rng.choice((("", "name error"), ("wild.", "wildcard answer"),
                                                   ("y.wild.", "name error"), ("cwild.", "wildcard cname"),
                                                   ("www.", "name error")))
                    asked.append((f"good: {denial}: {kind}", f"{word}.{below}{zone}", "A"))
        self.rng.shuffle(asked)
        self.questions += asked[:count]

    # ---- broken names ----

    def _names_broken(self, zone, nsec3, count):
        keys, others = self._keys(zone), self._keys(zone)
        names = [f"n{i:03}-{self.rng.getrandbits(16):04x}.{zone}" for i in range(count)]
        text = self._soa(zone) + "".join(f"{n} IN A 192.0.2.{i % 250 + 1}\n" for i, n in enumerate(names))
        options = ["-n", "-t", "0"] if nsec3 else []
        lines = self._sign(zone, text, keys, options)
        signings = {"expired": self._sign(zone, text, keys, options, -3 * DAY, -DAY),
                    "not_yet_valid": self._sign(zone, text, keys, options, DAY, 3 * DAY),
                    "stranger": self._sign(zone, text, others, options)}
        denial = "NSEC3" if nsec3 else "NSEC"
        for i, name in enumerate(names):
            if i % 3 < 2:
                how, kind, owner, qtype = ANSWERS_BROKEN[i // 3 * 2 % len(ANSWERS_BROKEN) - i % 3], "A", name, "A"
            else:
                how, kind, qtype = DENIALS_BROKEN[i // 3 % len(DENIALS_BROKEN)], denial, "MX"
                owner = nsec3_owner(name, zone) if nsec3 else name
            lines = self._break(lines, owner, kind, how, signings)
            label = how if isinstance(how, str) else how.__name__
            self.questions.append((f"{'answer' if kind == 'A' else denial}: {label}", name, qtype))
        self._add(zone, lines, [self._ds(keys[0])])

    def _break(self, lines, owner, kind, how, signings):
        mine = [x for x in lines if x.is_rrset(owner, kind)]
        rest = [x for x in lines if not x.is_rrset(owner, kind)]
        records = [x for x in mine if x.type == kind]
        if isinstance(how, str):
            sig = next(x for x in signings[how] if x.is_rrset(owner, kind) and x.type == "RRSIG")
            return rest + records + [sig]
        sig = next(x for x in mine if x.type == "RRSIG")
        return rest + how(records, sig, self.rng)

    # ---- broken zones ----

    def _zones_broken(self, per_zone):
        for category in ZONES_BROKEN:
            zone = f"{category.replace('_', '-')}.lab."
            text = self._soa(zone) + "".join(f"w{i} IN A 192.0.2.{i + 1}\n" for i in range(per_zone - 3))
            text += "*.wild IN A 192.0.2.99\n"
            lines, ds = getattr(self, f"_zone_{category}")(zone, text)
            self._add(zone, lines, ds)
            names = [f"w{i}.{zone}" for i in range(per_zone - 3)] + [f"nx.{zone}", f"a.wild.{zone}"]
            self.questions += [(f"zone {category}", n, "A") for n in names]
            self.questions.append((f"zone {category}", names[0], "MX"))

    def _plain(self, zone, text, options=(), **keys):
        made = self._keys(zone, **keys)
        return self._sign(zone, text, made, options), made

    def _zone_ds_digest(self, zone, text):
        lines, keys = self._plain(zone, text)
        ds = self._ds(keys[0]).rstrip()
        return lines, [ds[:-1] + ("0" if ds[-1] != "0" else "1") + "\n"]

    def _zone_ds_tag(self, zone, text):
        lines, keys = self._plain(zone, text)
        ds = self._ds(keys[0]).split()
        ds[4] = str(int(ds[4]) ^ 1)
        return lines, [" ".join(ds) + "\n"]

    def _zone_ds_algorithm(self, zone, text):
        lines, keys = self._plain(zone, text)
        ds = self._ds(keys[0]).split()
        ds[5] = "8"
        return lines, [" ".join(ds) + "\n"]

    def _zone_ds_of_another(self, zone, text):
        lines, _ = self._plain(zone, text)
        return lines, [self._ds(self._key(zone, "-k"))]

    def _zone_dnskey_missing(self, zone, text):
        lines, keys = self._plain(zone, text)
        return [x for x in lines if "DNSKEY" not in (x.type, x.covers)], [self._ds(keys[0])]

    def _zone_dnskey_unsigned(self, zone, text):
        lines, keys = self._plain(zone, text)
        return [x for x in lines if x.covers != "DNSKEY"], [self._ds(keys[0])]

    def _zone_dnskey_flipped(self, zone, text):
        lines, keys = self._plain(zone, text)
        for line in lines:
            if line.covers == "DNSKEY":
                sig_flipped([], line, self.rng)
        return lines, [self._ds(keys[0])]

    def _zone_dnskey_expired(self, zone, text):
        keys = self._keys(zone)
        lines = [x for x in self._sign(zone, text, keys) if x.covers != "DNSKEY"]
        old = self._sign(zone, text, keys, begin=-3 * DAY, end=-DAY)
        return lines + [x for x in old if x.covers == "DNSKEY"], [self._ds(keys[0])]

    def _zone_zsk_unknown(self, zone, text):
        keys = self._keys(zone)
        lines = [x for x in self._sign(zone, text, keys) if x.type != "RRSIG" or x.covers == "DNSKEY"]
        other = self._sign(zone, text, [keys[0], self._key(zone)])
        return lines + [x for x in other if x.type == "RRSIG" and x.covers != "DNSKEY"], [self._ds(keys[0])]

    def _zone_unsigned(self, zone, text):
        lines, keys = self._plain(zone, text)
        return [x for x in lines if x.type not in ("RRSIG", "NSEC", "DNSKEY")], [self._ds(keys[0])]

    def _zone_all_expired(self, zone, text):
        keys = self._keys(zone)
        return self._sign(zone, text, keys, begin=-3 * DAY, end=-DAY), [self._ds(keys[0])]

    def _bent(self, zone, text, old, new):
        """Both keys with other flags or protocol: signed and anchored as they stand."""
        keys = self._keys(zone)
        for key in keys:
            with open(key + ".key", encoding="ascii") as f:
                record = f.read()
            with open(key + ".key", "w", encoding="ascii") as f:
                f.write(re.sub(old, new, record))
        return self._sign(zone, text, keys), [self._ds(keys[0])]

    def _zone_keys_revoked(self, zone, text):
        return self._bent(zone, text, r"DNSKEY\s+25(\d)", lambda m: f"DNSKEY\t{0x180 | int(m.group(1)) & 1}")

    def _zone_not_zone_keys(self, zone, text):
        return self._bent(zone, text, r"DNSKEY\s+25(\d)", lambda m: f"DNSKEY\t{int(m.group(1)) & 1}")

    def _zone_protocol(self, zone, text):
        return self._bent(zone, text, r"(DNSKEY\s+\d+\s+)3", r"\g<1>4")

    def _zone_nsec_dropped(self, zone, text):
        lines, keys = self._plain(zone, text)
        return [x for x in lines if "NSEC" not in (x.type, x.covers)], [self._ds(keys[0])]

    def _zone_nsec3_iterations_51(self, zone, text):
        lines, keys = self._plain(zone, text, ["-n", "-t", "51"])
        return lines, [self._ds(keys[0])]

    def _zone_nsec3_iterations_2500(self, zone, text):
        lines, keys = self._plain(zone, text, ["-n", "-t", "2500"])
        return lines, [self._ds(keys[0])]

    def _zone_nsec3_salts_mixed(self, zone, text):
        """The NSEC3 of two chains, half of each."""
        keys = self._keys(zone)
        chains = [self._sign(zone, text, keys, ["-n", "-t", "0", "-s", salt]) for salt in ("aa", "bb")]
        lines = [x for x in chains[0] if "NSEC3" not in (x.type, x.covers)]
        for chain in chains:
            owners = sorted({x.owner for x in chain if x.type == "NSEC3"})[::2]
            lines += [x for x in chain if x.owner in owners and "NSEC3" in (x.type, x.covers)]
        return lines, [self._ds(keys[0])]

    def _zone_algorithm_unknown(self, zone, text):
        lines, keys = self._plain(zone, text)
        ds = self._ds(keys[0]).split()
        ds[5] = "200"
        return lines, [" ".join(ds) + "\n"]

    def _zone_digest_unknown(self, zone, text):
        lines, keys = self._plain(zone, text)
        ds = self._ds(keys[0]).split()
        ds[6] = "200"
        return lines, [" ".join(ds) + "\n"]

    def _zone_sha1(self, zone, text):
        lines, keys = self._plain(zone, text, algorithm="RSASHA1")
        return lines, [self._ds(keys[0])]

    def _zone_no_ds(self, zone, text):
        return self._plain(zone, text)[0], []


ZONES_BROKEN = ("ds_digest", "ds_tag", "ds_algorithm", "ds_of_another", "dnskey_missing", "dnskey_unsigned",
                "dnskey_flipped", "dnskey_expired", "zsk_unknown", "unsigned", "all_expired", "keys_revoked",
                "not_zone_keys", "protocol", "nsec_dropped", "nsec3_iterations_51", "nsec3_iterations_2500",
                "nsec3_salts_mixed", "algorithm_unknown", "digest_unknown", "sha1", "no_ds")
