"""What the lab's tests have in common: a bench with the lab on it, and the story of one site gone bad."""

import os
import subprocess
import time
from contextlib import contextmanager

import labzones
from labload import Load
from labnet import REAL, addr4, addr6
from labswerve import Swerve, await_identity
from labzones import TLDS


class Failed(Exception):
    """A test saw what it must not see."""


class Skipped(Exception):
    """A test cannot run here; its text is the reason."""


def expect(holds, text):
    if not holds:
        raise Failed(text)


def await_true(check, limit_s, text, step_s=0.02):
    """Seconds until check() holds; Failed with text when it does not within limit_s."""
    begun = time.monotonic()
    while not check():
        if time.monotonic() - begun > limit_s:
            raise Failed(f"{text} within {limit_s} s")
        time.sleep(step_s)
    return time.monotonic() - begun


class Bench:
    """One lab, shared by all tests; a swerved for each."""

    def __init__(self, lab, build, data, hugepages=True, driver="af_xdp"):
        self.lab, self.build, self.data = lab, build, data
        self.swerved = Swerve(lab, build, hugepages, driver)
        self.service4, self.service6 = addr4("edge", REAL), addr6("edge", REAL)
        self.frozen = False

    @contextmanager
    def swerve(self, running=False, **options):
        """A running swerved (running: launched already); afterwards the books must balance and it must end with 0."""
        if not running:
            self.swerved.start(**options)
        try:
            yield self.swerved
            if self.swerved.process is None:
                return
            expect(self.swerved.alive(), f"swerved is gone:\n{self.swerved.log_tail()}")
            # probes of a site that is silent, or talks nonsense, are in flight nearly all the time
            self.lab.servers.fronts_pass()
            wrong = await_identity(self.swerved)
            expect(not wrong, f"after the test: {'; '.join(wrong)}")
            status, _ = self.swerved.stop()
            expect(status == 0, f"swerved ended with {status}:\n{self.swerved.log_tail()}")
            ended_in_order(self.swerved)
        finally:
            if self.swerved.process is not None:
                self.swerved.process.kill()
                self.swerved.stop()

    def load(self, rate, address=None, seed=None, **options):
        """The usual mix of questions at swerve."""
        mix = labzones.question_stream(seed or time.monotonic())
        return Load(self.lab.net, address or self.service4, lambda: next(mix), rate, **options).start()

    def freeze(self, sites, nsec3_s, rest_s):
        self.frozen = True
        return self.lab.freeze(sites, nsec3_s, rest_s)

    def reset(self):
        """As if new: every front passes, every site has a fresh version."""
        self.lab.servers.fronts_pass()
        if self.frozen:
            self.lab.thaw()
            self.frozen = False

    def tool(self, host, name, *arguments, stdin=None, limit_s=120):
        """One of the lab's programs in a host; its output, whatever its exit code."""
        argv = self.lab.net.argv(host, os.path.join(self.build, "tests/lab", name), *arguments)
        done = subprocess.run(argv, stdin=stdin, capture_output=True, text=True, timeout=limit_s)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def compare(self, address_a, address_b, questions, *options):
        """Same answers from both? Returns the comparer's line; Failed with the first differences."""
        with open(questions, encoding="ascii") as f:
            code, out, err = self.tool("client", "lab_compare", "--a", address_a, "--b", address_b, *options,
                                       stdin=f)
        expect(code == 0, f"{' '.join(options)} {address_a} and {address_b}: {out}\n{err}")
        return out

    def dnsperf(self, questions, seconds, rate, address=None):
        """(sent, completed, lost, text) of dnsperf at swerve."""
        argv = self.lab.net.argv("client", "dnsperf", "-s", address or self.service4, "-d", questions, "-l",
                                 str(seconds), "-Q", str(rate), "-D", "-t", "3", "-T", "1", "-c", "4")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30)
        numbers = {}
        for line in done.stdout.splitlines():
            for word in ("sent", "completed", "lost"):
                if line.strip().startswith(f"Queries {word}:"):
                    numbers[word] = int(line.split(":")[1].split()[0])
        expect("sent" in numbers, f"dnsperf said: {done.stdout}{done.stderr}")
        return numbers["sent"], numbers["completed"], numbers["lost"], done.stdout


# Events that say that something is wrong somewhere.
FAULTS = ("site_fault", "zone_fault", "ours", "lagging", "last_path")


def moved_away(swerved, site):
    """True when no path of this site is in use for com. and net. any more."""
    states = swerved.states()
    return all(states.get((t, site), set()) <= {"failing", "lagging", "probation"} for t in TLDS)


def nothing_moved(swerved):
    return all(s == {"up"} for s in swerved.states().values())


def steady(bench, swerved, load, seconds=2.0):
    """All is well to begin with: the first site carries the load and nothing has moved."""
    before = swerved.sent("sin")
    time.sleep(seconds)
    expect(nothing_moved(swerved), f"moved before anything happened: {swerved.states()}")
    expect(swerved.sent("sin") - before > 10, "sin is first in the order but carries no load")
    expect(load.bad == 0, f"before anything happened: {load}; {load.failures}")


def ended_in_order(swerved):
    """Its last word is that every packet is accounted for and nothing is out."""
    last = [e for e in swerved.events() if e["kind"] == "stopped"]
    expect(last, "no event `stopped`")
    left = [k for k in ("waiting", "transactions", "mbufs_out") if last[-1].get(k)]
    expect(last[-1].get("holds") is True and not left, f"at the end: {last[-1]}")


def fault_event(swerved, site):
    """The sentence of the first site_fault event about this site."""
    for event in swerved.events():
        if event["kind"] == "site_fault" and event.get("site") == site:
            return event["text"]
    raise Failed(f"no site_fault event about {site}: {[e['kind'] for e in swerved.events()]}")


def outcomes(swerved, site, name):
    """How often this was an answer's fate at a site, probes included; see enum route_outcome."""
    return sum(p["outcomes"].get(name, 0) for p in swerved.sites() if p["site"] == site)


def slower_than(before, after, least_us):
    """Which share of sin's replies between two looks of site_is_odd() took longer; least_us: 128, 256, 512 ... us."""
    first, last = ([sum(p["rtt_buckets"][i] for p in look["sites"] if p["site"] == "sin") for i in range(15)]
                   for look in (before, after))
    seen = [b - a for a, b in zip(first, last)]
    return sum(n for i, n in enumerate(seen) if 128 << i > least_us) / max(1, sum(seen))


def site_is_odd(bench, command, seconds=4.0, rate=150):
    """sin does something that sound sites do: nothing moves, and clients get one answer each.

    Returns (load, before, after): swerved's stats and sites around it.
    """
    def look():
        return {"stats": swerved.stats()["sum"], "sites": swerved.sites()}

    with bench.swerve(fronts=["sin"]) as swerved:
        load = bench.load(rate)
        try:
            steady(bench, swerved, load, 1.0)
            before = look()
            bench.lab.servers.front("sin", command)
            time.sleep(seconds)
        finally:
            load.stop()
        after = look()
        expect(nothing_moved(swerved), f"moved although sin does no more than {command}: {swerved.states()}")
        moves = [e["text"] for e in swerved.events() if e["kind"] in FAULTS]
        expect(not moves, f"sin does no more than {command}, and this was said: {moves}")
    expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    expect(load.answered == load.counts["asked"] and load.surplus == 0, f"{load}, {load.surplus} answered twice")
    return load, before, after


def site_goes_bad(bench, command, limit_s=15, rate=150):
    """sin turns bad under load: clients lose nothing, traffic leaves it, an event says so. Returns what was seen."""
    with bench.swerve(fronts=["sin"]) as swerved:
        load = bench.load(rate)
        try:
            steady(bench, swerved, load)
            bench.lab.servers.front("sin", command)
            took = await_true(lambda: moved_away(swerved, "sin"), limit_s, f"sin is {command} and stays in use")
            time.sleep(1.0)
            quiet_from = swerved.sent("sin")
            time.sleep(2.0)
            probes = swerved.sent("sin") - quiet_from
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        expect(probes <= 40, f"{probes} questions to sin in 2 s after it was left")
        said = fault_event(swerved, "sin")
    return f"{load}, none bad; left sin after {took:.1f} s: {said}"


def site_shows_old(bench, nsec3_s, rest_s, limit_s=10):
    """sin comes up with a version of long ago; times as in Lab.old(). Left at once, and no client has seen it."""
    with bench.swerve() as swerved:
        load = bench.load(100)
        try:
            steady(bench, swerved, load, 1.0)
            with bench.lab.old("sin", nsec3_s, rest_s):
                took = await_true(lambda: moved_away(swerved, "sin"), limit_s,
                                  "sin shows an old version and stays in use")
                time.sleep(0.5)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        expired = outcomes(swerved, "sin", "expired")
        expect(expired > 0, "sin gave no expired signature: this test shows nothing")
        said = fault_event(swerved, "sin")
    return f"{load}, none bad; {expired} expired answers, sin left {took:.1f} s after it was loaded: {said}"
