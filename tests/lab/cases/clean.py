"""Clean forwarding over IPv4 and IPv6: answers, referrals, denials, DS, apex; others' zones are refused."""

import labdns
from labcase import expect

NOT_AUTHORITATIVE = 20  # RFC 8914 s4.21

QUESTIONS = (
    ("com.", "SOA", "NOERROR"), ("com.", "NS", "NOERROR"), ("com.", "DNSKEY", "NOERROR"),
    ("shopfront.com.", "DS", "NOERROR"), ("www.shopfront.com.", "A", "NOERROR"),
    ("plainshop.com.", "DS", "NOERROR"), ("www.plainhost.net.", "AAAA", "NOERROR"),
    ("nobody-has-this.com.", "A", "NXDOMAIN"), ("nobody.has.this.net.", "TXT", "NXDOMAIN"),
    ("com.", "MX", "NOERROR"),
)


def run(bench):
    with bench.swerve() as swerved:
        asked = 0
        with bench.lab.net.inside("client"):
            for address in (bench.service4, bench.service6):
                for name, kind, rcode in QUESTIONS:
                    for do in (True, False):
                        reply = labdns.ask(address, name, kind, do=do)
                        expect(reply is not None, f"{address} does not answer {name} {kind}")
                        expect(reply.rcode == rcode, f"{name} {kind} at {address}: {reply}, not {rcode}")
                        asked += 1
        swerved.apply_routes(root=False)
        with bench.lab.net.inside("client"):
            for address in (bench.service4, bench.service6):
                reply = labdns.ask(address, "example.org.", "A")
                expect(reply is not None and reply.rcode == "REFUSED" and reply.ede() == NOT_AUTHORITATIVE,
                       f"example.org. at {address}, which is not routed: {reply}")
                asked += 1
        return f"{asked} questions over IPv4 and IPv6 answered as they should be"
