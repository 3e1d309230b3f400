#!/usr/bin/python3
"""What banpush did not create is byte for byte the same after setup, push, flush and setup --remove: rules, sets,
chains and routes beside ours, and inside what is ours."""
import re

import scenario
from scenario import ATTACKER4, NetworkCase

# An operator's own, in the very table, sets and chains that banpush uses.
OPERATOR_NFT = """table inet operator {
	set friends {
		type ipv4_addr
		elements = { 192.0.2.5, 192.0.2.6 }
	}
	chain input {
		type filter hook input priority 0; policy accept;
		ip saddr @friends accept
		tcp dport 23 drop
	}
}
"""
INSIDE_NFT = """add set inet banpush friends { type ipv4_addr; }
add element inet banpush friends { 192.0.2.9 }
add chain inet banpush mine
add rule inet banpush mine ip saddr @friends accept
add rule inet banpush blocks ip saddr 192.0.2.99 counter drop
add element inet banpush hosts4 { 192.0.2.66 comment "by hand" }
add element inet banpush nets4 { 192.0.2.100-192.0.2.109 }
"""
OUTSIDE_NFT = """delete element inet banpush hosts4 { 192.0.2.66 }
delete element inet banpush nets4 { 192.0.2.100-192.0.2.109 }
"""
BANNED = [ATTACKER4, "203.0.113.9", "203.0.113.64/27", "2001:db8:1::7", "2001:db8:1:1::/64"]


class Foreign(NetworkCase):
    frr = True

    def whole_life(self, site, needs_setup=True, inside=None, outside=None):
        """Setup, push, push of a change, flush, removal; `inside` puts in the operator's own once there is something to put it in.
        The removal is refused as long as they have an entry in one of our lists, which `outside` takes out."""
        before = self.seen()
        if needs_setup:
            site.run("setup", "r1", "--apply")
        if inside:
            inside()
            before = self.foreign(self.seen())
        for address in BANNED:
            site.run("ban", address, "--no-push")
        site.run("push")
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.run("unban", BANNED[1], "--no-push")
        site.run("push")
        if inside:
            self.assertEqual(self.foreign(self.seen()), before)
        site.run("flush", "r1")
        if inside:
            self.assertEqual(self.foreign(self.seen()), before)
        if outside:
            whole = self.seen()
            refused = site.run("setup", "r1", "--remove", "--apply", code=5)
            self.assertIn("has entries of others; take them out first", refused.stderr)
            self.assertEqual(self.seen(), whole, "nothing was unbound")
            outside()
        if needs_setup:
            site.run("setup", "r1", "--remove", "--apply")
        if not inside:
            self.assertEqual(self.seen(), before)

    def test_nft(self):
        self.router("nft", "-f", "-", input=OPERATOR_NFT)
        self.seen = lambda: self.router("nft", "list", "ruleset")
        self.whole_life(self.site(self.local("linux_nft"), name="nft"))

    def test_nft_inside_our_own(self):
        def foreign(text):
            # Ours are the four rules, plain elements, and the skeleton around them; every other line is the operator's.
            wanted = ("friends", "192.0.2.9 ", "192.0.2.99", "192.0.2.66", "192.0.2.100", "chain mine", "chain blocks", "table inet banpush", "type filter")
            lines = [line.strip().removeprefix("elements = ") for line in text.splitlines() if any(word in line for word in wanted) and "@hosts" not in line]
            # Of elements on one line with the operator's, only banned addresses are ours.
            return [re.sub(r",? ?\b(203\.0\.113\.|2001:db8:1:)[^ ,]*", "", line) for line in lines]

        self.seen = lambda: self.router("nft", "-s", "list", "table", "inet", "banpush", check=False)
        self.foreign = foreign
        self.whole_life(self.site(self.local("linux_nft"), name="nft-inside"), inside=lambda: self.router("nft", "-f", "-", input=INSIDE_NFT),
                        outside=lambda: self.router("nft", "-f", "-", input=OUTSIDE_NFT))
        left = self.seen()
        for line in ("192.0.2.9 ", "ip saddr 192.0.2.99 counter", "set friends", "chain mine"):
            self.assertIn(line, left)
        for line in ("@hosts4", "@nets6", "set hosts4", "set hosts6", "set nets6"):
            self.assertNotIn(line, left)
        self.router("nft", "delete", "table", "inet", "banpush")

    def operators_iptables(self):
        for program, address in (("iptables", "192.0.2.5"), ("ip6tables", "2001:db8:5::5")):
            self.router(program + "-restore", "-n", input="*filter\n:OPERATOR - [0:0]\n-A OPERATOR -j RETURN\n"
                        f'-A INPUT -s {address} -m comment --comment "a friend" -j ACCEPT\n-A INPUT -p tcp -m multiport --dports 23,25 -j OPERATOR\n-A FORWARD -s {address} -j DROP\nCOMMIT\n')
        self.router("ipset", "create", "friends", "hash:ip")
        self.router("ipset", "add", "friends", "192.0.2.7")

    def iptables_seen(self):
        return "".join(self.router(*words) for words in (("iptables", "-S"), ("ip6tables", "-S"), ("ipset", "save")))

    def test_ipset_and_iptables(self):
        self.operators_iptables()
        self.seen = self.iptables_seen
        for driver in ("linux_ipset", "linux_iptables"):
            with self.subTest(driver):
                self.whole_life(self.site(self.local(driver), name=driver))

    def test_ipset_inside_our_own(self):
        self.seen = lambda: self.router("ipset", "save", check=False)
        self.foreign = lambda text: [line for line in text.splitlines() if "nomatch" in line or "banpush4" in line and line.startswith("create")]
        self.whole_life(self.site(self.local("linux_ipset"), name="ipset-inside"), inside=lambda: self.router("ipset", "add", "banpush4", "192.0.2.66", "nomatch"),
                        outside=lambda: self.router("ipset", "del", "banpush4", "192.0.2.66"))
        self.assertNotIn("banpush", self.seen())
        self.assertNotIn("banpush", self.router("iptables", "-S"))

    def test_explain_says_what_others_let_through(self):
        """By the last reading, whoever read: address by address as the set itself decides. Two that are kept out are no additions, either."""
        site = self.site(self.local("linux_ipset"), name="explained")

        def told(address):
            (one,) = site.json("explain", address)["devices"]
            return one["state"], one["reason"]

        def is_let_through(address):
            return self.net.inside(self.net.router, "ipset", "test", "banpush4", address, check=False).returncode != 0

        site.run("setup", "r1", "--apply")
        for address in ("203.0.113.64/27", "198.51.100.9"):
            site.run("ban", address, "--no-push")
        self.router("ipset", "add", "banpush4", "198.51.100.9", "nomatch")
        site.run("push", code=None)
        for address in ("203.0.113.66", "203.0.113.70"):
            self.assertEqual(told(address), ("present", "within 203.0.113.64/27 of list set4"))
        state, reason = told("198.51.100.9")
        self.assertEqual(state, "left out", reason)
        self.assertIn("an entry of somebody else holds it", reason)
        self.assertEqual([one["prefix"] for one in site.json("plan", "--offline")["devices"][0]["add"]], [])
        self.router("ipset", "add", "banpush4", "203.0.113.64/30", "nomatch")
        for look, code in ((("show", "r1"), 0), (("push",), 5), (("plan",), 5)):
            with self.subTest(look[0]):
                site.run(*look, code=code)
                for address in ("203.0.113.64", "203.0.113.66", "203.0.113.67", "203.0.113.68", "203.0.113.95"):
                    state, reason = told(address)
                    self.assertEqual(state, "not in force" if is_let_through(address) else "present", (address, reason))
                self.assertEqual(told("203.0.113.66")[1], "within 203.0.113.64/27 of list set4; an earlier rule lets it through (add banpush4 203.0.113.64/30 nomatch)")
                self.assertEqual(told("203.0.113.64/27"), ("not in force", "in list set4; an earlier rule lets a part of it through (add banpush4 203.0.113.64/30 nomatch)"))
        blocked = site.json("ban", "203.0.113.80", "--wait", code=None)
        self.assertTrue(blocked["devices"][0]["shows"], "of that network it is in force")
        for address in ("203.0.113.64/30", "198.51.100.9"):
            self.router("ipset", "del", "banpush4", address)
        site.run("push")
        for address in ("203.0.113.66", "198.51.100.9"):
            self.assertEqual(told(address)[0], "present")
        site.run("flush", "r1")
        site.run("setup", "r1", "--remove", "--apply")

    def test_iptables_inside_our_own(self):
        rule = ("BANPUSH4", "-s", "192.0.2.66/32", "-m", "comment", "--comment", "by hand", "-j", "DROP")
        self.seen = lambda: self.router("iptables", "-S")
        self.foreign = lambda text: [line for line in text.splitlines() if "by hand" in line or line == "-N BANPUSH4"]
        self.whole_life(self.site(self.local("linux_iptables"), name="iptables-inside"), inside=lambda: self.router("iptables", "-A", *rule),
                        outside=lambda: self.router("iptables", "-D", *rule))
        self.assertNotIn("BANPUSH4", self.seen())
        self.assertNotIn("BANPUSH6", self.router("ip6tables", "-S"))

    def test_routes(self):
        self.router("ip", "-batch", "-", input="route add blackhole 203.0.113.200 proto static\nroute add blackhole 203.0.113.201 proto 112 metric 77\n"
                    "route add blackhole 2001:db8:1::200 proto static\nroute add blackhole 203.0.113.202 proto 112 table 4242\nroute add 198.18.0.0/15 via 192.0.2.80\n")
        self.seen = lambda: self.router("ip", "-d", "-N", "route", "show", "table", "all") + self.router("ip", "-6", "-d", "-N", "route", "show", "table", "all")
        self.whole_life(self.site(self.local("linux_route"), name="route"), needs_setup=False)

    def test_frr(self):
        self.net.vtysh("conf t", "ip route 203.0.113.210/32 blackhole", "ip route 203.0.113.211/32 Null0 tag 99", "ip route 203.0.113.212/32 reject tag 7112",
                       "ip route 203.0.113.213/32 blackhole tag 7112 200", "ip route 198.51.0.0/16 192.0.2.80", "ipv6 route 2001:db8:1::200/128 blackhole")
        self.seen = lambda: self.net.vtysh("show running-config")
        self.whole_life(self.site(self.local("frr"), name="frr"), needs_setup=False)

    def test_a_route_that_leads_somewhere_blocks_nothing(self):
        site = self.site(self.local("frr"), name="leads-somewhere")
        site.run("ban", "203.0.113.64/27", "--no-push")
        site.run("push")
        self.net.vtysh("conf t", "ip route 203.0.113.66/32 192.0.2.80")
        self.assertEqual([guard["name"] for guard in site.device("push", code=5)["guards"]], ["shadowed"])
        for address, expected in (("203.0.113.66", "not in force"), ("203.0.113.70", "present")):
            (told,) = site.json("explain", address)["devices"]
            self.assertEqual(told["state"], expected, told)
        (told,) = site.json("ban", "203.0.113.66", "--wait", code=5)["devices"]
        self.assertFalse(told["shows"], told)
        self.assertIn("an earlier rule lets a part of it through (ip route 203.0.113.66/32 192.0.2.80", told["why"])
        self.net.vtysh("conf t", "no ip route 203.0.113.66/32 192.0.2.80")
        site.run("flush", "r1")

    def test_a_ban_that_somebody_elses_entry_holds_already(self):
        """It is left out with that reason, and their entry stays as it is."""
        self.net.vtysh("conf t", "ip route 203.0.113.220/32 blackhole")
        self.router("ip", "route", "add", "blackhole", "203.0.113.221", "proto", "static")
        for driver, address in (("frr", "203.0.113.220"), ("linux_route", "203.0.113.221")):
            with self.subTest(driver):
                site = self.site(self.local(driver), name=f"held-{driver}")
                site.run("ban", address, "--no-push")
                site.run("ban", "203.0.113.222", "--no-push")
                plan = site.device("push")
                self.assertEqual([one["prefix"] for one in plan["add"]], ["203.0.113.222/32"])
                self.assertEqual([one["prefix"] for one in plan["left_out"]], [f"{address}/32"])
                site.run("flush", "r1")
        self.assertIn("ip route 203.0.113.220/32 blackhole\n", self.net.vtysh("show running-config"))

    def test_an_aggregate_of_somebody_else_does_not_hold_what_is_in_it(self):
        """A blackhole for a whole range (the usual default, or an announced aggregate) is beaten by any longer route."""
        self.net.vtysh("conf t", "ip route 0.0.0.0/0 blackhole 250", "ip route 203.0.112.0/22 blackhole")
        site = self.site(self.local("frr"), name="aggregate")
        site.run("ban", ATTACKER4, "--no-push")
        self.assertEqual([one["prefix"] for one in site.device("push")["add"]], [f"{ATTACKER4}/32"])
        site.run("flush", "r1")
        self.net.vtysh("conf t", "no ip route 0.0.0.0/0 blackhole 250", "no ip route 203.0.112.0/22 blackhole")


if __name__ == "__main__":
    scenario.main()
