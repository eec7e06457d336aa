"""swerve, unbound, Knot Resolver and BIND beside each other: their configuration, and what each says to the same questions.

All find the same servers: the lab's root, com. and net. at its sites, lab. and what is below it at one more NSD. None has a
tolerance beyond a signature's end, where that can be said.
"""

import collections
import os
import select
import shutil
import socket
import struct
import time

import labdns
from labnet import REAL, SOURCE, addr4, addr6, run
from labbroken import SERVER
from labservers import NSD, UNBOUND
from labswerve import Swerve, routes

VALIDATORS = ("swerve", "unbound", "knot", "bind")
PROGRAMS = {"unbound": "unbound", "knot": "kresd", "bind": "named"}
WAIT_S, TRIES = 4.0, 3

KRESD = """net.ipv6 = false
net.listen('{a4}', 53, {{ kind = 'dns' }})
net.outgoing_v4('{a4}')
modules = {{ 'hints > iterate' }}
trust_anchors.remove('.')
trust_anchors.add_file('{anchor}', true)
hints.root_file('{hints}')
cache.size = 50 * MB
cache.max_ttl(60)
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_skew')
"""

NAMED = """options {{
	directory "{run}";
	pid-file "{run}/named.pid";
	session-keyfile "{run}/session.key";
	listen-on {{ {a4}; }};
	listen-on-v6 {{ none; }};
	query-source address {a4};
	recursion yes;
	allow-query {{ any; }};
	dnssec-validation yes;
	minimal-responses no;
	max-cache-ttl 60;
	qname-minimization off;
	synth-from-dnssec no;
	servfail-ttl 0;
	empty-zones-enable no;
	fetches-per-server 0;
}};
controls {{ }};
logging {{ channel out {{ stderr; severity info; }}; category default {{ out; }}; category lame-servers {{ null; }}; }};
trust-anchors {{ . static-ds {ds}; }};
zone "." {{ type hint; file "{hints}"; }};
"""


class ZonesSwerve(Swerve):
    """swerved with every zone of a Broken routed to its server, beside the lab's own."""

    zones = ()

    def configure(self, **options):
        super().configure(**options)
        site = f"  - name: more\n    addresses: [{addr4(SERVER, 2)}]\n"
        text = routes().replace("\nregions:", site + "\nregions:")
        text += "".join(f"  - name: {zone}\n    sites: [more]\n" for zone in self.zones)
        self._write("routes.yaml", text)


class Validators:
    """Starts and asks all of them; `addresses` by name."""

    def __init__(self, lab, build, hugepages=True, driver="af_xdp"):
        self.lab, self.servers = lab, lab.servers
        self.swerved = ZonesSwerve(lab, build, hugepages, driver)
        self.addresses = {"swerve": addr4("edge", REAL), "unbound": addr4("resolver", SOURCE),
                          "knot": addr4("resolver", REAL), "bind": addr4("resolver", 2)}

    @staticmethod
    def missing():
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        return [p for p in PROGRAMS.values() if shutil.which(p, path=path) is None]

    def serve(self, broken):
        """The broken zones' server, and a root that knows them."""
        where = self.servers.place("more")
        conf = NSD.format(host="more", run=where, dir=self.lab.zones.folder, a4=addr4(SERVER, 2),
                          a6=addr6(SERVER, 2))
        conf += "".join(f'zone:\n\tname: "{name}"\n\tzonefile: "{file}"\n' for name, file in broken.zones)
        path = os.path.join(where, "nsd.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(conf)
        self.servers.start(SERVER, "more", "nsd", "-d", "-c", path)
        self._root(broken.root)

    def _root(self, more):
        self.lab.zones.root(more)
        where = self.servers.place("root")
        run(*self.lab.net.argv("root", "nsd-control", "-c", f"{where}/nsd.conf", "reload", "."))

    def start(self, zones):
        where = self.servers.place("validators")
        hints = os.path.join(where, "hints")
        with open(hints, "w", encoding="ascii") as f:
            f.write(f". 518400 IN NS a.lab-root.\na.lab-root. 518400 IN A {addr4('root', REAL)}\n")
        self._unbound()
        self._kresd(hints)
        self._named(hints)
        self.swerved.zones = zones
        self.swerved.start(limit_s=60)
        self._await(zones)

    def _unbound(self):
        where = self.servers.place("unbound-all")
        conf = UNBOUND.format(run=where, modules="validator iterator", more="", anchor=self.lab.zones.anchor,
                              a4=addr4("resolver", SOURCE), a6=addr6("resolver", SOURCE),
                              root4=addr4("root", REAL), root6=addr6("root", REAL))
        path = os.path.join(where, "unbound.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(conf.replace("cache-max-ttl: 2", "cache-max-ttl: 60").replace(
                "server:\n", "server:\n\tede: yes\n\tminimal-responses: no\n\tdo-ip6: no\n", 1))
        self.servers.start("resolver", "unbound-all", "unbound", "-d", "-c", path)

    def _kresd(self, hints):
        where = self.servers.place("kresd")
        path = os.path.join(where, "kresd.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(KRESD.format(a4=addr4("resolver", REAL), anchor=self.lab.zones.anchor, hints=hints))
        self.servers.start("resolver", "kresd", "kresd", "-n", "-c", path, where)

    def _named(self, hints):
        where = self.servers.place("named")
        path = os.path.join(where, "named.conf")
        ds = self.lab.zones._ds(".").split()
        with open(path, "w", encoding="ascii") as f:
            f.write(NAMED.format(run=where, a4=addr4("resolver", 2), hints=hints,
                                 ds=" ".join(ds[4:7]) + f' "{"".join(ds[7:])}"'))
        self.servers.start("resolver", "named", "named", "-g", "-c", path)

    def _await(self, zones, limit_s=30):
        """Until each validates the first good zone, and swerve knows every zone one way or the other."""
        deadline = time.monotonic() + limit_s
        with self.lab.net.inside("client"):
            for name, address in self.addresses.items():
                while True:
                    reply = labdns.ask(address, zones[0], "SOA", timeout_s=1, rd=True, do=True)
                    if reply is not None and reply.ad:
                        break
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"{name} does not validate {zones[0]}: {reply}")
                    time.sleep(0.1)

    def stop(self):
        for label in ("unbound-all", "kresd", "named", "more"):
            self.servers.stop(label)
        self._root([])

    def ask(self, name, questions, window):
        """[(RCODE, AD, extended error or None)] of one validator; (None, False, None) where it does not answer."""
        with self.lab.net.inside("client"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            s.connect((self.addresses[name], labdns.PORT))
            return _ask_all(s, self.addresses[name], questions, window)


def _ask_all(s, address, questions, window):
    answers = [None] * len(questions)
    waiting = collections.deque((i, 0) for i in range(len(questions)))
    out = {}  # ID: (index, tries, when it is over)
    while waiting or out:
        while waiting and len(out) < window:
            index, tries = waiting.popleft()
            ident = (index * 7 + tries * 20011 + 1) & 0xffff
            s.send(labdns.query(*questions[index], ident=ident, rd=True, do=True))
            out[ident] = (index, tries + 1, time.monotonic() + WAIT_S)
        if select.select([s], [], [], 0.2)[0]:
            data = s.recv(65535)
            found = out.pop(struct.unpack_from("!H", data)[0], None)
            if found is not None:
                reply, question = labdns.Reply(data), questions[found[0]]
                if reply.tc:
                    reply = labdns.ask_tcp(address, [question], rd=True, do=True).get(question, reply)
                answers[found[0]] = (reply.rcode, reply.ad, reply.extended_error())
        now = time.monotonic()
        for ident in [i for i, (_, _, end) in out.items() if end < now]:
            index, tries, _ = out.pop(ident)
            if tries < TRIES:
                waiting.append((index, tries))
            else:
                answers[index] = (None, False, None)
    return answers
