"""sin answers with the collection, under the right ID; and throws it at the source address as well."""

import time

from labcase import Skipped, await_true, expect, moved_away, steady
from labnet import FAULTY, SOURCE, addr4, addr6


def run(bench):
    if not bench.garbage:
        raise Skipped(f"no dns-messages.tsv.gz in {bench.data}")
    with bench.swerve(fronts=["sin"]) as swerved:
        load = bench.load(100)
        try:
            steady(bench, swerved, load, 1.5)
            bench.lab.servers.front("sin", "garbage")
            for addr in (addr4, addr6):
                with open(bench.garbage, encoding="ascii") as f:
                    # port 4053: the front itself holds 53
                    code, out, err = bench.tool("sin", "lab_garbage", "--from", addr("sin", FAULTY), "--from-port",
                                                "4053", "--to", addr("edge", SOURCE), "--port", "40000", "--rate",
                                                "2000", stdin=f)
                expect(code == 0, err)
            took = await_true(lambda: moved_away(swerved, "sin"), 20, "sin answers garbage and stays in use")
        finally:
            load.stop()
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return f"thrown {out}; answered with it until sin was left ({took:.1f} s more); {load}, none bad"
