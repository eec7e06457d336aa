"""Linux keeps the rest: at swerve's own addresses it answers ping, ARP and ND, and TCP, while UDP is swerve's."""

import socket
import struct

import labdns
from labcase import expect


def echo(address):
    """Does a ping come back?"""
    v6 = ":" in address
    family, proto, kind = (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128) if v6 else (socket.AF_INET, socket.IPPROTO_ICMP, 8)
    data = struct.pack("!2BHHH", kind, 0, 0, 53, 1) + b"swerve"
    if not v6:  # for IPv6 the kernel fills the checksum
        total = sum(struct.unpack("!7H", data))
        total = (total >> 16) + (total & 0xFFFF)
        data = data[:2] + struct.pack("!H", ~total & 0xFFFF) + data[4:]
    with socket.socket(family, socket.SOCK_RAW, proto) as s:
        s.settimeout(1.0)
        s.sendto(data, (address, 0))
        try:
            while True:
                reply = s.recv(1500)
                if reply.endswith(b"swerve") and reply[0 if v6 else 20] == (129 if v6 else 0):
                    return True
        except TimeoutError:
            return False


def tcp(address, port):
    """What a connection meets."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(1.0)
        try:
            s.connect((address, port))
            return "accepted"
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silence"


def run(bench):
    with bench.swerve() as swerved, bench.lab.net.inside("client"):
        for address in (bench.service4, bench.service6):
            before = swerved.stats()["sum"]["received"]
            expect(echo(address), f"{address} does not answer a ping")
            for port, wanted in ((labdns.PORT, "accepted"), (labdns.PORT + 1, "refused")):
                met = tcp(address, port)
                expect(met == wanted, f"TCP to {address} port {port}: {met}, not {wanted}")
            reply = labdns.ask(address, "com.", "SOA")
            expect(reply is not None and reply.rcode == "NOERROR", f"UDP to {address}: {reply}")
            expect(swerved.stats()["sum"]["received"] > before, "the question did not come to swerve")
        expect(swerved.stats()["sum"]["dropped"].get("not_ours", 0) == 0, "packets that are not ours came to swerve")
    return "ping answered, TCP accepted at 53 and refused elsewhere by the kernel, UDP answered by swerve, over IPv4 and IPv6"
