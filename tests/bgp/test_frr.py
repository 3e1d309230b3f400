#!/usr/bin/python3
"""FRRouting at both ends: a static route with banpush's tag is announced as a blackhole and dropped by the peer's kernel; without
the redistribution, the community or the session it is not called in force."""
from peers import ATTACKER4, ATTACKER6, ROUTER, BgpCase, example, wait_until
from topology import FRR
import ending

BANNED = (ATTACKER4, ATTACKER6)


class FrrAnnounces(BgpCase):
    programs = {str(FRR / "bgpd"): "frr"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net.frr_edge()
        cls.ours = cls.net.frr("announcing", cls.net.operator, example("frr_announce.conf"))
        wait_until(lambda: "BGP state = Established" in cls.vty(f"show bgp neighbors {ROUTER}"), 30, "the session stands")

    @classmethod
    def vty(cls, *commands):
        return cls.net.vty(cls.ours, cls.net.operator, *commands)

    def site(self, **device):
        return super().site("frr_bgp", {"peer": ROUTER, "vty_socket": str(self.ours)}, **device)

    def configure(self, *lines):
        self.vty("configure terminal", *lines)

    def test_what_is_banned_is_dropped_by_the_peer(self):
        self.configure("ip route 198.51.100.77/32 blackhole")  # an operator's own
        site = self.site()
        for address in BANNED:
            site.run("ban", address, "--no-push")
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        self.wait_dropped(*BANNED)
        self.assertFalse(self.net.dropped("198.51.100.77"))
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.run("flush", "edge")
        self.wait_dropped(*BANNED, expected=False)
        self.assertIn("ip route 198.51.100.77/32 blackhole", self.vty("show running-config staticd"))
        self.configure("no ip route 198.51.100.77/32 blackhole")

    def test_what_keeps_it_from_being_announced_is_said(self):
        broken = [
            (["router bgp 64512", "address-family ipv4 unicast", "no redistribute static"],
             ["router bgp 64512", "address-family ipv4 unicast", "redistribute static route-map BANPUSH"], "does not redistribute static routes"),
            (["route-map BANPUSH permit 10", "set community blackhole no-export additive"],
             ["route-map BANPUSH permit 10", "set community blackhole additive"], "no-export beside blackhole"),
            (["route-map BANPUSH permit 10", "no set community"], ["route-map BANPUSH permit 10", "set community blackhole additive"], "set community blackhole"),
            (["router bgp 64512", f"neighbor {ROUTER} shutdown"], ["router bgp 64512", f"no neighbor {ROUTER} shutdown"], "no session with"),
        ]
        site = self.site()
        for breaking, mending, words in broken:
            with self.subTest(words):
                self.configure(*breaking)
                try:
                    done = site.run("check", "--connect", code=None)
                    self.assertIn(words, done.stdout + done.stderr)
                finally:
                    self.configure(*mending)
        wait_until(lambda: "BGP state = Established" in self.vty(f"show bgp neighbors {ROUTER}"), 30, "the session stands again")


if __name__ == "__main__":
    ending.main()
