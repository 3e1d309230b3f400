#!/usr/bin/python3
"""Randomised histories: several writers whose transactions commit late, deletes, re-bans, bans that end, restarts of
table, service and device, in any order. Each ends with the device as a fresh full computation would have it.

Some with the tables read whole every second, as the audit does; the others with none but at the start, so that what
comes is followed row by row or not at all. BANPUSH_HISTORIES says how many (default 200): half of them from a seed that
is always the same, half from another, or all from BANPUSH_SEED; a failure prints its seed."""
import contextlib
import os
import random
import signal
import subprocess
import time
import unittest

from serving import PATIENCE, Site, wait_until
import ending
import seeds

from mariadb import MariaDb

LONG = "BANPUSH_LONG" in os.environ  # `./run long`: 5,000 of each kind
HISTORIES = int(os.environ.get("BANPUSH_HISTORIES", "30000" if LONG else "200"))
SEEDS = seeds.both()
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
        self._process.wait(PATIENCE)


# What may happen, and how often beside the rest.
ANYTHING = {"insert": 8, "late": 4, "commit": 3, "rollback": 1, "delete": 3, "ban": 4, "unban": 3, "ends": 1, "device": 1, "console": 1,
            "nap": 3, "service": 0.4, "table": 0.15}
# Where nobody audits, what somebody does to the device stays; and after a restart all is read whole.
FOLLOWED = {**ANYTHING, "again": 3, "device": 0, "console": 0, "service": 0.1, "table": 0.05}


class History:
    def __init__(self, site, database, name, seed, weights):
        self.site, self.database, self.name, self.weights = site, database, name, weights
        self.random = random.Random(seed)
        self.seed, self.told = seed, []
        self.writers = [Writer(database, name) for _ in range(2)]

    def run(self):
        try:
            for _ in range(self.random.randint(4, 12)):
                what = self.random.choices(list(self.weights), self.weights.values())[0]
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

    def again(self):
        """A ban, its unban and the next ban within a moment: what one look finds may be the end of several steps."""
        address, host = self.any(), f"web{self.random.randint(1, 3)}"
        for verb in self.random.choice((("ban", "unban"), ("ban", "unban", "ban"), ("unban", "ban"))):
            self.site.run(verb, address, "--hostname", host)

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
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.told}\n{last[0]}\n{self.site.log_text()[-3000:]}") from None


class Histories(unittest.TestCase):
    def run_them(self, count, audit, weights, budget=None, seeds=SEEDS, **policy):
        with MariaDb() as database:
            database.sql("CREATE DATABASE fail2ban")
            with Site(1, database.url(), database.password) as site:
                site.settings["serve"].update(poll="50ms", audit=audit)
                site.settings["policy"].update(policy)
                if budget:
                    site.settings["devices"]["d1"]["budget"] = budget
                site.write()
                site.start()
                begin = time.monotonic()
                for number in range(count):
                    History(site, database, "fail2ban", seeds[number % len(seeds)] + number // len(seeds), weights).run()
                status = site.ask(do="status") if audit == "1h" else {}
                print(f"{count} histories from seeds {seeds} in {time.monotonic() - begin:.0f} s, audit every {audit}, {budget or ''} {policy or ''} {status}")
                return status

    def test_with_audits(self):
        self.run_them(HISTORIES // (6 if LONG else 2), "1s", ANYTHING)

    def test_followed(self):
        self.run_them(HISTORIES // 6, "1h", FOLLOWED)

    def test_followed_and_merged(self):
        self.run_them(HISTORIES // 6, "1h", FOLLOWED, aggregate="exact", escalate={"factor": 2, "window": "1h", "max": "2d"})

    def test_followed_with_little_room(self):
        self.run_them(HISTORIES // 6, "1h", FOLLOWED, {"ipv4": 5, "ipv6": 1})

    def test_a_full_device_is_settled_without_an_audit(self):
        """Seeds with which it was not."""
        self.run_them(15, "1h", FOLLOWED, {"ipv4": 5, "ipv6": 1}, seeds=[1000])

    def test_it_is_followed(self):
        with MariaDb() as database:
            database.sql("CREATE DATABASE fail2ban")
            with Site(1, database.url(), database.password) as site:
                site.settings["serve"].update(audit="1h")
                site.write()
                site.run("ban", "198.51.100.1", "--hostname", "web1")
                site.start()
                site.wait_for({"198.51.100.1/32"})
                for number in range(2, 6):
                    site.run("ban", f"198.51.100.{number}", "--hostname", "web1")
                    site.wait_for({f"198.51.100.{one}/32" for one in range(1, number + 1)})
                site.run("unban", "198.51.100.1")
                site.wait_for({f"198.51.100.{one}/32" for one in range(2, 6)})
                database.sql("DELETE FROM fail2ban WHERE ip = '198.51.100.2'", "fail2ban")
                site.wait_for({f"198.51.100.{one}/32" for one in range(3, 6)})
                status = wait_until(lambda: (now := site.ask(do="status"))["devices"][0]["parts"] >= 6 and now, 10, "six pushes were told by what is new")
                self.assertEqual(status["read_whole"], 1, status)
                self.assertGreaterEqual(status["followed"], 6)


if __name__ == "__main__":
    ending.main()
