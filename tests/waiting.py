"""How tests wait: for an event and not for a time; and how a thread that waits on a socket comes to its end.

A descriptor that is closed while a thread waits on it is given to the next socket of the process, and the thread may
take what comes there. So such a thread is woken and joined first, and what it waited on is closed last."""
import contextlib
import selectors
import socket
import threading
import time

# Seconds after which a test gives up waiting for what should come about. It says nothing of how long that takes: a
# machine with two cores runs six tests at a time.
PATIENCE = 120


def comes_within(condition, seconds):
    """Polls for so long. What the condition gives when it holds, or its last no."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def wait_until(condition, seconds, what):
    """Polls with patience, however few the seconds are; an error names what did not come about."""
    seconds = max(seconds, PATIENCE)
    value = comes_within(condition, seconds)
    if not value:
        raise TimeoutError(f"after {seconds} s still not so: {what}")
    return value


def joined(thread, what):
    """Waits for the end of a thread; one that does not end is an error."""
    thread.join(PATIENCE)
    if thread.is_alive():
        raise TimeoutError(f"after {PATIENCE} s it has not ended: {what}")


class Attended:
    """A socket that a thread of its own attends: `take(socket)` each time something has come. close() is the end of both."""

    def __init__(self, attended, take):
        attended.setblocking(False)  # whoever was there may have gone
        self._socket, self._take = attended, take
        self._woken, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._attend, daemon=True)
        self._thread.start()

    def _attend(self):
        with selectors.DefaultSelector() as selector:
            for one in (self._socket, self._woken):
                selector.register(one, selectors.EVENT_READ)
            while self._woken not in [key.fileobj for key, _ in selector.select()]:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    self._take(self._socket)

    def close(self):
        if self._wake.fileno() < 0:
            return
        self._wake.close()
        joined(self._thread, "the thread that attends a socket")
        self._woken.close()
        self._socket.close()
