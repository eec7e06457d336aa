"""sin answers without authority and without content."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "lame")
