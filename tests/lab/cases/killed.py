"""SIGKILL under load leaves our XDP program on the interface: the next swerved takes over, and answers again."""

import signal
import time

from labcase import expect


def run(bench):
    bench.swerved.start()
    load = bench.load(100)
    try:
        time.sleep(0.5)
        bench.swerved.stop(signal.SIGKILL)
        begun = time.monotonic()
        with bench.swerve() as swerved:
            took = time.monotonic() - begun
            asked, answered = load.counts["asked"], load.answered
            time.sleep(1.0)
            expect(load.answered - answered > 50, f"after the restart: {load}")
            port = swerved.ctl("status")["ports"][0]
            expect(port["driver"] == bench.swerved.driver, f"after the restart it runs on {port['driver']}")
            load.stop()
    finally:
        load.asking = False
    expect(asked > 0 and load.bad < 100 * (took + 4), f"more is lost than the time without swerved explains: {load}")
    return f"answering again {took:.1f} s after the kill, on {port['driver']}"
