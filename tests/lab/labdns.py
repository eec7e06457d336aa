"""Just enough DNS for the lab's own questions: build a query, read a reply's header and a SOA serial."""

import os
import socket
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "DNAME": 39, "DS": 43,
         "DNSKEY": 48, "NSEC3PARAM": 51, "HTTPS": 65}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
PORT = 53


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("ascii")
    return out + b"\0"


def query(name, kind, ident=None, rd=False, edns=1232, do=False):
    """One question as octets. edns None: without an OPT record."""
    if ident is None:
        ident = int.from_bytes(os.urandom(2), "big")
    head = struct.pack("!6H", ident, 0x0100 if rd else 0, 1, 0, 0, 1 if edns else 0)
    body = encode_name(name) + struct.pack("!2H", TYPES[kind], 1)
    if edns:
        body += b"\0" + struct.pack("!2HIH", 41, edns, 0x8000 if do else 0, 0)
    return head + body


class Reply:
    """A reply's header. `data` is the whole of it."""

    def __init__(self, data):
        self.data = data
        self.id, self.flags, _, self.answers, self.authorities, self.additionals = struct.unpack_from("!6H", data)
        self.rcode = RCODES.get(self.flags & 15, str(self.flags & 15))
        self.aa = bool(self.flags & 0x0400)
        self.tc = bool(self.flags & 0x0200)
        self.ad = bool(self.flags & 0x0020)

    def ede(self):
        """The extended error in an answer without records, or None."""
        opt = self.data.rfind(b"\0\0\x29")
        if opt < 0 or len(self.data) < opt + 17 or self.data[opt + 11:opt + 13] != b"\0\x0f":
            return None
        return struct.unpack_from("!H", self.data, opt + 15)[0]

    def extended_error(self):
        """The first extended error (RFC 8914) of the OPT record, wherever that is; None without."""
        pos = 12
        if self.data[5]:
            pos = skip_name(self.data, pos) + 4
        for _ in range(self.answers + self.authorities + self.additionals):
            pos = skip_name(self.data, pos)
            kind, _, _, length = struct.unpack_from("!HHIH", self.data, pos)
            pos += 10
            end = pos + length
            while kind == 41 and pos + 4 <= end:
                code, size = struct.unpack_from("!2H", self.data, pos)
                if code == 15 and size >= 2:
                    return struct.unpack_from("!H", self.data, pos + 4)[0]
                pos += 4 + size
            pos = end
        return None

    def __str__(self):
        bits = "".join(f" {b}" for b in ("aa", "tc", "ad") if getattr(self, b))
        return f"{self.rcode}{bits} {self.answers}/{self.authorities}/{self.additionals}"


def ask(address, name, kind, timeout_s=2.0, **options):
    """Ask once over UDP, from the namespace the caller is in; None when nothing comes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout_s)
        s.connect((address, PORT))
        message = query(name, kind, **options)
        try:
            s.send(message)
            while True:
                data = s.recv(65535)
                if len(data) >= 12 and data[:2] == message[:2]:
                    return Reply(data)
        except (TimeoutError, ConnectionRefusedError):
            return None


def ask_tcp(address, questions, timeout_s=5.0, **options):
    """Ask several at once over one TCP connection; {(name, kind): Reply}, without those that got none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    asked = {i: q for i, q in enumerate(questions)}
    replies = {}
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(timeout_s)
        s.connect((address, PORT))
        messages = [query(name, kind, ident=i, **options) for i, (name, kind) in asked.items()]
        s.sendall(b"".join(struct.pack("!H", len(m)) + m for m in messages))
        stream = b""
        while len(replies) < len(asked):
            try:
                part = s.recv(65535)
            except (TimeoutError, ConnectionResetError):
                break
            if not part:
                break
            stream += part
            while len(stream) >= 2 and len(stream) >= 2 + int.from_bytes(stream[:2], "big"):
                end = 2 + int.from_bytes(stream[:2], "big")
                reply = Reply(stream[2:end])
                replies[asked[reply.id]] = reply
                stream = stream[end:]
    return replies


def soa_serial(reply):
    """The serial of the first answer, when it is a SOA; else None."""
    if reply is None or not reply.answers:
        return None
    data, pos = reply.data, 12
    pos = skip_name(data, pos) + 4
    pos = skip_name(data, pos)
    kind, _, _, _ = struct.unpack_from("!HHIH", data, pos)
    if kind != TYPES["SOA"]:
        return None
    pos = skip_name(data, skip_name(data, pos + 10))
    return struct.unpack_from("!I", data, pos)[0]


def skip_name(data, pos):
    """One past a name in a message."""
    while True:
        if data[pos] >= 0xC0:
            return pos + 2
        if data[pos] == 0:
            return pos + 1
        pos += data[pos] + 1
