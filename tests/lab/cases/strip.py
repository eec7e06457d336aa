"""Signatures and proofs are taken out of sin's replies."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "strip")
