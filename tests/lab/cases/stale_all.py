"""Every signature at sin runs out, the keys' own included."""

import time

import labzones
from labcase import await_true, expect, fault_event, moved_away, steady
from labnet import REAL, addr4

ENDS_IN_S = 8


def run(bench):
    questions = labzones.question_file(f"{bench.lab.folder}/stale", 500, seed="stale")
    with bench.swerve() as swerved:
        load = bench.load(150)
        try:
            start = bench.freeze(["sin"], [ENDS_IN_S], ENDS_IN_S)
            steady(bench, swerved, load, 1.5)
            time.sleep(max(0, start + ENDS_IN_S - time.time()))
            took = await_true(lambda: moved_away(swerved, "sin"), 10, "all ran out at sin and it stays in use")
            time.sleep(1)
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
        bench.compare(bench.service4, addr4("nrt", REAL), questions, "--do")
        said = fault_event(swerved, "sin")
    return f"{load}, none bad; left sin {took:.1f} s after the end, answers are nrt's: {said}"
