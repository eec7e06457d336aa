"""The lab's wires: hosts as network namespaces, each joined by one veth pair to a router, `core`.

Every host HOST has one link subnet, 10.53.N.0/24 and fd53:0:0:N::/64, with core at .1 and the host at .2.
Checksum offload is off at both ends of every pair, so that the checksums on the wire are real.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import time
from contextlib import contextmanager

HOSTS = {
    "sin": 1,
    "nrt": 2,
    "lax": 3,
    "root": 4,
    "leaf": 5,
    "edge": 6,
    "resolver": 7,
    "client": 8,
    "mallory": 9,
}
SITES = ("sin", "nrt", "lax")

# Last octet of the addresses a host has beside its own, .2. The text is the same in IPv4 and IPv6.
REAL = 53  # a site's real name server; swerve's service address; the resolver behind swerve
FAULTY = 66  # a site's faulty front
SOURCE = 54  # swerve's address towards upstreams; the resolver that asks sin directly
EXTRA = {
    "sin": (REAL, FAULTY),
    "nrt": (REAL, FAULTY),
    "lax": (REAL, FAULTY),
    "root": (REAL,),
    "leaf": (REAL,),
    "edge": (REAL, SOURCE),
    "resolver": (REAL, SOURCE),
    "client": (),
    "mallory": (),
}

CLONE_NEWNET = 0x40000000
NETNS_DIR = "/run/netns"
LIBC = ctypes.CDLL(None, use_errno=True)


def addr4(host, last):
    return f"10.53.{HOSTS[host]}.{last}"


def addr6(host, last):
    return f"fd53:0:0:{HOSTS[host]}::{last}"


def run(*argv, text=None):
    """Run a command to its end; its complaint becomes the exception's text."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Net:
    """The namespaces of one lab. Names carry its id, so several labs can be up at once."""

    def __init__(self, lab_id):
        self.lab_id = lab_id

    def name(self, host):
        return f"swl{self.lab_id}-{host}"

    def all_names(self):
        return [self.name(h) for h in ("core", *HOSTS)]

    def up(self, edge_queues=1):
        with _netns_lock():
            for name in self.all_names():
                run("ip", "netns", "add", name)
        for name in self.all_names():
            self._quiet(name)
        for host, number in HOSTS.items():
            self._join(host, number, edge_queues if host == "edge" else 1)
        self._warm()

    def _quiet(self, name):
        """No duplicate address detection, no router advertisements: addresses work at once."""
        settings = [
            "net.ipv6.conf.all.accept_dad=0",
            "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.default.accept_ra=0",
            "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0",
        ]
        if name.endswith("-core"):
            settings += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        run("ip", "netns", "exec", name, "sysctl", "-qw", *settings)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def _join(self, host, number, queues):
        core, end = self.name("core"), self.name(host)
        count = ["numtxqueues", str(queues), "numrxqueues", str(queues)]
        run("ip", "link", "add", host, "netns", core, *count, "type", "veth", "peer", "name", "eth0",
            "netns", end, *count)
        for name, link in ((core, host), (end, "eth0")):
            run("ip", "netns", "exec", name, "ethtool", "-K", link, "tx", "off", "rx", "off", "gro", "off")
        run("ip", "-n", core, "-batch", "-", text=(
            f"address add 10.53.{number}.1/24 dev {host}\n"
            f"address add fd53:0:0:{number}::1/64 dev {host} nodad\n"
            f"link set {host} up\n"))
        lines = [
            f"address add {addr4(host, 2)}/24 dev eth0",
            f"address add {addr6(host, 2)}/64 dev eth0 nodad",
        ]
        for last in EXTRA[host]:
            lines.append(f"address add {addr4(host, last)}/32 dev eth0")
            lines.append(f"address add {addr6(host, last)}/128 dev eth0 nodad")
        lines += [
            "link set eth0 up",
            f"route add default via 10.53.{number}.1",
            f"route add default via fd53:0:0:{number}::1",
        ]
        run("ip", "-n", end, "-batch", "-", text="\n".join(lines) + "\n")

    def _warm(self):
        """Wait until the last link carries IPv6: with detection off that is at once, but say so if not."""
        deadline = time.monotonic() + 5
        while "tentative" in run("ip", "-n", self.name("client"), "-6", "address"):
            if time.monotonic() > deadline:
                raise RuntimeError("IPv6 addresses stay tentative")
            time.sleep(0.05)

    def argv(self, host, *command):
        """The command line that runs `command` in `host`. `ip` becomes the command: one process."""
        return ["ip", "netns", "exec", self.name(host), *command]

    @contextmanager
    def inside(self, host):
        """Sockets opened by this thread in the block belong to `host`, for as long as they live."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"{NETNS_DIR}/{self.name(host)}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            yield
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def down(self):
        """End every process in our namespaces, by its id, then remove them. Never fails halfway."""
        names = [n for n in self.all_names() if os.path.exists(f"{NETNS_DIR}/{n}")]
        for number, wait_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 2)):
            if self._signal(names, number, wait_s):
                break
        with _netns_lock(last=True):
            for name in names:
                subprocess.run(["ip", "netns", "del", name], check=False)

    def _pids(self, names):
        found = set()
        for name in names:
            listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            found |= {int(p) for p in listed.stdout.split()}
        return found - {os.getpid()}

    def _signal(self, names, number, wait_s):
        """Signal all, those that appear meanwhile too; True when two looks in a row find nobody."""
        deadline = time.monotonic() + wait_s
        told, empty = set(), 0
        while empty < 2:
            found = self._pids(names)
            for pid in found - told:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            told |= found
            empty = 0 if found else empty + 1
            if found and time.monotonic() > deadline:
                return False
            time.sleep(0.03)
        return True


def _setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def _netns_lock(last=False):
    """`ip netns` makes /run/netns a mount of its own at first use; whoever removes the last namespace removes it.

    The lock is on /run itself, so that two labs coming and going do not trip over each other and no file stays.
    """
    fd = os.open("/run", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
        if last and os.path.isdir(NETNS_DIR) and not os.listdir(NETNS_DIR):
            subprocess.run(["umount", NETNS_DIR], stderr=subprocess.DEVNULL, check=False)
            try:
                os.rmdir(NETNS_DIR)
            except OSError:
                pass  # somebody's else: it stays
    finally:
        os.close(fd)
