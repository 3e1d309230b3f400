#!/usr/bin/python3
"""What an unban leaves behind is said, with the commands that change it; and lengths of time on command lines have units."""
import pathlib
import tempfile
import unittest

import scenario
from scenario import Site

EDGE = {"edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}}


class Unban(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-unban-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def site(self, **top):
        site = Site(self.folder / "site", EDGE, **top)
        site.run("init")
        return site

    def ban(self, site, address, jail="sshd", host="web1"):
        site.run("ban", address, "--jail", jail, "--hostname", host, "--no-push")

    def left(self, site, address, *more):
        done = site.run("unban", address, "--no-push", *more)
        said = site.json("unban", address, "--no-push", *more)
        for line in said["left"]:
            self.assertIn(line, done.stdout)
        return done.stdout.splitlines()[0], said["left"]

    def wanted(self, site):
        (plan,) = site.json("plan", "--offline", code=None)["devices"]
        return sorted(one["prefix"] for one in plan["add"])

    def test_an_address_within_a_banned_network(self):
        site = self.site()
        self.ban(site, "203.0.113.0/24", "recidive", "mail")
        first, (line,) = self.left(site, "203.0.113.7")
        self.assertEqual(first, "203.0.113.7: no ban of its own is in force")
        for word in ("203.0.113.7 stays blocked", "203.0.113.0/24", "jail recidive", "host mail", "`banpush allow add 203.0.113.7`", "`banpush unban 203.0.113.0/24`"):
            self.assertIn(word, line)
        site.run("allow", "add", "203.0.113.7")  # as it says
        self.assertNotIn("203.0.113.0/24", self.wanted(site))
        self.assertEqual(len(self.wanted(site)), 8, "a hole of one address")
        _, (line,) = self.left(site, "203.0.113.7")
        self.assertIn("no policy blocks it here", line)
        self.assertNotIn("stays blocked", line)

    def test_an_address_with_a_ban_of_its_own_as_well(self):
        site = self.site()
        self.ban(site, "203.0.113.0/24")
        self.ban(site, "203.0.113.7")
        first = site.run("unban", "203.0.113.7", "--no-push").stdout
        self.assertIn("unbanned 203.0.113.7 (1 row)", first)
        self.assertIn("203.0.113.7 stays blocked: it lies in 203.0.113.0/24", first)

    def test_another_jail_or_host_of_the_same_address(self):
        site = self.site()
        self.ban(site, "203.0.113.7", "sshd", "web1")
        self.ban(site, "203.0.113.7", "recidive", "web2")
        said = site.json("unban", "203.0.113.7", "--jail", "sshd", "--no-push")
        self.assertEqual(said["unbanned"], 1)
        (line,) = said["left"]
        for word in ("stays blocked", "jail recidive", "host web2", "`banpush unban 203.0.113.7`"):
            self.assertIn(word, line)
        self.assertEqual(site.json("unban", "203.0.113.7", "--no-push")["left"], [])

    def test_a_network_with_bans_inside(self):
        site = self.site()
        self.ban(site, "203.0.113.0/24")
        for number in range(1, 9):
            self.ban(site, f"203.0.113.{number}")
        said = site.json("unban", "203.0.113.0/24", "--no-push")
        (line,) = said["left"]
        for word in ("inside 203.0.113.0/24 stay banned", "203.0.113.1 (jail sshd", "and 3 more", "`banpush unban`", "`banpush allow add 203.0.113.0/24`"):
            self.assertIn(word, line)

    def test_what_a_policy_widens(self):
        site = self.site(policy={"widen": {"ipv6": 64}})
        for last in (7, 8):
            self.ban(site, f"2001:db8::{last}")
        self.assertEqual(self.wanted(site), ["2001:db8::/64"])
        said = site.json("unban", "2001:db8::7", "--no-push")
        (line,) = said["left"]
        for word in ("2001:db8::7 stays blocked at edge1 within 2001:db8::/64", "`widen`", "`banpush allow add 2001:db8::7`"):
            self.assertIn(word, line)
        site.run("allow", "add", "2001:db8::7")
        self.assertNotIn("2001:db8::/64", self.wanted(site))
        self.assertEqual(site.json("unban", "2001:db8::7", "--no-push")["left"], [])

    def test_nothing_at_all(self):
        site = self.site()
        first, left = self.left(site, "203.0.113.7")
        self.assertEqual((first, left), ("203.0.113.7: no ban in force is recorded", []))
        self.ban(site, "203.0.113.8")
        self.assertEqual(self.left(site, "203.0.113.7")[1], [])

    def test_fail2bans_own_unban_asks_for_nothing(self):
        site = self.site()
        self.ban(site, "203.0.113.0/24")
        self.assertEqual(site.json("unban", "203.0.113.7", "--by", "fail2ban", "--no-push")["left"], [])

    def test_lengths_of_time_have_units(self):
        site = self.site()
        site.insert(["203.0.113.7"], age="-100 days")
        for words in (("prune", "--older-than", "90"), ("prune", "--older-than", "0"), ("prune", "--older-than", "permanent"), ("pause", "edge1", "--for", "5"), ("pause", "edge1", "--for", "0m")):
            with self.subTest(words):
                refused = site.run(*words, code=2)
                self.assertIn(words[-2], refused.stderr)
        self.assertEqual(site.rows("SELECT COUNT(*) FROM fail2ban"), [(1,)])
        self.assertFalse(site.json("status")["devices"][0]["paused"])
        site.run("pause", "edge1", "--for", "5m")
        site.run("ban", "203.0.113.9", "--bantime", "600", "--no-push")
        site.run("ban", "203.0.113.9", "--bantime", "-1", "--no-push")
        self.assertEqual(site.json("prune", "--older-than", "90d")["pruned"], 1)

    def test_force_takes_what_exists(self):
        site = self.site()
        for name in ("floor", "in_force", "protected", "everything", ""):
            with self.subTest(name):
                self.assertIn("add, remove, storm, span", site.run("push", "--force", name, code=2).stderr)


if __name__ == "__main__":
    scenario.main()
