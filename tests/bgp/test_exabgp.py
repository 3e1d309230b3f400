#!/usr/bin/python3
"""Blackhole routes through ExaBGP's pipes to FRR, both of Debian, over a real session: what is banned is dropped by the peer's
kernel, and what exabgp forgot at a restart is announced again by itself. What exabgp does not understand is no success."""
import signal

from peers import ATTACKER4, ATTACKER6, ROUTER, BgpCase, wait_until
import ending

BANNED = (ATTACKER4, ATTACKER6)


class ExaBgp(BgpCase):
    programs = {"exabgp": "exabgp"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net.frr_edge()
        cls.net.exabgp()

    def site(self, **params):
        return super().site("exabgp", {"peer": ROUTER, "folder": str(self.net.folder / "pipes"), **params})

    def wait_session(self, site):
        wait_until(lambda: "no session with" not in site.run("show", "edge", code=None).stdout, 30, "the session stands")

    def test_what_is_banned_is_dropped_by_the_peer(self):
        site = self.site(peer_with=f"ip netns exec {self.net.router}")
        self.wait_session(site)
        for address in BANNED:
            site.run("ban", address, "--no-push")
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        for address in BANNED:
            self.assertTrue(self.net.dropped(address))
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.run("flush", "edge")
        self.wait_dropped(*BANNED, expected=False)

    def test_a_restart_is_repaired_and_silence_is_no_empty_list(self):
        site = self.site()
        with self.served(site):
            site.run("ban", ATTACKER4, code=None)
            self.wait_dropped(ATTACKER4)
            self.net.stop("exabgp", signal.SIGKILL)
            self.wait_dropped(ATTACKER4, expected=False)
            wait_until(lambda: "list routes4" in site.run("status", code=None).stdout, 30, "status says so")
            self.net.exabgp()
            self.wait_dropped(ATTACKER4)

    def test_what_exabgp_does_not_understand_is_said(self):
        site = self.site(next_hop4="999")
        self.wait_session(site)
        site.run("ban", "198.51.100.99", "--no-push")
        report = site.device("push", code=1)
        self.assertEqual(report["outcome"], "failed")
        self.assertIn("error: announce route", report["error"])

    def test_a_further_community_of_a_lower_number_is_no_other_mark(self):
        site = self.site(also="3356:9999")
        self.wait_session(site)
        for address in BANNED:
            site.run("ban", address, "--no-push")
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.run("flush", "edge")
        self.wait_dropped(*BANNED, expected=False)


if __name__ == "__main__":
    ending.main()
