"""sin's replies carry signatures with one bit wrong."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "bitflip")
