#!/usr/bin/python3
"""What was decided when, and by whom: the order of bans and unbans that wait, bans that are refused while others deliver, and
side tables that went missing."""
import json
import os
import sqlite3
import subprocess
import threading
import time
import unittest

import test_order
from serving import ENVIRONMENT, wait_until  # noqa: E402
from test_order import A, B, C, Case, Place  # noqa: E402

from dead_dns import ADDRESS, WithDeadDns  # noqa: E402

LATELY = 5.2  # who finds the table gone does not ask it again for some seconds


class Local(unittest.TestCase):
    """A table in a file."""

    def setUp(self):
        self.site = self.enterContext(Place(1))
        self.others = self.enterContext(Place(0))
        self.others.settings["bans"] = self.site.settings["bans"]
        self.others.write()

    def locked(self, file):
        other = sqlite3.connect(self.site.folder / file, isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        return other

    def queue(self, *words):
        """Says it while the table is locked by another."""
        other = self.locked("bans.db")
        try:
            self.assertIn("queued", self.site.run(*words, "--no-push").stdout)
        finally:
            other.close()

    def deliver(self):
        def all_gone():
            self.site.run("push", code=None)
            return not json.loads(self.site.run("spool", "list", "--json").stdout)["lines"]
        wait_until(all_gone, 60, "nothing waits in the spool")

    def in_force(self):
        return [(one["ip"], one["hostname"]) for one in json.loads(self.site.run("list", "--json").stdout)["bans"]]

    def test_an_unban_that_waited_lifts_no_later_ban(self):
        self.others.run("ban", A, "--hostname", "web2")
        self.queue("unban", A)
        time.sleep(3.5)  # what is within two seconds of each other has no order: both sides count whole ones
        self.others.run("unban", A)
        self.others.run("ban", A, "--hostname", "web2")
        self.deliver()
        self.assertEqual(self.in_force(), [(A, "web2")])

    def test_a_ban_that_waited_is_not_in_force_after_an_unban(self):
        self.others.run("ban", A, "--hostname", "web2")
        self.queue("ban", A, "--hostname", "web1")
        time.sleep(2.5)
        self.others.run("unban", A)
        self.deliver()
        self.assertEqual(self.in_force(), [])
        self.assertIn("the address was unbanned after this was decided, so it is not in force", self.site.run("status").stdout)

    def test_a_longer_time_that_waited_is_none_after_fail2bans_unban(self):
        """Whoever unbanned it is not said: here no operator did."""
        of_web1 = ("--jail", "sshd", "--hostname", "web1")
        self.others.run("ban", A, *of_web1, "--bantime", "600")
        self.queue("ban", A, *of_web1, "--bantime", "7200", "--prolonged", "--since", str(int(time.time())))
        self.others.run("unban", A, *of_web1, "--by", "fail2ban")
        self.deliver()
        self.assertEqual(self.in_force(), [])
        self.assertIn("the address was unbanned after this was decided, so it is not in force", self.site.run("status").stdout)

    def test_an_unban_past_a_locked_spool(self):
        self.queue("ban", A)
        other = self.locked("spool.db")
        try:
            said = self.site.timed("unban", A, "--no-push", code=1)
        finally:
            other.close()
        self.assertIn("could not be looked at", said.stderr)
        self.deliver()
        self.assertEqual([one for one, _ in self.in_force()], [A])
        self.site.run("unban", A)
        other = self.locked("spool.db")  # where nothing waits
        try:
            self.site.timed("unban", B, "--no-push")
        finally:
            other.close()

    def test_an_unban_of_what_is_over(self):
        self.site.run("ban", A, "--bantime", "1")
        time.sleep(2.2)
        said = json.loads(self.site.run("unban", A, "--no-push", "--json").stdout)
        self.assertEqual((said["unbanned"], said["over"]), (1, 1))
        self.site.run("ban", B, "--bantime", "1")
        time.sleep(2.2)
        self.assertIn(f"{B}: no ban was in force any more (1 row, over or unbanned before)", self.site.run("unban", B, "--no-push").stdout)
        self.site.run("ban", C, "--bantime", "1", "--hostname", "web1")
        self.site.run("ban", C, "--bantime", "600", "--hostname", "web2")
        time.sleep(2.2)
        self.assertIn(f"unbanned {C} (2 rows, 1 of them over or unbanned before)", self.site.run("unban", C, "--no-push").stdout)

    def test_what_is_said_is_what_the_table_made_of_it(self):
        """Also of what went through the spool."""
        def said(*words):
            return json.loads(self.site.run(*words, "--no-push", "--json").stdout)
        self.assertEqual(said("ban", A, "--bantime", "600")["recorded"], "added")
        self.assertEqual(said("ban", A, "--bantime", "60")["recorded"], "unchanged")
        self.assertEqual(said("ban", A, "--bantime", "6000")["recorded"], "extended")
        for verb, word, due in ((("ban", A, "--bantime", "60"), "recorded", "unchanged"), (("unban", B), "unbanned", 0)):
            self.queue("ban", C)
            time.sleep(LATELY)
            self.assertEqual(said(*verb)[word], due)
            self.assertIn(C, [one for one, _ in self.in_force()], "it went the way through the spool")
            self.site.run("unban", C, "--no-push")

    def test_words_that_say_nothing_together(self):
        for words in (("--prolonged", "--restored", "1"), ("--since", "1700000000"), ("--since", "soon", "--prolonged"),
                      ("--since", "99999999999999999999", "--restored", "0")):
            with self.subTest(words):
                self.assertIn("since" if "--since" in words else "not both", self.site.run("ban", A, *words, "--no-push", code=2).stderr)
        self.assertEqual(self.in_force(), [])
        self.site.run("ban", A, "--since", "<time>", "--restored", "0", "--no-push")
        self.site.run("ban", A, "--since", "1700000000.25", "--prolonged", "--restored", "0", "--no-push")

    def test_a_ban_whose_judgement_cannot_be_written_down(self):
        """It is delivered once a judgement can take no longer."""
        self.queue("ban", B)
        with sqlite3.connect(self.site.folder / "spool.db") as spool:
            spool.execute("CREATE TRIGGER stays BEFORE UPDATE OF what ON spool BEGIN SELECT RAISE(ABORT, 'held fast'); END")
        spool.close()
        said = self.site.run("ban", A, "--no-push")
        self.assertIn("held fast", said.stderr)
        self.assertIn("queued", said.stdout)
        self.deliver()
        self.assertEqual(sorted(one for one, _ in self.in_force()), [A, B])

    def test_a_ban_while_the_side_tables_are_hidden(self):
        """It is judged by the copy of the allowlist, and waits."""
        site = self.site
        site.run("allow", "add", B)
        site.run("ban", C, "--no-push")
        site.run("push")
        with sqlite3.connect(site.folder / "bans.db") as table:
            names = [name for (name,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'banpush%'").fetchall()]
            for name in names:
                table.execute(f"ALTER TABLE {name} RENAME TO hidden_{name}")
        self.assertIn("is allowed", site.run("ban", B, "--no-push", code=5).stderr)
        said = site.run("ban", A, "--no-push")
        self.assertIn("queued", said.stdout)
        self.assertIn("not taken for empty", said.stderr)
        self.assertIn("queued", site.run("unban", C, "--no-push").stdout)
        site.run("push", code=None)
        with sqlite3.connect(site.folder / "bans.db") as table:
            self.assertEqual(table.execute("SELECT ip FROM fail2ban").fetchall(), [(C,)])
            for name in names:
                table.execute(f"ALTER TABLE hidden_{name} RENAME TO {name}")
        table.close()
        self.deliver()
        self.assertEqual([one for one, _ in self.in_force()], [A])

    def test_side_tables_that_are_gone(self):
        site = self.site
        site.run("allow", "add", B)
        for one in (A, "203.0.113.10"):
            site.run("ban", one)
        site.run("unban", A)
        site.wait_for({"203.0.113.10/32"})
        with sqlite3.connect(site.folder / "bans.db") as table:
            for (name,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'banpush%'").fetchall():
                table.execute(f"DROP TABLE {name}")
        table.close()
        for verb in (("push",), ("plan",), ("check",), ("list",), ("explain", A), ("prune", "--older-than", "1d")):
            with self.subTest(verb):
                said = site.run(*verb, code=None)
                self.assertIn("not taken for empty", said.stderr + said.stdout)
                self.assertEqual(said.returncode, 3)
        self.assertEqual(site.holds(), {"203.0.113.10/32"})
        site.run("init")
        site.run("push")

    def test_a_service_whose_side_tables_go(self):
        site = self.site
        for one in (A, "203.0.113.10"):
            site.run("ban", one, "--no-push")
        site.run("unban", A, "--no-push")
        site.start()
        site.wait_for({"203.0.113.10/32"})
        table = sqlite3.connect(site.folder / "bans.db", isolation_level=None)
        names = [name for (name,) in table.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'banpush%'").fetchall()]
        table.execute("BEGIN EXCLUSIVE")
        for name in names:
            table.execute(f"ALTER TABLE {name} RENAME TO hidden_{name}")
        table.execute("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('w', datetime('now', 'localtime'), 'j', 'tcp', '', '203.0.113.11')")
        table.execute("COMMIT")
        wait_until(lambda: "not taken for empty" in site.log_text(), 30, "the service says so")
        self.assertEqual(site.holds(), {"203.0.113.10/32"})
        site.run("unban", "203.0.113.10")
        wait_until(lambda: "waits in the spool" in site.log_text(), 30, "the service leaves the unban in the spool")
        self.assertEqual(table.execute("SELECT COUNT(*) FROM fail2ban WHERE ip = '203.0.113.10'").fetchone(), (1,), "no row goes for good")
        table.execute("BEGIN EXCLUSIVE")
        for name in names:
            table.execute(f"ALTER TABLE hidden_{name} RENAME TO {name}")
        table.execute("COMMIT")
        table.close()
        site.wait_for({"203.0.113.11/32"}, seconds=60)

    def test_restored_bans_wait_for_the_table(self):
        """Whether somebody has unbanned them meanwhile only the table knows."""
        self.site.run("ban", A, "--jail", "sshd", "--hostname", "web1")
        self.site.run("unban", A)
        self.site.run("push")
        os.rename(self.site.folder / "bans.db", self.site.folder / "away.db")
        self.site.run("ban", A, "--jail", "sshd", "--hostname", "web1", "--restored", "1", "--bantime", "600")
        self.site.run("ban", B, "--jail", "sshd", "--hostname", "web1")
        self.site.run("push", code=None)
        self.site.wait_for({f"{B}/32"})
        os.rename(self.site.folder / "away.db", self.site.folder / "bans.db")
        self.deliver()
        self.assertEqual([one for one, _ in self.in_force()], [B])

    def closed(self, which, *words):
        """The exit status with these standard descriptors closed."""
        done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {which}', *self.site.argv(*words)], env=ENVIRONMENT, timeout=60, capture_output=True)
        return done.returncode

    def test_closed_standard_descriptors(self):
        for number, which in enumerate(("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-"), start=20):
            with self.subTest(which):
                self.assertEqual(self.closed(which, "ban", f"203.0.113.{number}", "--quiet"), 0)
                self.assertIn(f"203.0.113.{number}", [one for one, _ in self.in_force()])
                self.assertEqual(self.closed(which, "push"), 0)
                self.site.wait_for({f"203.0.113.{one}/32" for one in range(20, number + 1)})


class Refused(WithDeadDns, Case):
    """A ban that a name's last good answer refuses, while others deliver what waits."""

    def test_it_is_delivered_by_nobody(self):
        site = self.protecting(None)
        site.run("push")
        self.namespace.silence()
        for number in range(3):
            other = sqlite3.connect(site.folder / "bans.db", isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            self.assertIn("queued", site.run("ban", f"203.0.113.{30 + number}", "--no-push").stdout)
            other.close()
            time.sleep(LATELY)
            said = []
            refused = threading.Thread(target=lambda: said.append(site.run("ban", ADDRESS, "--no-push", code=None)))
            refused.start()
            while refused.is_alive():
                site.run("push", code=None)
            refused.join()
            self.assertEqual(said[0].returncode, 5, said[0].stderr)
            with sqlite3.connect(site.folder / "bans.db") as table:
                self.assertEqual(table.execute("SELECT COUNT(*) FROM fail2ban WHERE ip = ?", (ADDRESS,)).fetchall(), [(0,)])


if __name__ == "__main__":
    unittest.main()
