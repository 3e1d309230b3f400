#!/usr/bin/python3
"""FlowSpec through GoBGP and through ExaBGP to a second gobgpd, which feeds nft (config/bgp/flowspec_to_nft.py): a banned source is
dropped at the upstream, without reverse-path filtering, all of it or one service of it; the rest passes."""
from peers import ATTACKER4, ATTACKER6, CONFIG, PORT, ROUTER, BgpCase, wait_until
from topology import SERVER4, SERVER6
import ending


class FlowSpec(BgpCase):
    programs = {"gobgpd": "gobgpd", "nft": "nftables"}
    driver = "gobgp_flowspec"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.net.inside(cls.net.router, "nft", "delete", "table", "inet", "operator")
        cls.net.sysctl(cls.net.router, *(f"net.ipv4.conf.{link}.rp_filter=0" for link in ("all", "in0", "in1")))
        cls.net.gobgpd("edge", cls.net.router, "gobgpd_edge.toml")
        cls.begin_to_nft()
        cls.begin_announcer()
        wait_until(lambda: "ESTABLISHED" in cls.net.gobgp("neighbor", "100.64.0.2", namespace=cls.net.router).stdout, 30, "the session stands")

    @classmethod
    def begin_to_nft(cls):
        cls.net.begin("to_nft", cls.net.router, ["/usr/bin/python3", CONFIG / "flowspec_to_nft.py", "--port", PORT])

    @classmethod
    def begin_announcer(cls):
        cls.net.gobgpd()

    def told_here(self, what, source, *then):
        self.net.gobgp("global", "rib", what, "-a", "ipv4-flowspec", "match", "source", source, "then", *then, namespace=self.net.router)

    def params(self):
        return {"peer": ROUTER}

    def rules(self):
        return self.net.inside(self.net.router, "nft", "list", "table", "inet", "flowspec", check=False).stdout

    def passes(self, *servers, expected=True):
        for server in servers:
            wait_until(lambda server=server: self.net.arrives(self.net.attacker, server) == expected, 30, f"a packet to {server} {'passes' if expected else 'is dropped'}\n")
            self.assertTrue(self.net.arrives(self.net.client, server, seconds=30))

    def test_a_banned_source_is_dropped_at_the_upstream(self):
        site = self.site(self.driver, self.params())
        self.passes(SERVER4, SERVER6)
        for address in (ATTACKER4, ATTACKER6):
            site.run("ban", address, "--no-push")
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        self.passes(SERVER4, SERVER6, expected=False)
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        for address in (ATTACKER4, ATTACKER6):
            site.run("unban", address, "--no-push")
        site.run("push")
        self.passes(SERVER4, SERVER6)

    def test_one_service_is_discarded_and_a_rate_changed(self):
        site = self.site(self.driver, self.params(), services=True)
        site.rows("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), ?, ?, ?, ?)",
                  [("web", "tcp", "8080", ATTACKER4), ("dns", "udp", "1000:2000", "203.0.113.9"), ("ping", "icmp", "0", "203.0.113.10"), ("web", "tcp", "8080", ATTACKER6),
                   ("ping", "icmpv6", "0", "2001:db8:1::9")])
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        wait_until(lambda: self.rules().count(" drop") == 5, 30, "five rules")
        self.assertFalse(self.net.reaches(self.net.attacker, SERVER4))
        self.assertFalse(self.net.reaches(self.net.attacker, SERVER6))
        self.assertTrue(self.net.arrives(self.net.attacker, SERVER4, seconds=30))  # UDP is another service
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.settings["devices"]["edge"]["params"]["rate"] = 125000
        site.write()
        report = site.device("push")
        self.assertEqual(report["outcome"], "changed", report)
        wait_until(lambda: self.rules().count("limit rate over 125000 bytes/second") == 5, 30, "five rates")
        self.assertEqual(site.device("push")["outcome"], "in_sync")
        site.run("flush", "edge")
        wait_until(lambda: "saddr" not in self.rules(), 30, "no rule")

    def test_one_rule_that_nft_does_not_take_is_left_out_alone(self):
        ours, theirs = ("198.51.100.70/32", "discard"), ("198.51.100.71/32", "rate-limit", "300000000000000000000")
        for rule in (theirs, ours):
            self.told_here("add", *rule)
        wait_until(lambda: "198.51.100.70" in self.rules(), 30, "the rule that nft takes")
        self.assertNotIn("198.51.100.71", self.rules())
        self.assertRegex((self.net.folder / "to_nft.log").read_text(), r"left out: '[^\n]*198\.51\.100\.71/32[^\n]*: nft: ")
        for rule in (theirs, ours):
            self.told_here("del", *rule)
        wait_until(lambda: "saddr" not in self.rules(), 30, "no rule")

    def test_what_was_withdrawn_while_nobody_looked_goes_at_the_begin(self):
        self.told_here("add", "198.51.100.72/32", "discard")
        wait_until(lambda: "198.51.100.72" in self.rules(), 30, "the rule")
        self.net.stop("to_nft")
        self.told_here("del", "198.51.100.72/32", "discard")
        self.assertIn("198.51.100.72", self.rules())
        self.begin_to_nft()
        wait_until(lambda: self.rules() and "saddr" not in self.rules(), 30, "no rule")


class ThroughExaBgp(FlowSpec):
    programs = {**FlowSpec.programs, "exabgp": "exabgp"}
    driver = "exabgp_flowspec"

    @classmethod
    def begin_announcer(cls):
        cls.net.exabgp()

    def params(self):
        return {"peer": ROUTER, "folder": str(self.net.folder / "pipes")}


if __name__ == "__main__":
    ending.main()
