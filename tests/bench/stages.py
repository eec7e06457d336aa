#!/usr/bin/env python3
"""Where a packet's cycles go, stage by stage, as a picture, and what that means for 25 and 100 GbE.

    stages.py --build DIR --out FILE.svg

perf samples a worker turned by hand (cpu-clock: no hardware counters are needed); samples in the worker's code are put to stages by
the source file of the function they fall in, also of one that was inlined, as the debug information says. The cycles a packet that bench_worker measures by the
time-stamp counter are then split in these shares. libc's copies and the kernel are spread over all stages in proportion.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

GOAL, FLOOR = 350, 700
DELAY_MS, SECONDS = 3000, 4
FRAME, GAP, HZ = 316, 24, 3e9  # an answer with one P-256 signature; preamble, gap and checksum; a core

STAGES = collections.OrderedDict((
    ("receive, transmit", ("worker.c", "tx.c", "rte_eth_ring.c", "handover.c", "ask.c")),
    ("parse headers", ()),
    ("parse DNS", ("msg.c", "name.c", "question.c", "hash.c", "query.c")),
    ("look up", ("table.c", "zones.c", "regions.c", "paths.c", "failures.c", "cached.c", "rcache.c", "plan.c")),
    ("transaction", ("txn.c", "rng.c", "claims.c", "upstream.c")),
    ("rewrite", ("packet.c", "reply.c", "writer.c")),
    ("match", ("response.c dataplane",)),
    ("judge", ("judge.c", "outcome.c", "effort.c", "hold.c", "validator")),
    ("deliver", ("deliver.c",)),
))
PARSING = re.compile(r"parse|addr_set|tag|udp_ok|csum_ok|is_ours")
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#9c755f", "#bab0ac")


def stage_of(function, file):
    """file: room/name.c"""
    room, name = file.rsplit("/", 1)
    if name == "packet.c":
        return "parse headers" if PARSING.search(function) else "rewrite"
    for stage, members in STAGES.items():
        if f"{name} {room}" in members or (name in members and name != "response.c") or room in members:
            return stage
    return "look up" if room == "routing" else "rewrite"


def read_places(text):
    """addr2line's word: {address: (function, room/file.c)}, of the innermost inlined function in a room's file, but for the load tool."""
    out, load, at = {}, set(), None
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("0x"):
            at = int(line, 16)
            continue
        where = next(lines)
        found = re.search(r"\b(dns|validator|routing|dataplane)/([\w-]+\.c):", where)
        if found:
            out.setdefault(at, (line, f"{found.group(1)}/{found.group(2)}"))
        elif re.search(r"\bgen/[\w-]+\.c:", where):
            load.add(at)
    return {at: place for at, place in out.items() if at not in load}


def places(program, addresses):
    return read_places(subprocess.run(["addr2line", "-a", "-f", "-i", "-e", program], input="\n".join(map(hex, addresses)),
                                      capture_output=True, text=True, check=True).stdout)


def load_base(program, samples):
    """Where the program lies in memory, by a sample in a function whose name there is once."""
    listed = [line.split() for line in subprocess.run(["readelf", "-sW", program], capture_output=True, text=True,
                                                      check=True).stdout.splitlines()]
    functions = [(words[7], int(words[1], 16)) for words in listed if len(words) > 7 and words[3] == "FUNC"]
    times = collections.Counter(name for name, _ in functions)
    address = {name: value for name, value in functions if times[name] == 1}
    return next((ip - off - address[symbol] for ip, symbol, off, _ in samples if symbol in address), 0)


def sample(build, options, folder):
    """(bench_worker's figures, {(stage, function): samples})"""
    program = f"{build}/tests/bench/bench_worker"
    data = os.path.join(folder, "perf.data")
    done = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "8000", "-D", str(DELAY_MS), "-o", data, program,
                           "--by-hand", "--seconds", str(SECONDS), *options], capture_output=True, text=True, timeout=300)
    if done.returncode:
        sys.exit(f"perf does not run here: {done.stderr.strip()[-300:]}")
    figures = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
    script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,symoff,dso"], capture_output=True, text=True).stdout
    samples = [(int(ip, 16), symbol, int(off, 16), dso)
               for ip, symbol, off, dso in re.findall(r"([0-9a-f]+) ([\w.]+)\+0x([0-9a-f]+) \((\S+)\)", script)]
    ours = [s for s in samples if s[3].endswith("bench_worker")]
    base = load_base(program, ours)
    found = places(program, sorted({s[0] - base for s in ours}))
    counts = collections.Counter()
    for ip, symbol, _, dso in samples:
        if "rte_net_ring" in dso or "rte_mempool_ring" in dso:
            counts["receive, transmit", symbol] += 1
        elif dso.endswith("bench_worker") and ip - base in found:
            function, file = found[ip - base]
            counts[stage_of(function, file), function] += 1
    if not any(stage == "transaction" for stage, _ in counts):
        sys.exit(f"{program} says nothing of its source files: was it built with -Ddebug=true?")
    return figures, counts


def split(figures, counts):
    """[(stage, cycles)] and the costliest functions."""
    total = sum(counts.values())
    by_stage = collections.Counter()
    for (stage, _), n in counts.items():
        by_stage[stage] += n
    cycles = figures["cycles_median"]
    stages = [(s, cycles * by_stage[s] / total) for s in STAGES]
    top = [(f, s, cycles * n / total) for (s, f), n in counts.most_common(12)]
    return stages, top


def svg(runs):
    """Stacked bars, one a run, to one scale."""
    widest = max(sum(c for _, c in stages) for _, _, stages, _ in runs)
    scale, out, y = 820 / max(widest, FLOOR), [], 30
    for title, figures, stages, _ in runs:
        out.append(f'<text x="10" y="{y}" font-weight="bold">{title}: {figures["cycles_median"]:.0f} cycles a packet</text>')
        x = 10.0
        for (stage, cycles), colour in zip(stages, COLOURS):
            width = cycles * scale
            out.append(f'<rect x="{x:.1f}" y="{y + 8}" width="{width:.1f}" height="34" fill="{colour}"><title>{stage}: {cycles:.0f}</title></rect>')
            if width > 26:
                out.append(f'<text x="{x + width / 2:.1f}" y="{y + 30}" text-anchor="middle" fill="white">{cycles:.0f}</text>')
            x += width
        y += 76
    for value, text in ((GOAL, "goal"), (FLOOR, "floor")):
        x = 10 + value * scale
        out.append(f'<line x1="{x:.1f}" y1="14" x2="{x:.1f}" y2="{y - 24}" stroke="black" stroke-dasharray="4 3"/>'
                   f'<text x="{x + 3:.1f}" y="{y - 20}">{text} {value}</text>')
    for i, (stage, colour) in enumerate(zip(STAGES, COLOURS)):
        x, row = 10 + i % 5 * 168, y + 10 + i // 5 * 24
        out.append(f'<rect x="{x}" y="{row - 11}" width="13" height="13" fill="{colour}"/><text x="{x + 18}" y="{row}">{stage}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{y + 50}" font-family="sans-serif" font-size="13">'
            '<rect width="100%" height="100%" fill="white"/>' + "\n".join(out) + "</svg>\n")


def projection(title, cycles):
    for gbit in (25, 100):
        queries = gbit * 1e9 / 8 / (FRAME + GAP)
        print(f"  {title}: {gbit} GbE full of answers is {queries / 1e6:.1f} M queries/s, {2 * queries * cycles / HZ:.1f} cores")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for title, arguments in (("unvalidated", ("--signed", "--names", "2000")), ("validated, cache warm", ("--secure", "--names", "2000"))):
            figures, counts = sample(os.path.abspath(options.build), arguments, folder)
            stages, top = split(figures, counts)
            runs.append((title, figures, stages, top))
            print(f"{title}: {figures['cycles_median']:.0f} cycles a packet (floor {FLOOR}, goal {GOAL}), by {sum(counts.values())} samples of perf's cpu-clock")
            for stage, cycles in stages:
                print(f"  {stage:20} {cycles:6.0f}")
            print("  costliest functions: " + ", ".join(f"{f} {c:.0f}" for f, _, c in top))
    with open(options.out, "w", encoding="ascii") as f:
        f.write(svg(runs))
    print(f"projected, for cores of {HZ / 1e9:g} GHz that spend as many cycles as this one, answers of {FRAME} octets, a queue pair a core, no drops by the NIC:")
    for title, figures, _, _ in runs:
        projection(title, figures["cycles_median"])
    print(f"picture: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
