#!/usr/bin/env python3
"""Sign a zone in every algorithm and every way to deny, serve it, and judge each answer whole and with a piece missing.

    run.py JUDGE [--keep]

Twelve zones each are signed by ldns-signzone and served by NSD, and signed and served by Knot DNS, on this machine's
loopback. Every answer goes to JUDGE (judge.c) as a line; what it prints and its exit code are ours. Exit code 77 when a tool is
not installed.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import labdns  # noqa: E402
from zones import ALGORITHMS, DENIALS, questions, zone_name, zone_text  # noqa: E402

TOOLS = ("ldns-keygen", "ldns-signzone", "nsd", "knotd")
DAY = 86400
SALT, ITERATIONS = "5a17", 3  # of the NSEC3 zones without opt-out; those with it have neither, as RFC 9276 wants

NSD = """server:
	server-count: 1
	ip-address: 127.0.0.1@{port}
	username: ""
	chroot: ""
	zonesdir: "{dir}"
	database: ""
	pidfile: "{dir}/nsd.pid"
	zonelistfile: "{dir}/zone.list"
	xfrdfile: "{dir}/xfrd.state"
	xfrdir: "{dir}"
	logfile: "{dir}/log"
	ipv4-edns-size: 4096
	minimal-responses: no
	zonefiles-write: 0
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
"""

KNOT = """server:
    rundir: {dir}
    listen: [127.0.0.1@{port}]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
    udp-max-payload: 4096
log:
  - target: stderr
    any: warning
database:
    storage: {dir}/db
policy:
{policies}template:
  - id: default
    storage: {dir}
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    dnssec-signing: on
zone:
{zones}"""


def free_port():
    """A port that nobody has for UDP and TCP just now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.socket() as t:
            u.bind(("127.0.0.1", 0))
            try:
                t.bind(u.getsockname())
            except OSError:
                continue
            return u.getsockname()[1]


def zones():
    return [(a, d) for a in ALGORITHMS for d in DENIALS]


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def ldns_keys(folder, algorithm, zone):
    """Base names of a key-signing and a zone-signing key."""
    return [subprocess.run(["ldns-keygen", "-a", ALGORITHMS[algorithm], *kind, zone], cwd=folder, check=True,
                           capture_output=True, text=True).stdout.strip() for kind in (["-k"], [])]


def start_nsd(folder, port):
    now = int(time.time())
    conf = NSD.format(dir=folder, port=port)
    for algorithm, denial in zones():
        zone = zone_name(algorithm, denial)
        file = zone + "zone"
        write(os.path.join(folder, file + ".in"), zone_text(zone))
        options = {"nsec": [], "nsec3": ["-n", "-t", str(ITERATIONS), "-s", SALT], "optout": ["-n", "-p", "-t", "0"]}
        subprocess.run(["ldns-signzone", *options[denial], "-o", zone, "-i", str(now - DAY), "-e", str(now + DAY),
                        "-f", file, file + ".in", *ldns_keys(folder, algorithm, zone)], cwd=folder, check=True,
                       capture_output=True)
        conf += f'zone:\n\tname: "{zone}"\n\tzonefile: "{file}"\n'
    write(os.path.join(folder, "nsd.conf"), conf)
    return ["nsd", "-d", "-c", os.path.join(folder, "nsd.conf")]


def start_knot(folder, port):
    os.makedirs(os.path.join(folder, "db"))
    policies = served = ""
    for algorithm, denial in zones():
        zone = zone_name(algorithm, denial)
        write(os.path.join(folder, zone + "zone"), zone_text(zone))
        policies += (f"  - id: p{algorithm}{denial}\n    algorithm: {ALGORITHMS[algorithm].lower()}\n"
                     f"    nsec3: {'off' if denial == 'nsec' else 'on'}\n"
                     f"    nsec3-opt-out: {'on' if denial == 'optout' else 'off'}\n"
                     f"    nsec3-iterations: {ITERATIONS if denial == 'nsec3' else 0}\n"
                     f"    nsec3-salt-length: {len(SALT) // 2 if denial == 'nsec3' else 0}\n")
        served += f"  - domain: {zone}\n    file: {zone}zone\n    dnssec-policy: p{algorithm}{denial}\n"
    write(os.path.join(folder, "knot.conf"), KNOT.format(dir=folder, port=port, policies=policies, zones=served))
    return ["knotd", "-c", os.path.join(folder, "knot.conf")]


def ask(port, name, kind, tries=3):
    """The answer's octets, over UDP; None when there is none."""
    for _ in range(tries):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.connect(("127.0.0.1", port))
            query = labdns.query(name, kind, edns=4096, do=True)
            try:
                s.send(query)
                data = s.recv(65535)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if data[:2] == query[:2]:
                return data
    return None


def await_signed(port, process, log, limit_s=20):
    """Until every zone is there with its keys."""
    deadline = time.monotonic() + limit_s
    for algorithm, denial in zones():
        while True:
            data = ask(port, zone_name(algorithm, denial), "DNSKEY", 1)
            if data is not None and labdns.Reply(data).answers >= 3:
                break
            if process.poll() is not None or time.monotonic() > deadline:
                with open(log, encoding="utf-8", errors="replace") as f:
                    sys.exit(f"{process.args[0]} does not serve {zone_name(algorithm, denial)}:\n{f.read()}")
            time.sleep(0.05)


def lines(software, port):
    """What judge.c reads: software, algorithm, denial, zone, kind, name, type, verdict and the answer, by tabs."""
    for algorithm, denial in zones():
        zone = zone_name(algorithm, denial)
        # judge.c wants the keys first
        ordered = sorted(questions(software, algorithm, denial), key=lambda q: q[0] != "dnskey")
        for kind, name, qtype, verdict in ordered:
            data = ask(port, name, qtype)
            if data is None:
                sys.exit(f"{software} does not answer {name} {qtype}")
            yield "\t".join((software, str(algorithm), denial, zone, kind, name, qtype, verdict, data.hex()))


def collect(software, start, folder):
    """All answers of one server; it is gone afterwards."""
    os.makedirs(folder)
    port = free_port()
    argv = start(folder, port)
    log = os.path.join(folder, "output")
    with open(log, "wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        await_signed(port, process, log)
        return list(lines(software, port))
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judge")
    parser.add_argument("--keep", action="store_true", help="leave zones, keys and answers where they are")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    missing = [t for t in TOOLS if shutil.which(t, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None]
    if missing:
        print(f"skipped: not installed: {', '.join(missing)}")
        return 77
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    folder = tempfile.mkdtemp(prefix="swerve-proofs-")
    try:
        answers = collect("nsd", start_nsd, os.path.join(folder, "nsd"))
        answers += collect("knot", start_knot, os.path.join(folder, "knot"))
        write(os.path.join(folder, "answers.tsv"), "\n".join(answers) + "\n")
        with open(os.path.join(folder, "answers.tsv"), "rb") as f:
            return subprocess.run([args.judge], stdin=f).returncode
    finally:
        if args.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
