"""A key set that UDP is too small for: swerve fetches it over TCP, and clients get it over TCP, whole and judged."""

import labdns
import labzones
from labcase import expect

KEYS = 16  # what a validator takes; with its signatures some 1,400 octets
AT_ONCE = 40


def dig(bench, address):
    """What a client that is no test does: UDP, TC=1, TCP."""
    import subprocess

    argv = bench.lab.net.argv("client", "dig", f"@{address}", "com.", "DNSKEY", "+dnssec", "+time=3", "+tries=1")
    return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout


def over_udp_and_tcp(bench, address):
    with bench.lab.net.inside("client"):
        udp = labdns.ask(address, "com.", "DNSKEY", do=True)
        expect(udp is not None and udp.tc and udp.answers == 0, f"UDP at {address}: {udp}")
        tcp = labdns.ask_tcp(address, [("com.", "DNSKEY")], do=True).get(("com.", "DNSKEY"))
    expect(tcp is not None and not tcp.tc and tcp.ad, f"TCP at {address}: {tcp}")
    expect(tcp.answers >= KEYS + 1 and len(tcp.data) > 1232, f"TCP at {address}: {tcp}, {len(tcp.data)} octets")
    text = dig(bench, address)
    expect(text.count("DNSKEY\t25") >= KEYS and " ad" in text, f"dig at {address}:\n{text}")


def many_at_once(bench, address):
    """Denials, referrals and DS, pipelined; as over UDP."""
    questions = list(dict.fromkeys(labzones.question_mix(AT_ONCE, "tcp")))
    with bench.lab.net.inside("client"):
        replies = labdns.ask_tcp(address, questions, do=True)
        for question in questions:
            expect(question in replies, f"no answer to {question} over TCP")
            udp = labdns.ask(address, *question, do=True)
            expect(udp is not None, f"no answer to {question} over UDP")
            if not udp.tc:
                expect(str(udp) == str(replies[question]), f"{question}: {udp} over UDP, {replies[question]} over TCP")
    return len(questions)


def run(bench):
    zones = bench.lab.zones
    zones.make_spare_keys("com.", KEYS - 2)
    try:
        bench.lab.thaw()
        with bench.swerve() as swerved:  # it answers: so it has the keys
            for address in (bench.service4, bench.service6):
                over_udp_and_tcp(bench, address)
            asked = many_at_once(bench, bench.service6)
            com = next(z for z in swerved.ctl("keys") if z["zone"] == "com.")
            expect(com["status"] == "secure" and len(com["keys"]) == KEYS, f"com.: {com}")
            tcp = swerved.stats()["tcp"]
            expect(tcp["pending"] == 0 and tcp["queries"] == tcp["forwarded"] + tcp["answered"] + tcp["hung_up"],
                   f"TCP's books: {tcp}")
    finally:
        zones.spare_keys = {}
        bench.lab.thaw()
    return f"{KEYS} keys of com. fetched and given over TCP; {asked} questions at once as over UDP"
