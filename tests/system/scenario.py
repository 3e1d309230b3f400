"""What the system tests share: the banpush binary, a configuration, a ban table, and the five ways to block."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import unittest

import topology
import ending
from topology import comes_within, ATTACKER4, ATTACKER6, CLIENT4, CLIENT6, ROUTER, SERVER4, SERVER6

SOURCE = pathlib.Path(__file__).resolve().parents[2]
# An operator's own rule, as `check` recommends it: what rp_filter is for IPv4.
URPF6 = """table inet operator {
	chain urpf {
		type filter hook prerouting priority -250; policy accept;
		meta nfproto ipv6 fib saddr . iif oif missing drop
	}
}
"""
DRIVERS = ("linux_nft", "linux_ipset", "linux_iptables", "linux_route", "frr")
ROUTE_DRIVERS = ("linux_route", "frr")


def binary():
    given = os.environ.get("BANPUSH")
    places = [given] if given else [SOURCE / "build/bin/banpush", SOURCE / "build/dev/bin/banpush"]
    for place in places:
        if pathlib.Path(place).is_file():
            return str(pathlib.Path(place).resolve())
    raise SystemExit(f"no banpush to test at {', '.join(map(str, places))}; set BANPUSH")


class Site:
    """One installation of banpush: configuration, table and state in a folder of its own."""

    def __init__(self, folder, devices, namespace=None, **top):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.namespace = namespace
        self.table = self.folder / "bans.db"
        self.config = self.folder / "banpush.yaml"
        self.settings = {"bans": {"url": f"sqlite:{self.table}"}, "state": f"{self.folder}/state.db", "spool": f"{self.folder}/spool.db", "devices": devices, **top}
        self.write()

    def write(self):
        # JSON is YAML, too.
        self.config.write_text(json.dumps(self.settings, indent=1, default=str))
        self.config.chmod(0o600)

    def run(self, *words, code=0, input=None, timeout=topology.PATIENCE):
        """A verb with its output; the exit status must be the one expected (None: any)."""
        argv = [binary(), "-c", str(self.config), *map(str, words)]
        if self.namespace:
            argv = ["ip", "netns", "exec", self.namespace, *argv]
        done = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=timeout)
        if code is not None and done.returncode != code:
            raise AssertionError(f"banpush {' '.join(map(str, words))}: status {done.returncode} where {code} was due\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *words, code=0, **options):
        done = self.run(*words, "--json", code=code, **options)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError(f"banpush {' '.join(words)} --json: {error}\n{done.stdout}\n{done.stderr}") from error

    def device(self, *words, code=0, **options):
        """The report of the only device."""
        (report,) = self.json(*words, code=code, **options)["devices"]
        return report

    def rows(self, statement, *values):
        """SQL by another hand than banpush's, as fail2ban's script has it."""
        with sqlite3.connect(self.table, timeout=10) as connection:
            result = connection.executemany(statement, *values) if values else connection.execute(statement)
            rows = result.fetchall()
        connection.close()
        return rows

    def insert(self, addresses, jail="sshd", age="-1 minutes", protocol="tcp"):
        self.rows("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime', ?), ?, ?, '22', ?)",
                  [(age, jail, protocol, address) for address in addresses])


class NetworkCase(unittest.TestCase):
    """A test with a network of its own for the class."""

    rp_filter = 1
    ssh = False
    frr = False

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not topology.namespaces_permitted():
            raise unittest.SkipTest("network namespaces are not permitted here (they need root, or CAP_NET_ADMIN and CAP_SYS_ADMIN)")
        cls.net = topology.Network(rp_filter=cls.rp_filter)
        cls.addClassCleanup(cls.net.close)
        if cls.ssh:
            cls.net.start_sshd()
        if cls.frr:
            cls.net.start_frr()

    def local(self, driver, name="r1", run_with=(), params=None, **more):
        """A device that is this host, in the router's namespace."""
        return {name: {"address": "local", "driver": driver, "run_with": [*run_with, "ip", "netns", "exec", self.net.router],
                       "params": {**({"vty_socket": self.net.vty_socket} if driver == "frr" else {}), **(params or {})}, **more}}

    def over_ssh(self, driver, name="r1", cli=False, params=None, **more):
        """The router behind its sshd."""
        login = {"username": "root", "key": self.net.vtysh_key if cli else self.net.key, "known_hosts": self.net.known_hosts}
        if cli:
            login["transport"] = "cli"
        return {name: {"address": ROUTER, "driver": driver, **login, "params": {**({"vty_socket": self.net.vty_socket} if driver == "frr" else {}), **(params or {})}, **more}}

    def site(self, devices, namespace=None, name="site", **top):
        site = Site(self.net.folder / name, devices, namespace, **top)
        site.run("init")
        return site

    def router(self, *argv, **options):
        return self.net.inside(self.net.router, *argv, **options).stdout

    def ruleset(self):
        """All that filters or routes in the router, without counters that packets move."""
        parts = [self.router("nft", "-s", "list", "ruleset"), self.router("ip", "-d", "route", "show", "table", "all"), self.router("ip", "-6", "-d", "route", "show", "table", "all")]
        parts += [self.router("ipset", "save")]
        return "\n".join(parts)

    def assert_reaches(self, namespace, expected, *addresses):
        """A neighbour whose packets were dropped is told at once that there is no way to it, for a moment (RFC 4861): it asks again."""
        for address in addresses:
            reaches = comes_within(lambda: self.net.reaches(namespace, address, seconds=30), 30) if expected else self.net.reaches(namespace, address, seconds=0.4)
            self.assertEqual(reaches, expected, f"{namespace} to {address}")

    def assert_only_attacker_is_blocked(self, arrives=True):
        self.assert_reaches(self.net.attacker, False, SERVER4, SERVER6)
        self.assert_reaches(self.net.client, True, SERVER4, SERVER6)
        for address in (SERVER4, SERVER6):
            self.assertFalse(self.net.arrives(self.net.attacker, address), f"a packet of the banned host arrives at {address}")

    def assert_nobody_is_blocked(self):
        for namespace in (self.net.attacker, self.net.client):
            self.assert_reaches(namespace, True, SERVER4, SERVER6)


def main():
    topology.end_cleanly_on_signals()
    ending.main(verbosity=2 if sys.stdout.isatty() else 1)
