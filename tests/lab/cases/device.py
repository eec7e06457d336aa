"""On ports that Linux does not know: net_vhost and net_memif, joined to the lab's wire by testpmd.

testpmd moves frames between the other end of the port (net_virtio_user, net_memif) and the edge's interface, as a
virtual machine or another DPDK program would be there. The router is told swerve's addresses are at a MAC that is not the
interface's, so that the edge's kernel leaves the frames alone.
"""

import os
import shutil
import time

from labcase import Skipped, await_true, expect
from labnet import REAL, SOURCE, addr4, addr6
from labnet import run as command

STATION = "02:00:00:00:53:01"  # where the router thinks swerve is


def need_testpmd(bench):
    if not shutil.which("dpdk-testpmd"):
        raise Skipped("there is no dpdk-testpmd (package dpdk-dev)")
    if not bench.swerved.hugepages:
        raise Skipped("vhost shares hugepages with its other end")


def kinds(folder):
    """By name: the socket, swerve's device, testpmd's and what its EAL needs for it."""
    vhost, memif = f"{folder}/vhost.sock", f"{folder}/memif.sock"
    return {
        "vhost": (vhost, f"net_vhost0,iface={vhost}", f"net_virtio_user0,path={vhost},queue_size=1024",
                  ("--single-file-segments",)),
        "memif": (memif, f"net_memif0,role=server,socket={memif},socket-abstract=no",
                  f"net_memif0,role=client,socket={memif},socket-abstract=no", ()),
    }


def core_link_mac(lab):
    return command(*lab.net.argv("core", "cat", "/sys/class/net/edge/address")).strip()


def station(lab, mac):
    """What the router believes of swerve's four addresses; None: what the edge itself says."""
    for last in (REAL, SOURCE):
        for address in (addr4("edge", last), addr6("edge", last)):
            how = ["replace", address, "lladdr", mac, "nud", "permanent"] if mac else ["del", address]
            command("ip", "-n", lab.net.name("core"), "neigh", *how, "dev", "edge")


def bridge(lab, vdev, options, other="net_af_packet0,iface=eth0"):
    """testpmd: whatever comes in on one port goes out on the other. Without --no-flush-rx a capture's frames would be lost."""
    return lab.servers.start(
        "edge", "testpmd", "dpdk-testpmd", "--lcores", "0@0,1@0", "--in-memory", "--no-pci", "--no-telemetry",
        "-m", "256", *options, "--vdev", vdev, "--vdev", other, "--",
        "--forward-mode=io", "--auto-start", "--no-flush-rx", "--stats-period=1", "--total-num-mbufs=16384")


def join(lab, socket, vdev, options):
    await_true(lambda: os.path.exists(socket), 10, f"swerved makes no {socket}")
    bridge(lab, vdev, options)


def on_device(bench, kind):
    swerved = bench.swerved
    socket, device, vdev, options = kind
    swerved.device = f'"{device}"\n    gateway_mac: "{core_link_mac(bench.lab)}"'
    try:
        with bench.swerve(peer=lambda: join(bench.lab, socket, vdev, options)) as running:
            load4, load6 = bench.load(300), bench.load(300, bench.service6)
            time.sleep(1.5)
            load4.stop()
            load6.stop()
            verdicts = running.stats()["sum"]["verdicts"]
    finally:
        bench.lab.servers.stop("testpmd")
    expect(load4.bad == 0 and load6.bad == 0, f"{device}: IPv4: {load4}; IPv6: {load6}")
    expect(verdicts["secure"] > 100, f"{device}: verdicts {verdicts}")
    return load4.answered + load6.answered


def run(bench):
    need_testpmd(bench)
    swerved, seen = bench.swerved, []
    before = swerved.driver, swerved.device
    swerved.driver = "device"
    station(bench.lab, STATION)
    try:
        for name, kind in kinds(bench.lab.folder).items():
            seen.append(f"{on_device(bench, kind)} over {name}")
    finally:
        swerved.driver, swerved.device = before
        station(bench.lab, None)
    return f"answered, and none bad: {', '.join(seen)}"
