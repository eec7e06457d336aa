"""sin's replies take 1.5 s longer: that is beyond every timeout, so it is as good as silent."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "delay 1500")
