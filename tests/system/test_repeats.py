#!/usr/bin/python3
"""A ban that policy makes longer for earlier ones, or that needs several reports, is in force for every verb alike: `prune`
takes none of the rows that it rests on, `list` shows it, and `ban` knows it."""
import pathlib
import tempfile
import unittest

import scenario
from scenario import Site

EDGE = {"edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}}
A = "203.0.113.150"


class Repeats(unittest.TestCase):
    def site(self, **policy):
        folder = tempfile.TemporaryDirectory(prefix="banpush-repeats-")
        self.addCleanup(folder.cleanup)
        site = Site(pathlib.Path(folder.name) / "site", EDGE, policy={"bantime": "1d", **policy})
        site.run("init")
        return site

    def wanted(self, site):
        (plan,) = site.json("plan", "--offline", code=None)["devices"]
        return sorted(one["prefix"] for one in plan["add"])

    def listed(self, site, *words):
        return [one["until"] for one in site.json("list", "--ip", A, *words)["bans"]]

    def escalated(self):
        site = self.site(escalate={"factor": 4, "window": "60d", "max": "4w"})
        for days in (12, 8, 5):
            site.insert([A], age=f"-{days} days")
        self.assertEqual(self.wanted(site), [f"{A}/32"])
        return site

    def test_prune_leaves_what_is_in_force_by_escalation(self):
        site = self.escalated()
        self.assertEqual(site.json("prune", "--older-than", "2d")["pruned"], 0)
        self.assertEqual(self.wanted(site), [f"{A}/32"])

    def test_prune_takes_what_decides_nothing_any_more(self):
        site = self.escalated()
        site.insert([A], age="-75 days")  # counts for none that is in force, nor for one to come
        site.insert(["203.0.113.151"], age="-59 days")
        site.insert(["203.0.113.152"], age="-90 days")
        self.assertEqual(site.json("prune", "--older-than", "2d")["pruned"], 2)
        self.assertEqual(sorted(site.rows("SELECT ip FROM fail2ban")), [(A,), (A,), (A,), ("203.0.113.151",)])

    def test_prune_leaves_what_a_quorum_rests_on(self):
        site = self.site(quorum={"hosts": 2, "within": "1d"}, bantime="60d", jails={"short": {"bantime": "1h"}})
        site.insert([A], age="-10 days")
        site.rows("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web2', datetime('now', 'localtime', '-11 days', '+1 hours'), 'short', 'tcp', '22', ?)", [(A,)])
        self.assertEqual(self.wanted(site), [f"{A}/32"])
        self.assertEqual(site.json("prune", "--older-than", "2d")["pruned"], 0)
        self.assertEqual(self.wanted(site), [f"{A}/32"])

    def test_list_and_ban_know_it(self):
        site = self.escalated()
        self.assertEqual(len(self.listed(site)), 1, "the one of five days ago is the third: sixteen days long")
        self.assertEqual(len(self.listed(site, "--all")), 3)
        again = site.json("ban", A, "--hostname", "web1", "--jail", "sshd", "--port", "22", "--protocol", "tcp", "--restored", "1", "--no-push")
        self.assertEqual(again["recorded"], "unchanged")
        self.assertEqual(site.rows("SELECT COUNT(*) FROM fail2ban"), [(3,)])


if __name__ == "__main__":
    scenario.main()
