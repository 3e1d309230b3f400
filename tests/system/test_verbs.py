#!/usr/bin/python3
"""What people type by hand: ban, unban, allow, list, explain and their refusals, on a table of its own. Every
refusal is seen, has its exit code, and leaves no row behind."""
import json
import pathlib
import subprocess
import tempfile
import unittest

from scenario import Site, binary
import ending


class Verbs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-verbs-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = Site(self.folder / "site", {}, policy={"allow": ["198.51.100.0/28"], "protect": ["198.51.100.64/28"]})
        self.site.run("init")

    def count(self):
        return self.site.rows("SELECT count(*) FROM fail2ban")[0][0]

    def refused(self, code, says, *words):
        before = self.count()
        done = self.site.run(*words, code=code)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.count(), before, "a refused verb left a row behind")

    def test_what_is_no_address(self):
        for text in ("not-an-ip", "203.0.113.7/24", "010.0.0.1", "203.0.113", "fe80::1%eth0", "203.0.113.7; reboot", "٢٠٣.0.113.7", "", " 203.0.113.7", "203.0.113.7/33"):
            with self.subTest(text):
                self.refused(2, "no address or prefix", "ban", text)
                self.refused(2, "no address or prefix", "unban", text)

    def test_what_may_not_be_banned(self):
        self.refused(5, "wider than /24", "ban", "0.0.0.0/0")
        self.refused(5, "wider than /24", "ban", "203.0.112.0/23")
        self.refused(5, "wider than /48", "ban", "2001:db8::/32")
        self.refused(5, "allowed: 198.51.100.0/28", "ban", "198.51.100.3")
        around = self.site.run("ban", "198.51.100.0/24")  # they lie in it: a hole is left for them
        self.assertIn("198.51.100.0/28", around.stderr)
        self.refused(5, "protected: 198.51.100.64/28", "ban", "198.51.100.70")
        for own in ("127.0.0.1", "::1", "169.254.1.1", "fe80::1", "224.0.0.5", "ff02::1", "0.0.0.0"):
            with self.subTest(own):
                self.refused(5, "protected", "ban", own)

    def test_rows_that_are_no_bans(self):
        self.site.run("ban", "203.0.113.7")
        for ip, name in (("203.0.113.999", "sshd"), ("", "sshd"), ("203.0.113.8", "ss\u200bhd")):
            self.site.rows("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES (%r, datetime('now'), '%s', 'tcp', '', '%s')" % ("web1", name, ip))
        done = self.site.run("list", "--bad")
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertIn('ip "203.0.113.999" from web1', done.stdout)
        self.assertIn("3 rows of the table are no ban", done.stderr)
        bad = json.loads(self.site.run("list", "--bad", "--json").stdout)
        self.assertEqual((bad["bad_rows"], len(bad["rows"])), (3, 3))
        self.assertIn("is no name", bad["rows"][2]["problem"])
        self.assertIn("banpush list --bad", self.site.run("list").stderr)
        self.refused(2, "excludes", "list", "--bad", "--jail", "sshd")

    def test_a_mistyped_verb(self):
        for words, says in ((["pus"], 'unknown verb "pus"; did you mean "push"?'), (["plna", "edge"], 'did you mean "plan"?'),
                            (["spool", "lst"], 'did you mean "list"? `banpush spool --help`'), (["zzzzzz"], 'unknown verb "zzzzzz"; `banpush --help`'),
                            (["drivers", "shwo", "x"], 'did you mean "show"?')):
            self.refused(2, says, *words)

    def test_ports(self):
        """fail2ban would lose a ban that is refused: what is no port is the whole address, and says so."""
        whole = ("99999", "1; rm -rf", "0", "ssh; id", "90-80", "-1", "no-such-service", "1:2:3", "$(id)")
        for number, port in enumerate(whole, 1):
            with self.subTest(port):
                done = self.site.run("ban", f"203.0.113.{100 + number}", f"--port={port}", "--quiet")
                self.assertIn("recorded for the whole address", done.stderr)
                self.assertEqual(self.site.rows(f"SELECT port FROM fail2ban WHERE ip = '203.0.113.{100 + number}'"), [("",)])
        given = {"22": "22", "ssh": "22", "http,https": "80,443", "8000:8100": "8000:8100", "8000-8100": "8000:8100", "all": "", "0:65535": "", "domain": "53", "22,": "22"}
        for number, (port, stored) in enumerate(given.items(), 1):
            with self.subTest(port):
                done = self.site.run("ban", f"203.0.113.{number}", f"--port={port}")
                self.assertEqual(done.stderr, "")
                self.assertEqual(self.site.rows(f"SELECT port FROM fail2ban WHERE ip = '203.0.113.{number}'"), [(stored,)])
        self.assertEqual(self.site.json("list")["bad_rows"], 0)

    def test_names(self):
        for number, jail in enumerate(("a\nb", "a'b", 'a"b', "a\x1b[31mb", "a;b", "a`b", "", "x" * 300), 1):
            with self.subTest(jail):
                done = self.site.run("ban", f"203.0.113.{number}", "--jail", jail)
                self.assertIn("is recorded as", done.stderr)
        listed = self.site.json("list")
        self.assertEqual((listed["bad_rows"], len(listed["bans"])), (0, 8))
        self.site.run("ban", "203.0.113.20", "--jail", "sshd[ddos]", "--hostname", "web 1", "--protocol", "tcp; id", "--reason", "two\nlines")
        self.assertEqual(self.site.rows("SELECT name, hostname, protocol FROM fail2ban WHERE ip = '203.0.113.20'"), [("sshd[ddos]", "web 1", "all")])
        self.assertEqual(self.site.json("unban", "203.0.113.2", "--jail", "a'b")["unbanned"], 1)
        self.refused(2, "bantime", "ban", "203.0.113.7", "--bantime", "soon")

    def test_a_ban_from_beginning_to_end(self):
        said = self.site.json("ban", "203.0.113.7", "--jail", "sshd", "--port", "ssh", "--hostname", "web1", "--bantime", "2h", "--reason", "by hand")
        self.assertEqual((said["ip"], said["jail"], said["recorded"]), ("203.0.113.7", "sshd", "added"))
        self.assertEqual(self.site.rows("SELECT hostname, name, protocol, port, ip FROM fail2ban"), [("web1", "sshd", "tcp", "22", "203.0.113.7")])
        again = self.site.json("ban", "203.0.113.7", "--jail", "sshd", "--port", "ssh", "--hostname", "web1", "--bantime", "4h")
        self.assertEqual(again["recorded"], "extended")
        self.assertEqual(self.count(), 1)
        listed = self.site.json("list")
        self.assertEqual([(one["ip"], one["jail"], one["port"], one["hostname"]) for one in listed["bans"]], [("203.0.113.7", "sshd", "22", "web1")])
        self.assertEqual(listed["bad_rows"], 0)
        self.assertEqual(self.site.json("unban", "203.0.113.7")["unbanned"], 1)
        self.assertEqual(self.site.json("list")["bans"], [])
        self.assertEqual(len(self.site.json("list", "--all")["bans"]), 1)  # the history stays
        self.assertEqual(self.site.json("unban", "203.0.113.7")["unbanned"], 0)

    def test_rows_that_are_no_bans(self):
        hostile = ("1' OR '1'='1", "$(reboot)", "no ip access-list", "<script>", "203.0.113.7\nip route 0.0.0.0/0", "fe80::1%eth0", "010.1.1.1", "", "x" * 64)
        self.site.insert(hostile)
        self.site.insert(["203.0.113.9"])
        listed = self.site.json("list")
        self.assertEqual([one["ip"] for one in listed["bans"]], ["203.0.113.9"])
        self.assertEqual(listed["bad_rows"], len(hostile))
        plan = self.site.json("plan")
        self.assertIn(f"{len(hostile)} rows", " ".join(plan["notes"]))

    def test_allowlist_of_the_table(self):
        self.site.run("allow", "add", "203.0.113.0/28", "--reason", "office")
        self.refused(5, "allowlist of table", "ban", "203.0.113.3")
        (row,) = self.site.json("allow", "list")["allow"]
        self.assertEqual((row["prefix"], row["reason"]), ("203.0.113.0/28", "office"))
        self.assertTrue(self.site.json("allow", "remove", "203.0.113.0/28")["changed"])
        self.site.run("ban", "203.0.113.3")
        self.refused(2, "bits are set", "allow", "add", "203.0.113.1/24")
        self.site.rows("INSERT INTO banpush_allow (prefix, reason, actor, created) VALUES ('203.0.113.300', '', '', '2026-01-01 00:00:00')")
        self.refused(2, "203.0.113.300", "push")  # a line that does not parse stops everything that goes to a device
        self.assertIn("203.0.113.300", self.site.run("ban", "203.0.113.4", "--no-push").stderr)  # no ban is lost for it

    def test_a_table_that_is_not_there_or_lacks_a_column(self):
        missing = Site(self.folder / "missing", {})
        self.assertIn("banpush init", missing.run("list", code=3).stderr)
        self.site.rows("ALTER TABLE fail2ban RENAME COLUMN port TO ports")
        self.assertIn("port", self.site.run("plan", code=3).stderr)

    def test_explain(self):
        self.site.settings["devices"] = {"here": {"address": "local", "driver": "linux_nft"}}
        self.site.write()
        self.site.insert(["203.0.113.7"])
        self.site.insert(["203.0.113.8"], protocol="udp")
        told = self.site.json("explain", "203.0.113.7")
        self.assertEqual([(one["step"], one["verdict"]) for one in told["policies"][0]["steps"]][-1], ("entry", "passes"))
        self.assertEqual(told["devices"][0]["state"], "unknown")  # it was never read
        self.assertEqual(len(told["rows"]), 1)
        self.assertEqual(self.site.json("explain", "203.0.113.99")["rows"], [])
        text = self.site.run("explain", "198.51.100.3").stdout
        self.assertIn("not in the ban table", text)  # whether it ever was is not known

    def test_explain_names_the_ban_and_says_what_a_push_would_do(self):
        self.site.settings["devices"] = {"here": {"address": "local", "driver": "linux_nft"},
                                         "far": {"address": "192.0.2.1", "driver": "ubiquiti_edgeswitch"}}
        self.site.write()
        self.site.insert(["203.0.113.7"], age="-3 days")
        self.site.insert(["203.0.0.0/8"])
        told = self.site.json("explain", "203.0.113.7")
        for policy in told["policies"]:
            self.assertEqual(policy["steps"][-1]["text"], "none of 1 rows of 203.0.113.7/32: their time has run out")
        for device in told["devices"]:  # its own ban has ended; somebody's wide row is no reason
            self.assertEqual((device["state"], device["reason"]), ("unknown", "in force: none of 1 rows of 203.0.113.7/32: their time has run out"))
        for device in self.site.json("explain", "203.0.113.8")["devices"]:
            self.assertEqual(device["state"], "left out")
            self.assertIn("wider than /24", device["reason"])
        self.site.insert(["203.0.113.9", "203.0.113.0/24"])
        self.assertIn("1 of 1 rows of 203.0.113.0/24", self.site.run("explain", "203.0.113.7").stdout)
        self.assertIn("1 of 1 rows of 203.0.113.9/32", self.site.run("explain", "203.0.113.9").stdout)

        def reasons():
            return {one["device"]: one["reason"] for one in self.site.json("explain", "203.0.113.9")["devices"]}

        self.assertIn("the next push brings it", reasons()["here"])
        self.site.run("pause", "here")
        self.assertIn("wanted in list nets4; paused", reasons()["here"])

    def test_output_that_cannot_be_written_is_an_error(self):
        self.site.insert(["203.0.113.7"])
        with open("/dev/full", "w") as full:
            for words in (["list"], ["list", "--json"], ["explain", "203.0.113.7"], ["stats"], ["status", "--json"], ["drivers"], ["drivers", "show", "frr"],
                          ["check", "--json"], ["plan", "--json"], ["push", "--json"], ["allow", "list", "--json"], ["ban", "203.0.113.9", "--no-push"],
                          ["unban", "203.0.113.9", "--no-push"], ["--help"], ["--version"]):
                with self.subTest(words):
                    done = subprocess.run([binary(), "-c", str(self.site.config), *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("standard output cannot be written", done.stderr)

    def test_help_and_usage(self):
        self.assertIn("banpush init", self.site.run("--help").stdout)
        self.site.run("no-such-verb", code=2)
        self.site.run("flush", code=2)
        self.site.run("pause", "nobody", code=2)
        self.assertIn("linux_nft", self.site.run("drivers").stdout)
        shown = json.loads(self.site.run("drivers", "--json").stdout)
        self.assertTrue({"name", "transport", "evidence", "families"} <= set(shown["drivers"][0]))


if __name__ == "__main__":
    ending.main()
