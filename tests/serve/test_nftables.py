#!/usr/bin/python3
"""This host's own firewall kept by the service, in one process: no program nft is to be found by it."""
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import unittest

import namespace
import serving
from namespace import nft
from serving import Site, wait_until
import ending

PERMITTED = namespace.enter()


class Host(Site):
    def __init__(self, folder, **serve):
        self.empty = folder  # where programs are looked for
        super().__init__(0, devices={"here": {"address": "local", "driver": "linux_nft"}})
        self.settings["serve"].update(serve)
        self.write()

    def argv(self, *words):
        return ["env", f"PATH={self.empty}", *super().argv(*words)]

    def device(self, *words, code=0):
        (report,) = self.json(*words, code=code)["devices"]
        return report


@unittest.skipUnless(PERMITTED, "network namespaces are not permitted here (they need root)")
class InProcess(unittest.TestCase):
    def setUp(self):
        nft("flush", "ruleset")

    def site(self, **serve):
        site = self.enterContext(Host(self.enterContext(tempfile.TemporaryDirectory()), **serve))
        site.run("setup", "here", "--apply")
        return site

    def hosts(self):
        return set(nft("list", "set", "inet", "banpush", "hosts4", check=False).replace("\n", " ").replace(",", " ").split())

    def holds(self, *addresses):
        return set(addresses) <= self.hosts()

    def test_setup_push_check_and_removal(self):
        site = self.site()
        for address in ("203.0.113.7", "203.0.113.64/27", "2001:db8:1::7", "2001:db8:1:1::/64"):
            site.run("ban", address, "--no-push")
        planned = site.device("plan", code=0)["script"]
        self.assertIn("$ nft -f -\nadd element inet banpush hosts4 { 203.0.113.7 }\n", planned)
        report = site.device("push")
        self.assertEqual((report["outcome"], report["script"]), ("changed", planned))
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        listed = nft("list", "table", "inet", "banpush")
        for shown in ("203.0.113.7 }", "203.0.113.64/27", "2001:db8:1::7", "2001:db8:1:1::/64"):
            self.assertIn(shown, listed)
        self.assertIn("in force", site.run("check", "--connect", code=None).stdout)
        # Somebody takes a rule away: the list is no longer in force, and nothing is put where it blocks nothing.
        nft("flush", "chain", "inet", "banpush", "blocks")
        site.run("ban", "203.0.113.8", "--no-push")
        self.assertIn("no rule in a hooked chain", site.run("push", code=5).stdout)
        site.run("flush", "here")
        site.run("setup", "here", "--remove", "--apply")
        self.assertEqual(nft("list", "ruleset"), "")

    def test_a_refusal_is_told_as_by_the_program(self):
        site = self.site()
        site.run("setup", "here", "--remove", "--apply")
        nft("-f", "-", input="add table inet banpush\nadd map inet banpush hosts6 { type ipv6_addr : verdict; }\n")
        before = nft("list", "ruleset")
        ours = site.run("setup", "here", "--apply", code=1)
        self.assertEqual(nft("list", "ruleset"), before, "one transaction: nothing of it is done")
        self.assertRegex(ours.stdout + ours.stderr, r'line \d "add set inet banpush hosts6 .*/dev/stdin:\d:.*Error: .*File exists')
        site.settings["devices"]["here"]["transport"] = "exec"
        site.empty = os.environ["PATH"]
        site.write()
        theirs = site.run("setup", "here", "--apply", code=1)
        self.assertEqual((ours.stdout, ours.stderr), (theirs.stdout, theirs.stderr))

    def test_others_are_noticed_between_pushes(self):
        site = self.site(audit="10m")
        site.start()
        site.run("ban", "203.0.113.7", "--wait")
        self.assertTrue(self.holds("203.0.113.7"))
        # An address that nobody wants goes with the next push, long before the audit.
        nft("-f", "-", input="add element inet banpush hosts4 { 203.0.113.200 }\n")
        site.run("ban", "203.0.113.8", "--wait")
        self.assertEqual(self.hosts() & {"203.0.113.7", "203.0.113.8", "203.0.113.200"}, {"203.0.113.7", "203.0.113.8"})
        # What somebody took away comes back with it.
        nft("flush", "set", "inet", "banpush", "hosts4")
        site.run("ban", "203.0.113.9", "--wait")
        self.assertTrue(self.holds("203.0.113.7", "203.0.113.8", "203.0.113.9"))
        # Other tables are nobody's business, and no reason to read all again.
        nft("-f", "-", input="add table ip other\nadd set ip other s { type ipv4_addr; }\nadd element ip other s { 192.0.2.1 }\n")
        site.run("ban", "203.0.113.10", "--wait")
        self.assertTrue(self.holds("203.0.113.10"))
        self.assertEqual(site.stop(), 0)

    def test_the_audit_restores_what_somebody_flushed(self):
        site = self.site(audit="2s")
        site.start()
        site.run("ban", "203.0.113.7", "--wait")
        nft("flush", "set", "inet", "banpush", "hosts4")
        self.assertFalse(self.holds("203.0.113.7"))
        wait_until(lambda: self.holds("203.0.113.7"), 30, "the audit has put it back")
        nft("delete", "table", "inet", "banpush")
        wait_until(lambda: "is set up again" in site.log_text() and self.holds("203.0.113.7"), 30, "the table is there again, and filled")
        self.assertEqual(site.stop(), 0)

    def test_a_transaction_too_long_goes_in_parts(self):
        """As in a container: the kernel takes no message longer than the system's limit."""
        site = self.site()
        many = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(1, 30001)]
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "inside"
            insert = ";".join(f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('w', datetime('now', 'localtime'), 'sshd', 'tcp', '', '{one}')" for one in many)
            with sqlite3.connect(site.folder / "bans.db") as table:
                table.executescript("BEGIN;" + insert + ";COMMIT;")
            words = " ".join(f"'{one}'" for one in site.argv())
            script.write_text(f"set -e\n{words} setup here --apply >/dev/null\n{words} push here\nnft list set inet banpush hosts4 | tr ',' '\\n' | grep -c '10\\.'\n")
            done = subprocess.run(["unshare", "-Urn", "sh", str(script)], capture_output=True, text=True, env=serving.ENVIRONMENT, timeout=600)
            if "unshare failed" in done.stderr:
                self.skipTest("user namespaces are not permitted here")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stdout.split()[-1], "30000", done.stdout)


if __name__ == "__main__":
    ending.main()
