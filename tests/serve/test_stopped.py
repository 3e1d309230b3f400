#!/usr/bin/python3
"""A service that answers nothing, because it hangs or was stopped: whoever waits for it says so at once, and a rescue goes on
without it."""
import os
import select
import signal
import subprocess
import time
import unittest

from serving import ENVIRONMENT, Site, addresses
import ending

A, B = addresses(2, 9100)
PATIENCE = 30  # of this test; the programs say it within a second or two


class Stopped(unittest.TestCase):
    def setUp(self):
        self.site = Site(1)
        self.addCleanup(self.site.__exit__)
        self.site.start()
        self.site.run("ban", A, "--wait")
        os.kill(self.site.service.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.site.service.pid, signal.SIGCONT)

    def said_first(self, *words):
        """The first line on stderr of a verb that still waits then."""
        with subprocess.Popen(self.site.argv(*words), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as waits:
            try:
                self.assertTrue(select.select([waits.stderr], [], [], PATIENCE)[0], f"{words}: nothing was said")
                self.assertIsNone(waits.poll())
                return waits.stderr.readline()
            finally:
                waits.kill()

    def test_who_waits_says_for_whom_and_how_long(self):
        for words, most in (("push",), "26m"), (("ban", B, "--wait"), "15m"):
            with self.subTest(words):
                said = self.said_first(*words)
                self.assertIn(f"banpush serve (process {self.site.service.pid}, since ", said)
                self.assertIn(f"has not answered yet; waiting for it, at most {most}", said)

    def test_a_flush_goes_on_in_time(self):
        begin = time.monotonic()
        done = self.site.run("flush", "d1")
        self.assertLess(time.monotonic() - begin, 60)
        self.assertIn("has not answered yet; waiting for it, at most 22s", done.stderr)
        self.assertIn("does not end; going on beside it", done.stderr)
        self.assertEqual(self.site.holds(), set())


if __name__ == "__main__":
    ending.main()
