"""The root rolls its key-signing key as RFC 5011 has it, with short holds, and swerved ends and begins in between. Only
the first key is configured. No answer is bogus, no zone loses its chain."""

import time

from labcase import await_true, expect

HOLD_S = 2
ANCHORS = f"anchors:\n  add_hold_s: {HOLD_S}\n  remove_hold_s: {HOLD_S}\n\n"
REFRESH_S = 15  # the root's keys are asked for every 5 s here


def publish(lab, published, signers):
    lab.zones.plan(".", published, signers)
    lab.zones.serial += 1
    lab.zones.root()
    lab.servers.load_root(lab.zones.serial)


def states(swerved):
    """{key tag: state} of the root's anchors"""
    root = next(z for z in swerved.ctl("keys") if z["zone"] == ".")
    return {a["tag"]: a["state"] for a in root["anchors"]}


def tag(key):
    return int(key.split("+")[-1])


def await_states(swerved, want):
    seen = {}

    def same():
        seen.clear()
        seen.update(states(swerved))
        return seen == want

    await_true(same, REFRESH_S, f"the root's anchors are not {want}", step_s=0.1)


def statuses(swerved):
    return {z["zone"]: z["status"] for z in swerved.ctl("keys")}


def well(swerved, load):
    expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    expect(set(statuses(swerved).values()) == {"secure"}, f"a chain broke: {statuses(swerved)}")
    reasons = swerved.stats()["sum"]["reasons"]
    expect(swerved.stats()["sum"]["verdicts"]["bogus"] == 0, f"bogus: {reasons}")
    lost = [e["text"] for e in swerved.events() if e["kind"] in ("keys_lost", "site_fault", "zone_fault", "error")]
    expect(not lost, f"something was lost: {lost}")


def session(bench, story, first):
    """One swerved's life under load; but for the first it goes on from the state of the one before."""
    with bench.swerve(more=ANCHORS, keep_state=not first) as swerved:
        load = bench.load(100)
        try:
            story(swerved)
            well(swerved, load)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return load.answered


def run(bench):
    lab = bench.lab
    old, zsk = lab.zones.keys["."]
    new = lab.zones.key(".", "-k")
    first, second = tag(old), tag(new)
    revoked = lab.zones.revoked(old)

    def until_both_are_trusted(swerved):
        await_states(swerved, {first: "valid"})
        publish(lab, [old, new, zsk], [old, zsk])
        await_states(swerved, {first: "valid", second: "add-pending"})
        await_states(swerved, {first: "valid", second: "valid"})

    def until_the_first_is_revoked(swerved):
        await_states(swerved, {first: "valid", second: "valid"})  # out of the state file
        publish(lab, [new, zsk], [new, zsk])
        await_states(swerved, {first: "missing", second: "valid"})
        publish(lab, [revoked, new, zsk], [revoked, new, zsk])
        await_states(swerved, {first: "revoked", second: "valid"})

    def until_it_is_removed(swerved):
        publish(lab, [new, zsk], [new, zsk])
        await_states(swerved, {first: "removed", second: "valid"})

    begun = time.monotonic()
    try:
        publish(lab, [old, zsk], [old, zsk])
        stories = (until_both_are_trusted, until_the_first_is_revoked, until_it_is_removed)
        answered = sum(session(bench, story, story is stories[0]) for story in stories)
    finally:
        lab.zones.plans.clear()
        lab.zones.serial += 1
        lab.zones.root()
        lab.servers.load_root(lab.zones.serial)
    return f"{first} to {second} in {time.monotonic() - begun:.0f} s over two restarts, {answered} answered, none bad"
