"""Seeds of the tests that draw at random: the same each time, and beside it another in each run, which BANPUSH_SEED sets.
Both are said, so that a failing run can be had again."""
import os
import time

THE_SAME = 1000


def another():
    return int(os.environ.get("BANPUSH_SEED") or time.time_ns() // 1_000_000 % 1_000_000_000)


def both():
    """The seeds of this run: the one that was asked for, or else the same as always and another."""
    seeds = [another()] if os.environ.get("BANPUSH_SEED") else [THE_SAME, another()]
    print("BANPUSH_SEED: " + " and ".join(map(str, seeds)), flush=True)
    return seeds
