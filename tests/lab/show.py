#!/usr/bin/env python3
"""The incident of 8 July 2023 in a minute: the site sin stops receiving updates and its signatures run out.

    show.py --build DIR [--lab] [--no-hugepages] [--driver af_xdp|af_packet]

Two resolvers are asked the same questions: one behind swerve, one pointed straight at sin.
"""

import argparse
import calendar
import os
import random
import re
import signal
import sys
import time

import labzones
from lab import Lab
from labload import Load
from labnet import REAL, SOURCE, addr4, addr6
from labswerve import Swerve, SwerveError
from labtap import Tap
from labzones import TLDS

HEALTHY_S = 6  # before the updates stop
FIRST_END_S = 14  # from then to the first signature that ends
NSEC3_STEPS_S = (0, 4, 8, 12)  # NSEC3 signatures end in four lots
REST_AFTER_S = 20  # and the rest this long after the first
AFTER_S = 10

QUESTIONS_PER_S = 25  # at each resolver
OTHERS_PER_S = 3000  # at swerve, from the edge's other resolvers

# What happened that day, UTC, and minutes since the first error.
THAT_DAY = (
    ("21:10", 0, "first error in a log"),
    ("22:16", 66, "first alert"),
    ("06:24", 554, "somebody understands"),
    ("06:50", 580, "IPv4 rerouted by hand"),
    ("07:06", 596, "IPv6 rerouted by hand"),
)


def origin_questions(seed):
    """What an edge asks for: origins behind a chain from .com to .net, and names that are not there. No name twice."""
    rng = random.Random(seed)
    leaf = {t: list(labzones.leaf_names(t)) for t in TLDS}
    for names in leaf.values():
        rng.shuffle(names)
    while True:
        label, kind = f"{rng.getrandbits(32):08x}", rng.random()
        if kind < 0.3:
            yield f"{label}.{rng.choice(('shopfront', 'plainshop'))}.com.", "A"
        elif kind < 0.65:
            tld = rng.choice(TLDS)
            leaf[tld].append(leaf[tld].pop(0))
            yield f"www.{leaf[tld][-1]}", rng.choice(("A", "AAAA"))
        else:
            yield f"nx-{label}.{rng.choice(TLDS)}", "A"


class Dnsperf:
    """dnsperf as the edge's other resolvers, until it is stopped. Then: counts, by its own words."""

    def __init__(self, lab, address, questions, rate):
        self.lab, self.counts = lab, {}
        self.process = lab.servers.start("client", "others", "dnsperf", "-s", address, "-d", questions, "-l", "600",
                                         "-Q", str(rate), "-D", "-t", "3", "-T", "1", "-c", "4")

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # it waits for what is out, and sums up
        self.process.wait(10)
        self.lab.servers.processes.pop("others", None)
        with open(os.path.join(self.lab.servers.place("others"), "log"), encoding="ascii") as f:
            text = f.read()
        for word in ("sent", "completed", "lost"):
            found = re.search(rf"Queries {word}:\s+(\d+)", text)
            self.counts[word] = int(found.group(1)) if found else 0
        self.counts["SERVFAIL"] = sum(int(n) for n in re.findall(r"SERVFAIL (\d+)", text))

    def __str__(self):
        return ", ".join(f"{n} {word}" for word, n in self.counts.items())


class Show:
    """One run from healthy to over. Prints as it goes."""

    def __init__(self, lab, swerved):
        self.lab, self.swerved = lab, swerved
        self.begun = time.time()
        self.events_told = 0
        self.first_servfail = {}

    def run(self):
        self.tap = Tap(self.lab.net, "sin")
        self.others = self._others()
        self.loads = {"swerve": self._load("swerve", REAL), "direct": self._load("direct", SOURCE)}
        try:
            self._heading()
            self._watch(HEALTHY_S)
            self.say("the updates to sin stop; nrt and lax get a fresh version")
            start = self.lab.freeze(["sin"], [FIRST_END_S + s for s in NSEC3_STEPS_S], FIRST_END_S + REST_AFTER_S)
            self.first_end = start + FIRST_END_S + 1  # the second that a signature names is its last
            for moment, what in ((self.first_end, "signatures over NSEC3 begin to run out at sin"),
                                 (self.first_end + REST_AFTER_S, "the rest have run out at sin as well")):
                self._watch(moment - time.time())
                self.say(what)
            self._watch(AFTER_S)
        finally:
            for load in self.loads.values():
                load.asking = False
            for load in self.loads.values():
                load.stop()
            self.others.stop()
            self.tap.stop()
        self._events()

    def _others(self):
        questions = labzones.question_file(f"{self.lab.folder}/others.questions", 20000, seed="others")
        return Dnsperf(self.lab, addr4("edge", REAL), questions, OTHERS_PER_S)

    def _load(self, which, last):
        questions = origin_questions("show")  # the same for both

        def look(reply, _name, _kind):
            if reply.rcode == "SERVFAIL":
                self.first_servfail.setdefault(which, time.time())

        return Load(self.lab.net, addr4("resolver", last), lambda: next(questions), QUESTIONS_PER_S, rd=True,
                    do=False, on_answer=look).start()

    def say(self, text):
        print(f"{time.time() - self.begun:5.1f} s  {text}", flush=True)

    def _heading(self):
        print(f"\n{'':9}{'sin is asked':>13} | {'behind swerve':^29} | {'straight to sin':^29}")
        print(f"{'':9}{'by swerve':>13} | {'asked':>9}{'answered':>10}{'SERVFAIL':>10} | "
              f"{'asked':>9}{'answered':>10}{'SERVFAIL':>10}")

    def _watch(self, seconds):
        until = time.time() + seconds
        while time.time() < until:
            self._events()
            self._row()
            rest = until - time.time()
            end = time.time() + min(2.0, max(rest, 0))
            while time.time() < end:
                time.sleep(0.1)
                self._events()

    def _row(self):
        cells = [f"{self.tap.queries:>13}"]
        for which in ("swerve", "direct"):
            load = self.loads[which]
            cells.append(f"{load.counts['asked']:>9}{load.answered:>10}{load.counts['SERVFAIL']:>10}")
        self.say(" | ".join(cells))

    def _events(self):
        events = self.swerved.events()
        for event in events[self.events_told:]:
            print(f"        >> {event['time'][11:23]} {event['kind']}: {event['text']}", flush=True)
        self.events_told = len(events)

    def steered(self):
        """Moment and sentence of the first event that moved com. or net. off sin."""
        for event in self.swerved.events():
            if event["kind"] in ("site_fault", "lagging") and event.get("site") == "sin":
                return event_time(event), event["text"]
        return None, None

    def to_last_query_ms(self):
        """From the first expired signature on the wire to the last query to sin; None when there is no such pair."""
        if not self.tap.first_expired:
            return None
        return max(0.0, (self.tap.last_query - self.tap.first_expired) * 1000)


def event_time(event):
    whole, _, fraction = event["time"].rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


def since(moment, origin):
    return "never" if not moment else f"+{moment - origin:.2f} s"


def times_table(show):
    """That day's times beside this run's, both from the first sign."""
    moved_at, sentence = show.steered()
    origin = min(t for t in (show.tap.first_expired, show.first_servfail.get("direct"), show.first_end) if t)
    last = show.tap.last_query if show.tap.first_expired else None
    here = (
        since(show.first_servfail.get("direct"), origin) + " (the resolver straight at sin)",
        since(moved_at, origin) + " (swerve says so)",
        since(moved_at, origin) + " (the event is the explanation)",
        since(last, origin) + " (last query to sin)",
        since(last, origin) + " (the same event moves IPv6)",
    )
    print(f"\n{'8 July 2023':<38} | here, seconds instead of hours")
    for (clock, minutes, what), now in zip(THAT_DAY, here):
        print(f"{clock}  +{minutes // 60}:{minutes % 60:02d} h  {what:<22} | {now}")
    if sentence:
        print(f"\nswerve said: {sentence}")


def result_table(show):
    print(f"\n{'':18}{'asked':>9}{'answered':>10}{'SERVFAIL':>10}{'lost':>7}")
    for which, title in (("swerve", "with swerve"), ("direct", "without")):
        load = show.loads[which]
        print(f"{title:<18}{load.counts['asked']:>9}{load.answered:>10}{load.counts['SERVFAIL']:>10}"
              f"{load.counts['lost']:>7}")
    print(f"{'others, by swerve':<18}{show.others.counts['sent']:>9}{show.others.counts['completed']:>10}"
          f"{show.others.counts['SERVFAIL']:>10}{show.others.counts['lost']:>7}")
    took = show.to_last_query_ms()
    print("\nfrom the first expired signature to the last query sent to sin: "
          + ("no expired signature reached swerve" if took is None else f"{took:.0f} ms")
          + " (measured at sin's interface)")


def verdict(show):
    """What did not go as it must; an empty list is a good run."""
    wrong = []
    with_swerve, without = show.loads["swerve"], show.loads["direct"]
    if with_swerve.bad:
        wrong.append(f"behind swerve: {with_swerve}; {with_swerve.failures}")
    if show.others.counts["lost"] or show.others.counts["SERVFAIL"] or not show.others.counts["completed"]:
        wrong.append(f"the other resolvers: {show.others}")
    if not without.counts["SERVFAIL"]:
        wrong.append("the resolver straight at sin had no SERVFAIL: nothing was shown")
    if show.steered()[0] is None:
        wrong.append("no event says that sin was left")
    return wrong


def hands_on(lab, swerved):
    """Everything stays up until Ctrl-C."""
    here = os.path.dirname(os.path.abspath(__file__))
    tool = f"SWERVE_LAB_ID={lab.lab_id} {os.path.join(here, 'lab.py')}"
    ctl = f"{swerved.program('swervectl')} -s {swerved.socket}"
    print(f"""
The lab is up. In another terminal, as root:

  {tool} exec client dig @{addr4('edge', REAL)} +norec +dnssec shopfront.com. DS
  {tool} exec client dig @{addr6('edge', REAL)} +norec nobody-has-this.net. A
  {tool} exec client dig @{addr4('resolver', REAL)} +dnssec eu.shopfront.com. A    # unbound behind swerve
  {tool} exec client dig @{addr4('resolver', SOURCE)} +dnssec eu.shopfront.com. A    # unbound straight at sin
  {ctl} status
  {ctl} sites
  {ctl} events --follow
  {tool} freeze sin --nsec3 10 --rest 30
  {tool} thaw

Ctrl-C ends it.""", flush=True)
    while swerved.alive():
        time.sleep(0.5)
    raise SwerveError(f"swerved is gone:\n{swerved.log_tail()}")


def ended(number, _frame):
    sys.exit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--lab", action="store_true")
    parser.add_argument("--no-hugepages", action="store_true")
    parser.add_argument("--driver", default="af_xdp", choices=["af_xdp", "af_packet"])
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ended)
    lab = Lab(os.environ.get("SWERVE_LAB_ID", str(os.getpid())))
    swerved = None
    try:
        begun = time.monotonic()
        lab.up()
        print(f"lab {lab.lab_id} laid in {time.monotonic() - begun:.1f} s: three sites of com. and net., a root, leaf zones")
        swerved = Swerve(lab, os.path.abspath(args.build), not args.no_hugepages, args.driver)
        swerved.start()
        lab.servers.resolvers()
        if args.lab:
            hands_on(lab, swerved)
        show = Show(lab, swerved)
        show.run()
        times_table(show)
        result_table(show)
        wrong = verdict(show)
        swerved.stop()
    except SwerveError as e:
        wrong = [str(e)]
    finally:
        if swerved is not None and swerved.process is not None:
            swerved.stop()
        lab.down()
    for text in wrong:
        print(f"not as it must be: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
