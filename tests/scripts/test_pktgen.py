#!/usr/bin/env python3
"""scripts/pktgen without Pktgen: the capture's frames read again octet by octet, and the search under a Pktgen of our own.

    test_pktgen.py REPOSITORY
"""

import ctypes
import ctypes.util
import os
import struct
import subprocess
import sys
import tempfile

SKIP = 77

# What nodrop.lua uses of Pktgen, with a server behind it that answers `knee` per cent of the link and no more.
FAKE = """
local sent, back, rate = 0, 0, 0
pktgen = {
	screen = function() end,
	clr = function() sent, back = 0, 0 end,
	stop = function() end,
	start = function() started = true end,
	set = function(_, what, value) if what == "rate" then rate = value end end,
	delay = function(ms)
		if not started or ms < seconds * 1000 then return end
		started = false
		trials = trials + 1
		local n = math.floor(rate * 10000)
		sent = sent + n
		hiccup = not hiccup and hiccups
		back = back + math.min(n, math.floor(knee * 10000)) - (hiccup and 1 or 0)
	end,
	portStats = function() return {[0] = {opackets = sent, ipackets = back}} end,
}
trials, seconds, print = 0, 5, function() end
"""


def expect(holds, text):
    if not holds:
        sys.exit(f"not ok: {text}")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    magic, _, _, _, _, _, link = struct.unpack("=IHHiIII", data[:24])
    expect((magic, link) == (0xA1B2C3D4, 1), "not a capture of Ethernet")
    at, frames = 24, []
    while at < len(data):
        _, _, captured, length = struct.unpack("=IIII", data[at:at + 16])
        expect(captured == length >= 60, f"frame of {length} octets")
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def dissect(frame):
    """(version, client, server, source port, DNS message) of a frame whose checksums hold."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0800:
        expect(checksum(frame[14:34]) == 0xFFFF, "IPv4 checksum")
        length, src, dst, udp = struct.unpack("!H", frame[16:18])[0] - 20, frame[26:30], frame[30:34], frame[34:]
    else:
        expect(kind == 0x86DD, f"EtherType {kind:#x}")
        length, src, dst, udp = struct.unpack("!H", frame[18:20])[0], frame[22:38], frame[38:54], frame[54:]
    udp = udp[:length]
    sport, dport, udp_length = struct.unpack("!3H", udp[:6])
    expect((dport, udp_length) == (53, length), f"port {dport}, length {udp_length} of {length}")
    expect(checksum(src + dst + struct.pack("!2H", 17, length) + udp) == 0xFFFF, "UDP checksum")
    return 4 if kind == 0x0800 else 6, src, dst, sport, udp[8:]


def test_capture(maker, folder):
    names, out = os.path.join(folder, "names"), os.path.join(folder, "out.pcap")
    with open(names, "w", encoding="ascii") as f:
        f.write("# most popular first\nWww.example.com AAAA\ncom DS\n\n. NS\na\\.b.net TYPE65\n")
    subprocess.run([maker, "--names", names, "--out", out, "--server", "192.0.2.53", "--server", "2001:db8::53", "--count",
                    "2000", "--clients", "300", "--client", "10.1.2.250"], check=True, stdout=subprocess.DEVNULL)
    parts = [dissect(f) for f in read_pcap(out)]
    expect(len(parts) == 2000, f"{len(parts)} frames")
    tails = (b"\3Www\7example\3com\0" + b"\0\x1c\0\1", b"\3com\0" + b"\0\x2b\0\1", b"\0" + b"\0\2\0\1",
             b"\3a.b\3net\0" + b"\0\x41\0\1")
    for i, (_, _, _, _, dns) in enumerate(parts):
        tail = tails[i % 4]
        edns = dns[11]
        expect(dns[12:12 + len(tail)] == tail, f"question {i}: {dns!r}")
        expect(len(dns) == 12 + len(tail) + 11 * edns and dns[2:11] == b"\0\0\0\1\0\0\0\0\0", f"message {i}: {dns!r}")
    v6 = sum(p[0] == 6 for p in parts)
    expect(850 < v6 < 1150, f"{v6} of 2000 over IPv6")
    expect(1700 < sum(p[4][11] for p in parts) < 1880, "share of EDNS")
    expect(len({p[3] for p in parts}) > 1900 and min(p[3] for p in parts) >= 1024, "ports")
    expect(len({p[4][:2] for p in parts}) > 1900, "IDs")
    v4 = {p[1] for p in parts if p[0] == 4}
    expect(250 < len(v4) <= 300 and min(v4) == bytes((10, 1, 2, 250)) and max(v4) <= bytes((10, 1, 4, 37)), f"clients: {len(v4)}")
    return "2000 frames"


def test_refused(maker, folder):
    names = os.path.join(folder, "bad")
    for text, want in (("a..b\n", ":1: no domain name"), ("com A\ncom FOO\n", ":2: no type"), ("", ": no question"),
                       ("x" * 64 + ".com\n", ":1: no domain name")):
        with open(names, "w", encoding="ascii") as f:
            f.write(text)
        done = subprocess.run([maker, "--names", names, "--out", "/dev/null", "--server", "192.0.2.53"],
                              capture_output=True, text=True)
        expect(done.returncode == 1 and want in done.stderr, f"{text!r}: {done.returncode} {done.stderr}")
    return "4 bad lists refused"


def lua_run(lib, chunks):
    """Run chunks in one state; what the global `result` is afterwards."""
    lib.luaL_newstate.restype = ctypes.c_void_p
    lib.lua_tolstring.restype = ctypes.c_char_p
    state = ctypes.c_void_p(lib.luaL_newstate())
    lib.luaL_openlibs(state)
    for chunk in chunks:
        wrong = lib.luaL_loadstring(state, chunk.encode()) or lib.lua_pcall(state, 0, 0, 0)
        expect(not wrong, lib.lua_tolstring(state, -1, None) if wrong else "")
    lib.lua_getfield(state, ctypes.c_int(-10002), b"result")  # LUA_GLOBALSINDEX of 5.1
    text = lib.lua_tolstring(state, -1, None)
    lib.lua_close(state)
    return text.decode()


def test_search(lib, script, folder):
    with open(script, encoding="ascii") as f:
        source = f.read()
    out = os.path.join(folder, "nodrop.txt")
    done = []
    for knee, loss, hiccups in ((37.5, 0, "false"), (37.5, 0, "true"), (100, 0, "false"), (0.5, 0, "false"), (20, 0.1, "false")):
        given = f'knee, max_loss, hiccups, out = {knee}, {loss}, {hiccups}, "{out}"\n'
        trials = int(lua_run(lib, (FAKE, given, source, "result = tostring(trials)")))
        with open(out, encoding="ascii") as f:
            last = f.read().splitlines()[-1]
        rate = float(last.split("at rate ")[1].split()[0])
        best = min(100, knee / (1 - loss))
        expect(best * 0.975 <= rate <= best * 1.001, f"knee {knee}, loss {loss}: {last}")
        expect(last.startswith("RESULT PDR" if loss else "RESULT NDR"), last)
        expect(trials < 60, f"{trials} trials")
        done.append(f"{knee} %: {rate:.2f}")
    return "; ".join(done)


def main():
    folder = os.path.join(sys.argv[1], "scripts/pktgen")
    maker = os.path.join(folder, "make-pcap")
    with tempfile.TemporaryDirectory() as scratch:
        print(f"ok capture - {test_capture(maker, scratch)}")
        print(f"ok refused - {test_refused(maker, scratch)}")
        name = ctypes.util.find_library("luajit-5.1")
        if not name:
            print("no libluajit-5.1: nodrop.lua was not run")
            return SKIP
        print(f"ok search - {test_search(ctypes.CDLL(name), os.path.join(folder, 'nodrop.lua'), scratch)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
