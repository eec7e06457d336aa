"""One zone with every kind of name, and the questions that bring out every kind of proof.

`questions()` says for each what the answer is and what a validator must say of it: `S` secure, `I` insecure, `B` bogus; three
letters when that depends on how the zone denies: NSEC, NSEC3, NSEC3 with opt-out. With opt-out a proof that a name does
not exist is never secure (RFC 5155 s9.2): an unsigned delegation may hide in the span. Signers may leave unsigned
delegations, and the empty non-terminals above them, out of the chain then (RFC 5155 s6, s7.1): Knot does, ldns does not;
their letter is `O`.
"""

DENIALS = ("nsec", "nsec3", "optout")
ALGORITHMS = {13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519", 16: "ED448"}
FILLER = 24  # names between the others, so that few records do two duties in one proof


def zone_name(algorithm, denial):
    return f"a{algorithm}-{denial}.lab."


def zone_text(zone):
    """Unsigned, one file for every way to sign it."""
    digest = "49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC1234"
    lines = [
        "@ IN SOA ns1 hostmaster 1 3600 900 604800 300",
        "@ IN NS ns1",
        "@ IN NS ns2",
        "@ IN MX 10 www",
        '@ IN TXT "first string" "second string"',
        "ns1 IN A 192.0.2.1",
        "ns1 IN AAAA 2001:db8::1",
        "ns2 IN A 192.0.2.2",
        "WWW IN A 192.0.2.80",
        "www IN A 192.0.2.81",
        "www IN AAAA 2001:db8::80",
        # CNAMEs: to data, to a CNAME, to nothing, to a wildcard, through a wildcard, to delegations
        "alias IN CNAME Www",
        "alias2 IN CNAME alias",
        "dangling IN CNAME nothere",
        "to-nodata IN CNAME txtonly",
        "to-wild IN CNAME some.wild",
        "to-unsigned IN CNAME host.unsigned",
        "to-signed IN CNAME host.signed",
        "out IN CNAME elsewhere.example.",
        "txtonly IN TXT text",
        # wildcards: an empty non-terminal above one, a name beside it that hides it, a CNAME, a star inside a name
        "*.wild IN A 192.0.2.90",
        "*.wild IN TXT wild",
        "x.y.wild IN A 192.0.2.91",
        "*.cwild IN CNAME www",
        "*.nwild IN CNAME nothere",
        "sub.*.star IN A 192.0.2.92",
        # empty non-terminals
        "a.b.c.ent IN A 192.0.2.93",
        # delegations
        "signed IN NS ns.signed",
        "signed IN NS ns.elsewhere.example.",
        "ns.signed IN A 192.0.2.100",
        f"signed IN DS 12345 13 2 {digest}",
        f"signed IN DS 54321 8 2 {digest[::-1]}",
        "unsigned IN NS ns.unsigned",
        "unsigned IN NS ns2.unsigned",
        "ns.unsigned IN A 192.0.2.101",
        "ns2.unsigned IN A 192.0.2.102",
        "hidden.optent IN NS ns.elsewhere.example.",
        # DNAMEs: out of the zone, and inside it
        "d IN DNAME target.example.",
        "din IN DNAME landing",
        "www.landing IN A 192.0.2.94",
    ]
    lines += [f"f{i:02}-{i * 7919 % 1000:03} IN A 192.0.2.{i}" for i in range(FILLER)]
    return f"$ORIGIN {zone}\n$TTL 3600\n" + "\n".join(lines) + "\n"


# kind, names (below the zone; @ the zone), type, verdict
QUESTIONS = (
    ("answer", "www WwW ns1", "A", "S"),
    ("answer", "@", "SOA", "S"),
    ("answer", "@", "NS", "S"),
    ("answer", "@", "MX", "S"),
    ("answer", "@", "TXT", "S"),
    ("dnskey", "@", "DNSKEY", "S"),
    ("cname", "alias alias2", "A", "S"),
    ("cname", "alias", "CNAME", "S"),
    ("cname out of zone", "out", "A", "S"),
    ("cname to name error", "dangling", "A", "SSI"),
    ("cname to no data", "to-nodata", "A", "S"),
    ("cname to wildcard", "to-wild", "A", "SSI"),
    ("cname to unsigned delegation", "to-unsigned", "A", "I"),
    ("cname to signed delegation", "to-signed", "A", "S"),
    ("name error", "nx nx.www a.b.c.nx *.www zzzz 0 *.nx.www", "A", "SSI"),
    ("name error", "nx.c.ent z.a.b.c.ent", "A", "SSI"),
    ("name error below a name beside the wildcard", "nx.y.wild a.b.y.wild", "A", "SSI"),
    ("name error at a star inside", "nx.*.star *.*.star", "A", "SSI"),
    ("name error", "nx", "DS", "SSI"),
    ("no data", "www", "MX", "S"),
    ("no data", "@", "A", "S"),
    ("no data", "txtonly", "AAAA", "S"),
    ("no data", "*.wild", "MX", "S"),
    ("no data, DS of no delegation", "www", "DS", "S"),
    ("no data at an empty non-terminal", "ent c.ent b.c.ent wild star y.wild cwild", "A", "S"),
    ("no data at an empty non-terminal", "c.ent", "DS", "S"),
    ("no data above an unsigned delegation", "optent", "A", "SSO"),
    ("no data above an unsigned delegation", "optent", "DS", "SSO"),
    ("DS", "signed", "DS", "S"),
    ("no DS", "unsigned hidden.optent", "DS", "SSO"),
    ("wildcard answer", "some.wild a.b.wild", "A", "SSI"),
    ("wildcard answer", "some.wild", "TXT", "SSI"),
    ("the wildcard itself", "*.wild", "A", "S"),
    ("wildcard cname", "some.cwild", "A", "SSI"),
    ("wildcard cname to name error", "some.nwild", "A", "SSI"),
    ("wildcard no data", "some.wild a.b.wild", "MX", "SSI"),
    ("wildcard no data", "some.wild", "DS", "SSI"),
    ("wildcard no data at an empty star", "some.star a.b.star", "A", "SSI"),
    ("signed delegation", "signed", "NS", "S"),
    ("signed delegation", "x.signed a.b.signed ns.signed", "A", "S"),
    ("unsigned delegation", "unsigned hidden.optent", "NS", "I"),
    ("unsigned delegation", "x.unsigned a.b.unsigned ns.unsigned x.hidden.optent", "A", "I"),
    ("dname", "x.d a.b.d", "A", "S"),
    ("dname", "d", "DNAME", "S"),
    ("no data at a dname", "d", "A", "S"),
    ("dname inside", "www.din", "A", "S"),
    ("dname to name error", "nx.din", "A", "SSI"),
)


# Proofs that a server leaves incomplete: (software, denial, kind).
INCOMPLETE = {
    # Knot 3.2 sends the NSEC that covers the name, but not the one that shows what the wildcard is: RFC 4035 s3.1.3.4.
    ("knot", "nsec", "wildcard no data at an empty star"),
}


def questions(software, algorithm, denial):
    """(kind, name, type, verdict) for one zone of one server."""
    zone = zone_name(algorithm, denial)
    hides = "I" if software == "knot" else "S"
    for kind, names, qtype, verdict in QUESTIONS:
        letter = verdict if len(verdict) == 1 else verdict[DENIALS.index(denial)].replace("O", hides)
        if (software, denial, kind) in INCOMPLETE:
            letter = "B"
        for name in names.split():
            yield kind, zone if name == "@" else f"{name}.{zone}", qtype, letter
