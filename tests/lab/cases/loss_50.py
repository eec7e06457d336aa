"""Half of the replies are lost on each way, three quarters of the answers in all: sin is left."""

from labcase import site_goes_bad


def run(bench):
    return site_goes_bad(bench, "loss 75")
