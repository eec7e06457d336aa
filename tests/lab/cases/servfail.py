"""sin answers SERVFAIL."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "servfail")
