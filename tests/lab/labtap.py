"""A witness on the wire: what swerve sends to a site and what comes back, seen at the site's own interface.

The show's figure does not rest on swerve's word. Times are the kernel's, from the packet.
"""

import socket
import struct
import threading

import labdns
from labnet import SOURCE, addr4, addr6
from labzones import TLDS

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_TIMESTAMPNS = 35
UDP = 17
RRSIG = 46


def udp_payload(frame):
    """(source, destination, sport, dport, payload) of an Ethernet frame; None when it is not plain UDP."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == UDP:
        at = 14 + (frame[14] & 15) * 4
        ends = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
    elif kind == 0x86DD and frame[20] == UDP:
        at = 54
        ends = (socket.inet_ntop(socket.AF_INET6, frame[22:38]), socket.inet_ntop(socket.AF_INET6, frame[38:54]))
    else:
        return None
    sport, dport = struct.unpack_from("!2H", frame, at)
    return (*ends, sport, dport, frame[at + 8:])


def earliest_end(data):
    """The earliest expiration of the RRSIG records in a message; None without any."""
    _, _, _, *counts = struct.unpack_from("!6H", data)
    pos = labdns.skip_name(data, 12) + 4
    found = []
    for _ in range(sum(counts)):
        pos = labdns.skip_name(data, pos)
        kind, _, _, length = struct.unpack_from("!HHIH", data, pos)
        if kind == RRSIG:
            found.append(struct.unpack_from("!I", data, pos + 18)[0])
        pos += 10 + length
    return min(found, default=None)


class Tap:
    """Watches one site. Times in epoch seconds, 0.0 while there is none."""

    def __init__(self, net, site):
        with net.inside(site):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.settimeout(0.2)
        self.swerve = (addr4("edge", SOURCE), addr6("edge", SOURCE))
        self.probe_names = {labdns.encode_name(t) for t in (*TLDS, ".")}
        self.queries = 0
        self.last_query = 0.0  # the last that a client's question caused; probes ask for an apex
        self.first_expired = 0.0  # the first reply to swerve with a signature that is over
        self.watching = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.watching = False
        self.thread.join()
        self.socket.close()

    def _run(self):
        while self.watching:
            try:
                frame, ancillary, _, _ = self.socket.recvmsg(4096, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            try:
                self._see(frame, seconds + nanoseconds / 1e9)
            except (struct.error, IndexError):
                pass  # cut off, or not DNS

    def _see(self, frame, when):
        packet = udp_payload(frame)
        if packet is None:
            return
        source, destination, sport, dport, data = packet
        if source in self.swerve and dport == labdns.PORT:
            name = data[12:labdns.skip_name(data, 12)].lower()
            if name not in self.probe_names:
                self.queries += 1
                self.last_query = when
        elif destination in self.swerve and sport == labdns.PORT and not self.first_expired:
            end = earliest_end(data)
            if end is not None and end < int(when):  # the second it names is its last (RFC 4035 s5.3.1)
                self.first_expired = when


class Recorder:
    """Writes what comes in at a host's interfaces into a capture file, as tcpdump would: Ethernet, nanoseconds."""

    MAGIC, EN10MB, LONGEST = 0xA1B23C4D, 1, 65535

    def __init__(self, net, host, path):
        with net.inside(host):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.settimeout(0.2)
        self.file = open(path, "wb")
        self.file.write(struct.pack("=IHHiIII", self.MAGIC, 2, 4, 0, 0, self.LONGEST, self.EN10MB))
        self.frames = 0
        self.recording = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.recording = False
        self.thread.join()
        self.socket.close()
        self.file.close()

    def _run(self):
        while self.recording:
            try:
                frame, ancillary, _, address = self.socket.recvmsg(self.LONGEST, 64)
            except TimeoutError:
                continue
            if address[2] == PACKET_OUTGOING:
                continue  # a router's: it came in somewhere else
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            self.file.write(struct.pack("=4I", seconds, nanoseconds, len(frame), len(frame)) + frame)
            self.frames += 1
