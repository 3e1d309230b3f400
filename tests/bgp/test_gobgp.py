#!/usr/bin/python3
"""Blackhole routes through GoBGP to FRR, both of Debian, over a real session: what is banned is dropped by the peer's kernel,
IPv4 and IPv6, and what a daemon forgot is announced again by itself."""
import signal
import time

from peers import ATTACKER4, ATTACKER6, ROUTER, BgpCase, scenario, wait_until
from topology import CLIENT4, SERVER4, SERVER6
import ending

BANNED = (ATTACKER4, ATTACKER6)


class GoBgpCase(BgpCase):
    programs = {"gobgpd": "gobgpd"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net.frr_edge()
        cls.net.gobgpd()
        cls.wait_session()

    @classmethod
    def wait_session(cls):
        wait_until(lambda: "ESTABLISHED" in cls.net.gobgp("neighbor", ROUTER, check=False).stdout, 30, "the session stands")

    def setUp(self):
        for family in ("ipv4", "ipv6"):
            self.net.gobgp("global", "rib", "del", "all", "-a", family)

    def params(self, **more):
        return {"peer": ROUTER, **more}

    def seen(self):
        return self.params(peer_with=f"ip netns exec {self.net.router}")


class GoBgp(GoBgpCase):
    def test_banned_packets_are_dropped_and_pass_again(self):
        site = self.site("gobgp", self.seen())
        for address in BANNED:
            site.run("ban", address, "--no-push")
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        for address in BANNED:
            self.assertTrue(self.net.dropped(address))  # the read-back is of the peer's kernel
        for server in (SERVER4, SERVER6):
            self.assertFalse(self.net.arrives(self.net.attacker, server))
            self.assertTrue(self.net.arrives(self.net.client, server, seconds=30))
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        for address in BANNED:
            site.run("unban", address, "--no-push")
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.wait_dropped(*BANNED, expected=False)
        for server in (SERVER4, SERVER6):
            wait_until(lambda server=server: self.net.arrives(self.net.attacker, server), 30, "packets pass again")

    def test_routes_of_others_stay(self):
        theirs = [("198.51.100.9/32", "community", "65535:666"), ("198.51.100.10/32",), ("198.51.100.0/25", "community", "64512:1")]
        for prefix, *more in theirs:
            self.net.gobgp("global", "rib", "add", "-a", "ipv4", prefix, "nexthop", "192.0.2.1", *more)
        before = self.net.gobgp("global", "rib", "-a", "ipv4", "-j").stdout
        site = self.site("gobgp", self.params())
        for address in ("198.51.100.9", "198.51.100.10", "198.51.100.13"):
            site.run("ban", address, "--no-push")
        self.assertEqual([one["prefix"] for one in site.device("push")["add"]], ["198.51.100.13/32"])
        self.wait_dropped("198.51.100.13")
        site.run("flush", "edge")
        self.assertEqual(self.net.gobgp("global", "rib", "-a", "ipv4", "-j").stdout, before)

    def test_a_daemon_that_is_away_or_has_no_session_is_no_empty_list(self):
        site = self.site("gobgp", self.params(api_port=50099))
        site.run("ban", ATTACKER4, "--no-push")
        report = site.device("push", code=None)
        self.assertEqual(report["outcome"], "refused", report)
        self.assertIn("list routes4 does not exist on the device", str(report["guards"]))
        site = self.site("gobgp", self.params(peer="100.64.0.77"))
        self.assertIn("no session with 100.64.0.77 is up", site.run("check", "--connect", code=None).stdout)

    def test_what_blocks_by_source_is_said(self):
        site = self.site("gobgp", self.params())
        self.assertIn("cannot be seen from here", site.run("check", "--connect").stdout)
        site = self.site("gobgp", self.params(blocks_by_source="yes"))
        self.assertNotIn("cannot be seen from here", site.run("check", "--connect").stdout)
        site = self.site("gobgp", self.seen())
        self.assertNotIn("rp_filter", site.run("check", "--connect").stdout)
        self.net.inside(self.net.router, "nft", "delete", "table", "inet", "operator")
        try:
            self.assertIn("IPv6 has no rp_filter", site.run("check", "--connect").stdout)
        finally:
            self.net.inside(self.net.router, "nft", "-f", "-", input=scenario.URPF6)


class GoBgpAgain(GoBgpCase):
    def test_what_was_forgotten_is_announced_again(self):
        site = self.site("gobgp", self.params())
        with self.served(site):
            for address in BANNED:
                site.run("ban", address)
            self.wait_dropped(*BANNED)
            self.net.stop("gobgpd", signal.SIGKILL)
            self.wait_dropped(*BANNED, expected=False)
            self.net.gobgpd()
            self.wait_session()
            begin = time.monotonic()
            self.wait_dropped(*BANNED)
            print(f"dropped again {time.monotonic() - begin:.1f} s after the session stood")
            # A flap: gobgpd has not forgotten, and what came meanwhile is told with the session.
            self.net.vty(self.net.edge, self.net.router, "configure terminal", "router bgp 64513", "neighbor 100.64.0.2 shutdown")
            self.wait_dropped(*BANNED, expected=False)
            wait_until(lambda: "no session with" in site.run("status", code=None).stdout, 30, "status says so")
            site.run("ban", CLIENT4, code=None)
            self.net.vty(self.net.edge, self.net.router, "configure terminal", "router bgp 64513", "no neighbor 100.64.0.2 shutdown")
            self.wait_dropped(*BANNED, CLIENT4)


if __name__ == "__main__":
    ending.main()
