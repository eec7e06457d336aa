"""dnsperf through swerve: no answer lost."""

import labzones
from labcase import expect

SECONDS, RATE = 10, 2000


def run(bench):
    path = labzones.question_file(f"{bench.lab.folder}/dnsperf", 20000, seed="dnsperf")
    with bench.swerve():
        sent, completed, lost, text = bench.dnsperf(path, SECONDS, RATE)
        expect(lost == 0 and completed == sent, f"sent {sent}, completed {completed}, lost {lost}")
        expect("SERVFAIL" not in text and "REFUSED" not in text, text)
    return f"{completed} answered in {SECONDS} s, none lost"
