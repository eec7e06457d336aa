#!/usr/bin/env python3
"""Lay and clear the lab: three sites of com. and net., a root, leaf zones, an edge, a resolver and a client.

    lab.py up [--queues N] [--build DIR]   lay it; --build also starts the faulty fronts
    lab.py down                            end its processes, remove its namespaces and files
    lab.py env                             NAME=VALUE lines: addresses, namespaces, files
    lab.py exec HOST COMMAND...            run a command in a host
    lab.py freeze SITE [--nsec3 S] [--rest S]   this site stops receiving updates; its signatures end in S seconds
    lab.py thaw                            a fresh version everywhere

The lab's id is SWERVE_LAB_ID (default: this process's id; `up` prints it).
"""

import argparse
import json
import os
import shutil
import sys
import time
from contextlib import contextmanager

from labnet import FAULTY, HOSTS, REAL, SITES, SOURCE, Net, addr4, addr6
from labservers import Servers
from labzones import TLDS, Zones


class Lab:
    """One laid lab. `folder` holds everything it writes; it goes with the lab."""

    def __init__(self, lab_id):
        self.lab_id = lab_id
        self.folder = f"/tmp/swerve-lab.{lab_id}"
        self.net = Net(lab_id)
        self.zones = Zones(os.path.join(self.folder, "zones"))
        self.servers = Servers(self.net, self.zones, self.folder)

    def up(self, queues=1, build=None):
        """Lay everything but swerved and the resolvers. On an error nothing is left."""
        if os.path.exists(self.folder):
            raise RuntimeError(f"lab {self.lab_id} is up already: {self.folder}")
        os.makedirs(self.folder, mode=0o700)
        try:
            self.net.up(queues)
            self.zones.prepare()
            self.zones.version("fresh")
            self.servers.up()
            if build:
                self.servers.fronts(build)
            self.save()
        except BaseException:
            self.down()
            raise

    def down(self):
        self.servers.end_all()
        self.net.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self):
        with open(os.path.join(self.folder, "lab.json"), "w", encoding="ascii") as f:
            json.dump({"serial": self.zones.serial, "keys": self.zones.keys}, f)

    def load(self):
        """Take up a lab that another process has laid."""
        with open(os.path.join(self.folder, "lab.json"), encoding="ascii") as f:
            kept = json.load(f)
        self.zones.serial, self.zones.keys = kept["serial"], kept["keys"]

    def thaw(self):
        """A fresh version everywhere; returns its serial."""
        serial = self.zones.version("fresh")
        for site in SITES:
            self.servers.load(site, "fresh", serial)
        self.save()
        return serial

    def freeze(self, sites, nsec3_s, rest_s):
        """`sites` keep a version whose signatures end soon: over NSEC3 at the times nsec3_s (seconds from now, spread over
        the records), the rest at rest_s. The others go on and get a fresh one, a serial later.
        Returns the moment (epoch s) the times count from.
        """
        start = int(time.time())
        ends = [start + s for s in nsec3_s]
        serial = self.zones.version("stale", ends, start + rest_s)
        for site in sites:
            self.servers.load(site, "stale", serial)
        if set(sites) != set(SITES):
            serial = self.zones.version("fresh")
            for site in SITES:
                if site not in sites:
                    self.servers.load(site, "fresh", serial)
        self.save()
        return start

    @contextmanager
    def old(self, site, nsec3_s, rest_s):
        """Meanwhile a site has a version of long ago, with an earlier serial than the others; times as in freeze(). Without
        the unsigned delegations: with them loading takes a server long."""
        now, serial = int(time.time()), self.servers.serial("nrt", TLDS[0])
        self.zones.serial, kept = serial - 2, self.zones.serial
        try:
            self.zones.version("old", [now + nsec3_s], now + rest_s, plain=False)
        finally:
            self.zones.serial = kept
        self.servers.load(site, "old", serial - 1)
        try:
            yield
        finally:
            self.servers.load(site, "fresh", serial)

    def env(self):
        values = {"SWERVE_LAB_ID": self.lab_id, "LAB_DIR": self.folder, "LAB_ANCHOR": self.zones.anchor}
        for host in ("core", *HOSTS):
            values[f"NS_{host.upper()}"] = self.net.name(host)
        for site in (*SITES, "root", "leaf"):
            values[f"{site.upper()}_V4"] = addr4(site, REAL)
            values[f"{site.upper()}_V6"] = addr6(site, REAL)
        for site in SITES:
            values[f"{site.upper()}_FAULTY_V4"] = addr4(site, FAULTY)
            values[f"{site.upper()}_FAULTY_V6"] = addr6(site, FAULTY)
        for name, host, last in (("SERVICE", "edge", REAL), ("SOURCE", "edge", SOURCE),
                                 ("RESOLVER_EDGE", "resolver", REAL), ("RESOLVER_DIRECT", "resolver", SOURCE)):
            values[f"{name}_V4"] = addr4(host, last)
            values[f"{name}_V6"] = addr6(host, last)
        return values


def parse(argv):
    parser = argparse.ArgumentParser(prog="lab.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("--queues", type=int, default=1)
    up.add_argument("--build")
    up.add_argument("--resolvers", action="store_true")
    verbs.add_parser("down")
    verbs.add_parser("env")
    verbs.add_parser("thaw")
    execute = verbs.add_parser("exec")
    execute.add_argument("host", choices=["core", *HOSTS])
    execute.add_argument("command", nargs=argparse.REMAINDER)
    freeze = verbs.add_parser("freeze")
    freeze.add_argument("site", choices=SITES)
    freeze.add_argument("--nsec3", type=int, default=20)
    freeze.add_argument("--rest", type=int, default=40)
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    lab = Lab(os.environ.get("SWERVE_LAB_ID", str(os.getpid())))
    if args.verb == "up":
        lab.up(args.queues, args.build)
        if args.resolvers:
            lab.servers.resolvers()
        print(lab.lab_id)
    elif args.verb == "down":
        lab.down()
    elif args.verb == "env":
        for name, value in lab.env().items():
            print(f"{name}={value}")
    elif args.verb == "exec":
        os.execvp("ip", lab.net.argv(args.host, *args.command))
    elif args.verb == "thaw":
        lab.load()
        print(f"serial {lab.thaw()} everywhere")
    elif args.verb == "freeze":
        lab.load()
        lab.freeze([args.site], [args.nsec3], args.rest)
        print(f"{args.site} is frozen: NSEC3 signatures end in {args.nsec3} s, the rest in {args.rest} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
