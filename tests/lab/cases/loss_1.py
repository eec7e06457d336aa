"""Every hundredth of sin's replies is lost, as happens anywhere: asked elsewhere, and no reason to move."""

from labcase import site_is_odd
from cases.loss_10 import timeouts

RATE = 300


def run(bench):
    load, before, after = site_is_odd(bench, "loss 1", rate=RATE)
    return f"{load}, none bad; {timeouts(before, after)} timeouts at sin, nothing moved"
