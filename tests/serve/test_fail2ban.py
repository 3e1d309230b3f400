#!/usr/bin/python3
"""The whole way, with real parts: a line in a log, fail2ban, a row in MariaDB, a blackhole on an FRR router and nft drops
on two other hosts that only read the table; and back again."""
import os
import time
import unittest

import serving
from serving import Site, wait_until

import topology
from fail2ban import Fail2ban
from mariadb import MariaDb
from topology import ATTACKER4, ATTACKER6, SERVER4, SERVER6
import ending

RESTORED = int(os.environ.get("BANPUSH_TEST_RESTORED", "1000"))


class Host(Site):
    """A banpush in a namespace of its own."""

    def __init__(self, namespace, devices, database):
        self.namespace = namespace
        super().__init__(0, database.socket_url(), database.password, devices=devices, policy={"bantime": "1d", "protocols": "all"})

    def argv(self, *words):
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        return [*inside, *super().argv(*words)]


class RealFail2ban(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not topology.namespaces_permitted():
            raise unittest.SkipTest("network namespaces are not permitted here (they need root, or CAP_NET_ADMIN and CAP_SYS_ADMIN)")
        cls.net = topology.Network()
        cls.addClassCleanup(cls.net.close)
        cls.net.start_sshd()
        cls.net.start_frr()
        # The router drops what it has no way back to (rp_filter for IPv4; the operator's rule for IPv6).
        import scenario
        cls.net.inside(cls.net.router, "nft", "-f", "-", input=scenario.URPF6)
        cls.database = cls.enterClassContext(MariaDb())
        cls.database.sql("CREATE DATABASE fail2ban")
        net = cls.net
        router = {"r1": {"address": topology.ROUTER, "driver": "frr", "transport": "cli", "username": "root", "key": str(net.vtysh_key),
                         "known_hosts": str(net.known_hosts)}}
        firewall = {"here": {"address": "local", "driver": "linux_nft"}}
        cls.reporter = cls.enterClassContext(Host(None, {}, cls.database))
        cls.edge = cls.enterClassContext(Host(net.operator, router, cls.database))
        cls.hosts = [cls.enterClassContext(Host(namespace, firewall, cls.database)) for namespace in (net.server, net.client)]
        for host in cls.hosts:
            host.run("setup", "here", "--apply")
        for site in (cls.edge, *cls.hosts):
            site.start()
        cls.fail2ban = cls.enterClassContext(Fail2ban(f"{serving.BANPUSH} -c {cls.reporter.config}"))

    def tearDown(self):
        self.fail2ban.client("unban", "--all")
        self.database.sql("DELETE FROM fail2ban; DELETE FROM banpush_ban;", "fail2ban")
        self.all_clear()

    def sets(self):
        """What each of the three has in force, as text."""
        firewalls = [self.net.inside(host.namespace, "nft", "list", "table", "inet", "banpush").stdout for host in self.hosts]
        return [self.net.vtysh("show running-config staticd"), *firewalls]

    def blocked_by(self, address):
        return [address in text for text in self.sets()]

    def everywhere(self, address, blocked, seconds=30):
        try:
            wait_until(lambda: self.blocked_by(address) == [blocked] * 3, seconds, f"{address} {'blocked' if blocked else 'free'} on router and hosts")
        except TimeoutError as error:
            logs = "\n".join(site.log_text()[-1500:] for site in (self.edge, *self.hosts))
            raise AssertionError(f"{error}: {self.blocked_by(address)}\n{self.fail2ban.text()[-2000:]}\n{logs}") from None

    def lifted(self, address, host):
        return self.database.sql(f"SELECT COUNT(*) FROM banpush_ban WHERE ip = '{address}' AND hostname = '{host}' AND revoked IS NOT NULL", "fail2ban").strip() == "1"

    def news_has_come(self, address):
        """All three know the table as it is now: a ban that came behind is in force on each."""
        self.reporter.run("ban", address, "--jail", "gate", "--hostname", "web3")
        self.everywhere(address, True)

    def all_clear(self):
        wait_until(lambda: not any("203.0.113" in text or "2001:db8:1" in text for text in self.sets()), 30, "nothing is blocked")

    def rows(self, address):
        return self.database.sql(f"SELECT hostname, name, protocol, port FROM fail2ban WHERE ip = '{address}'", "fail2ban").split("\n")[:-1]

    def test_from_the_log_to_the_drop_and_back(self):
        for address, server in ((ATTACKER4, SERVER4), (ATTACKER6, SERVER6)):
            self.assertTrue(self.net.reaches(self.net.attacker, server, seconds=30))
            begin = self.fail2ban.attack(address)
            wait_until(lambda: not self.net.reaches(self.net.attacker, server, seconds=0.1), 30, "the attacker is out")
            dropped = time.monotonic() - begin
            self.everywhere(address, True)
            print(f"from the log line to the drop: {dropped:.2f} s; on the router and both hosts: {time.monotonic() - begin:.2f} s ({address})")
            self.assertEqual(self.rows(address), ["web1\tgate\ttcp\t22,8000:8100"])
            self.assertTrue(self.net.reaches(self.net.client, server, seconds=30))
            self.assertIn(f"[gate] Ban {address}", self.fail2ban.text())
            self.fail2ban.client("set", "gate", "unbanip", address)
            self.everywhere(address, False)
            self.assertTrue(self.net.reaches(self.net.attacker, server, seconds=30))

    def test_stays_while_another_host_holds_it(self):
        self.fail2ban.attack(ATTACKER4)
        self.everywhere(ATTACKER4, True)
        self.reporter.run("ban", ATTACKER4, "--jail", "gate", "--hostname", "web2")
        self.fail2ban.client("set", "gate", "unbanip", ATTACKER4)
        wait_until(lambda: self.lifted(ATTACKER4, "web1"), 30, "fail2ban's unban has arrived")
        self.news_has_come("203.0.113.98")
        self.assertEqual(self.blocked_by(ATTACKER4), [True] * 3)
        self.reporter.run("unban", ATTACKER4, "--jail", "gate", "--hostname", "web2", "--by", "fail2ban")
        self.everywhere(ATTACKER4, False)

    def test_refused_is_said_in_its_log(self):
        self.reporter.run("allow", "add", "203.0.113.0/28")
        try:
            self.fail2ban.attack("203.0.113.3")
            wait_until(lambda: "not banned (allow)" in self.fail2ban.text(), 30, "the refusal stands in fail2ban's log")
            wait_until(lambda: "Error banning 203.0.113.3" in self.fail2ban.text(), 30, "and that it failed")
            self.assertEqual(self.rows("203.0.113.3"), [])
        finally:
            self.reporter.run("allow", "remove", "203.0.113.0/28")

    def test_its_stop_and_restart(self):
        """The gates stay shut, and a thousand bans said again are no thousand rows and sessions."""
        self.fail2ban.attack(ATTACKER4)
        self.everywhere(ATTACKER4, True)
        self.fail2ban.stop()
        self.news_has_come("203.0.113.99")
        self.assertEqual(self.blocked_by(ATTACKER4), [True] * 3)
        self.reporter.run("unban", "203.0.113.99")
        self.everywhere("203.0.113.99", False)
        self.database.sql("DELETE FROM fail2ban WHERE ip = '203.0.113.99'; DELETE FROM banpush_ban WHERE ip = '203.0.113.99'", "fail2ban")
        many = [f"198.18.{number >> 8}.{number & 255}" for number in range(RESTORED)]
        self.fail2ban.remember(many, 600)
        values = ",".join(f"('web1', NOW(), 'gate', 'tcp', '22,8000:8100', '{one}')" for one in many)
        self.database.sql(f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES {values}", "fail2ban")
        sessions = self.sessions()
        begin = time.monotonic()
        self.fail2ban.start()
        wait_until(lambda: self.fail2ban.text().count("Restore Ban 198.18.") >= RESTORED, 600, "all bans are said again")
        wait_until(lambda: self.fail2ban.client("status", "gate").stdout.count("198.18.") == RESTORED, 600, "the jail has them")
        print(f"{RESTORED} bans said again in {time.monotonic() - begin:.0f} s")
        count = self.database.sql("SELECT COUNT(*), COUNT(DISTINCT ip) FROM fail2ban", "fail2ban").split()
        self.assertEqual(count, [str(RESTORED + 1)] * 2)
        self.assertLessEqual(self.sessions() - sessions, 5)
        self.assertEqual(self.blocked_by(ATTACKER4), [True] * 3)
        self.database.sql("DELETE FROM fail2ban WHERE ip LIKE '198.18.%'", "fail2ban")
        self.fail2ban.stop()
        self.fail2ban.forget()
        self.fail2ban.start()

    def test_fail2ban_keeps_the_book(self):
        """A jail of its own holds what the table says; fail2ban blocks by that jail's action."""
        device = {"book": {"address": "local", "driver": "fail2ban_jail", "params": {"jail": "book", "socket": str(self.fail2ban.socket)}}}
        with Host(None, device, self.database) as site:
            for address in ("203.0.113.40", "203.0.113.41", "2001:db8:1::40"):
                site.run("ban", address, "--jail", "gate", "--hostname", "web2", "--no-push")
            (report,) = site.json("push")["devices"]
            self.assertEqual((report["outcome"], len(report["add"]), report["notes"]), ("changed", 3, []), report)
            jail = self.fail2ban.client("get", "book", "banip").stdout.split()
            self.assertEqual(sorted(jail), ["2001:db8:1::40", "203.0.113.40", "203.0.113.41"])
            site.run("unban", "203.0.113.40", "--no-push")
            (report,) = site.json("push")["devices"]
            self.assertEqual((report["outcome"], [one["prefix"] for one in report["remove"]]), ("changed", ["203.0.113.40/32"]))
            self.assertEqual(site.json("push")["devices"][0]["outcome"], "in_sync")
            wait_until(lambda: "unban 203.0.113.40" in self.fail2ban.book.read_text(), 10, "the jail's action was run")
            site.run("flush", "--all")
            self.assertEqual(self.fail2ban.client("get", "book", "banip").stdout.split(), [])

    def sessions(self):
        """SSH logins that the router's sshd has seen."""
        return (self.net.folder / "ssh" / "log").read_text().count("Accepted publickey")


if __name__ == "__main__":
    topology.end_cleanly_on_signals()
    ending.main()
