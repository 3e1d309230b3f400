#!/usr/bin/python3
"""A banned host's packets are dropped by the router after a push, and pass again after unban and push: with
each driver, both families, on this host and over SSH."""

import scenario
from scenario import ATTACKER4, ATTACKER6, ROUTE_DRIVERS, URPF6, NetworkCase


class Block(NetworkCase):
    ssh = frr = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net.inside(cls.net.router, "nft", "-f", "-", input=URPF6)

    def block_and_lift(self, site, driver):
        self.assert_nobody_is_blocked()
        if driver not in ROUTE_DRIVERS:
            report = site.device("push", code=0)
            self.assertEqual(report["outcome"], "in_sync")  # nothing is wanted yet, so nothing can be missing
            site.run("setup", "r1", "--apply")
        for address in (ATTACKER4, ATTACKER6):
            site.run("ban", address, "--jail", "sshd", "--no-push")
        plan = site.device("plan")
        self.assertEqual({one["prefix"] for one in plan["add"]}, {f"{ATTACKER4}/32", f"{ATTACKER6}/128"})
        self.assertEqual(plan["outcome"], "planned")
        self.assert_nobody_is_blocked()  # a plan changes nothing
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assert_only_attacker_is_blocked()
        again = site.device("push")
        self.assertEqual((again["outcome"], again["script"]), ("in_sync", ""))
        for address in (ATTACKER4, ATTACKER6):
            site.run("unban", address, "--no-push")
        removed = site.device("push")
        self.assertEqual({one["prefix"] for one in removed["remove"]}, {f"{ATTACKER4}/32", f"{ATTACKER6}/128"})
        self.assert_nobody_is_blocked()
        site.run("setup", "r1", "--remove", "--apply")

    def test_on_this_host(self):
        for driver in scenario.DRIVERS:
            with self.subTest(driver):
                self.block_and_lift(self.site(self.local(driver), name=f"local-{driver}"), driver)

    def test_over_ssh(self):
        for driver in scenario.DRIVERS:
            with self.subTest(driver):
                self.block_and_lift(self.site(self.over_ssh(driver), self.net.operator, name=f"ssh-{driver}"), driver)

    def test_over_ssh_to_a_cli(self):
        self.block_and_lift(self.site(self.over_ssh("frr", cli=True), self.net.operator, name="cli"), "frr")

    def test_raw_table(self):
        for driver in ("linux_ipset", "linux_iptables"):
            with self.subTest(driver):
                params = {"table": "raw", "into": "PREROUTING", "through": ""}
                self.block_and_lift(self.site(self.local(driver, params=params), name=f"raw-{driver}"), driver)


if __name__ == "__main__":
    scenario.main()
