"""What is said about measured figures: ratios with their intervals, the machine they were taken on, the run before."""

import json
import math
import os
import platform
import shutil
import subprocess


class NotMeasured(Exception):
    """A row cannot be measured here; its text is the reason."""


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def interval(values):
    """Bounds that hold the true median 95 times of 100: order statistics, which ask nothing of how values are spread."""
    ordered = sorted(values)
    n, k, outside = len(ordered), 0, 0.0
    while k < n // 2:
        outside += math.comb(n, k) / 2**n
        if 2 * outside > 0.05:
            break
        k += 1
    k = max(0, k - 1)
    return ordered[k], ordered[n - 1 - k]


def ratio_of(pairs):
    """(median, low, high) of a/b over the pairs."""
    ratios = [a / b for a, b in pairs if b]
    if not ratios:
        raise NotMeasured("nothing came back")
    return (median(ratios), *interval(ratios))


def first_line(*command):
    if not shutil.which(command[0]):
        return "absent"
    done = subprocess.run(command, capture_output=True, text=True)
    text = (done.stdout + done.stderr).strip()
    return text.splitlines()[0] if text else "unknown"


def cpu_times():
    with open("/proc/stat", encoding="ascii") as f:
        return [int(v) for v in f.readline().split()[1:9]]


def steal_share(before):
    """Share of all CPU time since `before` that the hypervisor gave to others."""
    now = cpu_times()
    total = sum(now) - sum(before)
    return (now[7] - before[7]) / total if total else 0.0


def machine(root):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        models = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "cpu": models[0] if models else "unknown",
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit.stdout.strip() or "unknown",
        "load": os.getloadavg()[0],
        "versions": {
            "dpdk": first_line("pkg-config", "--modversion", "libdpdk"),
            "gcc": first_line("gcc", "--version"),
            "dnsdist": first_line("dnsdist", "--version"),
            "unbound": first_line("unbound", "-V"),
            "dnsmasq": first_line("dnsmasq", "--version"),
            "nsd": first_line("nsd", "-v"),
        },
    }


def load_run(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def changes(now, before, limit=0.05):
    """Sentences about rows whose value moved by more than the limit since the run before."""
    old = {row["name"]: row for row in before.get("rows", [])} if before else {}
    out = []
    for row in now["rows"]:
        then = old.get(row["name"], {}).get("value")
        if row.get("value") is None or not then:
            continue
        change = row["value"] / then - 1
        if abs(change) > limit:
            apart = row["low"] > old[row["name"]]["high"] or row["high"] < old[row["name"]]["low"]
            out.append(f"{row['name']}: {then:.3f} -> {row['value']:.3f} ({change:+.1%})"
                       + ("" if apart else ", intervals overlap"))
    return out
