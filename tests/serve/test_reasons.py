#!/usr/bin/python3
"""What is said of an entry that goes is so, and explains it for the guard `remove` where only its shape changes: what made it is known to
the ledger. And what is only put back is said to be."""
import sqlite3
import unittest

from serving import Site, addresses, hosts, wait_until

NET = "203.0.113.0/24"
CUT = ["203.0.113.0/30", "203.0.113.4/31", "203.0.113.6/32", "203.0.113.8/29", "203.0.113.16/28", "203.0.113.32/27", "203.0.113.64/26", "203.0.113.128/25"]
STRICT = {"add": "100%", "remove": "10%", "floor": 3, "storm": "none", "span": "100%"}


class Reasons(unittest.TestCase):
    def site(self, **policy):
        site = Site(1, limits=dict(STRICT))
        self.addCleanup(site.__exit__)
        self.policy(site, **policy)
        return site

    def policy(self, site, **policy):
        site.settings["policy"].update(policy)
        site.write()

    def sql(self, site, *words):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute(*words)
        table.close()

    def ban(self, site, *some, ago="-1 minutes"):
        for one in some:
            self.sql(site, "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime', ?), 'sshd', 'tcp', '', ?)",
                     (ago, one))

    def push(self, site, code=0):
        """The reasons of what went, each once; the plan before says the same."""
        (plan,) = site.json("plan", code=None)["devices"]
        (report,) = site.json("push", code=code)["devices"]
        reasons = {one["reason"] for one in report["remove"]}
        self.assertEqual(reasons, {one["reason"] for one in plan["remove"]})
        self.assertEqual(report["guards"] == [], code == 0, report["guards"])
        return reasons

    def test_a_hole_that_opens_and_closes(self):
        site = self.site()
        self.ban(site, NET)
        self.assertEqual(self.push(site), set())
        self.assertEqual(site.holds(), {NET})
        self.policy(site, allow=["203.0.113.7"])
        self.assertEqual(self.push(site), {"a part of it: allowed"})
        self.assertEqual(site.holds(), set(CUT))
        self.policy(site, allow=["203.0.113.6"])
        self.assertEqual(self.push(site), {"allowed"})  # 203.0.113.6/32 alone
        self.policy(site, allow=["203.0.113.200"])
        self.assertEqual(self.push(site), {"covered by a wider entry", "a part of it: allowed"})
        self.policy(site, allow=["203.0.113.7"])
        self.push(site)
        self.assertEqual(site.holds(), set(CUT))
        self.policy(site, allow=[])
        (told,) = site.json("explain", "203.0.113.129")["devices"]
        self.assertIn("the next push takes it away: covered by a wider entry", told["reason"])
        self.assertEqual(self.push(site), {"covered by a wider entry"})
        self.assertEqual(site.holds(), {NET})

    def test_what_was_cut_is_explained_by_its_ban_alone(self):
        site = self.site(allow=["203.0.113.7"])
        self.ban(site, NET)
        self.push(site)
        self.sql(site, "DELETE FROM fail2ban")
        for planted in ("203.0.0.0/16", "0.0.0.0/0", "203.0.112.0/23"):
            self.ban(site, planted, ago="-400 days")
        self.push(site, code=5)
        self.assertEqual(site.holds(), set(CUT))
        (told,) = site.json("explain", "203.0.113.129")["devices"]
        self.assertIn("(the wider ban that it is a part of: no longer in the ban table), but it stays: held by remove", told["reason"])
        self.ban(site, NET, ago="-2 days")
        self.assertEqual(self.push(site), {"the wider ban that it is a part of: its time has run out"})
        self.assertEqual(site.holds(), set())

    def test_a_planted_ban_that_would_be_cut_to_just_those_entries_explains_none(self):
        beside = [f"203.0.{third}.6" for third in range(100, 110)]
        site = self.site(allow=[f"203.0.{third}.7" for third in range(100, 110)])
        self.ban(site, *beside)
        self.push(site)
        self.sql(site, "DELETE FROM fail2ban")
        self.ban(site, *(f"203.0.{third}.0/24" for third in range(100, 110)), ago="-400 days")
        self.push(site, code=5)
        self.assertEqual(site.holds(), hosts(beside))

    def test_merged_and_not(self):
        site = self.site(aggregate="exact")
        pairs = [f"203.0.113.{last}" for last in (2, 3, 10, 11, 18, 19, 26, 27, 34, 35)]
        self.ban(site, *pairs)
        self.push(site)
        self.assertEqual(len(site.holds()), 5)
        self.policy(site, aggregate="none")
        self.assertEqual(self.push(site), {"wanted in narrower entries instead"})
        self.policy(site, aggregate={"max_innocents": 256, "density": "4%"})
        self.assertEqual(self.push(site), {"covered by a wider entry"})
        self.assertEqual(len(site.holds()), 1)
        self.policy(site, aggregate="exact")
        self.assertEqual(self.push(site), {"wanted in narrower entries instead"})
        self.sql(site, "UPDATE fail2ban SET created = datetime('now', 'localtime', '-2 days') WHERE ip LIKE '%2' OR ip LIKE '%0'")
        self.assertEqual(self.push(site), {"a part of it: its time has run out"})
        self.sql(site, "DELETE FROM fail2ban WHERE ip LIKE '%3'")
        self.ban(site, "203.0.113.2/31", ago="-400 days")
        self.assertEqual(self.push(site, code=5), set())
        self.assertIn("203.0.113.3/32", site.holds())
        self.ban(site, "203.0.113.3")
        self.policy(site, families=["ipv6"])
        self.assertEqual(self.push(site), {"filtered by policy"})
        self.assertEqual(site.holds(), set())

    def test_widened_and_not(self):
        site = self.site(widen={"ipv6": 64})
        self.ban(site, *(f"2001:db8:0:{net:x}0::1" for net in range(5)))
        self.push(site)
        del site.settings["policy"]["widen"]
        site.write()
        self.assertEqual(self.push(site), {"wanted in narrower entries instead"})
        self.policy(site, widen={"ipv6": 64})
        self.assertEqual(self.push(site), {"covered by a wider entry"})
        self.sql(site, "DELETE FROM fail2ban")
        self.ban(site, *(f"2001:db8:0:{net:x}0::bad" for net in range(5)), ago="-400 days")
        self.push(site, code=5)
        self.assertEqual(len(site.holds()), 5)

    def test_a_ban_that_has_become_too_wide(self):
        site = self.site(allow=["203.0.113.7"])
        self.ban(site, NET)
        self.push(site)
        self.policy(site, shortest={"ipv4": 25})
        self.assertEqual(self.push(site), {"the wider ban that it is a part of: wider than the shortest prefix"})

    # ---- what is put back

    def lose(self, site, *some):
        card = site.folder / "card1"
        card.write_text("".join(f"{one}\n" for one in sorted(site.holds() - hosts(some))))

    def test_what_had_gone_is_put_back_and_said(self):
        site = self.site()
        site.settings["limits"]["floor"] = 1000
        site.write()
        old, new = addresses(4), addresses(1, 9000)
        self.ban(site, *old)
        self.assertIn("; 4 wanted, 4 added, 0 removed", site.run("push").stdout)
        self.lose(site, *old[:2])
        self.ban(site, *new)
        self.assertIn("3 to add (2 of them to be put back: they have gone from the device), 0 to remove", site.run("plan").stdout)
        (report,) = site.json("plan")["devices"]
        self.assertEqual((report["put_back"], {one["prefix"] for one in report["add"] if one["put_back"]}), (2, hosts(old[:2])))
        self.assertIn("; 5 wanted, 3 added (2 of them put back: they had gone from the device), 0 removed", site.run("push").stdout)
        self.assertIn("changed, 3 added (2 of them put back: they had gone from the device), 0 removed", site.run("audit").stdout)
        self.assertIn("changed, 3 added (2 of them put back: they had gone from the device), 0 removed", site.run("status").stdout)
        done = {"added": 3, "removed": 0, "put_back": 2}
        self.assertEqual(site.json("audit")["audit"][-1]["changed"], done)
        self.assertEqual(site.json("status")["devices"][0]["last"]["changed"], done)
        self.lose(site, old[0])
        self.assertIn("1 added (put back: it had gone from the device), 0 removed", site.run("push").stdout)
        # What banpush took away itself, and what stood there by no reading, has not gone.
        site.run("unban", old[0], "--no-push")
        site.run("push")
        self.ban(site, old[0], ago="-0 minutes")
        self.assertIn("1 added, 0 removed", site.run("push").stdout)

    def test_the_service_says_it_too(self):
        site = self.site()
        site.settings["limits"]["floor"] = 1000
        site.settings["serve"]["audit"] = "2s"
        site.write()
        some = addresses(3)
        self.ban(site, *some)
        site.start()
        site.wait_for(hosts(some))
        wait_until(lambda: "d1: 3 added, 0 removed in " in site.log_text(), 30, "the log says it")
        self.lose(site, *some)
        site.wait_for(hosts(some))
        wait_until(lambda: "d1: 3 added (all put back: they had gone from the device), 0 removed in " in site.log_text(), 30, "the log says it")


if __name__ == "__main__":
    unittest.main()
