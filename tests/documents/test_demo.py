#!/usr/bin/python3
"""The demo as a newcomer meets it: on a terminal it waits, in a pipe it does not, and what is missing it names."""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEMO = ["/usr/bin/python3", str(SOURCE / "tests/system/demo.py"), os.environ["BANPUSH"]]


class Demo(unittest.TestCase):
    def test_in_a_pipe(self):
        began = time.monotonic()
        done = subprocess.run(DEMO, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
        print(f"the demo took {time.monotonic() - began:.0f} s")
        self.assertNotIn("Enter goes on", done.stdout)
        self.assertEqual([line for line in done.stdout.splitlines() if len(line) > 80], [])
        steps = re.split(r"^(?=\d+\. )", done.stdout, flags=re.MULTILINE)[1:]
        self.assertEqual(len(steps), 11)
        for step in steps:
            self.assertRegex(step, r"(?m)^   \$ \S", "a step without a command")

    def test_on_a_terminal(self):
        master, slave = pty.openpty()
        demo = subprocess.Popen(DEMO, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        said = b""

        def until(mark, seconds=60):
            nonlocal said
            end = time.monotonic() + seconds
            while mark not in said:
                self.assertGreater(end, time.monotonic(), f"{mark} does not come: {said[-1500:].decode(errors='replace')}")
                if select.select([master], [], [], 1)[0]:
                    said += os.read(master, 4096)

        try:
            until(b"Enter goes on")
            self.assertNotIn(b"1. Before", said)
            self.assertFalse(select.select([master], [], [], 1.5)[0], "it goes on before it was read")
            os.write(master, b"\n")
            until(b"1. Before")
            demo.send_signal(signal.SIGINT)
            until(b"interrupted; everything the demo made is taken away again")
            self.assertNotEqual(demo.wait(60), 0)
            self.assertNotIn(b"Traceback", said)
        finally:
            demo.kill()
            demo.wait()
            os.close(master)

    def test_missing_programs_are_named(self):
        for file, package in (("/usr/bin/ip", "iproute2"), ("/usr/sbin/nft", "nftables"), ("/usr/sbin/sshd", "openssh-server"), ("/usr/bin/vtysh", "frr")):
            hidden = f"mount --make-rprivate / && mount --bind /dev/null {os.path.realpath(file)} && exec \"$@\""
            done = subprocess.run(["unshare", "--mount", "bash", "-c", hidden, "bash", *DEMO], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(f"(package {package})", done.stderr)
            self.assertNotIn("permitted", done.stdout + done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE / "tests/system"))
    import topology
    reason = "that takes root" if os.geteuid() != 0 else topology.why_no_namespaces()
    if reason:
        print("skipped:", reason)
        sys.exit(77)
    unittest.main()
