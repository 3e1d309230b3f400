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
MOST_EXPOSED = 14, 19  # of 100, by systemd-analyze security; with the drop-in for this host's own firewall


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-units-"))
        self.addCleanup(shutil.rmtree, self.folder)
        units = *UNITS.glob("*.service"), *UNITS.glob("*.timer")
        self.assertGreaterEqual({unit.name for unit in units}, {"banpush.service", "banpush-push.service", "banpush-push.timer"})
        for unit in units:
            text = unit.read_text().replace("@bindir@/banpush", serving.BANPUSH).replace("@docdir@", "/usr/share/doc/banpush")
            (self.folder / unit.name).write_text(text.replace("User=banpush", "User=daemon").replace("Group=banpush", "Group=daemon"))

    def said_of(self, unit):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=serving.PATIENCE)
        return [line for line in done.stderr.splitlines() if unit.name in line]

    def test_verify(self):
        for unit in sorted(self.folder.iterdir()):
            with self.subTest(unit.name):
                self.assertEqual(self.said_of(unit), [])
                text = unit.read_text()
                unit.write_text(text + "\nNoSuchKey=yes\n")  # else a program that says nothing would do
                self.assertEqual(len(self.said_of(unit)), 1)
                unit.write_text(text)

    def exposure(self, unit, most):
        """Its number of 100, which is to be no greater; systemd judges that itself (--threshold)."""
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most}", "--no-pager", str(unit)], capture_output=True, text=True, timeout=serving.PATIENCE)
        level = re.search(r"exposure level for .*?: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(level, done.stdout + done.stderr)
        print(f"{unit.relative_to(self.folder)}: exposure {level.group(1)} of 10")
        self.assertEqual(done.returncode, 0, done.stdout)
        return float(level.group(1))

    def test_security(self):
        for name in ("banpush.service", "banpush-push.service"):
            with self.subTest(name):
                alone = self.exposure(self.folder / name, MOST_EXPOSED[0])
                # Settings that stand behind others of the unit take their place, as those of a drop-in do.
                local = self.folder / "local" / name
                local.parent.mkdir(exist_ok=True)
                local.write_text((self.folder / name).read_text().partition("[Install]")[0] + (UNITS / "local-devices.conf").read_text())
                self.assertGreater(self.exposure(local, MOST_EXPOSED[1]), alone)

    def test_no_core_and_no_other_rights(self):
        for unit in UNITS.glob("*.service"):
            for line in ("LimitCORE=0", "NoNewPrivileges=yes", "User=banpush", "AmbientCapabilities=", "CapabilityBoundingSet="):
                self.assertIn(line, unit.read_text().splitlines(), unit.name)


if __name__ == "__main__":
    ending.main()
