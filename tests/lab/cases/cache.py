"""Answers are kept: sites are asked once, flushed is forgotten, and when all sites are silent what ended is served."""

import time

import labdns
from labcase import expect
from labnet import SITES

STALE_ANSWER, STALE_NXDOMAIN = 3, 19  # RFC 8914
QUESTIONS = (("shopfront.com.", "DS"), ("www.shopfront.com.", "A"), ("nobody-has-this.com.", "A"), ("com.", "NS"))
ROUNDS = 5


def ask(bench, name, kind, **options):
    with bench.lab.net.inside("client"):
        reply = labdns.ask(bench.service4, name, kind, timeout_s=4, **options)
    expect(reply is not None, f"no answer for {name} {kind}")
    return reply


def counters(swerved):
    return swerved.stats()["sum"]


def ask_all(bench, rounds=1):
    return [ask(bench, name, kind, do=do) for _ in range(rounds) for name, kind in QUESTIONS for do in (True, False)]


def asked_once(bench, swerved):
    """Forty questions, four at the sites; ours for keys and probes are not counted."""
    before = counters(swerved)
    ask_all(bench, ROUNDS)
    after = counters(swerved)
    sent, hits = (after[k] - before[k] for k in ("sent_upstream", "cache_hits"))
    asks = after["asks"] - before["asks"]
    asked = 2 * ROUNDS * len(QUESTIONS)
    expect(hits == asked - len(QUESTIONS), f"{hits} hits of {asked} questions")
    expect(sent - asks == len(QUESTIONS), f"{sent - asks} questions at the sites, not {len(QUESTIONS)}")
    return hits


def flushed(bench, swerved):
    """A name, a tree, all: what is flushed is asked again, and nothing else."""
    gone = []
    for words, again in ((("www.shopfront.com",), 1), (("shopfront.com.", "--tree"), 2), (("--all",), len(QUESTIONS))):
        gone.append(swerved.ctl("flush", *words)["answers"])
        before = counters(swerved)["cache_misses"]
        ask_all(bench)
        missed = counters(swerved)["cache_misses"] - before
        expect(missed == again, f"flush {' '.join(words)}: {missed} asked again, not {again}")
    expect(swerved.ctl("status")["cache"]["answers"] >= len(QUESTIONS), "status does not see what is kept")
    return gone


def stale(bench, swerved, life_s):
    """All sites are silent and the answers end: they are served all the same, and say so."""
    ask_all(bench)
    for site in SITES:
        bench.lab.servers.front(site, "silent")
    time.sleep(life_s + 1)
    seen = set()
    for name, kind in QUESTIONS:
        for _ in range(2):  # once after all sites were tried, once from the failure that is remembered
            reply = ask(bench, name, kind)
            rcode = "NXDOMAIN" if name.startswith("nobody") else "NOERROR"
            want = STALE_NXDOMAIN if rcode == "NXDOMAIN" else STALE_ANSWER
            expect(reply.rcode == rcode and reply.ede() == want, f"{name} {kind}: {reply}, extended error {reply.ede()}")
            seen.add(reply.ede())
    expect(counters(swerved)["cache_stale"] >= 2 * len(QUESTIONS), f"{counters(swerved)['cache_stale']} stale answers")
    # never asked before: nothing to fall back on
    reply = ask(bench, "plainshop.com.", "NS")
    expect(reply.rcode == "SERVFAIL", f"a name that was never asked for: {reply}")
    return seen


def recovered(bench, swerved):
    bench.lab.servers.fronts_pass()
    swerved.ctl("flush", "--all")  # failures too: no need to wait for their end
    reply = ask(bench, *QUESTIONS[0])
    expect(reply.rcode == "NOERROR" and reply.ede() is None, f"after the silence: {reply}, {reply.ede()}")


def run(bench):
    with bench.swerve(answers={"size_mb": 2}) as swerved:
        hits = asked_once(bench, swerved)
        gone = flushed(bench, swerved)
    life_s = 2
    with bench.swerve(fronts=SITES, answers={"size_mb": 2, "max_ttl_s": life_s, "prefetch": "false"}) as swerved:
        codes = stale(bench, swerved, life_s)
        recovered(bench, swerved)
    return f"{hits} hits, flushes of {gone} answers, stale with extended errors {sorted(codes)}"
