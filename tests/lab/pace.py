#!/usr/bin/python3
"""Emulated devices whose line holds less than banpush sends ahead: what they lose is noticed and sent again, and the next push knows.

    pace.py [TEST…]"""
import contextlib
import pathlib
import re
import sqlite3
import sys
import unittest

import bench

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import ending  # noqa: E402

ENTRIES = 120  # twice as many in a minute would be a storm
HOSTS = [f"203.0.113.{one + 1}" for one in range(ENTRIES)]


class Pace(unittest.TestCase):
    def up(self, **more):
        device = bench.device_of("cisco_ios", attach=("GigabitEthernet0/0",), values={"privileged": "yes"}, **more)
        taken = bench.Bench(device)
        self.addCleanup(taken.close)
        taken.run("setup", "dut", "--apply")
        return taken

    def held(self, device):
        entries = device.state()["running"]["acl4"]["BANPUSH-IN4"]["entries"]
        return sorted(found[1] for entry in entries if (found := re.search(r"deny +ip host (203\.0\.113\.\d+) any", entry["line"])))

    def known(self, device):
        with contextlib.closing(sqlite3.connect(f"{device.folder}/state.db")) as state:
            return state.execute("SELECT bytes, lost_with FROM pace WHERE device = 'dut'").fetchone()

    def test_what_a_small_buffer_loses_is_sent_again(self):
        device = self.up(type_ahead=300, delay="2ms")
        device.ban(*HOSTS)
        report = device.push()
        self.assertEqual(report["outcome"], "changed", report)
        self.assertEqual(self.held(device), sorted(HOSTS))
        self.assertTrue(any("sent again" in note for note in report["notes"]), report["notes"])
        self.assertEqual(len(report["add"]), ENTRIES)
        _, lost_with = self.known(device)
        self.assertGreater(lost_with, 0)
        # The next push stays below that from its first line on.
        more = [f"198.51.100.{one + 1}" for one in range(ENTRIES // 2)]
        device.ban(*more)
        again = device.push()
        self.assertEqual(again["outcome"], "changed", again)
        self.assertFalse(any("sent again" in note for note in again["notes"]), again["notes"])

    def test_a_driver_that_says_nothing_of_a_window_sends_ahead_all_the_same(self):
        plain = self.up()
        folder = pathlib.Path(plain.folder, "drivers")
        folder.mkdir()
        text = (bench.ROOT / "drivers/cisco_ios.yaml").read_text()
        folder.joinpath("mine.yaml").write_text("".join(line for line in text.splitlines(True) if not line.startswith("window:")))
        folder.parent.joinpath("templates").mkdir()
        folder.parent.joinpath("templates/mine").symlink_to(bench.ROOT / "templates/cisco_ios")
        file = pathlib.Path(plain.folder, "banpush.yaml")
        file.write_text(file.read_text().replace("driver: cisco_ios", "driver: mine"))
        plain.ban(*HOSTS)
        self.assertEqual(plain.push()["outcome"], "changed")
        self.assertEqual(self.held(plain), sorted(HOSTS))


if __name__ == "__main__":
    ending.main(verbosity=2 if sys.stdout.isatty() else 1)
