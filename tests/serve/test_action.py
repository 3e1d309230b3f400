#!/usr/bin/python3
"""What real fail2ban says by the action file, and what becomes of it in the table: longer times, restarts, unbans."""
import json
import signal
import sqlite3
import unittest

import serving
from serving import Site, wait_until

from fail2ban import Fail2ban

A, B, C = "203.0.113.7", "203.0.113.8", "203.0.113.9"
LEFT = "CAST(strftime('%s', \"until\") - strftime('%s', 'now') AS INTEGER)"


class Action(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(Site(1))

    def fail2ban(self, **more):
        made = Fail2ban(f"{serving.BANPUSH} -c {self.site.config}", **more)
        self.addCleanup(made.__exit__)
        return made

    def sql(self, text, *values):
        table = sqlite3.connect(self.site.folder / "bans.db", timeout=60, isolation_level=None)
        try:
            return table.execute(text, values).fetchall()
        finally:
            table.close()

    def left(self, address):
        return [row[0] for row in self.sql(f"SELECT {LEFT} FROM banpush_ban WHERE ip = ? AND revoked IS NULL", address)]

    def in_force(self):
        return sorted(one["ip"] for one in json.loads(self.site.run("list", "--json").stdout)["bans"])

    def banned(self, fail2ban, *addresses):
        for one in addresses:
            fail2ban.attack(one)
        wait_until(lambda: self.in_force() == sorted(addresses), 60, f"{addresses} are in force: {fail2ban.text()[-2000:]}")

    def restart(self, fail2ban, *restored):
        fail2ban.start()
        for one in restored:
            wait_until(lambda: f"Restore Ban {one}" in fail2ban.text(), 60, f"{one} is said again")
        # One that comes behind is said when the others were.
        fail2ban.client("set", "gate", "banip", C)
        wait_until(lambda: C in self.in_force(), 60, "all was said")

    def test_a_time_that_is_increased(self):
        fail2ban = self.fail2ban(more="bantime.increment = true\n")
        fail2ban.start()
        fail2ban.stop()
        fail2ban.remember([A], 60, ago=3000)
        fail2ban.start()
        self.banned(fail2ban, A)
        wait_until(lambda: f"Increase Ban {A}" in fail2ban.text(), 60, "fail2ban holds it for longer")
        wait_until(lambda: self.left(A) and self.left(A)[0] > 1100, 60, f"and so does the table: {self.left(A)}")
        self.assertLess(self.left(A)[0], 1210)
        self.assertEqual(self.sql("SELECT COUNT(*) FROM fail2ban"), [(1,)])

    def test_a_restart_after_its_ports_were_edited(self):
        fail2ban = self.fail2ban()
        fail2ban.start()
        self.banned(fail2ban, A, B)
        self.site.run("unban", A)
        fail2ban.stop()
        fail2ban.edit("port = ssh,8000:8100", "port = ssh,2222")
        self.restart(fail2ban, A, B)
        self.assertEqual(self.in_force(), [B, C])
        self.assertEqual(self.sql("SELECT ip, COUNT(*) FROM fail2ban GROUP BY ip ORDER BY ip"), [(A, 1), (B, 1), (C, 1)])

    def test_a_restart_with_bans_that_never_arrived(self):
        """An unban of long ago is none of today's ban."""
        fail2ban = self.fail2ban()
        fail2ban.start()
        self.banned(fail2ban, A)
        self.site.run("unban", A)
        for column in ("created", "since", "until", "revoked"):
            self.sql(f"UPDATE banpush_ban SET \"{column}\" = datetime(\"{column}\", '-30 days')")
        self.sql("UPDATE fail2ban SET created = datetime(created, '-30 days')")
        fail2ban.stop()
        fail2ban.forget()
        fail2ban.start()
        fail2ban.stop()
        fail2ban.remember([A], 600, ago=100)
        self.restart(fail2ban, A)
        self.assertEqual(self.in_force(), [A, C])
        self.assertLess(self.left(A)[0], 510)

    def test_what_lifts_its_bans(self):
        """Its flush is the same for a stop and for `unban --all`: docs/operations.md says what lifts them."""
        fail2ban = self.fail2ban()
        fail2ban.start()
        self.banned(fail2ban, A, B)
        fail2ban.client("set", "gate", "unbanip", *fail2ban.client("get", "gate", "banip").stdout.split())
        wait_until(lambda: self.in_force() == [], 60, "both are lifted")
        self.banned(fail2ban, C)
        fail2ban.client("unban", "--all")
        self.assertEqual(fail2ban.client("get", "gate", "banip").stdout.split(), [])
        self.assertEqual(self.in_force(), [C])
        fail2ban.stop(signal.SIGTERM)
        self.assertEqual(self.in_force(), [C])


if __name__ == "__main__":
    unittest.main()
