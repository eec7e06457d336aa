"""10,000 answers each way, record by record, as sin itself gives them: DO=1 and DO=0, IPv4 and IPv6."""

import labzones
from labnet import REAL, addr4, addr6

EACH = 10000


def run(bench):
    with bench.swerve():
        for number, (service, site, options) in enumerate((
            (bench.service4, addr4("sin", REAL), ["--do"]),
            (bench.service4, addr4("sin", REAL), []),
            (bench.service6, addr6("sin", REAL), ["--do"]),
            (bench.service6, addr6("sin", REAL), []),
        )):
            path = labzones.question_file(f"{bench.lab.folder}/compare.{number}", EACH, seed=f"compare {number}")
            bench.compare(service, site, path, *options)
    return f"{4 * EACH} answers the same, {EACH} each for DO=1, DO=0, IPv4, IPv6"
