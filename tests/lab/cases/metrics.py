"""/metrics as Prometheus reads it: its own checker finds nothing, and the numbers are swervectl's."""

import json
import re
import shutil
import socket
import subprocess

from labcase import await_true, expect, moved_away

PORT = 9353


def page(bench):
    argv = bench.lab.net.argv("edge", "python3", "-c",
                              f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{PORT}/metrics').read().decode())")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    expect(done.returncode == 0, f"no metrics: {done.stderr[-300:]}")
    return done.stdout.strip() + "\n"


def value(text, name, **labels):
    """The sum of this family's samples that have these labels."""
    total = None
    for line in text.splitlines():
        found = re.fullmatch(re.escape(name) + r"(?:\{(.*)\})? (\S+)", line)
        if found and all(f'{k}="{v}"' in (found.group(1) or "") for k, v in labels.items()):
            total = (total or 0) + float(found.group(2))
    return total


def checked(text):
    """What promtool says of the page; "" when it has nothing to say."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=10)
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else "promtool failed")


def top(swerved):
    """Two frames of the live view: what is wrong comes first."""
    argv = [swerved.program("swervectl"), "-s", swerved.socket, "top", "--frames", "2"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    expect(done.returncode == 0, f"top: {done.stderr}")
    frames = done.stdout.split("swerve  table ")[1:]
    expect(len(frames) == 2, f"top drew {len(frames)} frames: {done.stdout}")
    first = frames[1].splitlines()[3].split()
    expect(first[1] == "sin" and first[3] != "up", f"the first row of top is not what is wrong: {frames[1]}")


def telemetry(swerved):
    """DPDK's own socket: {command: data}."""
    answers = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect(f"/var/run/dpdk/swerve-{swerved.process.pid}/dpdk_telemetry.v2")
        s.recv(65536)  # who it is
        for command in ("/swerve/status", "/swerve/stats", "/swerve/lcores", "/swerve/sites", "/swerve/sites,0", "/swerve/sites,99"):
            s.send(command.encode())
            answers[command] = json.loads(s.recv(65536)).get(command.split(",")[0])
    return answers


def run(bench):
    with bench.swerve(fronts=["sin"], telemetry=True, answers={"size_mb": 2}) as swerved:
        load = bench.load(150)
        try:
            bench.lab.servers.front("sin", "servfail")
            await_true(lambda: moved_away(swerved, "sin"), 15, "sin answers SERVFAIL and stays in use")
        finally:
            load.stop()
        text = page(bench)
        if shutil.which("promtool"):
            complaint = checked(text)
            expect(not complaint, f"promtool: {complaint[:500]}")
        top(swerved)
        told = telemetry(swerved)
        expect(told["/swerve/status"]["fault"]["kind"] == "site", f"telemetry's status: {told['/swerve/status']}")
        lcore = told["/swerve/lcores"]["1"]
        expect(lcore["role"] == "worker" and 0 < lcore["busy_cycles"] < lcore["total_cycles"], f"telemetry's lcores: {lcore}")
        expect(told["/swerve/stats"]["received"] > 0, f"telemetry's stats: {told['/swerve/stats']}")
        expect("chain_asked" in told["/swerve/stats"], f"telemetry's stats lack the chain: {told['/swerve/stats']}")
        cache = swerved.stats()["cache"]
        expect(told["/swerve/stats"]["cache"]["size"] == cache["size"] > 0, f"telemetry's cache: {told['/swerve/stats']}")
        expect(value(text, "swerve_cache_capacity_bytes") == cache["size"], "the cache's size is another in the metrics")
        expect(0 < value(text, "swerve_cache_entries") <= cache["answers"] + cache["evictions"], "no answers in the cache")
        expect(value(text, "swerve_chain_questions_total") is not None, "no chain in the metrics")
        expect(len(told["/swerve/sites"]) == len(swerved.sites()), f"telemetry's sites: {told['/swerve/sites']}")
        expect(told["/swerve/sites,0"]["site"] in told["/swerve/sites"][0], f"telemetry's path: {told}")
        stats, sites = swerved.stats()["sum"], swerved.sites()
        at_sin = sum(p["outcomes"]["servfail"] for p in sites if p["site"] == "sin")
        seen = value(text, "swerve_path_outcomes_total", site="sin", outcome="servfail")
        expect(seen and 0 < seen <= at_sin, f"SERVFAIL of sin: {seen}, then {at_sin}")
        forwarded = value(text, "swerve_forwarded_queries_total")
        expect(forwarded and forwarded <= stats["forwarded"], f"forwarded: {forwarded}, then {stats['forwarded']}")
        expect(re.search(r'swerve_route_info{version="\d+",hash="[0-9a-f]{64}"} 1', text), "no hash of the routes")
        expect(value(text, "swerve_fault", kind="site") == 1, "swerve_fault does not say that it is a site")
        expect(swerved.ctl("status")["fault"]["kind"] == "site", "status does not say that it is a site")
        expect(value(text, "swerve_path_state", site="sin", state="up") == 0, "sin is up in the metrics")
        expect(value(text, "swerve_path_rtt_seconds_count", site="nrt"), "no round-trip times of nrt")
    said = "promtool has nothing to say" if shutil.which("promtool") else "promtool is not there"
    return f"{len(text.splitlines())} lines, {said}; they say what swervectl says"
