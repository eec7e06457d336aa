"""The lab's servers: their configuration files and processes.

sin, lax, root and leaf run NSD, nrt runs Knot DNS; two unbounds live in `resolver`. Nothing here is a machine's
service: each runs in the foreground, in its namespace, with all files in the lab's folder.
"""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import labdns
from labnet import FAULTY, REAL, SITES, SOURCE, addr4, addr6, run
from labzones import LEAF_SPECIAL, TLDS, leaf_names

SITE_SOFTWARE = {"sin": "nsd", "nrt": "knot", "lax": "nsd"}

NSD = """server:
	server-count: 1
	ip-address: {a4}
	ip-address: {a6}
	port: 53
	username: ""
	chroot: ""
	zonesdir: "{dir}"
	database: ""
	pidfile: "{run}/nsd.pid"
	zonelistfile: "{run}/zone.list"
	xfrdfile: "{run}/xfrd.state"
	xfrdir: "{run}"
	logfile: "{run}/log"
	nsid: "ascii_{host}"
	identity: "{host}"
	ipv4-edns-size: 1232
	ipv6-edns-size: 1232
	minimal-responses: no
	refuse-any: no
	zonefiles-write: 0
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: yes
	control-interface: {run}/control
"""

KNOT = """server:
    rundir: {run}
    listen: [{a4}@53, "{a6}@53"]
    identity: {host}
    nsid: {host}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
control:
    listen: {run}/control
log:
  - target: stderr
    any: info
database:
    storage: {run}/db
template:
  - id: default
    storage: {dir}
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
"""

UNBOUND = """server:
	directory: "{run}"
	chroot: ""
	username: ""
	pidfile: "{run}/unbound.pid"
	use-syslog: no
	logfile: ""
	verbosity: 1
	val-log-level: 2
	num-threads: 1
	interface: {a4}
	interface: {a6}
	outgoing-interface: {a4}
	outgoing-interface: {a6}
	access-control: 0.0.0.0/0 allow
	access-control: ::/0 allow
	do-not-query-localhost: no
	module-config: "{modules}"
	trust-anchor-file: "{anchor}"
	# Nothing that could hide what upstream does: short caches, no answers out of old or of neighbouring records.
	serve-expired: no
	aggressive-nsec: no
	prefetch: no
	cache-max-ttl: 2
	cache-max-negative-ttl: 1
	val-bogus-ttl: 1
	# Default is an hour of tolerance after a signature ends; the show has a minute, so: none.
	val-sig-skew-min: 0
	val-sig-skew-max: 0
	target-fetch-policy: "0 0 0 0 0"
	edns-buffer-size: 1232
	# As resolvers are that add all they know.
	minimal-responses: no
{more}remote-control:
	control-enable: yes
	control-interface: {run}/control
	control-use-cert: no
stub-zone:
	name: "."
	stub-addr: {root4}
	stub-addr: {root6}
"""


@contextmanager
def signals_held():
    """Signals that end us come after the block. Main thread only, as signal.signal() is."""
    pending = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, lambda number, _frame: pending.append(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if pending:
            os.kill(os.getpid(), pending[0])


class Servers:
    """Starts, reloads and tells about them. `processes` are ended by id in stop()."""

    def __init__(self, net, zones, folder):
        self.net, self.zones, self.folder = net, zones, folder
        self.processes = {}
        self.pids = {}

    def start(self, host, label, *argv):
        """Run argv in host; its output goes to <folder>/<label>/log. One process, no shell."""
        where = self.place(label)
        # A signal between the start and the note of it would leave a process that nobody knows.
        with open(os.path.join(where, "log"), "ab") as log, signals_held():
            process = self.processes[label] = subprocess.Popen(
                self.net.argv(host, *argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.pids[label] = process.pid
        return process

    def stop(self, label, wait_s=3):
        process = self.processes.pop(label, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def place(self, label):
        where = os.path.join(self.folder, label)
        os.makedirs(where, exist_ok=True)
        return where

    def up(self):
        self.link_all("fresh")
        for site in SITES:
            zones = [(t, f"{site}.{t}zone") for t in TLDS]
            (self._nsd if SITE_SOFTWARE[site] == "nsd" else self._knot)(site, zones)
        self._nsd("root", [(".", "root.zone")])
        leaf = [(n, "leaf.generic") for t in TLDS for n in leaf_names(t)]
        self._nsd("leaf", leaf + [(z, f"{z}zone") for z in LEAF_SPECIAL] + self.zones.tree.files())
        for host, zone in (*((s, "com.") for s in SITES), ("root", "."), ("leaf", "edgehost.net.")):
            self.await_serial(host, zone, None)

    def link_all(self, version):
        for site in SITES:
            self._link(site, version)

    def _link(self, site, version):
        """A site's zone file is a copy under its own name: it changes in one step, whoever reads it."""
        for tld in TLDS:
            own = self.zones.path(f"{site}.{tld}zone")
            with open(self.zones.path(f"{tld}{version}"), "rb") as src, open(own + ".new", "wb") as dst:
                dst.write(src.read())
            os.replace(own + ".new", own)

    def _nsd(self, host, zones):
        where = self.place(host)
        conf = os.path.join(where, "nsd.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(NSD.format(host=host, run=where, dir=self.zones.folder, a4=addr4(host, REAL),
                               a6=addr6(host, REAL)))
            f.writelines(f'zone:\n\tname: "{name}"\n\tzonefile: "{file}"\n' for name, file in zones)
        self.start(host, host, "nsd", "-d", "-c", conf)

    def _knot(self, host, zones):
        where = self.place(host)
        conf = os.path.join(where, "knot.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(KNOT.format(host=host, run=where, dir=self.zones.folder, a4=addr4(host, REAL),
                                a6=addr6(host, REAL)))
            f.writelines(f"  - domain: {name}\n    file: {file}\n" for name, file in zones)
        self.start(host, host, "knotd", "-c", conf)

    def load(self, site, version, serial):
        """Give a site another version of com. and net.; returns when it answers with that serial."""
        self._link(site, version)
        where = self.place(site)
        for tld in TLDS:
            if SITE_SOFTWARE[site] == "nsd":
                run(*self.net.argv(site, "nsd-control", "-c", f"{where}/nsd.conf", "reload", tld.rstrip(".")))
            else:
                run(*self.net.argv(site, "knotc", "-c", f"{where}/knot.conf", "-b", "zone-reload", tld))
        for tld in TLDS:
            self.await_serial(site, tld, serial)

    def reload_leaf(self, zones):
        """New versions of zones of the tree."""
        for zone in zones:
            run(*self.net.argv("leaf", "nsd-control", "-c", f"{self.place('leaf')}/nsd.conf", "reload", zone.rstrip(".")))

    def load_root(self, serial):
        """The root's new version; returns when it is answered from."""
        run(*self.net.argv("root", "nsd-control", "-c", f"{self.place('root')}/nsd.conf", "reload", "."))
        self.await_serial("root", ".", serial)

    def serial(self, host, zone):
        with self.net.inside("client"):
            return labdns.soa_serial(labdns.ask(addr4(host, REAL), zone, "SOA", timeout_s=0.3))

    def await_serial(self, host, zone, serial, limit_s=15):
        """Until host answers for zone, with this serial or (None) with any."""
        deadline = time.monotonic() + limit_s
        while True:
            seen = self.serial(host, zone)
            if seen is not None and serial in (None, seen):
                return seen
            if time.monotonic() > deadline:
                raise RuntimeError(f"{host} does not serve {zone} with serial {serial}: {seen}, "
                                   f"see {self.folder}/{host}/log")
            time.sleep(0.03)

    def resolvers(self):
        """`edge`: asks swerve for com. and net.; `direct`: asks sin, and nobody else."""
        self._unbound("unbound-edge", REAL, addr4("edge", REAL), addr6("edge", REAL))
        self._unbound("unbound-direct", SOURCE, addr4("sin", REAL), addr6("sin", REAL))

    def recursors(self):
        """Two that ask the lab's own servers, for everything. b does not validate, and passes on what it gets."""
        self._unbound("recursor-a", REAL)
        self._unbound("recursor-b", SOURCE, modules="iterator")

    def _unbound(self, label, last, *ups, modules="validator iterator"):
        """ups: who is asked for com. and net., instead of those that the root names."""
        where = self.place(label)
        # Releases since late 2025 throw unsigned additions away unless they are told not to; older ones have no word for it.
        known = subprocess.run(["unbound-checkconf", "-o", "iter-scrub-promiscuous", os.devnull], capture_output=True)
        more = "\titer-scrub-promiscuous: no\n" if known.returncode == 0 else ""
        conf = os.path.join(where, "unbound.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(UNBOUND.format(run=where, modules=modules, more=more, a4=addr4("resolver", last), a6=addr6("resolver", last),
                                   anchor=self.zones.anchor, root4=addr4("root", REAL),
                                   root6=addr6("root", REAL)))
            for tld in TLDS if ups else ():
                f.write(f'stub-zone:\n\tname: "{tld}"\n' + "".join(f"\tstub-addr: {up}\n" for up in ups))
        self.start("resolver", label, "unbound", "-d", "-c", conf)
        deadline = time.monotonic() + 5
        with self.net.inside("client"):
            while labdns.ask(addr4("resolver", last), "localhost.", "A", timeout_s=0.2, rd=True) is None:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{label} does not answer, see {where}/log")
                time.sleep(0.05)

    def fronts(self, build, garbage=None):
        """The faulty fronts of the three sites, all in mode `pass`. garbage: file of messages, hex, one a line."""
        for site in SITES:
            options = ["--garbage", garbage] if garbage else []
            self.start(site, f"faulty-{site}", os.path.join(build, "tests/lab/lab_faulty"),
                       "--control", self._front_control(site), "--upstream", addr4(site, REAL), *options,
                       addr4(site, FAULTY), addr6(site, FAULTY))
        deadline = time.monotonic() + 5
        while not all(os.path.exists(self._front_control(s)) for s in SITES):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the faulty fronts do not start, see {self.folder}/faulty-sin/log")
            time.sleep(0.02)

    def _front_control(self, site):
        return os.path.join(self.place(f"faulty-{site}"), "control")

    def front(self, site, *commands):
        """Tell a front what to be: see faulty.c."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(self._front_control(site))
            for command in commands:
                s.send(command.encode("ascii"))

    def fronts_pass(self):
        for site in SITES:
            self.front(site, "pass", "delay 0", "loss 0", "dup 0", "reorder 0", "only 0")

    def end_all(self):
        for label in list(self.processes):
            process = self.processes[label]
            process.send_signal(signal.SIGTERM)
        for label in list(self.processes):
            self.stop(label)
