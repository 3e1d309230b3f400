#!/usr/bin/python3
"""`./run fresh`: the exit status is passed on, and whatever ends it, nothing of it is left. One of `./run long`'s: each root takes a while."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NOT_PERMITTED = os.geteuid() != 0


class Fresh(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="banpush-test-")
        self.addCleanup(self.folder.cleanup)

    def start(self, *words):
        return subprocess.Popen([str(SOURCE / "run"), "fresh", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                start_new_session=True, env={**os.environ, "TMPDIR": self.folder.name})

    def left(self):
        return sorted(os.listdir(self.folder.name))

    def wait_until(self, condition, what):
        end = time.monotonic() + 600
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.2)

    def test_status_and_root(self):
        for command, status in (("help", 0), ("no_such_command", 2)):
            fresh = self.start(command)
            said = fresh.communicate(timeout=1800)[0]
            self.assertEqual(fresh.returncode, status, said)
            self.assertIn("./run demo", said)
            self.assertIn("a minimal Debian 12", said)
            self.assertEqual(self.left(), [])

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            fresh = self.start("help")
            self.wait_until(lambda: any(pathlib.Path(self.folder.name).glob("*/root/usr")), "the root is being made")
            os.killpg(fresh.pid, number) if number == signal.SIGINT else fresh.send_signal(number)
            said = fresh.communicate(timeout=600)[0]
            self.assertEqual(fresh.returncode, -9 if number == signal.SIGKILL else 128 + number, said)
            self.wait_until(lambda: not self.left(), f"all is removed after signal {number}")
            self.assertNotIn(self.folder.name, pathlib.Path("/proc/mounts").read_text())


if __name__ == "__main__":
    if NOT_PERMITTED:
        print("skipped: that takes root")
        sys.exit(77)
    unittest.main()
