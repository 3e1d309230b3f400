#!/usr/bin/python3
"""What stands on a device but is not in force is reported as absent, and never as in sync."""
import scenario
from scenario import ATTACKER4, ATTACKER6, NetworkCase

# How each driver's rule can be there no more, or not reached, while the entries still are.
UNBOUND = {
    "linux_nft": {
        "rule gone": [["nft", "flush", "chain", "inet", "banpush", "blocks"]],
        "chain gone": [["nft", "flush", "chain", "inet", "banpush", "blocks"], ["nft", "delete", "chain", "inet", "banpush", "blocks"]],
        "accepted before": [["nft", "insert", "rule", "inet", "banpush", "blocks", "ct", "state", "new", "accept"]],
        "dormant": [["nft", "add", "table", "inet", "banpush", "{ flags dormant; }"]],
    },
    "linux_ipset": {
        "rule gone from INPUT": [["iptables", "-F", "INPUT"], ["ip6tables", "-F", "INPUT"]],
        "rule gone from FORWARD": [["iptables", "-F", "FORWARD"], ["ip6tables", "-F", "FORWARD"]],
        "accepted before": [["iptables", "-I", "FORWARD", "-j", "ACCEPT"], ["ip6tables", "-I", "FORWARD", "-j", "ACCEPT"]],
    },
    "linux_iptables": {
        "jump gone": [["iptables", "-F", "FORWARD"], ["ip6tables", "-F", "FORWARD"]],
        "accepted before": [["iptables", "-I", "INPUT", "-p", "tcp", "-j", "ACCEPT"], ["ip6tables", "-I", "INPUT", "-p", "tcp", "-j", "ACCEPT"]],
    },
    "linux_route": {"no rule looks there up": [["ip", "-4", "rule", "del", "pref", "32766"], ["ip", "-6", "rule", "del", "pref", "32766"]]},
}


class InForce(NetworkCase):
    frr = True

    def test_unbound_is_absent(self):
        for driver, ways in UNBOUND.items():
            for number, (way, commands) in enumerate(ways.items()):
                with self.subTest(driver=driver, way=way):
                    site = self.site(self.local(driver), name=f"{driver}-{number}")
                    if driver != "linux_route":
                        site.run("setup", "r1", "--apply")
                    for address in (ATTACKER4, ATTACKER6):
                        site.run("ban", address, "--no-push")
                    site.run("push")
                    for command in commands:
                        self.router(*command)
                    report = site.device("push", code=5)
                    self.assertNotIn(report["outcome"], ("in_sync", "changed"))
                    self.assertIn("in_force", {guard["name"] for guard in report["guards"]})
                    self.assertEqual(report["installed"], {"ipv4": 0, "ipv6": 0})
                    self.assertEqual(report["script"], "")  # nothing is put where it would do nothing
                    shown = site.run("show", "r1").stdout
                    self.assertIn("not in force", shown)
                    if driver == "linux_route":
                        for family in ("-4", "-6"):
                            self.router("ip", family, "rule", "add", "pref", "32766", "lookup", "main")
                    else:
                        if way == "dormant":
                            self.router("nft", "add", "table", "inet", "banpush")
                        site.run("setup", "r1", "--apply")
                    self.assertEqual(site.device("push")["outcome"], "in_sync")  # the entries were there all the time
                    site.run("flush", "r1")
                    for program in ("iptables", "ip6tables"):
                        self.router(program, "-F")
                    if driver != "linux_route":
                        site.run("setup", "r1", "--remove", "--apply", code=None)
                    self.router("nft", "delete", "table", "inet", "banpush", check=False)

    def test_setup_brings_ours_to_the_front_where_an_earlier_rule_may_let_through(self):
        for driver, ours in (("linux_ipset", "-A INPUT -m set --match-set banpush4 src -j DROP"), ("linux_iptables", "-A INPUT -j BANPUSH4")):
            with self.subTest(driver):
                site = self.site(self.local(driver), name=f"{driver}-front")
                site.run("setup", "r1", "--apply")
                self.assertIn("nothing to do, already set up", site.run("setup", "r1").stdout)
                for line in (["-N", "OTHERS"], ["-A", "OTHERS", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"], ["-I", "INPUT", "-j", "OTHERS"]):
                    self.router("iptables", *line)
                self.assertRegex(site.run("check", "--connect").stdout, r"4: cannot tell whether its entries block all they should: .*; `banpush setup r1` says what can be done")
                planned = site.run("setup", "r1")
                self.assertIn("-I INPUT", planned.stdout)
                self.assertIn("4: cannot tell whether its entries block all they should: an earlier rule may let packets through (-A INPUT -j OTHERS", planned.stderr)
                self.assertNotIn("banpush moves no rule", planned.stderr)
                self.assertIn("set up, and in force", site.run("setup", "r1", "--apply").stdout)
                rules = [line for line in self.router("iptables", "-S", "INPUT").splitlines() if line.startswith("-A")]
                self.assertEqual(rules, [ours, "-A INPUT -j OTHERS"])
                again = site.run("setup", "r1", "--apply")
                self.assertIn("nothing to do, already set up", again.stdout)
                self.assertNotIn("cannot tell", again.stderr)
                for line in (["-D", "INPUT", "-j", "OTHERS"], ["-F", "OTHERS"], ["-X", "OTHERS"]):
                    self.router("iptables", *line)
                site.run("setup", "r1", "--remove", "--apply")

    def test_behind_an_accepting_rule_is_repaired(self):
        """In a chain of rules ours may stand behind one of somebody else's that lets packets through."""
        site = self.site(self.local("linux_iptables"), name="behind")
        site.run("setup", "r1", "--apply")
        for address in (ATTACKER4, "203.0.113.9"):
            site.run("ban", address, "--no-push")
        site.run("push")
        self.router("iptables", "-I", "BANPUSH4", "2", "-p", "tcp", "-j", "RETURN")
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed")
        self.assertEqual(len(report["add"]), 1)
        self.assertIn("not in force", report["remove"][0]["reason"])
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        self.router("iptables", "-D", "BANPUSH4", "-p", "tcp", "-j", "RETURN")
        site.run("flush", "r1")
        site.run("setup", "r1", "--remove", "--apply")

    def test_configured_but_not_installed(self):
        """zebra prefers a connected route: the blackhole is in the configuration and nowhere else."""
        site = self.site(self.local("frr"), name="frr")
        self.router("ip", "address", "add", "203.0.113.99/32", "dev", "in0")
        site.run("ban", "203.0.113.99", "--no-push")
        report = site.device("push", code=1)
        self.assertEqual(report["outcome"], "failed")
        self.assertIn("203.0.113.99/32", report["error"])
        self.router("ip", "address", "del", "203.0.113.99/32", "dev", "in0")
        self.assertIn(site.device("push")["outcome"], ("changed", "in_sync"))
        site.run("flush", "r1")

    def test_a_list_that_is_not_there(self):
        site = self.site(self.local("linux_ipset"), name="bare")
        site.run("ban", ATTACKER4, "--no-push")
        report = site.device("push", code=5)
        self.assertNotIn(report["outcome"], ("in_sync", "changed"))
        self.assertIn("does not exist", "".join(guard["message"] for guard in report["guards"]))


if __name__ == "__main__":
    scenario.main()
