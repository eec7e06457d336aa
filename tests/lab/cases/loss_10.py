"""Every tenth of sin's replies is lost. No client loses an answer, since each question goes to another site in time; and
nothing moves: a path is left for silence when half of its answers are missing (`timeout_percent`)."""

from labcase import expect, site_is_odd


def timeouts(before, after):
    """At sin meanwhile. None: nothing was lost, and the test shows nothing."""
    first, last = (sum(p["timeouts"] for p in look["sites"] if p["site"] == "sin") for look in (before, after))
    expect(last > first, "no timeout at sin: this test shows nothing")
    return last - first


def run(bench):
    load, before, after = site_is_odd(bench, "loss 10")
    return f"{load}, none bad; {timeouts(before, after)} timeouts at sin, nothing moved"
