#!/usr/bin/python3
"""What may pass in one go and what a person must decide: fills, expiry, unbans and flush pass the default limits, an
unexplained loss does not; and a broken policy stops everything but what rescues."""
import concurrent.futures
import datetime
import ipaddress
import re

import scenario
from scenario import ATTACKER4, NetworkCase

# No two are neighbours: aggregation leaves them as they are.
FLOOD = [f"203.0.{112 + i // 100}.{1 + 2 * (i % 100)}" for i in range(400)] + [f"2001:db8:1:{i:x}::1" for i in range(100)]


class Limits(NetworkCase):
    def start(self, name, driver="linux_nft", flood=FLOOD, **top):
        site = self.site(self.local(driver), name=name, **top)
        site.run("setup", "r1", "--apply")
        self.addCleanup(lambda: (site.write(), site.run("flush", "r1"), site.run("setup", "r1", "--remove", "--apply")))
        site.insert(flood, age="-2 hours")
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assertEqual(sum(site.device("plan")["installed"].values()), len(flood))
        return site

    def installed(self, site):
        return sum(site.device("plan", code=None)["installed"].values())

    def test_first_fill_and_expiry_of_all(self):
        site = self.start("expiry")
        site.rows("UPDATE fail2ban SET created = datetime('now', 'localtime', '-3 days')")
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assertEqual(self.installed(site), 0)

    def test_unban_of_all(self):
        flood = FLOOD[:150]  # more than the floor
        site = self.start("unban", flood=flood)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda address: site.run("unban", address, "--no-push"), flood))
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assertEqual(self.installed(site), 0)

    def test_flush(self):
        site = self.start("flush")
        self.assertEqual(site.device("flush", "r1")["outcome"], "changed")
        self.assertNotIn("203.0.112.1", self.router("nft", "list", "table", "inet", "banpush"))
        # A flushed device is left alone until somebody says otherwise.
        site.run("push", code=None)
        self.assertNotIn("203.0.112.1", self.router("nft", "list", "table", "inet", "banpush"))
        site.run("resume", "r1")
        self.assertEqual(site.device("push", code=None)["outcome"], "changed")

    def test_unexplained_loss_of_half(self):
        """Rows that somebody deleted name no reason; half of all is more than a mistake may cost."""
        site = self.start("loss")
        site.rows("DELETE FROM fail2ban WHERE rowid % 2 = 0")
        report = site.device("push", code=5)
        self.assertIn("remove", {guard["name"] for guard in report["guards"]})
        self.assertGreaterEqual(self.installed(site), len(FLOOD) * 8 // 10)
        self.assertEqual(site.device("push", "--force", "remove")["outcome"], "changed")
        self.assertEqual(self.installed(site), len(FLOOD) // 2)

    def test_a_storm_is_held_and_lifted_for_one_run(self):
        site = self.start("storm", flood=FLOOD[:20], limits={"storm": {"bans": 30, "within": "1m", "hold": "1h"}})
        storm = FLOOD[20:70]
        site.insert(storm, age="-2 minutes")
        report = site.device("push", code=5)
        self.assertEqual({guard["name"] for guard in report["guards"]}, {"storm"})
        self.assertEqual(self.installed(site), 20, "what stood stays, what is new waits")
        site.run("push", "--force", "add", code=5)
        self.assertEqual(self.installed(site), 20, "another limit's name lifts nothing")
        self.assertEqual(site.device("push", "--force", "storm")["outcome"], "changed")
        self.assertEqual(self.installed(site), 70)
        site.insert(FLOOD[70:110], age="-1 minutes")
        self.assertEqual({guard["name"] for guard in site.device("push", code=5)["guards"]}, {"storm"}, "the next run asks again")
        self.assertEqual(self.installed(site), 70)

    def test_an_empty_table_is_no_order_to_remove_all(self):
        site = self.start("empty")
        site.rows("DELETE FROM fail2ban")
        site.run("push", code=5)
        self.assertGreaterEqual(self.installed(site), len(FLOOD) * 8 // 10)

    def test_no_planted_row_explains_that_all_vanish(self):
        """Whoever may insert rows plants one; it did not make the entries, so it explains nothing. What a policy takes is blocked besides."""
        policy = {"jails": {"noise": {"ignore": True}}, "shortest": {"ipv4": 20, "ipv6": 32}}
        site = self.start("planted", policy=policy)
        rows = {"all there is, long over": [("0.0.0.0/0", "-400 days", "sshd"), ("::/0", "-400 days", "sshd")],
                "a live row that is too wide": [("203.0.0.0/8", "-1 minutes", "sshd")],
                "one from the future": [("203.0.112.0/20", "+2 days", "sshd")],
                "one of an ignored jail": [("203.0.112.0/20", "-1 minutes", "noise")],
                "a network of the entries, long over": [("203.0.112.0/20", "-400 days", "sshd"), ("2001:db8::/32", "-400 days", "sshd")],
                "hosts between them": [(f"203.0.112.{2 * i}", "-400 days", "sshd") for i in range(1, 99)],
                "a live network of the entries": [("203.0.112.0/20", "-1 minutes", "sshd")]}
        for what, planted in rows.items():
            with self.subTest(what):
                site.rows("DELETE FROM fail2ban")
                for address, age, jail in planted:
                    site.insert([address], age=age, jail=jail)
                report = site.device("push", code=5)
                self.assertIn("remove", {guard["name"] for guard in report["guards"]})
                table = self.router("nft", "list", "table", "inet", "banpush")
                self.assertEqual([address for address in FLOOD if str(ipaddress.ip_address(address)) not in table], [])

    def test_what_a_limit_keeps_takes_its_room(self):
        """A device with a budget of 170 keeps 150 whose rows have vanished: there is room for 20, the most worthwhile, and never for more."""
        standing, new = FLOOD[:150], FLOOD[200:260]
        site = self.start("room", flood=standing)
        site.settings["devices"]["r1"]["budget"] = {"ipv4": 170}
        site.write()
        site.rows("DELETE FROM fail2ban")
        site.insert(new[:40], age="-1 hours")
        site.insert(new[40:], age="-10 minutes")
        for _ in range(2):
            report = site.device("push", "--force", "add", code=5)
            self.assertIn("remove", {guard["name"] for guard in report["guards"]})
            table = self.router("nft", "list", "table", "inet", "banpush")
            self.assertEqual([address for address in standing if address not in table], [])
            there = set(re.findall(r"[0-9.]+", table))
            self.assertEqual(len(there & set(new)), 20)
            self.assertEqual({one["reason"] for one in report["left_out"]}, {"no room beside entries that a limit keeps"})
        self.assertTrue(set(new[40:]) <= there, "the newest are worth most")
        site.settings["devices"]["r1"]["budget"] = {"ipv4": 100}  # less than what is kept
        site.write()
        site.insert(FLOOD[300:310], age="-1 minutes")
        self.assertEqual(site.device("push", "--force", "add", code=5)["add"], [])
        site.settings["devices"]["r1"]["budget"] = {"ipv4": 60}
        site.write()
        self.assertEqual(site.device("push", "--force", "add", "--force", "remove")["outcome"], "changed")
        self.assertEqual(self.installed(site), 60)

    def test_a_plan_says_when_bans_end_however_long_it_took(self):
        site = self.start("until", flood=["203.0.113.77"])
        site.settings["devices"]["r1"]["run_with"] = ["sh", "-c", 'sleep 2; exec "$@"', "sh", "ip", "netns", "exec", self.net.router]
        site.write()
        site.insert(["203.0.113.99"], age="-1 hours")
        ((end,),) = site.rows("SELECT datetime(created, '+1 day') FROM fail2ban WHERE ip = '203.0.113.99'")
        for verb in ("plan", "push"):
            (added,) = site.device(verb)["add"]
            late = datetime.datetime.fromisoformat(added["until"]) - datetime.datetime.fromisoformat(end)
            self.assertLessEqual(abs(late.total_seconds()), 1, verb)

    def test_a_plan_without_bans_says_that_a_list_is_not_there(self):
        site = self.site(self.local("linux_nft"), name="bare")
        self.assertIn("does not exist on the device", " ".join(site.device("plan")["notes"]))
        site.run("setup", "r1", "--apply")
        self.addCleanup(lambda: site.run("setup", "r1", "--remove", "--apply"))
        self.assertEqual(site.device("plan")["notes"], [])

    def test_a_table_that_cannot_be_read_changes_nothing(self):
        site = self.start("gone")
        site.table.rename(site.table.with_suffix(".away"))
        site.table.write_text("this is no database\n" * 100)
        site.run("push", code=3)
        site.table.unlink()
        site.table.with_suffix(".away").rename(site.table)
        self.assertEqual(self.installed(site), len(FLOOD))

    def test_a_broken_policy_stops_all_but_the_rescue(self):
        site = self.start("policy", flood=[ATTACKER4])
        good = dict(site.settings)
        site.settings["policy"] = {"bantimes": "1d"}
        site.write()
        site.settings = good
        for verb in (["plan"], ["push"], ["ban", "203.0.113.9"], ["check"]):
            done = site.run(*verb, code=2)
            self.assertIn("bantimes", done.stderr)
            self.assertIn("bantime", done.stderr.replace("bantimes", ""))  # the suggestion
        self.assertIn(ATTACKER4, site.run("show", "r1").stdout)
        site.run("pause", "r1", "--reason", "policy is broken")
        self.assertIn(ATTACKER4, self.router("nft", "list", "table", "inet", "banpush"))
        site.run("flush", "r1")
        self.assertNotIn(ATTACKER4, self.router("nft", "list", "table", "inet", "banpush"))


if __name__ == "__main__":
    scenario.main()
