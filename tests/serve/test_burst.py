#!/usr/bin/python3
"""A thousand bans from twenty callers at once, with the service and without; and the table gone in the middle."""
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import serving
from serving import Site, addresses, hosts, wait_until
import ending

import control
from mariadb import MariaDb

BANS = int(os.environ.get("BANPUSH_TEST_BANS", "1000"))
CALLERS = 20
LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(serving.BANPUSH).with_name("banpush-lab")))


class Lab:
    """One emulated router behind real SSH, which counts its sessions."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "lab"
        self.folder.mkdir()
        network = self.folder / "network.yaml"
        network.write_text("devices: {r1: {device: cisco_ios}}")
        self._process = subprocess.Popen([LAB, "run", str(network), "-d", str(self.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True)
        first = self._process.stdout.readline()
        if not first.startswith("lab "):
            raise AssertionError("the lab did not start: " + first + self._process.stdout.read())
        self._process.stdout.readline()
        port = json.loads((self.folder / "ports.json").read_text())["r1"]
        self.device = {"address": "127.0.0.1", "port": port, "driver": "cisco_ios", "username": "banpush", "password": {"file": f"{self.folder}/password_r1"},
                       "enable": {"file": f"{self.folder}/enable_r1"}, "known_hosts": f"{self.folder}/known_hosts", "accept_unproven": "yes",
                       "attach": [{"interface": "GigabitEthernet0/0"}]}

    def tell(self, *words):
        return control.tell(self.folder, "r1", *words)

    def entries(self):
        return {entry["prefix"] for entry in self.tell("state")["running"]["acl4"]["BANPUSH-IN4"]["entries"] if "prefix" in entry}

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Burst(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = cls.enterClassContext(MariaDb())

    def setUp(self):
        name = f"t{time.monotonic_ns()}"
        self.name = name
        self.database.sql(f"CREATE DATABASE {name}")
        self.site = self.enterContext(Site(1, self.database.url(name), self.database.password))

    def table_is_up(self):
        try:
            self.database.sql("SELECT 1")
        except RuntimeError:
            self.database.start()

    def rows(self):
        return self.database.sql("SELECT ip FROM fail2ban", self.name).split()

    def ban_all(self, many):
        """By twenty at a time. Returns how long the slowest took."""
        def one(address):
            begin = time.monotonic()
            self.site.run("ban", address, "--jail", "sshd", "--hostname", "web1", "--bantime", "1d")
            return time.monotonic() - begin

        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            return max(pool.map(one, many))

    def with_lab(self):
        lab = Lab(self.site.folder)
        self.addCleanup(lab.close)
        self.site.settings["devices"]["r1"] = lab.device
        self.site.settings["policy"]["shortest"] = {"ipv4": 32}
        self.site.write()
        self.site.run("setup", "r1", "--apply")
        wait_until(lambda: lab.tell("stats")["open"] == 0, 30, "the session of the setup has ended")
        lab.tell("forget")
        return lab

    def burst(self, most_sessions, service):
        lab = self.with_lab()
        if service:
            self.site.start()
        many = addresses(BANS)
        begin = time.monotonic()
        slowest = self.ban_all(many)
        recorded = time.monotonic() - begin
        self.assertEqual(sorted(self.rows()), sorted(many))
        self.site.wait_for(hosts(many), seconds=600)
        wait_until(lambda: {one.removesuffix("/32") for one in lab.entries()} >= set(many), 600, "the router has them all")
        stats = lab.tell("stats")
        print(f"service {'up' if service else 'down'}: {BANS} bans from {CALLERS} callers in {recorded:.1f} s, the slowest {slowest:.2f} s; on the devices "
              f"after {time.monotonic() - begin:.1f} s; router sessions at the same time {stats['peak']}, in all {stats['opened']}")
        self.assertLessEqual(stats["opened"], most_sessions)

    def test_with_the_service(self):
        self.burst(1, True)

    def test_without_a_service(self):
        self.burst(BANS // 30, False)  # two on quiet cores; a push that has ended before the next ban comes is followed by another

    def outage(self, service):
        site = self.site
        if service:
            site.start()
            site.run("ban", "198.51.100.1")  # the allowlist has been seen
            site.wait_for(hosts(["198.51.100.1"]))
        else:
            site.run("ban", "198.51.100.1", "--wait")
        many = addresses(60)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            work = [pool.submit(site.json, "ban", one, "--jail", "sshd", "--hostname", "web1", "--bantime", "1d") for one in many]
            wait_until(lambda: sum(one.done() for one in work) > 15, 120, "a part is recorded")
            self.addCleanup(self.table_is_up)
            self.database.kill()
            queued = [one for one, said in zip(many, work) if said.result()["recorded"] == "queued"]
        self.assertTrue(queued)
        site.run("unban", many[0])
        before = site.holds()
        wait_until(lambda: site.holds() >= hosts(queued), 60, "what could only be queued is on the device")
        self.assertGreaterEqual(site.holds(), before)  # and nothing is taken away meanwhile
        self.database.start()
        if not service:  # who finds the table gone does not ask it again for some seconds
            wait_until(lambda: site.run("push", code=None).returncode == 0 and len(self.rows()) > len(many), 60, "a push has carried them there")
        wait_until(lambda: sorted(self.rows()) == sorted(["198.51.100.1", *many]), 60, "each is in the table once")
        site.wait_for(hosts(["198.51.100.1", *many[1:]]), seconds=60)
        self.assertEqual(self.database.sql("SELECT COUNT(*) FROM banpush_ban WHERE revoked IS NOT NULL", self.name).strip(), "1")

    def test_the_table_goes_with_the_service(self):
        self.outage(True)

    def test_the_table_goes_without_a_service(self):
        self.outage(False)

    def test_a_silent_table(self):
        """It hangs: the caller is back within the time that fail2ban gives."""
        self.site.run("ban", "198.51.100.1", "--wait")
        os.kill(self.database.pid, signal.SIGSTOP)
        try:
            begin = time.monotonic()
            self.assertEqual(self.site.json("ban", "198.51.100.2")["recorded"], "queued")
            self.assertLess(time.monotonic() - begin, 20)
            begin = time.monotonic()
            self.assertEqual(self.site.json("ban", "198.51.100.3")["recorded"], "queued")
            self.assertLess(time.monotonic() - begin, 5)  # it is known to be gone
        finally:
            os.kill(self.database.pid, signal.SIGCONT)
        self.site.wait_for(hosts(["198.51.100.1", "198.51.100.2", "198.51.100.3"]), seconds=60)

    def test_the_readers_of_the_how_to(self):
        """SELECT … WHERE id > last sees every ban once, while the service serves and banpush writes."""
        self.site.start()
        seen, last = [], 0

        def read():
            nonlocal last
            for line in self.database.sql(f"SELECT id, ip FROM fail2ban WHERE id > {last} ORDER BY id", self.name).splitlines():
                number, ip = line.split("\t")
                last = int(number)
                seen.append(ip)

        many = addresses(20)
        for number, one in enumerate(many):
            if number % 2:
                self.site.run("ban", one)
            else:
                self.database.sql(f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web2', NOW(), 'sshd', 'tcp', 'ssh', '{one}')", self.name)
            if number % 5 == 0:
                read()
        read()
        self.assertEqual(seen, many)
        self.site.wait_for(hosts(many))


if __name__ == "__main__":
    ending.main()
