#!/usr/bin/python3
"""Randomised histories: several writers whose transactions commit late, deletes, re-bans, bans that end, restarts of
table, service and device, in any order. Each ends with the device as a fresh full computation would have it.

BANPUSH_HISTORIES says how many (default 200), BANPUSH_SEED where to begin; a failure prints its seed."""
import contextlib
import os
import random
import signal
import subprocess
import time
import unittest

import serving
from serving import Site, wait_until

from mariadb import MariaDb

HISTORIES = int(os.environ.get("BANPUSH_HISTORIES", "200"))
SEED = int(os.environ.get("BANPUSH_SEED", str(int(time.time()))))
ADDRESSES = [f"203.0.113.{number}" for number in range(1, 13)] + ["2001:db8::7", "2001:db8::8"]


class Writer:
    """Somebody else's connection, which may hold a transaction open for long."""

    def __init__(self, database, name):
        self._process = subprocess.Popen(["mariadb", "--no-defaults", "-uroot", "-S", str(database.socket), "-n", "-f", name], stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.open = False

    def say(self, text):
        try:
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()
        except OSError:
            pass

    def insert(self, host, address, late):
        if late and not self.open:
            self.say("START TRANSACTION;")
            self.open = True
        self.say(f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('{host}', NOW(), 'sshd', 'tcp', '', '{address}');")

    def end(self, how="COMMIT"):
        if self.open:
            self.say(how + ";")
            self.open = False

    def close(self):
        self.end()
        try:
            self._process.stdin.close()
        except OSError:
            pass
        self._process.wait(20)


class History:
    def __init__(self, test, site, database, name, seed):
        self.test, self.site, self.database, self.name = test, site, database, name
        self.random = random.Random(seed)
        self.seed, self.told = seed, []
        self.writers = [Writer(database, name) for _ in range(2)]

    def run(self):
        try:
            for _ in range(self.random.randint(4, 12)):
                weights = {"insert": 8, "late": 4, "commit": 3, "rollback": 1, "delete": 3, "ban": 4, "unban": 3, "ends": 1, "device": 1, "console": 1,
                           "nap": 3, "service": 0.4, "table": 0.15}
                what = self.random.choices(list(weights), weights.values())[0]
                self.told.append(what)
                getattr(self, what)()
            for writer in self.writers:
                writer.close()
            self.settle()
        finally:
            for writer in self.writers:
                writer.close()

    def any(self):
        return self.random.choice(ADDRESSES)

    def insert(self):
        self.random.choice(self.writers).insert(f"web{self.random.randint(1, 3)}", self.any(), False)

    def late(self):
        self.random.choice(self.writers).insert(f"web{self.random.randint(1, 3)}", self.any(), True)

    def commit(self):
        self.random.choice(self.writers).end()

    def rollback(self):
        self.random.choice(self.writers).end("ROLLBACK")

    def delete(self):
        with contextlib.suppress(RuntimeError):  # what somebody's open transaction has locked stays
            self.database.sql(f"SET SESSION innodb_lock_wait_timeout = 1; DELETE FROM fail2ban WHERE ip = '{self.any()}'", self.name)

    def ban(self):
        self.site.run("ban", self.any(), "--hostname", f"web{self.random.randint(1, 3)}")

    def unban(self):
        self.site.run("unban", self.any())

    def ends(self):
        self.site.run("ban", self.any(), "--bantime", f"{self.random.randint(1, 2)}s")

    def device(self):
        (self.site.folder / "card1").write_text("")  # it starts anew with nothing

    def console(self):
        address = self.any()
        (self.site.folder / "card1").write_text(f"{address}/{128 if ':' in address else 32}\n")

    def nap(self):
        time.sleep(self.random.random() * 0.3)

    def service(self):
        self.site.stop(self.random.choice((signal.SIGKILL, signal.SIGTERM)))
        self.site.start(wait=False)

    def table(self):
        for writer in self.writers:
            writer.close()
        self.database.kill()
        if self.random.random() < 0.5:
            self.site.run("ban", self.any(), "--hostname", "web1")
        self.database.start()
        self.writers = [Writer(self.database, self.name) for _ in range(2)]

    def settle(self):
        """Until a fresh computation finds nothing to do; the truth is the table's and the device's, not the service's."""
        last = []

        def in_sync():
            done = self.site.run("plan", "--json", code=None)
            last[:] = [done.stdout[-3000:] + done.stderr[-2000:]]
            return done.returncode == 0 and '"outcome": "in_sync"' in done.stdout

        try:
            wait_until(in_sync, 30, f"history with seed {self.seed} settled")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.told}\n{last[0]}\n{self.site.log_text()[-3000:]}") from None


class Histories(unittest.TestCase):
    def test_histories(self):
        with MariaDb() as database:
            database.sql("CREATE DATABASE fail2ban")
            with Site(1, database.url(), database.password) as site:
                site.settings["serve"].update(poll="50ms", audit="1s")
                site.write()
                site.start()
                begin = time.monotonic()
                for number in range(HISTORIES):
                    History(self, site, database, "fail2ban", SEED + number).run()
                print(f"{HISTORIES} histories from seed {SEED} in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    unittest.main()
