"""The root is routed to two recursive resolvers, of which the first asked passes on what it gets, whatever it is: every
answer is validated, and the other one, which validates, thinks of each the same."""

import time

import labdns
import labtree
from labcase import expect
from labnet import REAL, SOURCE, addr4, addr6

RENEW_S = 10  # VAL_FACT_RENEW_S: what swerve found this long ago it asks for anew
CACHED_S = 2  # the resolvers' cache-max-ttl

VERDICTS = {"secure": ("NOERROR", "NXDOMAIN"), "insecure": ("NOERROR", "NXDOMAIN"), "bogus": ("SERVFAIL",)}


def routes():
    sites = "".join(f"  - name: {name}\n    addresses: [{addr4('resolver', last)}, \"{addr6('resolver', last)}\"]\n"
                    for name, last in (("res-b", SOURCE), ("res-a", REAL)))
    return (f"sites:\n{sites}\nregions:\n  - name: apac\n    clients: [10.53.0.0/16, \"fd53::/16\"]\n\n"
            "zones:\n  - name: .\n    kind: recursive\n    sites: [res-b, res-a]\n")


def verdict(reply):
    if reply.rcode == "SERVFAIL":
        return "bogus"
    return "secure" if reply.ad else "insecure"


def ask_all(net, address, wrong):
    """{(name, type): reply}; a fresh unbound may need a moment for the first."""
    replies = {}
    with net.inside("client"):
        for name, kind, _, _ in labtree.QUESTIONS:
            for _ in range(3):
                reply = labdns.ask(address, name, kind, timeout_s=4, rd=True, do=True)
                if reply is not None:
                    break
            if reply is None:
                wrong.append(f"{address} does not answer {name} {kind}")
            else:
                replies[name, kind] = reply
    return replies


def ask_all_tcp(net, address, wrong):
    replies = {}
    questions = [q[:2] for q in labtree.QUESTIONS]
    with net.inside("client"):
        for at in range(0, len(questions), 8):
            replies.update(labdns.ask_tcp(address, questions[at:at + 8], rd=True, do=True))
    wrong.extend(f"no answer to {name} {kind} over TCP" for name, kind in questions if (name, kind) not in replies)
    return replies


def compare(replies, oracle, wrong):
    for name, kind, want, ede in labtree.QUESTIONS:
        ours, theirs = replies.get((name, kind)), oracle.get((name, kind))
        if ours is None or theirs is None:
            continue
        if ours.rcode != theirs.rcode or verdict(ours) != verdict(theirs):
            wrong.append(f"{name} {kind}: {ours}, unbound says {theirs}")
        if verdict(ours) != want or ours.rcode not in VERDICTS[want]:
            wrong.append(f"{name} {kind}: {ours}, it is {want}")
        if ede is not None and ours.ede() != ede:
            wrong.append(f"{name} {kind}: extended error {ours.ede()}, not {ede}")


def additions(bench, wrong):
    """What the resolver adds without a signature stays with swerve, and takes nothing from the answer."""
    with bench.lab.net.inside("client"):
        theirs = labdns.ask(addr4("resolver", SOURCE), "www.loose.tree.", "A", rd=True, do=True)
        ours = labdns.ask(bench.service4, "www.loose.tree.", "A", rd=True, do=True)
    if theirs is None or theirs.authorities == 0:
        wrong.append(f"the resolver adds nothing, so this shows nothing: {theirs}")
    elif ours is None or not ours.ad or ours.authorities:
        wrong.append(f"www.loose.tree. A: {ours}; the resolver said {theirs}")


def rolled(bench, swerved, wrong):
    """A zone has other keys than swerve has met: the reply waits until they have been asked for."""
    before = swerved.stats()["sum"]
    time.sleep(RENEW_S + 1)
    bench.lab.servers.reload_leaf(bench.lab.zones.tree.roll("roll.tree."))
    time.sleep(CACHED_S + 1)
    with bench.lab.net.inside("client"):
        reply = labdns.ask(bench.service4, "www.roll.tree.", "AAAA", rd=True, do=True)
    after = swerved.stats()["sum"]
    if reply is None or reply.rcode != "NOERROR" or not reply.ad:
        wrong.append(f"www.roll.tree. AAAA, of a zone that has rolled its keys: {reply}")
    if after["chain_renewed"] == before["chain_renewed"]:
        wrong.append("no keys were asked for anew, so this shows nothing")
    if after["reasons"].get("key_missing") != before["reasons"].get("key_missing"):
        wrong.append("the rolled zone's answer was judged bogus at first")


def run(bench):
    servers, wrong = bench.lab.servers, []
    servers.recursors()
    try:
        with bench.swerve(routes_text=routes()) as swerved:
            oracle = ask_all(bench.lab.net, addr4("resolver", REAL), wrong)
            compare(ask_all(bench.lab.net, bench.service4, wrong), oracle, wrong)
            cold = swerved.stats()["sum"]
            compare(ask_all(bench.lab.net, bench.service6, wrong), oracle, wrong)
            warm = swerved.stats()["sum"]
            compare(ask_all_tcp(bench.lab.net, bench.service4, wrong), oracle, wrong)
            additions(bench, wrong)
            rolled(bench, swerved, wrong)
    finally:
        for label in ("recursor-a", "recursor-b"):
            servers.stop(label)
    expect(not wrong, "; ".join(wrong))
    fetched = cold["chain_fetched"], warm["chain_fetched"]
    expect(fetched == (1, 1), f"the keys of big.tree. were fetched over TCP {fetched} times")
    asked = cold["chain_asked"], warm["chain_asked"] - cold["chain_asked"]
    # what failed is asked for again once its time is over; nothing else is
    expect(asked[0] > 20 and asked[1] <= 8, f"questions for keys: {asked[0]} at first, {asked[1]} the second time")
    return (f"{len(labtree.QUESTIONS)} questions over IPv4, IPv6 and TCP, all as unbound has them; "
            f"{asked[0]} questions for keys at first, of which {fetched[0]} over TCP, {asked[1]} the second time")
