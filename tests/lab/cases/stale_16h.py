"""sin comes up with a version whose signatures, those over its keys included, ended 16 hours ago."""

from labcase import site_shows_old

AGO_S = 16 * 3600


def run(bench):
    return site_shows_old(bench, -AGO_S, -AGO_S)
