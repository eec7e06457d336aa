"""Rows over ports: the worker against testpmd's 5tswap, both on one CPU, both with the same port arguments and the same load.

The figure is packets a second of a core that is busy all the time: packets over the cycles spent in turns that had packets, less the
share of time in which the thread was not on a core. So neither a load that is too slow nor other users of the CPU count.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time

from figures import NotMeasured

EAL = ("--in-memory", "--no-pci", "--no-telemetry", "--log-level=4")
WORKER = "rte-worker-1"
NAMES = 60000
CACHED_NAMES = 2000
CAPTURE = 3000  # frames: net_pcap keeps all of them in the worker's own packet pool


def fail(what, log):
    with open(log, encoding="utf-8", errors="replace") as f:
        last = f.read().strip().splitlines()[-1:] or ["nothing said"]
    raise NotMeasured(f"{what}: {last[0][:120]}")


def on_core_ns(pid):
    """CPU time of the process's first worker thread."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
            if f.read().strip() != WORKER:
                continue
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])
    raise NotMeasured("testpmd has no worker thread")


@contextlib.contextmanager
def running(folder, ns, label, argv, grace_s=10):
    """A process in a namespace (or none: []), its output in a file (process.log), ended on the way out."""
    log = os.path.join(folder, f"{label}.log")
    with open(log, "wb") as f:
        process = subprocess.Popen([*ns, *argv], stdin=subprocess.DEVNULL, stdout=f, stderr=f, start_new_session=True)
    process.log = log
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Port:
    """A kind of port: how the two ends name it, and what has to be there for it."""

    def __init__(self, name, title, floor, goal, device, peer, peer_eal=(), netns=False, worker=()):
        self.name, self.title, self.floor, self.goal = name, title, floor, goal
        self.device, self.peer, self.peer_eal, self.netns = device, peer, peer_eal, netns
        self.worker = worker  # further arguments of bench_worker
        self.quick_pairs = 2
        self.note = "busy core"
        self.wall = {"a": 0.0, "b": 0.0}  # packets a second of the clock on the wall, at most

    def prepare(self, bench):
        self.bench = bench
        self.scratch = tempfile.TemporaryDirectory(prefix="swerve-bench.")
        self.folder = self.scratch.name
        self.ns = []
        names = os.path.join(self.folder, "names")
        with open(names, "w", encoding="ascii") as f:
            f.writelines(f"q{i:07}.com A\n" for i in range(CACHED_NAMES if self.worker else NAMES))
        subprocess.run([f"{bench.root}/scripts/pktgen/make-pcap", "--names", names, "--count", str(CAPTURE), "--v6", "0", "--edns",
                        "100", "--do", "100", "--server", "192.0.2.53", "--out", f"{self.folder}/queries.pcap"], check=True,
                       stdout=subprocess.DEVNULL)
        if self.netns:
            self.lay_veth()
        return self

    def lay_veth(self):
        name = f"swb{os.getpid()}"
        try:
            subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
            self.ns = ["ip", "netns", "exec", name]
            for command in ("sysctl -qw net.ipv6.conf.default.disable_ipv6=1", "ip link add v0 type veth peer name v1",
                            "ethtool -K v0 tx off rx off gro off", "ethtool -K v1 tx off rx off gro off",
                            "ip link set v0 up", "ip link set v1 up"):
                subprocess.run([*self.ns, *command.split()], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as why:
            self.close()
            raise NotMeasured(f"no veth pair: {why}") from None

    def close(self):
        if self.ns:
            subprocess.run(["ip", "netns", "del", self.ns[-1]], check=False)
        self.scratch.cleanup()

    def text(self, devargs):
        return devargs.format(dir=self.folder)

    def running(self, label, *argv):
        return running(self.folder, self.ns, label, argv)

    @contextlib.contextmanager
    def load(self, sites, seconds):
        """swerve-gen at the other end, as fast as its window lets it. No other end: nothing to be run."""
        if self.peer is None:
            yield None
            return
        argv = [f"{self.bench.build}/gen/swerve-gen", "--lcores", "0@0", *EAL, "-m", "512", "--file-prefix", f"gen{os.getpid()}",
                *self.peer_eal, "--vdev", self.text(self.peer), "--", "--names", f"{self.folder}/names", "--zipf", "turn",
                "--server", "192.0.2.53", "--client", "10.1.0.1", "--edns", "100", "--do", "100", "--rate", "max",
                "--in-flight", "512", "--trust", "--seconds", str(seconds), "--warm", "0"]
        with self.running("gen", *argv, *(("--sites-port", "0", "--made") if sites else ())) as process:
            yield process

    def ours(self):
        """The worker under load; its figures."""
        worker = f"{self.bench.build}/tests/bench/bench_worker"
        # Without another end the sites are in the worker's own process, and take turns with it on its core.
        where = ["--by-hand", "--client-device"] if self.peer is None else ["--device"]
        with self.running("worker", worker, "--seconds", str(self.bench.seconds), *self.worker, *where,
                          self.text(self.device)) as process:
            if self.peer is not None:
                self.await_text(process, "ready")
            with self.load(True, 600):
                if process.wait(60):
                    fail("bench_worker", process.log)
        with open(process.log, encoding="utf-8") as f:
            seen = json.loads(f.read().splitlines()[-1])
        unfair = seen["dropped"] + seen["coalesced"] + seen["retried"]
        if unfair > 0.01 * seen["packets"]:
            raise NotMeasured(f"{unfair:.0f} of {seen['packets']:.0f} packets were dropped, coalesced or asked again: the load's "
                              "end did not keep up")
        if self.worker and seen["cache_hits"] < 0.98 * seen["packets"]:
            raise NotMeasured(f"{seen['cache_hits']:.0f} of {seen['packets']:.0f} packets were answered from the cache")
        return {"value": seen["pps"], **seen}

    def await_text(self, process, text):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with open(process.log, encoding="utf-8", errors="replace") as f:
                if text in f.read():
                    return
            if process.poll() is not None:
                fail(f"{process.args[len(self.ns)]} does not start", process.log)
            time.sleep(0.02)
        fail("it does not start", process.log)

    def testpmd(self):
        argv = ["dpdk-testpmd", "--lcores", "0@0,1@1", *EAL, "-m", "512", "--file-prefix", f"tpm{os.getpid()}", "--vdev",
                self.text(self.device), "--", "--forward-mode=5tswap", "--port-topology=loop", "--auto-start", "--burst=32",
                "--record-core-cycles", "--stats-period=60", "--total-num-mbufs=65536", "--rxd=1024", "--txd=1024"]
        with self.running("testpmd", *argv) as process:
            self.await_text(process, "5tswap packet forwarding")
            with self.load(False, 600) as load:
                if load is not None:
                    self.await_text(load, "links are up")
                begun, cpu = time.monotonic(), on_core_ns(process.pid)
                time.sleep(self.bench.seconds)
                seconds = time.monotonic() - begun
                on_core = (on_core_ns(process.pid) - cpu) / 1e9 / seconds
                process.send_signal(signal.SIGTERM)
                process.wait(20)  # before the load goes: net_memif forgets its counters with the other end
        with open(process.log, encoding="utf-8", errors="replace") as f:
            found = re.findall(r"total cycles=(\d+) / total \S+ packets=(\d+)\) at (\d+) MHz", f.read())
        if not found or not int(found[-1][1]):
            fail("testpmd forwarded nothing", process.log)
        cycles, packets, mhz = map(int, found[-1])
        return {"value": packets / (cycles / (mhz * 1e6) * on_core), "packets": packets, "on_core": on_core,
                "cycles": cycles / packets, "pps_wall": packets / seconds}

    def measure(self, side):
        seen = self.ours() if side == "a" else self.testpmd()
        self.wall[side] = max(self.wall[side], seen.get("pps_wall", 0))
        if self.peer is not None and self.wall["a"]:
            self.note = f"busy core; the load was seen to do {self.wall['b'] / self.wall['a']:.1f} times as much"
        return seen


OVER = "forwarded packets/s over testpmd 5tswap, one lcore, "
ROWS = [
    Port("pcap", OVER + "net_pcap infinite_rx", 0.20, 0.35, "net_pcap0,rx_pcap={dir}/queries.pcap,infinite_rx=1", None),
    Port("memif", OVER + "net_memif", 0.35, 0.50, "net_memif0,role=server,socket={dir}/m.sock,socket-abstract=no",
         "net_memif0,role=client,socket={dir}/m.sock,socket-abstract=no"),
    Port("vhost", OVER + "net_vhost", 0.35, 0.50, "net_vhost0,iface={dir}/v.sock",
         "net_virtio_user0,path={dir}/v.sock,queue_size=1024", ("--single-file-segments",)),
    Port("af_xdp", OVER + "AF_XDP over veth", 0.75, 0.88, "net_af_xdp0,iface=v0", "net_af_xdp1,iface=v1",
         ("--iova-mode=va",), netns=True),
    Port("cache-5tswap", "response-cache hits/s over testpmd 5tswap, memif", 0.60, 0.80,
         "net_memif0,role=server,socket={dir}/m.sock,socket-abstract=no",
         "net_memif0,role=client,socket={dir}/m.sock,socket-abstract=no", worker=("--cache", "64")),
]
