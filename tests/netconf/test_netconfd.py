#!/usr/bin/python3
"""Against netconfd, a NETCONF server of another make: two drivers through every verb. It says ok to an edit
that is validated before its commit, and keeps nothing of it: reading back must find that out."""
import pathlib
import shutil
import tempfile
import unittest

import netconfd
from netconf_case import scenario
import ending

HOSTS4 = [f"203.0.113.{i}" for i in range(1, 31)]
HOSTS6 = [f"2001:db8:7::{i:x}" for i in range(1, 31)]


@unittest.skipIf(netconfd.missing(), netconfd.missing())
class RealServer(unittest.TestCase):
    maxDiff = None

    def start(self, driver, drivers=None, **more):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="netconfd-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = netconfd.Netconfd(self.folder / "server")
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.site = scenario.Site(self.folder / "site", {"dut": self.server.device(driver, **more)}, limits={"floor": 100000}, policy={"aggregate": "none"})
        if drivers:
            drivers(self.site.folder)
        self.site.run("init")

    def verbs(self, driver, **more):
        self.start(driver, **more)
        self.site.run("check", "--connect", code=1)  # nothing stands yet
        self.assertIn("<edit-config>", self.site.run("setup", "dut").stdout)
        self.site.run("setup", "dut", "--apply")
        self.site.run("check", "--connect")
        self.site.insert(HOSTS4 + HOSTS6)
        self.assertIn(HOSTS4[0], self.site.run("plan").stdout)
        self.assertEqual(self.site.device("push", timeout=600)["outcome"], "changed")
        self.assertEqual(self.site.device("push")["outcome"], "in_sync")
        shown = self.site.run("show", "dut").stdout
        for host in HOSTS4 + HOSTS6:
            self.assertIn(host, shown)
        self.site.rows("DELETE FROM fail2ban WHERE ip = ?", [(HOSTS4[0],), (HOSTS6[0],)])
        self.assertEqual(self.site.device("push")["outcome"], "changed")
        shown = self.site.run("show", "dut").stdout
        self.assertNotIn(HOSTS4[0] + "/", shown)
        self.assertIn(HOSTS4[1] + "/", shown)
        self.site.run("flush", "dut", timeout=600)
        self.site.run("resume", "dut")
        self.assertEqual(self.site.device("push", timeout=600)["outcome"], "changed", "flush had taken all of it away")

    def test_address_set(self):
        self.verbs("yang_set")

    def test_access_list(self):
        self.verbs("ietf_acl", attach=[{"interface": "eth0", "direction": "in"}])

    def test_what_it_forgets_is_found_out(self):
        """A driver that does not know what this server does with validate."""
        def believing(folder):
            (folder / "drivers").mkdir()
            (folder / "drivers/naive.yaml").write_text(
                "about: validates before it commits\nextends: yang_set\ntransport: [netconf]\nevidence: {level: live, source: a test}\n"
                "facts: {yuma: {holds: 'never said by any server'}}\n")
        self.start("naive", believing)
        setup = self.site.run("setup", "dut", "--apply", code=1)
        self.assertIn("the device accepted the setup, but", setup.stderr)


if __name__ == "__main__":
    ending.main()
