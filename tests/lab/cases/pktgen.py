"""scripts/pktgen, with testpmd in Pktgen's place: a capture of queries goes in over vhost-user, every one is answered.

Clients are behind net_vhost, upstreams are the lab's, over AF_XDP. Then swerve-gen takes testpmd's place: open loop, checksums
looked at.
"""

import json
import os
import struct
import subprocess
import sys

import labzones
from cases.device import bridge, need_testpmd
from labcase import await_true, expect

QUERIES = 400  # fewer than the ring holds: testpmd sends all at once, and does not try again
RATE, SECONDS = 300, 2


def make_pcap(bench, names, out):
    maker = os.path.join(os.path.dirname(__file__), "../../../scripts/pktgen/make-pcap")
    subprocess.run([sys.executable, maker, "--names", names, "--out", out, "--count", str(QUERIES), "--server",
                    bench.service4, "--server", bench.service6], check=True, stdout=subprocess.DEVNULL)


def frames(path):
    """(UDP payload, client's port) of every frame of a capture."""
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack("=4I", data[at:at + 16])[2]
        frame = data[at + 16:at + 16 + length]
        udp = 34 if frame[12:14] == b"\x08\x00" else 54
        yield frame[udp + 8:], struct.unpack("!2H", frame[udp:udp + 4])
        at += 16 + length


def answered(queries, answers):
    """How many queries have an answer that is one; testpmd may not have written the last octets yet."""
    asked = {(p[0], dns[:2]) for dns, p in frames(queries)}
    got = {(p[1], dns[:2]) for dns, p in frames(answers) if len(dns) > 3 and dns[2] & 0x80 and dns[3] & 0xF in (0, 3)}
    return len(asked & got)


def replay(bench, socket, queries, answers):
    bridge(bench.lab, f"net_virtio_user0,path={socket},queue_size=1024", ("--single-file-segments",),
           f"net_pcap0,rx_pcap={queries},tx_pcap={answers}")
    try:
        await_true(lambda: os.path.exists(answers), 10, "testpmd makes no capture")
        await_true(lambda: answered(queries, answers) == QUERIES, 10, "not every query of the capture is answered")
    finally:
        bench.lab.servers.stop("testpmd")


def generate(bench, socket, names):
    out = f"{bench.lab.folder}/gen.json"
    bench.lab.servers.start(
        "edge", "swerve-gen", os.path.join(bench.build, "gen/swerve-gen"), "--lcores", "0@0", "--in-memory", "--no-pci",
        "--no-telemetry", "-m", "512", "--single-file-segments", "--vdev",
        f"net_virtio_user0,path={socket},queue_size=1024", "--", "--names", names, "--server", bench.service4, "--server",
        bench.service6, "--client", "10.1.0.1", "--client", "fd00:1::1", "--rate", str(RATE), "--seconds", str(SECONDS),
        "--json", out)
    process = bench.lab.servers.processes["swerve-gen"]
    try:
        await_true(lambda: process.poll() is not None, 20, "swerve-gen does not end")
    finally:
        bench.lab.servers.stop("swerve-gen")
    expect(process.returncode == 0, f"swerve-gen ended with {process.returncode}")
    with open(out, encoding="ascii") as f:
        seen = json.load(f)
    clients = seen["clients"]
    wrong = {k: clients[k] for k in ("lost", "late", "duplicate", "unmatched", "wrong", "reflected") if clients[k]}
    expect(not wrong and not seen["malformed"], f"swerve-gen: {wrong}, {seen['malformed']} malformed")
    expect(set(clients["rcode"]) <= {"NOERROR", "NXDOMAIN"}, f"swerve-gen: {clients['rcode']}")
    expect(clients["sent"] + clients["held"] > 0.9 * RATE * SECONDS, f"swerve-gen: {clients}")
    return clients["answered"]


def run(bench):
    need_testpmd(bench)
    folder = bench.lab.folder
    socket, queries, answers = f"{folder}/clients.sock", f"{folder}/queries.pcap", f"{folder}/answers.pcap"
    names = labzones.question_file(f"{folder}/pktgen.names", QUERIES, seed="pktgen")
    make_pcap(bench, names, queries)
    swerved = bench.swerved
    swerved.more_ports = f'  - name: clients\n    driver: device\n    device: "net_vhost0,iface={socket}"\n'
    try:
        with bench.swerve():
            replay(bench, socket, queries, answers)
            generated = generate(bench, socket, names)
    finally:
        swerved.more_ports = ""
    return f"{QUERIES} of a capture and {generated} of swerve-gen's answered over vhost-user"
