"""Every message of the collection thrown at the service addresses: still forwarding."""

import time

from labcase import Skipped, expect


def run(bench):
    if not bench.garbage:
        raise Skipped(f"no dns-messages.tsv.gz in {bench.data}")
    sent = []
    with bench.swerve() as swerved:
        for address in (bench.service4, bench.service6):
            with open(bench.garbage, encoding="ascii") as f:
                code, out, err = bench.tool("client", "lab_garbage", "--to", address, "--rate", "2000", stdin=f)
            expect(code == 0, err)
            sent.append(out)
            expect(swerved.alive(), f"swerved is gone:\n{swerved.log_tail()}")
        load = bench.load(100)
        time.sleep(2)
        load.stop()
        expect(load.bad == 0, f"afterwards: {load}; {load.failures}")
    return f"IPv4 {sent[0]}, IPv6 {sent[1]}; afterwards {load}"
