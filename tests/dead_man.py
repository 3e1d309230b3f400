"""The time to confirm, as banpush counts it beside the device."""
import contextlib
import sqlite3


def time_is_over(state_path):
    """For banpush as well as for the device, whose own time a test has ended: else the next push waits for it."""
    with contextlib.closing(sqlite3.connect(state_path, timeout=10)) as state, state:
        state.execute("UPDATE unconfirmed SET within = 0")
