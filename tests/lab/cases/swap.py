"""Routes are swapped under load, again and again: nothing is lost. Broken files in between change nothing."""

import time

from labcase import expect
from labswerve import SwerveError, routes
from labzones import TLDS

SWAPS = 20
ORDERS = (["nrt", "lax", "sin"], ["lax", "sin", "nrt"], ["sin", "nrt", "lax"])
# (what is wrong with it, text, message after the file's name)
GOOD = routes()
BROKEN = (
    ("a site that nobody knows", GOOD.replace("[sin, nrt, lax]", "[sin, nrt, fra]", 1), 'unknown site "fra"'),
    ("a key misspelt", GOOD.replace("addresses", "adresses", 1), "adresses: unknown key"),
    ("an address twice", GOOD.replace("10.53.2.53", "10.53.1.53", 1), "belongs to site"),
    ("a bracket open", GOOD.rstrip().rstrip("]"), "not well-formed YAML"),
    ("nothing", "", "the file is empty"),
)


def refused(swerved):
    """Each is refused whole, with its line, and the table stays."""
    before = swerved.ctl("routes", "show")
    for what, text, message in BROKEN:
        path = swerved._write("routes.broken.yaml", text)
        try:
            swerved.ctl("routes", "apply", path)
        except SwerveError as said:
            expect(message in str(said) and f"{path}:" in str(said), f"{what}: {said}")
        else:
            expect(False, f"{what}: applied")
    expect(swerved.ctl("routes", "show") == before, "broken files changed the table")


def run(bench):
    with bench.swerve() as swerved:
        load = bench.load(300)
        try:
            time.sleep(1)
            for turn in range(SWAPS):
                order = ORDERS[turn % len(ORDERS)]
                before = swerved.sent(order[0])
                done = swerved.apply_routes(zone_sites={t: order for t in TLDS})
                seen = {w["table"] for w in done["workers"]}
                expect(done["everywhere"] and seen == {done["number"]}, f"swap {turn}: {done}")
                time.sleep(0.25)
                expect(swerved.sent(order[0]) > before + 5, f"swap {turn}: {order[0]} is first and gets nothing")
            refused(swerved)
        finally:
            load.stop()
        kept = [t for t in swerved.ctl("routes", "history") if t["by"] == "operator"]
        expect(len(kept) == SWAPS, f"{len(kept)} of {SWAPS} tables are in the history")
        expect(load.bad == 0, f"clients noticed: {load}; {load.failures}")
    return f"{SWAPS} swaps, {len(BROKEN)} broken files refused, {load}, none bad"
