#!/usr/bin/python3
"""Sessions that the service keeps, and what becomes of them while nobody uses them: ended by the device, silent, cut off from the
network. Nothing had been sent, so the next ban is no later for it. Real sshd, MariaDB, and a link that goes down in namespaces."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import serving
from serving import Site, hosts, wait_until

sys.path.insert(0, str(serving.SOURCE / "tests" / "transport"))
from mariadb import MariaDb  # noqa: E402
from sshd import Sshd  # noqa: E402
from topology import namespaces_permitted  # noqa: E402

A, B, C, D = (f"203.0.113.{number}" for number in (7, 8, 9, 10))
NETNS, HERE, THERE = f"bpidle{os.getpid() % 100000}", "10.213.77.1", "10.213.77.2"


def device_at(site, sshd, **more):
    """The file of the first device, through that server."""
    return {**site.card(1), "address": sshd.address, "port": sshd.port, "username": sshd.user, "key": str(sshd.client_key),
            "known_hosts": str(sshd.known_hosts), **more}


def connections(sshd):
    """The processes of sshd that serve one connection each."""
    found = subprocess.run(["pgrep", "-P", str(sshd.process.pid)], capture_output=True, text=True).stdout.split()
    return [int(one) for one in found]


class AtSshd(Site):
    def __init__(self, sshd, audit="10m", **more):
        super().__init__()
        self.settings["devices"] = {"d1": device_at(self, sshd, **more)}
        self.settings["serve"]["audit"] = audit
        self.write()


def has_session(site):
    return site.ask(do="status")["devices"][0]["session"]


def ban_and_wait(site, address):
    """Whether the device shows it, and how long that took."""
    begin = time.monotonic()
    said = site.json("ban", address, "--wait", code=None)
    return said["devices"][0]["shows"], time.monotonic() - begin


@unittest.skipUnless(os.geteuid() == 0, "sshd as root is needed here")
class Sessions(unittest.TestCase):
    def test_one_that_the_device_has_ended(self):
        """A restart, a time-out of the device's own: the next ban logs in again at once, and --wait waits for that."""
        for how in (signal.SIGKILL, signal.SIGTERM):
            with Sshd() as sshd, AtSshd(sshd).start() as site:
                self.assertTrue(ban_and_wait(site, A)[0])
                for process in connections(sshd):
                    os.kill(process, how)
                wait_until(lambda: not connections(sshd), 20, "the connections end")
                shown, _ = ban_and_wait(site, B)
                self.assertTrue(shown, site.log_text())
                self.assertEqual(site.holds(), hosts([A, B]))
                self.assertNotIn("again in", site.log_text())

    def test_one_that_is_silent(self):
        """Its TCP acknowledges, nobody reads: found by a question before anything is sent."""
        with Sshd() as sshd, AtSshd(sshd).start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            time.sleep(5)  # it is looked at a second after it was used, and from then on it is known to answer
            stopped = connections(sshd)
            for process in stopped:
                os.kill(process, signal.SIGSTOP)
            try:
                shown, took = ban_and_wait(site, B)
                self.assertTrue(shown, site.log_text())
                self.assertLess(took, 25)  # and not the thirty seconds that a device may be silent for
                self.assertNotIn("again in", site.log_text())
            finally:
                for process in stopped:
                    os.kill(process, signal.SIGKILL)

    def test_a_device_that_ends_what_is_idle(self):
        """Nobody waits for a ban to find that out, and a device that does so is not asked all the time."""
        with Sshd(options=["UnusedConnectionTimeout 2"]) as sshd, AtSshd(sshd).start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            wait_until(lambda: not has_session(site) or not connections(sshd), 40, "the device ends it")
            for address in (B, C):
                self.assertTrue(ban_and_wait(site, address)[0], site.log_text())
                wait_until(lambda: not connections(sshd), 40, "the device ends it")
            self.assertNotIn("again in", site.log_text())

    def test_a_device_that_was_started_anew_is_read(self):
        """It lost what was not saved, and no ban comes for a while."""
        with Sshd() as sshd, AtSshd(sshd).start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            (site.folder / "card1").write_text("")
            for process in connections(sshd):
                os.kill(process, signal.SIGKILL)
            site.wait_for(hosts([A]), seconds=60)


@unittest.skipUnless(os.geteuid() == 0 and namespaces_permitted(), "network namespaces are not permitted here")
class Link(unittest.TestCase):
    """The device behind a link that goes down without a word to either end."""

    def setUp(self):
        def ip(*words):
            subprocess.run(["ip", *words], check=True, timeout=30)
        self.ip = ip
        ip("netns", "add", NETNS)
        self.addCleanup(ip, "netns", "del", NETNS)
        self.addCleanup(ip, "link", "del", f"{NETNS}a")  # before the namespace: that goes behind our back, and takes its time
        ip("link", "add", f"{NETNS}a", "type", "veth", "peer", "name", "eth0", "netns", NETNS)
        ip("address", "add", f"{HERE}/24", "dev", f"{NETNS}a")
        ip("link", "set", f"{NETNS}a", "up")
        ip("-n", NETNS, "address", "add", f"{THERE}/24", "dev", "eth0")
        for name in ("lo", "eth0"):
            ip("-n", NETNS, "link", "set", name, "up")
        self.sshd = Sshd(netns=NETNS, address=THERE).start()
        self.addCleanup(self.sshd.stop)

    def cut(self):
        """Packets of the device's are dropped from now on, as behind a NAT that has forgotten the connection."""
        self.rules("add table ip cut; add chain ip cut out { type filter hook output priority 0; policy drop; };"
                   "add chain ip cut in { type filter hook input priority 0; policy drop; }")

    def mend(self):
        self.rules("delete table ip cut")

    def rules(self, text):
        subprocess.run(["ip", "netns", "exec", NETNS, "nft", text], check=True, timeout=30)

    def test_cut_while_idle(self):
        with AtSshd(self.sshd, connect_timeout="3s").start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            self.cut()
            shown, took = ban_and_wait(site, B)
            self.assertFalse(shown)
            self.assertLess(took, 20)
            self.assertRegex(site.log_text(), r"d1: .*no answer in 3 s.*again in")
            self.mend()
            site.wait_for(hosts([A, B]), seconds=60)

    def test_found_without_a_ban(self):
        with AtSshd(self.sshd, connect_timeout="3s").start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            self.cut()
            wait_until(lambda: "again in" in site.log_text(), 60, "it is found while idle")
            self.mend()
            wait_until(lambda: "answers again" in site.log_text(), 60, "it is back")
            self.assertTrue(ban_and_wait(site, B)[0])

    def test_cut_in_the_middle_of_a_change(self):
        """What was sent and is not acknowledged is found within seconds, too, however long the device may be silent."""
        with AtSshd(self.sshd, connect_timeout="3s", silence="5m", run_with=["sh", "-c", "sleep 1; exec \"$@\"", "sh"]).start() as site:
            self.assertTrue(ban_and_wait(site, A)[0])
            timer = threading.Timer(0.5, self.cut)
            timer.start()
            begin = time.monotonic()
            ban_and_wait(site, B)
            timer.join()
            self.assertLess(time.monotonic() - begin, 60)
            self.mend()
            site.wait_for(hosts([A, B]), seconds=60)


class Table(unittest.TestCase):
    def test_a_server_that_ends_idle_connections(self):
        with MariaDb(address="127.0.0.27", options=["--wait-timeout=1"]) as server:
            server.sql("CREATE DATABASE fail2ban")
            with Site(url=server.url(), password=server.password) as site:
                site.settings["serve"]["poll"] = "3s"
                site.write()
                site.start()
                for address, all_of_them in ((A, [A]), (B, [A, B])):
                    server.sql("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) "
                               f"VALUES ('web1', NOW(), 'sshd', 'tcp', '', '{address}')", "fail2ban")
                    site.wait_for(hosts(all_of_them), seconds=40)
                self.assertTrue(ban_and_wait(site, C)[0])
                self.assertNotRegex(site.log_text(), r"(?i)gone away|lost|cannot")


class Doorbell(unittest.TestCase):
    def test_a_service_that_ends_while_somebody_waits(self):
        """It is said that it has ended, not that it was silent for eleven minutes."""
        with Site() as site:
            site.settings["devices"]["d1"]["run_with"] = ["sh", "-c", "sleep 30; exec \"$@\"", "sh"]
            site.write()
            site.start()
            waiting = subprocess.Popen(site.argv("ban", A, "--wait"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=serving.ENVIRONMENT)
            wait_until(lambda: site.ask(do="status")["devices"][0]["working"], 30, "it works on the device")
            time.sleep(1)  # the caller may ring and begin to wait now
            site.stop(signal.SIGKILL)
            said = waiting.communicate(timeout=60)[0]
            self.assertNotRegex(said, r"within \d+ s")


if __name__ == "__main__":
    unittest.main()
