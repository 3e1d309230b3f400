#!/usr/bin/python3
"""The units as systemd itself judges them: no unknown key, and closed as far as the work allows."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import serving
import ending

UNITS = serving.SOURCE / "config/systemd"
MOST_EXPOSED = {"banpush.service": 2.5, "banpush-push.service": 6.0}  # of 10, by systemd-analyze security


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-units-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
            text = unit.read_text().replace("@bindir@/banpush", serving.BANPUSH).replace("@docdir@", "/usr/share/doc/banpush")
            (self.folder / unit.name).write_text(text.replace("User=banpush", "User=daemon").replace("Group=banpush", "Group=daemon"))

    def test_verify(self):
        for unit in self.folder.iterdir():
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=serving.PATIENCE)
            said = [line for line in done.stderr.splitlines() if unit.name in line]
            self.assertEqual(said, [], unit.name)

    def test_security(self):
        for name, most in MOST_EXPOSED.items():
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(self.folder / name)], capture_output=True, text=True, timeout=serving.PATIENCE)
            level = re.search(r"exposure level for .*?: ([0-9.]+)", done.stdout)
            self.assertIsNotNone(level, done.stdout + done.stderr)
            print(f"{name}: exposure {level.group(1)} of 10")
            self.assertLessEqual(float(level.group(1)), most, done.stdout)


if __name__ == "__main__":
    ending.main()
