"""Recorded answers for swerve-gen's sites: NSD serves the lab's signed zones for a moment and is asked every question there will be."""

import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

from figures import NotMeasured

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/lab"))
sys.path.insert(0, os.path.join(ROOT, "tests/bench"))

TYPES = {"A": 1, "NS": 2, "SOA": 6, "DNSKEY": 48, "DS": 43, "AAAA": 28}
WINDOW = 128

NSD = """server:
	server-count: 1
	ip-address: 127.0.0.1
	port: {port}
	username: ""
	chroot: ""
	zonesdir: "{dir}"
	database: ""
	pidfile: "{dir}/nsd.pid"
	zonelistfile: "{dir}/zone.list"
	xfrdfile: "{dir}/xfrd.state"
	xfrdir: "{dir}"
	logfile: "{dir}/nsd.log"
	ipv4-edns-size: 1232
	zonefiles-write: 0
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
"""


def questions(count):
    """Questions that a forwarder of any kind answers alike: DS of signed delegations, and names that are not there."""
    import labzones

    rng = random.Random("bench")
    signed = [n for t in labzones.TLDS for n in labzones.signed_names(t)]
    out = []
    for i in range(count):
        if i % 2:
            out.append((f"nx{rng.getrandbits(40):010x}.{rng.choice(labzones.TLDS)}", "A"))
        else:
            out.append((signed[i // 2 % len(signed)], "DS"))
    return out


def query(ident, name, kind, do):
    wire = b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".") if p) + b"\0"
    out = struct.pack("!6H", ident, 0, 1, 0, 0, 1 if do is not None else 0) + wire + struct.pack("!2H", TYPES[kind], 1)
    return out if do is None else out + b"\0" + struct.pack("!2HIH", 41, 1232, 0x8000 if do else 0, 0)


def ask_all(address, wanted, out):
    """Every question, without EDNS, with it, and with DO; answers to a file, a line each."""
    pending = {i: query(i & 0xFFFF, *q, do) for i, (q, do) in
               enumerate((q, do) for q in wanted for do in (None, True))}
    deadline, open_ = time.monotonic() + 60, {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, open(out, "w", encoding="ascii") as f:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.connect(address)
        while (pending or open_) and time.monotonic() < deadline:
            while pending and len(open_) < WINDOW:
                i, data = pending.popitem()
                open_[i & 0xFFFF] = (i, data, time.monotonic())
                s.send(data)
            if select.select([s], [], [], 0.2)[0]:
                answer = s.recv(65535)
                if open_.pop(struct.unpack("!H", answer[:2])[0], None):
                    f.write(answer.hex() + "\n")
            for ident, (i, data, at) in list(open_.items()):
                if time.monotonic() - at > 1:
                    pending[i] = open_.pop(ident)[1]
    if pending or open_:
        raise NotMeasured("NSD does not answer every question")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def record(folder, count):
    """Make zones, answers and names under folder: (answers, names, trust anchor)."""
    for tool in ("nsd", "ldns-signzone", "ldns-keygen"):
        if not shutil.which(tool):
            raise NotMeasured(f"{tool} is not there")
    import labzones

    zones = labzones.Zones(os.path.join(folder, "zones"))
    zones.prepare()
    zones.version("fresh")
    conf, port = os.path.join(folder, "nsd.conf"), free_port()
    with open(conf, "w", encoding="ascii") as f:
        f.write(NSD.format(port=port, dir=zones.folder))
        for zone, file in ((".", "root.zone"), *((t, f"{t}fresh") for t in labzones.TLDS)):
            f.write(f'zone:\n\tname: "{zone}"\n\tzonefile: "{file}"\n')
    wanted = questions(count)
    apexes = [(z, t) for z in (".", *labzones.TLDS) for t in ("SOA", "DNSKEY", "DS", "NS") if (z, t) != (".", "DS")]
    names, answers = os.path.join(folder, "names"), os.path.join(folder, "answers")
    with open(names, "w", encoding="ascii") as f:
        f.writelines(f"{n} {t}\n" for n, t in wanted)
    with open(os.path.join(folder, "nsd.out"), "wb") as log:
        nsd = subprocess.Popen(["nsd", "-d", "-c", conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        time.sleep(0.5)
        ask_all(("127.0.0.1", port), wanted + apexes, answers)
    finally:
        nsd.terminate()
        nsd.wait()
    return answers, names, zones.anchor
