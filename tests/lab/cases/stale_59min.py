"""sin comes up with a version whose NSEC3 signatures ended 59 minutes ago: within the tolerance that resolvers have."""

from labcase import site_shows_old

AGO_S = 59 * 60


def run(bench):
    return site_shows_old(bench, -AGO_S, 3600)
