#!/usr/bin/python3
"""config/reporter_triggers.sql: a reporter is who the database says it is, and what it reports as itself goes on as before."""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "serve"), str(HERE.parent / "bans"), str(HERE.parent)]
import ending  # noqa: E402
import serving  # noqa: E402
from mariadb import MariaDb, run  # noqa: E402

SOURCE = HERE.parents[1]
GRANTS = (SOURCE / "docs/ban-table.md").read_text().partition("```sql\nGRANT")[2].partition("```")[0]


class Reporter(unittest.TestCase):
    def setUp(self):
        self.server = MariaDb().__enter__()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.server.sql("CREATE DATABASE fail2ban")
        self.site = serving.Site(1, self.server.url("fail2ban"), self.server.password)
        self.addCleanup(self.site.__exit__)
        for name in ("web1", "web2", "pusher", "operator"):
            self.server.sql(f"CREATE USER {name}@'%' IDENTIFIED BY '{self.server.password}'")
        grants = "GRANT" + GRANTS
        self.server.sql(grants + grants.partition("GRANT SELECT ON fail2ban.* TO pusher")[0].replace("TO web1", "TO web2"))
        self.server.sql((SOURCE / "config/reporter_triggers.sql").read_text(), "fail2ban")

    def as_account(self, name):
        self.site.settings["bans"]["url"] = self.server.url("fail2ban").replace(self.server.user, name, 1)
        self.site.write()

    def insert(self, account, sql):
        run(["mariadb", "--no-defaults", f"-u{account}", f"-p{self.server.password}", "-h", self.server.address, "-P", str(self.server.port), "fail2ban"], input=sql)

    def bans(self):
        return sorted((ban["ip"], ban["hostname"], ban["reason"] or "") for ban in self.site.json("list")["bans"])

    def test_a_name_that_is_another_s_counts_for_nothing(self):
        for name, ip in (("web2", "203.0.113.1"), ("mallory.example.net", "203.0.113.2"), ("web1", "203.0.113.3")):
            self.insert("web1", f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('{name}', NOW(), 'sshd', 'tcp', '22', '{ip}')")
        self.assertEqual({host for _, host, _ in self.bans()}, {"web1"})
        self.site.settings["policy"]["quorum"] = {"hosts": 2, "within": "1h"}
        self.site.write()
        for name in ("web2", "web3"):
            self.insert("web1", f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('{name}', NOW(), 'sshd', 'tcp', '22', '203.0.113.9')")
        self.site.run("push")
        self.assertEqual(self.site.holds(), set())
        self.insert("web2", "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web2', NOW(), 'sshd', 'tcp', '22', '203.0.113.9')")
        self.site.run("push")
        self.assertEqual(self.site.holds(), {"203.0.113.9/32"})

    def test_no_address_is_protected_that_the_database_does_not_see(self):
        self.insert("web1", "REPLACE INTO banpush_reporter (hostname, address, seen) VALUES ('web1', '203.0.113.50', UTC_TIMESTAMP())")
        seen = self.server.sql("SELECT hostname, address FROM banpush_reporter", "fail2ban").split()
        self.assertEqual(seen[0], "web1")
        self.assertNotIn("203.0.113.50", seen)

    def test_nobody_takes_away_what_protects_another(self):
        for name in ("web1", "web2"):
            self.insert(name, f"INSERT INTO banpush_reporter (hostname, address, seen) VALUES ('{name}', '', UTC_TIMESTAMP())")
        for sql in ("DELETE FROM banpush_reporter WHERE hostname = 'web2'", "DELETE FROM banpush_reporter"):
            with self.assertRaises(Exception) as refused:
                self.insert("web1", sql)
            self.assertIn("by its own account", str(refused.exception))
        self.insert("web1", "REPLACE INTO banpush_reporter (hostname, address, seen) VALUES ('web2', '', UTC_TIMESTAMP())")
        self.assertEqual(self.server.sql("SELECT hostname FROM banpush_reporter ORDER BY 1", "fail2ban").split(), ["web1", "web2"])
        self.insert("web1", "DELETE FROM banpush_reporter WHERE hostname = 'web1'")
        self.server.sql("DELETE FROM banpush_reporter", "fail2ban")  # who made the triggers

    def test_who_reports_as_itself_sees_no_difference(self):
        self.as_account("web1")
        for _ in range(2):
            self.site.run("ban", "203.0.113.7", "--hostname", "web1", "--bantime", "600", "--reason", "said with it", "--no-push")
        self.assertEqual(self.bans(), [("203.0.113.7", "web1", "said with it")])
        self.assertEqual(json.loads(self.site.run("spool", "list", "--json").stdout)["lines"], [])
        self.site.run("unban", "203.0.113.7", "--hostname", "web1", "--by", "fail2ban", "--no-push")
        self.as_account("operator")
        self.site.run("ban", "203.0.113.8", "--hostname", "operator", "--no-push")
        self.site.run("unban", "203.0.113.8", "--no-push")
        self.assertEqual(self.bans(), [])


if __name__ == "__main__":
    ending.main()
