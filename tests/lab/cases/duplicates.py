"""Half of sin's replies come twice: the second is no answer to anything, and no client sees it."""

from labcase import expect, site_is_odd

UNASKED = ("reply_unmatched", "reply_late")  # after the transaction; while its signature is checked


def run(bench):
    load, before, after = site_is_odd(bench, "dup 50")
    dropped = sum(after["stats"]["dropped"][k] - before["stats"]["dropped"][k] for k in UNASKED)
    expect(dropped > load.counts["asked"] / 5, f"{dropped} second replies dropped: this test shows nothing")
    return f"{load}, each once; {dropped} second replies dropped, nothing moved"
