"""Rows measured inside one process: a worker over rings, turned by hand. See bench_worker.c."""

import json
import subprocess

from figures import NotMeasured


def worker(build, *options, limit_s=240):
    """bench_worker's figures."""
    done = subprocess.run([f"{build}/tests/bench/bench_worker", *options], capture_output=True, text=True, timeout=limit_s)
    if done.returncode:
        raise NotMeasured(f"bench_worker {' '.join(options)}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    seen = json.loads(done.stdout.splitlines()[-1])
    for what in ("lost", "servfail", "retried"):
        if seen[what]:
            raise NotMeasured(f"bench_worker {' '.join(options)}: {seen[what]:.0f} {what}")
    return seen


class InProcess:
    """Packets a second of one way to run the worker over another's."""

    def __init__(self, name, title, floor, goal, a, b, quick_pairs=9):
        self.name, self.title, self.floor, self.goal = name, title, floor, goal
        self.options = {"a": a, "b": b}
        self.quick_pairs = quick_pairs

    def prepare(self, bench):
        self.bench = bench
        return self

    def close(self):
        pass

    def measure(self, side):
        seen = worker(self.bench.build, "--by-hand", "--seconds", str(self.bench.seconds_by_hand), *self.options[side])
        return {"value": seen["pps"], "cycles": seen["cycles_median"], **seen}


ROWS = [
    InProcess("validated", "validated (cache warm) over unvalidated, in process", 0.65, 0.80,
              ("--secure", "--names", "2000"), ("--signed", "--names", "2000")),
    InProcess("crypto-lcore", "99 % signature-cache hits, verification on a crypto lcore, over unvalidated", 0.60, 0.80,
              ("--secure", "--crypto", "1", "--names", "2000", "--cold", "4000"),
              ("--signed", "--names", "2000", "--cold", "4000")),
    InProcess("two-workers", "two workers over one, a queue of each port for each, in process", 1.80, 1.92,
              ("--workers", "2"), ()),
    InProcess("hostile", "hostile mix over clean mix, in process", 0.7, 0.9, ("--hostile", "100"), ()),
    InProcess("in-flight", "in-flight 1 M over in-flight 1 k, in process", 0.6, 0.8,
              ("--hold", "1000000", "--names", "3000000"), ("--hold", "1000", "--names", "3000000"), quick_pairs=3),
]
