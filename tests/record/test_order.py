#!/usr/bin/python3
"""A ban is on a disk, the table's or our own, within three seconds, whatever hangs; and arrives once."""
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "serve")]
import serving  # noqa: E402
from serving import ENVIRONMENT, Site, hosts, wait_until  # noqa: E402

from dead_dns import ADDRESS, NAME, WithDeadDns  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from stuck_disk import StuckDisk  # noqa: E402

A, B, C = "203.0.113.7", "203.0.113.8", "203.0.113.9"
MOST = 3.0


def start_up():
    """Seconds that this machine takes for a start of the program, now: the bound is of what comes then."""
    begin = time.monotonic()
    subprocess.run([serving.BANPUSH, "--version"], capture_output=True, env=ENVIRONMENT, timeout=60)
    return time.monotonic() - begin


class Place(Site):
    """A site whose calls are timed."""

    namespace = None

    def argv(self, *words):
        argv = super().argv(*words)
        return self.namespace.argv(*argv) if self.namespace else argv

    def timed(self, *words, code=0):
        slack = 4 * start_up()
        begin = time.monotonic()
        done = self.run(*words, code=code)
        took = time.monotonic() - begin
        if took > MOST + slack:
            raise AssertionError(f"banpush {' '.join(words)} took {took:.1f} s\n{done.stdout}{done.stderr}")
        return done

    def bans(self, *many):
        for one in many:
            self.timed("ban", one, "--jail", "sshd")


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = cls.enterClassContext(MariaDb())

    def site(self, url=MariaDb.url):
        self.name = f"t{time.monotonic_ns()}"
        self.database.sql(f"CREATE DATABASE {self.name}")
        site = Place(1, url and url(self.database, self.name), self.database.password)
        self.addCleanup(site.__exit__)
        return site

    def rows(self):
        return sorted(self.database.sql("SELECT ip FROM fail2ban", self.name).split())

    def arrive(self, site, *due):
        """What waits is delivered by a push, and each is there once."""
        def all_there():
            site.run("push", code=None)
            return self.rows() == sorted(due)
        try:
            wait_until(all_there, 60, "what was spooled is in the table")
        except Exception as error:
            raise AssertionError(f"{self.rows()}: {error}") from None


class Order(Case):
    def test_a_stopped_server(self):
        site = self.site()
        site.bans(A)
        os.kill(self.database.pid, signal.SIGSTOP)
        try:
            said = site.timed("ban", B, "--jail", "sshd")
            self.assertIn("queued", said.stdout)
            self.assertIn("gave no answer", said.stderr)
            site.bans(C)
            site.timed("unban", A)
        finally:
            os.kill(self.database.pid, signal.SIGCONT)
        self.arrive(site, A, B, C)
        self.assertEqual(self.database.sql("SELECT ip FROM banpush_ban WHERE revoked IS NOT NULL", self.name).split(), [A])

    def test_a_silent_listener_and_a_dead_port(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            site = self.site()
            for port in (port, 1):
                site.settings["bans"]["url"] = f"mysql://fail2ban@127.0.0.1:{port}/{self.name}"
                site.write()
                site.bans(A if port != 1 else B)
            site.settings["bans"]["url"] = self.database.url(self.name)
            site.write()
        self.arrive(site, A, B)

    def test_a_locked_table(self):
        site = self.site()
        site.bans(A)
        for lock in ("LOCK TABLES fail2ban WRITE", "FLUSH TABLES WITH READ LOCK", "BEGIN; SELECT * FROM banpush_ban FOR UPDATE"):
            with self.subTest(lock):
                holder = subprocess.Popen(["mariadb", "--no-defaults", "-uroot", "-S", str(self.database.socket), "-n", "-N", self.name],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                holder.stdin.write(f"{lock}; SELECT 'held';\n")
                holder.stdin.flush()
                while "held" not in holder.stdout.readline():
                    pass
                try:
                    self.assertIn("queued", site.timed("ban", B, "--jail", "sshd").stdout)
                    site.timed("unban", B)
                finally:
                    holder.communicate(timeout=60)
                self.arrive(site, A, B)
                self.database.sql(f"DELETE FROM fail2ban WHERE ip = '{B}'; DELETE FROM banpush_ban WHERE ip = '{B}'", self.name)

    def test_an_sqlite_table_locked_by_another(self):
        site = self.site(url=None)
        site.bans(A)
        with sqlite3.connect(site.folder / "bans.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assertIn("queued", site.timed("ban", B, "--jail", "sshd").stdout)
            other.execute("ROLLBACK")
            wait_until(lambda: site.run("push").returncode == 0 and other.execute("SELECT COUNT(*) FROM fail2ban").fetchone() == (2,), 60, "it arrives")

    def test_a_locked_spool(self):
        """A table that answers is enough; without one it is said that the ban is nowhere."""
        site = self.site()
        site.bans(A)
        (site.folder / "spool.db.waits").touch()
        with sqlite3.connect(site.settings["spool"], isolation_level=None) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            site.bans(B)
            self.assertEqual(self.rows(), [A, B])
            site.settings["bans"]["url"] = f"mysql://fail2ban@127.0.0.1:1/{self.name}"
            site.write()
            said = site.timed("ban", C, "--jail", "sshd", code=3)
            self.assertIn("NOT recorded", said.stderr)
            other.execute("ROLLBACK")

    def test_a_stuck_disk(self):
        if not StuckDisk.permitted():
            self.skipTest("no file system in user space can be mounted here")
        site = self.site()
        folder = site.folder / "stuck"
        folder.mkdir()
        site.settings["spool"] = f"{folder}/spool.db"
        site.write()
        with StuckDisk(folder):
            site.bans(A)
            self.assertEqual(self.rows(), [A])
            self.assertIn("could not be looked at", site.timed("unban", A, code=1).stderr)
            site.settings["bans"]["url"] = f"mysql://fail2ban@127.0.0.1:1/{self.name}"
            site.write()
            for words in (("ban", B), ("unban", A)):
                said = site.timed(*words, code=3)
                self.assertIn("NOT recorded", said.stderr)
                self.assertIn("gave no answer", said.stderr)
                self.assertEqual(said.stdout, "")

    def test_a_stuck_state(self):
        """A push cannot be asked for: the ban is recorded all the same, and that is said."""
        if not StuckDisk.permitted():
            self.skipTest("no file system in user space can be mounted here")
        site = self.site()
        folder = site.folder / "stuck"
        folder.mkdir()
        site.settings["state"] = f"{folder}/state.db"
        site.write()
        with StuckDisk(folder):
            self.assertIn("a push could not be asked for", site.timed("ban", A, "--jail", "sshd").stderr)
        self.assertEqual(self.rows(), [A])

    def test_a_password_that_does_not_come(self):
        site = self.site()
        site.settings["bans"]["password"] = {"command": ["sleep", "60"]}
        site.write()
        self.assertIn("queued", site.timed("ban", A, "--jail", "sshd").stdout)

    def test_a_clock_three_days_behind(self):
        for faked in ("-73h", "+73h"):  # three days and an hour: however long this takes, three days
            with self.subTest(faked):
                site = self.site()
                url, site.settings["bans"]["url"] = site.settings["bans"]["url"], f"mysql://fail2ban@127.0.0.1:1/{self.name}"
                site.write()
                sanitizer = {"ASAN_OPTIONS": f"{ENVIRONMENT.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"}  # faketime is a preloaded library
                subprocess.run(["faketime", "-f", faked, *site.argv("ban", A, "--jail", "sshd", "--bantime", "1d", "--no-push")], check=True, timeout=60,
                               capture_output=True, env={**ENVIRONMENT, **sanitizer})
                site.settings["bans"]["url"] = url
                site.write()
                time.sleep(5)  # who finds the table gone does not ask it again for some seconds
                said = site.run("ban", B, "--jail", "sshd")
                self.assertIn(f"{A}/32", said.stderr)
                self.assertIn("3 days", said.stderr)
                left = self.database.sql(f"SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), `until`) FROM banpush_ban WHERE ip = '{A}'", self.name)
                self.assertGreater(int(left), 86400 - 60)
                self.assertIn("3 days", site.run("status").stdout)
                site.wait_for(hosts([A, B]))


class DeadResolver(WithDeadDns, Case):
    """The same server; names do not resolve, or did within the last day."""

    def test_the_table_is_known_by_name(self):
        site = self.site()
        site.namespace = self.namespace
        site.settings["bans"].update(url=f"mysql://fail2ban@table.example:3306/{self.name}", insecure=True)
        site.write()
        self.namespace.silence()
        for one in (A, B):
            self.assertIn("queued", site.timed("ban", one, "--jail", "sshd").stdout)
        site.timed("unban", A)

    def test_a_protected_name_without_an_answer(self):
        site = self.protecting(MariaDb.socket_url)
        self.namespace.silence()
        said = site.timed("ban", A, "--jail", "sshd")
        self.assertIn(NAME, said.stderr)
        self.assertEqual(self.rows(), [A])
        pushed = site.run("push", code=2)
        self.assertIn(NAME, pushed.stderr)
        self.assertEqual(site.holds(), set())
        self.namespace.speak()
        site.run("push")
        self.assertEqual(site.holds(), hosts([A]))

    def test_the_last_good_answer(self):
        site = self.protecting(MariaDb.socket_url)
        site.run("push")
        self.assertIn("protected", site.timed("ban", ADDRESS, code=5).stderr)
        self.namespace.silence()
        self.assertIn("protected", site.timed("ban", ADDRESS, code=5).stderr)
        said = site.timed("ban", A, "--jail", "sshd")
        self.assertIn(f"{NAME} = {ADDRESS}", said.stderr)
        pushed = site.run("push")
        self.assertIn(f"{NAME} = {ADDRESS}", pushed.stdout + pushed.stderr)
        site.wait_for(hosts([A]))
        with sqlite3.connect(site.settings["spool"]) as spool:  # a day and an hour later
            (text,) = spool.execute("SELECT content FROM host").fetchone()
            content = json.loads(text)
            content.update(boot="another", at=content["at"] - 25 * 3600)
            spool.execute("UPDATE host SET content = ?", (json.dumps(content),))
        site.run("push", code=2)

    def test_a_service_starts_and_goes_on(self):
        site = self.protecting(MariaDb.socket_url)
        self.namespace.silence()
        site.start()
        site.timed("ban", A, "--jail", "sshd")
        wait_until(lambda: NAME in site.log_text(), 30, "the service says which name")
        self.assertEqual(site.holds(), set())
        self.namespace.speak()
        site.wait_for(hosts([A]), seconds=60)


if __name__ == "__main__":
    unittest.main()
