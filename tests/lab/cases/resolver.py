"""Origin resolution end to end: unbound behind swerve follows a chain from .com to .net and validates it."""

import labdns
from labcase import expect
from labnet import REAL, addr4, addr6


def run(bench):
    with bench.swerve():
        bench.lab.servers.resolvers()
        try:
            with bench.lab.net.inside("client"):
                for address in (addr4("resolver", REAL), addr6("resolver", REAL)):
                    for name, secure in (("eu.shopfront.com.", True), ("eu.plainshop.com.", False)):
                        reply = labdns.ask(address, name, "A", timeout_s=8, rd=True, do=True)
                        expect(reply is not None, f"unbound does not answer {name}")
                        expect(reply.rcode == "NOERROR" and reply.answers >= 2 and reply.ad == secure,
                               f"{name}: {reply}, expected a chain, secure {secure}")
                    reply = labdns.ask(address, "no-such-shop.com.", "A", timeout_s=8, rd=True)
                    expect(reply is not None and reply.rcode == "NXDOMAIN", f"no-such-shop.com.: {reply}")
        finally:
            for label in ("unbound-edge", "unbound-direct"):
                bench.lab.servers.stop(label)
    return "signed chain validated (AD), unsigned chain resolved, NXDOMAIN proved, over IPv4 and IPv6"
