#!/usr/bin/python3
"""What an error advises can be done as it stands there, and the reason that an error gives is the real one."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/transport"))
from sshd import Sshd  # noqa: E402

BANPUSH = os.environ.get("BANPUSH", str(SOURCE / "build/asan/bin/banpush"))
LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(BANPUSH).with_name("banpush-lab")))
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-advice-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = self.folder / "banpush.yaml"

    def write(self, devices, bans="", more=""):
        self.config.write_text(f"bans: {{url: 'sqlite:{bans or self.folder}/bans.db'}}\nstate: {self.folder}/state.db\nspool: {self.folder}/spool.db\n"
                               f"serve: {{socket: {self.folder}/s.sock}}\ndevices:\n{devices}{more}")
        self.config.chmod(0o644)

    def run_it(self, *words, prefix=()):
        return subprocess.run([*prefix, BANPUSH, "-c", str(self.config), *map(str, words)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


class Trust(Case):
    def setUp(self):
        super().setUp()
        self.jump, self.device = (Sshd(self.folder / name).start() for name in ("jump", "device"))
        self.addCleanup(self.jump.stop)
        self.addCleanup(self.device.stop)
        self.device.authorized_keys.write_text(self.device.authorized_keys.read_text() + pathlib.Path(f"{self.jump.client_key}.pub").read_text())
        self.write(f"  edge1: {{address: {self.device.address}, port: {self.device.port}, driver: linux_route, username: {self.device.user}, key: {self.jump.client_key}, "
                   f"known_hosts: {self.folder}/known_hosts, jump: '{self.jump.user}@{self.jump.address}:{self.jump.port}'}}\n")

    def fingerprint(self, sshd):
        return subprocess.run(["ssh-keygen", "-lf", f"{sshd.host_key}.pub"], capture_output=True, text=True, check=True).stdout.split()[1]

    def test_what_is_advised_enrols_both_keys(self):
        said = self.run_it("show", "edge1")
        self.assertEqual(said.returncode, 1, said.stderr)
        self.assertIn("jump host", said.stdout + said.stderr)
        advised = re.search(r"`banpush ([^`]+)`", said.stdout + said.stderr).group(1)
        done = self.run_it(*advised.split(), "--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.fingerprint(self.jump), done.stdout + done.stderr)
        self.assertIn(self.fingerprint(self.device), done.stdout + done.stderr)
        known = (self.folder / "known_hosts").read_text()
        for sshd in (self.jump, self.device):
            self.assertIn(f"[{sshd.address}]:{sshd.port} ", known)
        said = self.run_it("show", "edge1")
        self.assertNotIn("host key", said.stdout + said.stderr)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_fingerprints(self):
        jump, device = self.fingerprint(self.jump), self.fingerprint(self.device)
        wrong = self.run_it("trust", "edge1", "--fingerprint", device)
        self.assertEqual(wrong.returncode, 5, wrong.stderr)
        self.assertIn(jump, wrong.stderr)
        self.assertFalse((self.folder / "known_hosts").exists())
        both = self.run_it("trust", "edge1", "--fingerprint", jump, "--fingerprint", device)
        self.assertEqual(both.returncode, 0, both.stderr)

    def test_a_changed_key_is_replaced_only_when_that_is_asked_for(self):
        known = self.folder / "known_hosts"
        self.assertEqual(self.run_it("trust", "edge1", "--yes").returncode, 0)
        for which, sshd in (("jump", self.jump), ("device", self.device)):
            with self.subTest(which):
                old = self.fingerprint(sshd)
                other = f"{sshd.host_key}.other"
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
                sshd.stop()
                for suffix in ("", ".pub"):
                    os.replace(other + suffix, f"{sshd.host_key}{suffix}")
                sshd.log.write_text("")
                sshd.start()
                before = known.read_text()
                for words in (["--yes"], ["--fingerprint", self.fingerprint(sshd)], []):
                    said = self.run_it("trust", "edge1", *words)
                    self.assertEqual(said.returncode, 5, said.stderr)
                    self.assertIn(old, said.stderr)
                    self.assertIn(self.fingerprint(sshd), said.stderr)
                    self.assertEqual(known.read_text(), before)
                advised = re.search(r"`banpush ([^`]+)`", said.stderr).group(1)
                done = self.run_it(*advised.split(), "--yes")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(self.run_it("show", "edge1").returncode, 0)


class Reasons(Case):
    @unittest.skipIf(os.geteuid() != 0, "as root only")
    def test_a_folder_that_may_not_be_entered(self):
        """Nothing behind it is said to be missing."""
        locked = self.folder / "locked"
        (locked / "drivers").mkdir(parents=True)
        (locked / "bans.db").write_text("")
        (locked / "text").write_text("x")
        locked.chmod(0o700)
        self.folder.chmod(0o777)
        self.write("  here: {address: local, driver: linux_nft}\n", bans=locked)
        (self.folder / "site").mkdir()
        (self.folder / "site/drivers").symlink_to(locked / "drivers")
        cases = {
            "a table in a file": ("list",),
            "a plan": ("push", "--plan", locked / "text"),
            "a listing": ("drivers", "render", "linux_nft", "--installed", locked / "text"),
            "the plan's target": ("plan", "--out", locked / "plan"),
        }
        for what, words in cases.items():
            with self.subTest(what):
                said = self.run_it(*words, prefix=NOBODY)
                self.assertNotEqual(said.returncode, 0, said.stdout)
                self.assertNotIn("no such file", (said.stdout + said.stderr).lower())
                self.assertIn("Permission denied", said.stdout + said.stderr)
        with self.subTest("a driver of the site's own"):
            said = subprocess.run([*NOBODY, BANPUSH, "-c", str(self.folder / "site/banpush.yaml"), "drivers", "show", "acme"], capture_output=True, text=True, timeout=60)
            self.assertRegex(said.stderr, "Permission denied|is a symbolic link in a folder that others may write")

    def test_an_unknown_driver_is_told_where_it_was_looked_for(self):
        self.write("  here: {address: local, driver: linux_nft}\n")
        said = self.run_it("drivers", "show", "acme").stderr
        self.assertIn(str(self.folder), said)


class Lab(Case):
    def lab(self, *words):
        return subprocess.run([LAB, *map(str, words)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def test_a_running_lab_keeps_its_files(self):
        network = self.folder / "network.yaml"
        network.write_text("devices: {edge: {device: cisco_ios}}\n")
        place = self.folder / "lab"
        up = self.lab("up", network, "-d", place)
        self.assertEqual(up.returncode, 0, up.stderr)
        self.addCleanup(self.lab, "down", "-d", place)
        before = {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}
        again = self.lab("up", network, "-d", place)
        self.assertEqual(again.returncode, 2, again.stdout)
        self.assertIn("a lab is up in", again.stderr)
        self.assertEqual({file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}, before)
        advised = re.search(r"`banpush-lab ([^`]+)`", again.stderr).group(1)
        self.assertEqual(self.lab(*advised.split()).returncode, 0)
        last = self.lab("up", network, "-d", place)
        self.assertEqual(last.returncode, 0, "the folder of a lab that is down serves again: " + last.stderr)

    def test_somebody_elses_configuration_stays(self):
        self.write("  here: {address: local, driver: linux_nft}\n")
        before = self.config.read_bytes()
        network = self.folder / "network.yaml"
        network.write_text("devices: {edge: {device: cisco_ios}}\n")
        said = self.lab("up", network, "-d", self.folder)
        self.assertEqual(said.returncode, 2)
        self.assertIn("that no lab made", said.stderr)
        self.assertEqual(self.config.read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
