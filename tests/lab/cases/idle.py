"""An idle swerved gives its CPU back, and is there when a query comes."""

import os
import statistics
import time

import labdns
from labcase import expect

WATCH_S = 3
QUERIES, SILENCE_S = 20, 0.1


def worker_s(pid):
    """Seconds that the worker's thread was on a CPU."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
            if "worker" not in f.read():
                continue
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9
    return None


def process_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def latency_ms(bench):
    """Of queries answered from the cache, each after a silence."""
    seen = []
    with bench.lab.net.inside("client"):
        for _ in range(QUERIES):
            time.sleep(SILENCE_S)
            begun = time.monotonic()
            reply = labdns.ask(bench.service4, "www.shopfront.com.", "A")
            seen.append((time.monotonic() - begun) * 1000)
            expect(reply is not None and reply.rcode == "NOERROR", f"after a silence: {reply}")
    return statistics.median(seen)


def watch(bench, mode):
    """(share of a CPU that the worker took, that the whole process took, median latency in ms, waits)."""
    with bench.swerve(more=f"idle: {{mode: {mode}}}\n", answers={"size_mb": 16}) as swerved:
        latency_ms(bench)  # the answer is kept, and what else the start brings is over
        pid, waits = swerved.process.pid, swerved.stats()["sum"]["waits"]
        begun, worker, process = time.monotonic(), worker_s(pid), process_s(pid)
        expect(worker is not None, "there is no worker thread")
        time.sleep(WATCH_S)
        wall = time.monotonic() - begun
        worker, process = (worker_s(pid) - worker) / wall, (process_s(pid) - process) / wall
        waits = swerved.stats()["sum"]["waits"] - waits
        expect(swerved.alive(), "swerved is gone")
        return worker, process, latency_ms(bench), waits


def run(bench):
    spin = watch(bench, "poll")
    rest = watch(bench, "adaptive")
    expect(spin[3] == 0, f"mode poll waited {spin[3]} times")
    expect(rest[3] > 0, "mode adaptive never waited")
    expect(rest[0] < spin[0] / 2, f"the idle worker takes {rest[0]:.1%} of a CPU, polling {spin[0]:.1%}")
    return (f"worker {rest[0]:.1%} of a CPU (polling {spin[0]:.1%}), all of swerved {rest[1]:.1%}; a query after "
            f"{SILENCE_S * 1000:.0f} ms of silence {rest[2]:.2f} ms (polling {spin[2]:.2f} ms)")
