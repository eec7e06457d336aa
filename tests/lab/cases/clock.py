"""Our clock jumps a year ahead, and another time a year back: every signature everywhere looks over, or not yet begun.
That is our fault: nothing moves, and it is said."""

import time

from labcase import await_true, expect, nothing_moved, steady

YEAR_S = 365 * 86400


def well_again(bench):
    """Does a second of questions go without one bad answer? Failures are kept for some seconds."""
    load = bench.load(80)
    time.sleep(1)
    load.stop()
    return load.bad == 0


def jump(bench, swerved, ahead_s):
    told = len(swerved.events())

    def said():
        return [e for e in swerved.events()[told:] if e["kind"] == "ours"]

    load = bench.load(80)
    try:
        steady(bench, swerved, load, 1)
        swerved.set_clock(ahead_s)
        took = await_true(said, 15, f"our clock is {ahead_s} s off and nobody says that it is our fault")
        time.sleep(1)
        expect(nothing_moved(swerved), f"moved because our clock is {ahead_s} s off: {swerved.states()}")
        kind = swerved.ctl("status")["fault"]["kind"]
        expect(kind == "ours", f"status says that it is the fault of: {kind}")
        swerved.set_clock(0)
    finally:
        load.stop()
    expect(load.counts["lost"] == 0, f"questions without any answer: {load}")
    again = await_true(lambda: well_again(bench), 20, "the clock is right again, answers are not")
    await_true(lambda: swerved.ctl("status")["fault"]["kind"] == "none", 10, "the clock is right again, status is not")
    expect(nothing_moved(swerved), f"moved afterwards: {swerved.states()}")
    return f"{ahead_s / YEAR_S:+.0f} year: said after {took:.1f} s, well again {again:.1f} s after its end"


def run(bench):
    with bench.swerve(clock=0, steering={"probe_interval_ms": 500}) as swerved:
        seen = [jump(bench, swerved, sign * YEAR_S) for sign in (1, -1)]
    return "; ".join(seen) + "; nothing moved"
