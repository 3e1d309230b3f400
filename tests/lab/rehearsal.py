#!/usr/bin/python3
"""A rehearsal as docs/lab.md tells it: a small network goes up with `banpush lab`, is set up, pushed to, looked at, and goes down."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import wait_until  # noqa: E402
import ending  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANPUSH = os.environ.get("BANPUSH", str(ROOT / "build/dev/bin/banpush"))

NETWORK = """\
banpush: {policy: {bantime: 1d, reserved: allowed}}
devices:
  edge:
    device: cisco_ios
    count: 2
    banpush: {attach: [{interface: GigabitEthernet0/0}]}
    config: |
      ip access-list extended MGMT
       permit tcp any any established
  core:
    device: juniper_junos
    banpush: {attach: [{interface: ge-0/0/0.0}]}
  branch: {device: mikrotik_routeros}
"""


class Rehearsal(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-rehearsal-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_it(self, *argv, codes=(0,)):
        done = subprocess.run([BANPUSH, *argv], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(ROOT))})
        self.assertIn(done.returncode, codes, f"banpush {' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def test_a_small_network(self):
        file, lab = self.folder / "network.yaml", str(self.folder / "lab")
        file.write_text(NETWORK)
        said = self.run_it("lab", "up", str(file), "-d", lab).stdout
        self.addCleanup(subprocess.run, [BANPUSH, "lab", "down", "-d", lab], capture_output=True, timeout=60)
        configuration = said.split("banpush configuration ")[1].split("\n")[0]
        self.assertTrue(os.path.exists(configuration))

        def banpush(*argv, codes=(0,)):
            return self.run_it("-c", configuration, *argv, codes=codes)

        banpush("init")
        banpush("check", "--connect", codes=(0, 1, 2, 5))
        for device in ("edge-1", "edge-2", "core", "branch"):
            banpush("setup", device, "--apply")
        banpush("ban", "203.0.113.7", "--no-push")
        banpush("ban", "2001:db8:7::7", "--no-push")
        banpush("push")
        for device in ("edge-1", "edge-2", "core", "branch"):
            for address, passes in (("203.0.113.7", False), ("2001:db8:7::7", False), ("203.0.113.8", True)):
                told = json.loads(self.run_it("lab", "tell", "-d", lab, device, "packet", address).stdout)
                self.assertEqual(told["passes"], passes, f"{address} on {device}")
        self.assertIn("MGMT", json.loads(self.run_it("lab", "tell", "-d", lab, "edge-1", "state").stdout)["text"])
        sockets = self.folder / "lab/lab.sock"
        self.run_it("lab", "down", "-d", lab)
        wait_until(lambda: not sockets.exists(), 0, "the lab is down")
        self.assertEqual(banpush("push", codes=(1,)).returncode, 1, "nobody is there any more")

    def test_a_network_that_is_wrong(self):
        file = self.folder / "network.yaml"
        file.write_text("devices:\n  edge: {device: cisco_ios, hostnam: x}\n")
        done = self.run_it("lab", "up", str(file), "-d", str(self.folder / "lab"), codes=(2,))
        self.assertIn("network.yaml:2:", done.stderr)
        self.assertIn("hostnam", done.stderr)
        file.write_text("devices:\n  edge: {device: cisco_iosx}\n")
        self.assertIn("cisco_iosx", self.run_it("lab", "up", str(file), "-d", str(self.folder / "lab2"), codes=(2,)).stderr)

    def test_a_second_down_says_so(self):
        self.assertNotEqual(self.run_it("lab", "down", "-d", str(self.folder), codes=(1, 2)).stderr, "")


if __name__ == "__main__":
    ending.main()
