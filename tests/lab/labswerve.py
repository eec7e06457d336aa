"""swerved in the lab's edge: its two configuration files, its life, and what swervectl says of it."""

import json
import os
import shutil
import signal
import struct
import subprocess
import time

from labnet import FAULTY, REAL, SITES, SOURCE, addr4, addr6
from labzones import TLDS

ORDER = SITES

SETTINGS = """eal:
  main_lcore: 0
  workers: [1]
  crypto: []
  memory_mb: {memory_mb}
  hugepages: {hugepages}
  telemetry: {telemetry}
  args: []

ports:
  - name: uplink
    driver: {driver}
    device: {device}
{more_ports}
addresses:
  service: [{service4}, "{service6}"]
  source: [{source4}, "{source6}"]

region: apac
routes: {dir}/routes.yaml
trust_anchor: {anchor}
state_dir: {dir}/state
control_socket: {dir}/ctl.sock
xdp_object: {xdp}
events: {dir}/events.jsonl

steering:
{steering}
cache:
  answers: {{{answers}}}

{more}limits:
  drain_ms: 2000
"""

# The lab's clock runs faster than the world's. The margin is 0 so that a site is judged by what it answers, not by how
# near its end is: the show and the tests are about signatures that *have* ended.
STEERING = {"probe_interval_ms": 1000, "expiry_margin_s": 0}

# Answers are not kept, so that every question shows what a site says now; tests of the cache say otherwise.
ANSWERS = {"size_mb": 0}


class SwerveError(Exception):
    """swerved or swervectl did not do what was asked."""


class Swerve:
    """One swerved. `fronts`: sites that are asked through their faulty front."""

    def __init__(self, lab, build, hugepages=True, driver="af_xdp"):
        self.lab, self.build = lab, build
        self.hugepages, self.driver, self.device = hugepages, driver, "eth0"
        self.more_ports = ""  # lines of swerve.yaml behind the first port
        self.dir = lab.servers.place("swerved")
        self.socket = os.path.join(self.dir, "ctl.sock")
        self.events_path = os.path.join(self.dir, "events.jsonl")
        self.clock_path = os.path.join(self.dir, "clock")
        self.process = None

    def program(self, name):
        return os.path.join(self.build, "control", name)

    def _xdp(self):
        for folder, _, files in os.walk(os.path.join(self.build, "dataplane")):
            for name in files:
                if name.endswith(".o") and "xdp" in name and not folder.endswith(".p"):
                    return os.path.join(folder, name)
        return "/usr/lib/swerve/swerve_xdp.o"

    def configure(self, fronts=(), steering=None, zone_sites=None, answers=None, more="", routes_text=None,
                  telemetry=False):
        os.makedirs(os.path.join(self.dir, "state"), exist_ok=True)
        keys = {**STEERING, **(steering or {})}
        text = SETTINGS.format(
            dir=self.dir, anchor=self.lab.zones.anchor, xdp=self._xdp(), driver=self.driver,
            telemetry=str(telemetry).lower(), device=self.device, more_ports=self.more_ports,
            memory_mb=512 if self.hugepages else 256, hugepages=str(self.hugepages).lower(),
            service4=addr4("edge", REAL), service6=addr6("edge", REAL),
            source4=addr4("edge", SOURCE), source6=addr6("edge", SOURCE),
            answers=", ".join(f"{k}: {v}" for k, v in (answers or ANSWERS).items()),
            steering="".join(f"  {k}: {v}\n" for k, v in keys.items()), more=more)
        self._write("swerve.yaml", text)
        self._write("routes.yaml", routes_text or routes(fronts, zone_sites))

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def launch(self, peer=None, keep_state=False, clock=None, **configure):
        """Start it, wait for nothing.

        peer: called when the process is there, to connect what its port's other end is.
        keep_state: go on with the tables and path states of the one before.
        clock: seconds that its clock is ahead of the machine's; set_clock() changes them.
        """
        if not keep_state:
            shutil.rmtree(os.path.join(self.dir, "state"), ignore_errors=True)
        self.configure(**configure)
        self.events_from = os.path.getsize(self.events_path) if os.path.exists(self.events_path) else 0
        argv = [self.program("swerved"), "-c", os.path.join(self.dir, "swerve.yaml")]
        if clock is not None:
            self.set_clock(clock)
            shim = os.path.join(self.build, "tests/lab/liblab_clock.so")
            argv = ["env", f"LD_PRELOAD={shim}", f"LAB_CLOCK={self.clock_path}", *argv]
        self.process = self.lab.servers.start("edge", "swerved", *argv)
        if peer:
            peer()

    def start(self, limit_s=20, **options):
        """Start and wait until it answers for both zones over IPv4 and IPv6 from the client's side.

        One that does not is ended: the next test wants its memory.
        """
        try:
            self.launch(**options)
            self.await_ready(limit_s)
        except BaseException:
            if self.process is not None:
                self.process.kill()
                self.stop()
            raise

    def await_ready(self, limit_s):
        deadline = time.monotonic() + limit_s
        while not self.ready():
            if self.process.poll() is not None:
                raise SwerveError(f"swerved ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise SwerveError(f"swerved does not answer after {limit_s} s:\n{self.log_tail()}")
            time.sleep(0.1)

    def set_clock(self, ahead_s):
        """See clock.c. In place, because swerved has the file mapped."""
        with open(self.clock_path, "r+b" if os.path.exists(self.clock_path) else "w+b") as f:
            f.write(struct.pack("q", ahead_s))

    def ready(self):
        import labdns

        if not os.path.exists(self.socket):
            return False
        with self.lab.net.inside("client"):
            for address in (addr4("edge", REAL), addr6("edge", REAL)):
                for tld in TLDS:
                    reply = labdns.ask(address, tld, "SOA", timeout_s=0.5)
                    if reply is None or reply.rcode != "NOERROR":
                        return False
        return True

    def log_tail(self, lines=20):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def stop(self, number=signal.SIGTERM, limit_s=10):
        """End it; returns (exit status, seconds it took). A swerved that must be killed is an error."""
        process, self.process = self.process, None
        self.lab.servers.processes.pop("swerved", None)
        if process is None:
            return None
        begun = time.monotonic()
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise SwerveError(f"swerved did not end within {limit_s} s of signal {number}") from None
        return process.returncode, time.monotonic() - begun

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def ctl(self, *words, check=True):
        """swervectl's answer, parsed."""
        done = subprocess.run([self.program("swervectl"), "-s", self.socket, *words, "--json"],
                              capture_output=True, text=True, timeout=10)
        if check and done.returncode:
            raise SwerveError(f"swervectl {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def stats(self):
        return self.ctl("stats")

    def sites(self):
        """The list of paths, each with zone, site, address, state, sent, outcomes and more."""
        return self.ctl("sites")

    def states(self):
        """{(zone, site): set of states of its addresses}"""
        out = {}
        for path in self.sites():
            out.setdefault((path["zone"], path["site"]), set()).add(path["state"])
        return out

    def sent(self, site):
        return sum(p.get("sent", 0) for p in self.sites() if p["site"] == site)

    def apply_routes(self, fronts=(), zone_sites=None, root=True):
        path = self._write("routes.new.yaml", routes(fronts, zone_sites, root))
        return self.ctl("routes", "apply", path)

    def events(self):
        """Everything it has said since it was started."""
        if not os.path.exists(self.events_path):
            return []
        with open(self.events_path, encoding="utf-8") as f:
            f.seek(self.events_from)
            return [json.loads(line) for line in f if line.endswith("\n")]


def routes(fronts=(), zone_sites=None, root=True):
    """routes.yaml. zone_sites: {zone: order of sites}; default: every TLD at sin, nrt, lax. root: route `.` too."""
    lines = ["sites:"]
    for site in (*SITES, "root"):
        last = FAULTY if site in fronts else REAL
        lines += [f"  - name: {site}", f'    addresses: [{addr4(site, last)}, "{addr6(site, last)}"]']
    lines += ["", "regions:", "  - name: apac", '    clients: [10.53.0.0/16, "fd53::/16"]', "", "zones:"]
    if root:
        lines += ["  - name: .", "    kind: authoritative", "    sites: [root]"]
    for tld in TLDS:
        order = (zone_sites or {}).get(tld, ORDER)
        lines += [f"  - name: {tld}", f"    sites: [{', '.join(order)}]"]
    return "\n".join(lines) + "\n"


def identity(stats):
    """The accounting identity, added up here rather than believed: (holds, the parts)."""
    total = stats["sum"]
    parts = {k: total[k] for k in ("received", "matched", "forwarded", "answered", "waiting")}
    parts["dropped"] = sum(total["dropped"].values())
    right = sum(v for k, v in parts.items() if k != "received")
    return parts["received"] == right, parts


def await_identity(swerve, limit_s=4.0):
    """After a pause: the identity holds and nothing is in flight. Returns a list of what is wrong.

    Probes go on for ever, so one look may catch one in flight; only what stays is wrong.
    """
    deadline = time.monotonic() + limit_s
    while True:
        stats = swerve.stats()
        holds, parts = identity(stats)
        wrong = [] if holds else [f"identity: {parts}"]
        wrong += [f"{stats['identity'][k]} {k}" for k in ("waiting", "transactions", "mbufs_out")
                  if stats["identity"][k]]
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(0.1)
