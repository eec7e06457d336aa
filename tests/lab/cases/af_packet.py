"""Without XDP: af_packet gets copies, and the kernel must not refuse the originals with "port unreachable"."""

import subprocess
import time

from labcase import expect


def unreachables(lab):
    """ICMP and ICMPv6 "destination unreachable" that the edge's kernel has sent."""
    text = subprocess.run(lab.net.argv("edge", "cat", "/proc/net/snmp", "/proc/net/snmp6"), capture_output=True,
                          text=True, check=True).stdout
    icmp = [line.split()[1:] for line in text.splitlines() if line.startswith("Icmp:")]
    v4 = dict(zip(icmp[0], map(int, icmp[1])))["OutDestUnreachs"]
    v6 = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Icmp6OutDestUnreachs"))
    return v4 + v6


def run(bench):
    driver, bench.swerved.driver = bench.swerved.driver, "af_packet"
    try:
        with bench.swerve() as swerved:
            before = unreachables(bench.lab)
            load4, load6 = bench.load(100), bench.load(100, bench.service6)
            time.sleep(2.0)
            load4.stop()
            load6.stop()
            port = swerved.ctl("status")["ports"][0]
            refused = unreachables(bench.lab) - before
        expect(port["driver"] == "af_packet", f"it runs on {port['driver']}")
        expect(load4.bad == 0 and load6.bad == 0, f"IPv4: {load4}; IPv6: {load6}")
        expect(refused == 0, f"the kernel refused {refused} of our packets")
    finally:
        bench.swerved.driver = driver
    return f"{load4.answered + load6.answered} answered over IPv4 and IPv6, none refused by the kernel"
