"""Does swerve say what unbound, Knot Resolver and BIND say? Good zones in four algorithms, and 500 names and
zones that are broken.

SWERVE_QUESTIONS says how many questions about good zones there are (500; 20,000 for the big comparison), SWERVE_TABLE
where the table goes. Each category in which the four do not agree has its row in tests/lab/differences.tsv, with the RFC's
section; what is not there is a failure. Extended errors (RFC 8914) are shown, not compared: they are up to each.
"""

import os
import threading
import time
from collections import Counter, defaultdict

from labbroken import Broken
from labcase import Skipped, expect
from labvalidators import VALIDATORS, Validators
from labzones import question_mix

HERE = os.path.dirname(os.path.abspath(__file__))
DIFFERENCES = os.path.join(HERE, "..", "differences.tsv")


def tld_questions(count):
    """Of the lab's mix what com. and net. answer themselves: a forwarder does not follow their delegations."""
    out = []
    for name, kind in question_mix(8 * count, "validators"):
        labels = name.rstrip(".").count(".") + 1
        if labels == 1 and kind != "DNSKEY":
            out.append((f"good: tld: apex {kind}", name, kind))
        elif kind == "DS" and labels == 2:
            out.append(("good: tld: DS", name, kind))
        elif name.startswith("nx") and labels == 2:
            out.append(("good: tld: name error", name, kind))
    return out[:count]


def word(answer):
    """`secure`, `insecure`, `SERVFAIL` and so on."""
    rcode, ad, _ = answer
    if rcode in ("NOERROR", "NXDOMAIN"):
        return f"{rcode.lower()}{' AD' if ad else ''}"
    return rcode or "silent"


def read_differences():
    """[(category, what each says in VALIDATORS' order, why)]; `*` ends a category that stands for many."""
    with open(DIFFERENCES, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    return [(row[0], tuple(row[1:5]), row[5]) for row in rows]


def explanation(rows, category, said):
    for name, expected, why in rows:
        fits = category.startswith(name[:-1]) if name.endswith("*") else category == name
        if fits and all(e in ("*", s) for e, s in zip(expected, said)):
            return why
    return None


def ask_everybody(validators, questions, window):
    """{validator: answers}, all at once."""
    answers = {}

    def ask(name):
        answers[name] = validators.ask(name, [(n, k) for _, n, k in questions], window)

    threads = [threading.Thread(target=ask, args=(name,)) for name in VALIDATORS]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(len(answers) == len(VALIDATORS), f"only {sorted(answers)} were asked to the end")
    return answers


def ask_until_settled(validators, questions, rows, rounds=5):
    """Resolvers give up on slow servers and say SERVFAIL: what they do not agree on is asked again, at leisure."""
    answers = ask_everybody(validators, questions, 24)
    for _ in range(rounds):
        again = [i for i, (category, _, _) in enumerate(questions)
                 if len({word(answers[v][i]) for v in VALIDATORS}) > 1
                 and explanation(rows, category, [word(answers[v][i]) for v in VALIDATORS]) is None]
        if not again:
            break
        time.sleep(2)  # longer than a resolver remembers a failure of its own
        better = ask_everybody(validators, [questions[i] for i in again], 4)
        for v in VALIDATORS:
            for k, i in enumerate(again):
                answers[v][i] = better[v][k]
    return answers


def tables(questions, answers):
    """({category: Counter of what the four said}, {(category, said): an example}, {the same: Counter of their EDE})"""
    said_by, example, errors = defaultdict(Counter), {}, defaultdict(Counter)
    for i, (category, name, kind) in enumerate(questions):
        said = tuple(word(answers[v][i]) for v in VALIDATORS)
        said_by[category][said] += 1
        example.setdefault((category, said), f"{name} {kind}")
        errors[category, said][tuple("-" if answers[v][i][2] is None else answers[v][i][2] for v in VALIDATORS)] += 1
    return said_by, example, errors


def write_table(path, said_by, example, errors, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.write("category\tquestions\t" + "\t".join(VALIDATORS) + "\textended errors\tagreement\n")
        for category in sorted(said_by):
            for said, count in said_by[category].most_common():
                why = "agree" if len(set(said)) == 1 else explanation(rows, category, said) or (
                    "UNEXPLAINED " + example[category, said])
                codes = " ".join(map(str, errors[category, said].most_common(1)[0][0]))
                f.write("\t".join((category, str(count), *said, codes, why)) + "\n")


def run(bench):
    missing = Validators.missing()
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
    begun = time.monotonic()
    rows = read_differences()
    count = int(os.environ.get("SWERVE_QUESTIONS", "500"))
    broken = Broken(bench.lab.zones, good=count // 2)
    questions = tld_questions(count - count // 2) + broken.questions
    validators = Validators(bench.lab, bench.build, bench.swerved.hugepages, bench.swerved.driver)
    try:
        validators.serve(broken)
        validators.start([zone for zone, _ in broken.zones])
        ready = time.monotonic()
        answers = ask_until_settled(validators, questions, rows)
    finally:
        if validators.swerved.process is not None:
            validators.swerved.stop()
        validators.stop()
    said_by, example, errors = tables(questions, answers)
    write_table(os.environ.get("SWERVE_TABLE", os.path.join(bench.lab.folder, "validators.tsv")), said_by, example,
                errors, rows)
    agree = sum(n for c in said_by.values() for said, n in c.items() if len(set(said)) == 1)
    open_ones = [f"{category}: {dict(zip(VALIDATORS, said))}, as {example[category, said]}"
                 for category, c in said_by.items() for said in c
                 if len(set(said)) > 1 and explanation(rows, category, said) is None]
    expect(not open_ones, f"{len(open_ones)} differences that are not explained:\n" + "\n".join(open_ones))
    bad = sum(n for category, c in said_by.items() if not category.startswith("good") for n in c.values())
    return (f"{len(questions)} questions, {bad} of them at what is broken: {agree} the same from all four, "
            f"{len(questions) - agree} explained; {ready - begun:.0f} s to lay, {time.monotonic() - ready:.0f} s to ask")
