"""Rows against other forwarders, each on the same CPU behind the same veth pair, with the same clients and sites.

Clients and sites are swerve-gen's, over AF_XDP at the other end of the pair; forwarders use the kernel's sockets, swerve AF_XDP. Sites
replay recorded answers of signed zones. No cache anywhere: every query goes to a site and back.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import ports
import record
from figures import NotMeasured
from ports import EAL, fail

SERVICE, SOURCE, GATEWAY = "10.60.0.53", "10.60.0.54", "10.60.0.1"
SITES = ("10.62.0.1", "10.62.0.2")
CLIENT = "10.61.0.1"
QUESTIONS = 8000
CPU = "1"
WARM_S = {"swerve": 2.0}  # it learns the zones' keys in this time
OTHERS_WARM_S = 1.5  # the first packets through a new XDP program are lost, and hold the window until they are given up

SWERVE = """eal: {{main_lcore: 0, workers: [{cpu}], memory_mb: 512}}
ports:
  - {{name: uplink, driver: af_xdp, device: v0}}
addresses: {{service: [{service}], source: [{source}]}}
routes: {dir}/routes.yaml
trust_anchor: {anchor}
state_dir: {dir}/state
control_socket: {dir}/ctl.sock
xdp_object: {xdp}
events: {dir}/events.jsonl
cache:
  answers: {{size_mb: {cache_mb}}}
"""

ROUTES = """sites:
  - {{name: a, addresses: [{sites[0]}]}}
  - {{name: b, addresses: [{sites[1]}]}}
zones:
  - {{name: ., kind: authoritative, sites: [a, b]}}
  - {{name: com., sites: [a, b]}}
  - {{name: net., sites: [a, b]}}
"""

DNSDIST = """setLocal('{service}:53')
setACL('0.0.0.0/0')
setSecurityPollSuffix('')
newServer({{address='{sites[0]}:53', source='{source}', healthCheckMode='up'}})
newServer({{address='{sites[1]}:53', source='{source}', healthCheckMode='up'}})
setServerPolicy(firstAvailable)
"""

DNSDIST_CACHE = DNSDIST + """getPool(''):setCache(newPacketCache(100000))
"""

UNBOUND = """server:
	directory: "{dir}"
	chroot: ""
	username: ""
	pidfile: "{dir}/unbound.pid"
	use-syslog: no
	num-threads: 1
	interface: {service}
	outgoing-interface: {source}
	access-control: 0.0.0.0/0 allow
	module-config: "iterator"
{cache}	num-queries-per-thread: 4096
	outgoing-range: 8192
	edns-buffer-size: 1232
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: {sites[0]}
	forward-addr: {sites[1]}
"""


NO_CACHE = """	msg-cache-size: 0
	rrset-cache-size: 0
	cache-max-ttl: 0
	cache-max-negative-ttl: 0
"""


class Shared:
    """The wires and the recorded answers, laid once for all rows of a run."""

    folder = None
    limit_qps = 0  # queries a second that the load itself can do
    seen = {}  # kind: figures of its runs so far, for rows that need no runs of their own

    @classmethod
    def take(cls, bench):
        if cls.folder:
            return
        cls.folder, cls.bench = tempfile.mkdtemp(prefix="swerve-bench."), bench
        cls.name = f"swf{os.getpid()}"
        cls.ns = ["ip", "netns", "exec", cls.name]
        try:
            cls.lay()
            cls.answers, cls.names, cls.anchor = record.record(cls.folder, QUESTIONS)
            cls.write_settings()
        except (OSError, RuntimeError, subprocess.CalledProcessError) as why:
            raise NotMeasured(f"no namespace, or no answers: {why}") from None

    @classmethod
    def lay(cls):
        def run(text):
            subprocess.run([*cls.ns, *text.split()], check=True, capture_output=True)

        subprocess.run(["ip", "netns", "add", cls.name], check=True, capture_output=True)
        for text in ("sysctl -qw net.ipv6.conf.default.disable_ipv6=1", "ip link add v0 type veth peer name v1",
                     "ethtool -K v0 tx off rx off gro off", "ethtool -K v1 tx off rx off gro off", "ip link set lo up",
                     f"ip address add {SERVICE}/24 dev v0", f"ip address add {SOURCE}/32 dev v0", "ip link set v0 up",
                     "ip link set v1 up", f"ip route add default via {GATEWAY}"):
            run(text)
        macs = [subprocess.run([*cls.ns, "cat", f"/sys/class/net/{v}/address"], check=True, capture_output=True,
                               text=True).stdout.strip() for v in ("v0", "v1")]
        run(f"ip neigh replace {GATEWAY} lladdr {macs[1]} dev v0 nud permanent")
        cls.mac = macs[0]

    @classmethod
    def write_settings(cls):
        xdp = os.path.join(cls.bench.build, "dataplane/swerve_xdp.o")
        values = {"dir": cls.folder, "service": SERVICE, "source": SOURCE, "sites": SITES, "anchor": cls.anchor, "xdp": xdp,
                  "cpu": CPU}
        for name, text, more in (
                ("swerve", SWERVE, {"cache_mb": 0}), ("swerve+cache", SWERVE, {"cache_mb": 64}), ("routes.yaml", ROUTES, {}),
                ("dnsdist", DNSDIST, {}), ("dnsdist+cache", DNSDIST_CACHE, {}), ("unbound", UNBOUND, {"cache": NO_CACHE}),
                ("unbound+cache", UNBOUND, {"cache": ""})):
            with open(os.path.join(cls.folder, name), "w", encoding="ascii") as f:
                f.write(text.format(**values, **more))

    @classmethod
    def release(cls):
        """When the run is over."""
        if cls.folder:
            subprocess.run(["ip", "netns", "del", cls.name], check=False, capture_output=True)
            shutil.rmtree(cls.folder, ignore_errors=True)
            cls.folder = None


def command(kind):
    conf = os.path.join(Shared.folder, kind)
    return {
        "swerve": [f"{Shared.bench.build}/control/swerved", "-c", conf],
        "dnsdist": ["taskset", "-c", CPU, "dnsdist", "--supervised", "--disable-syslog", "-C", conf],
        "unbound": ["taskset", "-c", CPU, "unbound", "-d", "-p", "-c", conf],
        "dnsmasq": ["taskset", "-c", CPU, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                    "--cache-size=0", "--dns-forward-max=10000", "--bind-interfaces", f"--listen-address={SERVICE}", "--user=root",
                    "--pid-file=", *(f"--server={s}@{SOURCE}" for s in SITES)],
    }[kind.split("+")[0]]


def running(label, argv):
    return ports.running(Shared.folder, Shared.ns, label, argv, grace_s=15)


def load(*options, seconds, limit_s=400):
    """swerve-gen's figures."""
    out = os.path.join(Shared.folder, "gen.json")
    argv = [f"{Shared.bench.build}/gen/swerve-gen", "--lcores", "0@0", *EAL, "--iova-mode=va", "-m", "512", "--file-prefix",
            f"gen{os.getpid()}", "--vdev", "net_af_xdp1,iface=v1", "--", "--names", Shared.names, "--server",
            SERVICE, "--client", CLIENT, "--mac", Shared.mac, "--sites-port", "0", "--answers", Shared.answers, "--rd",
            "--trust", "--edns", "100", "--do", "100", "--seconds", str(seconds), "--json", out, *options]
    with running("gen", argv) as process:
        try:
            if process.wait(limit_s):
                fail("swerve-gen", process.log)
        except subprocess.TimeoutExpired:
            raise NotMeasured("swerve-gen does not end") from None
    with open(out, encoding="ascii") as f:
        return json.load(f)


def cpu_s(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def swerve_busy_cycles():
    """Cycles that swerve's worker spent in turns with packets; the time it was not on a core is still in them."""
    done = subprocess.run([f"{Shared.bench.build}/control/swervectl", "-s", f"{Shared.folder}/ctl.sock", "stats", "--json"],
                          capture_output=True, text=True, timeout=10)
    if done.returncode:
        raise NotMeasured(f"swervectl: {done.stderr.strip()}")
    return json.loads(done.stdout)["sum"]["busy_cycles"]


def tsc_hz():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        found = re.search(r"cpu MHz\s*: ([\d.]+)", f.read())
    return float(found.group(1)) * 1e6 if found else 0


def is_ready(kind):
    if kind.startswith("swerve"):
        return subprocess.run([f"{Shared.bench.build}/control/swervectl", "-s", f"{Shared.folder}/ctl.sock", "status"],
                              capture_output=True, timeout=10).returncode == 0
    listed = subprocess.run([*Shared.ns, "ss", "-Hlun", "sport = :53"], capture_output=True, text=True)
    return SERVICE in listed.stdout


def await_ready(kind, process, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not is_ready(kind):
        if process.poll() is not None:
            fail(f"{kind} does not start", process.log)
        if time.monotonic() > deadline:
            raise NotMeasured(f"{kind} is not ready within {limit_s} s")
        time.sleep(0.05)
    time.sleep(0.2)


def warm_s(kind):
    return WARM_S.get(kind.split("+")[0], OTHERS_WARM_S)


def good(clients):
    return sum(clients["rcode"].get(r, 0) for r in ("NOERROR", "NXDOMAIN"))


def saturated(kind, seconds):
    """Good answers a second at the most that 256 unanswered queries let through, and CPU seconds each of them cost."""
    with running(kind, command(kind)) as process:
        await_ready(kind, process)
        begun, cpu = time.monotonic(), cpu_s(process.pid)
        ours = kind.startswith("swerve")
        busy = swerve_busy_cycles() if ours else 0
        # with caches popular names come first, without each in its turn
        order = "0.9" if "+cache" in kind else "turn"
        warm = warm_s(kind)
        seen = load("--rate", "max", "--in-flight", "256", "--timeout", "500", "--warm", str(warm), "--zipf", order, seconds=seconds)
        used, wall = cpu_s(process.pid) - cpu, time.monotonic() - begun
        if ours:
            used = (swerve_busy_cycles() - busy) / tsc_hz() * min(1.0, used / wall)
        clients = seen["clients"]
    answers = good(clients)
    if answers < 0.98 * clients["answered"] or not answers:
        raise NotMeasured(f"{kind} answers {clients['rcode']}, {clients['lost']} lost")
    # the warm-up's queries were paid for too, at about the same rate
    return {"value": answers / seen["seconds"], "cpu_per_query": used / (answers * (seen["seconds"] + warm) / seen["seconds"]),
            "lost": clients["lost"], "rcode": clients["rcode"], "p99_us": clients["latency"]["p99_us"]}


def load_limit(seconds):
    """Queries a second, with their replies upstream, that clients and sites can do: half of what testpmd sends them back."""
    mirror = ["dpdk-testpmd", "--lcores", f"0@0,1@{CPU}", *EAL, "--iova-mode=va", "-m", "256", "--file-prefix", f"tpf{os.getpid()}",
              "--vdev", "net_af_xdp0,iface=v0", "--", "--forward-mode=5tswap", "--port-topology=loop", "--auto-start",
              "--stats-period=60", "--total-num-mbufs=16384"]
    with running("mirror", mirror):
        time.sleep(1.5)
        seen = load("--rate", "max", "--in-flight", "256", "--timeout", "500", "--warm", "1.5", "--zipf", "turn", seconds=seconds)
    return seen["clients"]["answered_qps"] / 2


class Over:
    """QPS of swerve over another's, or another figure of the same runs."""

    def __init__(self, name, title, floor, goal, other, figure="value", inverse=False, cache="", note="one CPU each"):
        self.name, self.title, self.floor, self.goal = name, title, floor, goal
        self.sides = {"ba"[inverse is False]: "swerve" + cache, "ab"[inverse is False]: other + cache}
        self.other, self.figure, self.note, self.quick_pairs = other, figure, note, 2
        self.best = 1.0  # queries a second of the faster side

    def prepare(self, bench):
        if not shutil.which(self.other):
            raise NotMeasured(f"{self.other} is not there")
        self.bench = bench
        Shared.take(bench)
        if not Shared.limit_qps:
            Shared.limit_qps = load_limit(bench.seconds)
        return self

    def close(self):
        pass

    def measure(self, side):
        kind = self.sides[side]
        if self.figure != "value" and Shared.seen.get(kind):
            seen = Shared.seen[kind].pop(0)
        else:
            seen = saturated(kind, self.bench.seconds)
            Shared.seen.setdefault(kind, []).append(seen)
        self.best = max(self.best, seen["value"])
        self.note = f"one CPU each; the load could do {Shared.limit_qps / self.best:.1f} times as much"
        return {**seen, "qps": seen["value"], "value": seen[self.figure]}


class Latency(Over):
    """p99 at half of what dnsdist can do with at most 0.1 % lost."""

    def prepare(self, bench):
        super().prepare(bench)
        with running("dnsdist", command("dnsdist")) as process:
            await_ready("dnsdist", process)
            seen = load("--search", "pdr", "--zipf", "turn", "--min-rate", "2000", "--max-rate", "400000", "--warm", "0.7", "--timeout",
                        "500", seconds=0.5 if bench.quick else 2)
        self.rate = seen["pdr"]["qps"] / 2
        if not self.rate:
            raise NotMeasured("dnsdist has no PDR of 2,000 a second or more here")
        self.note = f"at {self.rate:.0f} queries/s"
        return self

    def measure(self, side):
        kind = self.sides[side]
        with running(kind, command(kind)) as process:
            await_ready(kind, process)
            seen = load("--rate", str(self.rate), "--warm", str(warm_s(kind)), "--zipf", "turn",
                        seconds=self.bench.seconds)
        clients = seen["clients"]
        if good(clients) < 0.95 * clients["sent"]:
            raise NotMeasured(f"{kind}: {clients['rcode']}, {clients['lost']} of {clients['sent']} lost")
        return {"value": clients["latency"]["p99_us"], **clients["latency"], "lost": clients["lost"], "held": clients["held"]}


ROWS = [
    Over("dnsdist", "forwarding QPS (AF_XDP veth, cache off, validation on) over dnsdist with cache off", 3, 5, "dnsdist"),
    Over("cpu", "CPU per query, dnsdist over ours (busy cycles)", 3.3, 5, "dnsdist", figure="cpu_per_query",
         inverse=True),
    Over("unbound", "the same over unbound forward-zone without cache hits", 10, 20, "unbound"),
    Over("dnsmasq", "the same over dnsmasq", 10, 20, "dnsmasq"),
    Over("cache-dnsdist", "cache-hit QPS over dnsdist's packet cache", 2.5, 4, "dnsdist", cache="+cache"),
    Over("cache-unbound", "cache-hit QPS over unbound's cache", 2.5, 4, "unbound", cache="+cache"),
    Latency("p99", "p99 latency, dnsdist over ours, both at half of dnsdist's PDR", 3, 5, "dnsdist", inverse=True),
]
