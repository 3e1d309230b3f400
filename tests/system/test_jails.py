#!/usr/bin/python3
"""Jails as people have them: every jail of the installed fail2ban's own jail.conf and those of jails.local ban through a
real fail2ban and config/fail2ban/action.d/banpush.conf; every ban is recorded, read as a ban, and blocked."""
import configparser
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

import scenario
from scenario import SOURCE, NetworkCase, binary

sys.path[:0] = [str(SOURCE / "tests" / "serve"), "/usr/lib/python3/dist-packages"]
from topology import wait_until  # noqa: E402

STOCK = pathlib.Path("/etc/fail2ban/jail.conf")
OURS = pathlib.Path(__file__).with_name("jails.local")


def jails_of(path):
    """The jails of a file, with what they say of themselves."""
    parser = configparser.RawConfigParser(strict=False, default_section="DEFAULT")
    parser.read(path)
    return {name: dict(parser.items(name)) for name in parser.sections() if name != "INCLUDES"}


@unittest.skipUnless(shutil.which("fail2ban-server") and STOCK.is_file(), "fail2ban is not installed")
class Jails(NetworkCase):
    def setUp(self):
        from fail2ban import Fail2ban  # tests/serve, not the server's own package
        self.site_ = self.site({**self.local("linux_nft", reserved="allowed"), "edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}})
        self.fail2ban = Fail2ban(f"BANPUSH_DATADIR={SOURCE} {binary()} -c {self.site_.config}")
        self.addCleanup(self.fail2ban.__exit__)

    def enable(self, jails):
        """All of them, with their own port, protocol and time; none watches anything."""
        text = [self.fail2ban._etc.joinpath("jail.local").read_text()]
        for name, says in jails.items():
            text.append(f"[{name}]")
            text += [f"{key} = {says[key]}" for key in ("port", "protocol", "bantime") if key in says]
            text += ["enabled = true", "backend = polling", "filter =", f"logpath = {self.fail2ban.gate}",
                     f'action = banpush[banpush="BANPUSH_DATADIR={SOURCE} {binary()} -c {self.site_.config}", hostname="web1", port="%(port)s", protocol="%(protocol)s", push="--no-push"]']
        self.fail2ban._etc.joinpath("jail.local").write_text("\n".join(text) + "\n")

    def ban(self, jails):
        """One address for each, through the server's own socket; fail2ban-client would take its time a hundred times."""
        words = "import sys\nfrom fail2ban.client.csocket import CSocket\nsocket = CSocket(sys.argv[1])\n" \
                "for line in sys.stdin:\n  jail, address = line.rstrip('\\n').split('\\t')\n  print(socket.send(['set', jail, 'banip', address]))\n"
        told = "".join(f"{jail}\t{address}\n" for jail, address in jails.items())
        # In a folder of its own: a file beside this one is called fail2ban, too.
        done = subprocess.run(["/usr/bin/python3", "-c", words, str(self.fail2ban.socket)], input=told, capture_output=True, text=True, cwd="/", timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_jail_is_recorded_and_blocked(self):
        stock = jails_of(STOCK)
        self.assertGreater(len(stock), 80, "the jails of the installed fail2ban")
        ours = jails_of(OURS)
        extra = {"sshd[ddos]": {"port": "ssh"}, "no-such": {"port": "no-such-service"}, "beyond": {"port": "22,70000"}, "whole": {"protocol": "ip"}}
        all_of = {**stock, **{f"{name}-2" if name in stock else name: says for name, says in ours.items()}, **extra}
        addresses = {name: f"203.0.113.{number}" if number < 250 else f"198.51.100.{number - 249}" for number, name in enumerate(all_of, 1)}
        self.enable(all_of)
        self.fail2ban.start()
        self.ban(addresses)
        count = lambda: self.site_.rows("SELECT COUNT(*) FROM fail2ban")[0][0]  # noqa: E731
        wait_until(lambda: count() >= len(all_of) or "ERROR" in self.fail2ban.text(), 400, "every ban is recorded")
        self.assertNotIn("ERROR", self.fail2ban.text())
        self.assertEqual(count(), len(all_of))
        self.fail2ban.stop(signal.SIGKILL)
        rows = {ip: (name, protocol, port) for name, protocol, port, ip in self.site_.rows("SELECT name, protocol, port, ip FROM fail2ban")}
        for name, address in addresses.items():
            with self.subTest(name):
                recorded, protocol, port = rows[address]
                self.assertEqual(recorded, name)
                self.assertLessEqual(len(port), 32)
                self.assertLessEqual(len(protocol), 16)
        self.check_words(addresses)
        self.check_blocked(addresses, rows)

    def check_words(self, addresses):
        listed = self.site_.json("list")
        self.assertEqual((listed["bad_rows"], len(listed["bans"])), (0, len(addresses)))
        by_ip = {one["ip"]: one for one in listed["bans"]}
        exact = by_ip[addresses["squirrelmail"]]
        self.assertEqual((exact["port"], exact["ports"]), ("", "25,465,587,143,993,110,995,80,443,1080"))
        self.assertIn("whole address", exact["note"])
        panels = by_ip[addresses["cpanel-login"]]
        self.assertEqual(panels["ports"], "80,443,2082,2083,2086,2087,2095,2096")
        self.assertIn("no-such-service", by_ip[addresses["no-such"]]["note"])
        self.assertEqual(by_ip[addresses["opengist"]]["until"], "permanent")
        self.assertEqual(by_ip[addresses["asterisk-pjsip"]]["protocol"], "tcp,udp")
        self.assertEqual(by_ip[addresses["web-blanks"]]["port"], "80,443")

    def check_blocked(self, addresses, rows):
        self.site_.run("setup", "r1", "--apply")
        self.addCleanup(self.site_.run, "flush", "r1")
        self.assertEqual(self.site_.json("push", "r1")["devices"][0]["outcome"], "changed")
        plan = self.site_.json("plan", "--offline", code=None)
        wanted = {one["device"]: {entry["prefix"] for entry in one["add"]} for one in plan["devices"]}
        # A router takes what names TCP or is for all protocols; this host's own firewall takes everything.
        for name, address in addresses.items():
            with self.subTest(name):
                self.assertEqual(self.site_.json("explain", address)["devices"][0]["state"] if name in ("recidive", "squirrelmail") else "present", "present")
                of_udp_alone = rows[address][1] in ("udp", "icmp")
                self.assertEqual(self.covered(address, wanted["edge1"]), not of_udp_alone)
        held = self.router("nft", "-j", "list", "table", "inet", "banpush")
        for address in ("203.0.113.1", "203.0.113.90"):
            self.assertTrue(self.blocked(held, address), address)

    @staticmethod
    def covered(address, prefixes):
        import ipaddress
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in prefixes)

    def blocked(self, held, address):
        import json
        text = json.dumps(json.loads(held))
        words = [text[at:at + 120] for at in range(len(text)) if text.startswith('"prefix": {', at)]
        nets = []
        for one in words:
            length = int(one.split('"len": ')[1].split("}")[0].split(",")[0])
            addr = one.split('"addr": "')[1].split('"')[0]
            nets.append(f"{addr}/{length}")
        return f'"{address}"' in text or (nets and self.covered(address, nets))


if __name__ == "__main__":
    scenario.main()
