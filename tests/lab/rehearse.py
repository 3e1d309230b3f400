#!/usr/bin/python3
"""`banpush-lab rehearse` as an operator uses it: a configuration and saved running configurations in, what would happen out."""
import hashlib
import json
import os
import pathlib
import shutil
import signal as signals
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import ending  # noqa: E402
from waiting import wait_until  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANPUSH = os.environ.get("BANPUSH", str(ROOT / "build/asan/bin/banpush-devices"))
LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(BANPUSH).with_name("banpush-lab")))

TOP = "bans: {url: 'sqlite:bans.db'}\nstate: state.db\nspool: spool.db\npolicy: {bantime: 1d, reserved: allowed}\n"
LOGIN = "defaults: {username: admin, password: {file: password}, known_hosts: nowhere}\n"

IOS = """\
! Last configuration change at 03:14:15 UTC
version 15.7
hostname edge1
enable secret 5 $1$abcd$0123456789
banner motd ^C
interface GigabitEthernet0/9
 ip access-group NOT-REAL in
^C
ip access-list extended MGMT
 permit tcp any any established
router bgp 64500
 neighbor 192.0.2.1 remote-as 64501
 description of a router, not of an interface
key chain OSPF
 key 1
snmp-server host 192.0.2.9 version 2c hushhush
key-string 7 0822455D0A16
set psksecret ENC hushhush
set phash "$1$hushhush"
wpa-passphrase=hushhush
crypto key import pem
-----BEGIN RSA PRIVATE KEY-----
hushhush+hushhush/hushhush==
-----END RSA PRIVATE KEY-----
interface GigabitEthernet0/1
 description uplink
 ip address 198.51.100.1 255.255.255.0
 ip nat outside
end
"""
JUNOS = """\
version 21.2R3.8;
system {
    host-name core;
    services { ssh; }
}
interfaces {
    xe-0/1/0 {
        unit 0 {
            family inet {
                address 198.51.100.2/24;
            }
        }
    }
}
policy-options {
    prefix-list MGMT {
        192.0.2.0/24;
    }
}
"""
EOS = """\
hostname leaf1
banner login
interface Ethernet9
EOF
!
interface Ethernet3
   no switchport
   ip address 198.51.100.6/24
!
ip access-list MGMT
   10 permit tcp any any established
"""
VYOS = """\
firewall {
    group {
        network-group MGMT {
            description "who may log in"
            network 192.0.2.0/24
        }
    }
}
interfaces {
    ethernet eth0 {
        address 198.51.100.9/24
    }
}
// vyos-config-version: "bgp@5"
"""
ROUTEROS = """\
# jan/02/2024 by RouterOS 6.49
/interface ethernet
set [ find default-name=ether1 ] name=uplink
/ip firewall address-list
add address=192.0.2.0/24 list=friends
/ip firewall raw
add action=drop chain=prerouting comment=own-rule \\
    src-address=203.0.113.99
"""

FIVE = TOP + LOGIN + """\
devices:
  edge1: {address: 198.51.100.1, driver: cisco_ios, attach: [{interface: GigabitEthernet0/1}], jump: "me@192.0.2.1:22"}
  core: {address: 198.51.100.2, driver: juniper_junos, attach: [{interface: xe-0/1/0.0}]}
  leaf1: {address: 198.51.100.6, driver: arista_eos, attach: [{interface: Ethernet3}]}
  gate: {address: 198.51.100.9, driver: vyos}
  branch: {address: 198.51.100.12, driver: mikrotik_routeros}
  spine: {address: 198.51.100.13, driver: cisco_nxos_netconf, attach: [{interface: Ethernet1/1}]}
  here: {address: local, driver: linux_nft}
"""
SAVED = {"edge1": IOS, "core": JUNOS, "leaf1": EOS, "gate": VYOS, "branch": ROUTEROS}
ONE = TOP + LOGIN + """\
devices:
  edge1: {address: 198.51.100.1, driver: cisco_ios, attach: [{interface: GigabitEthernet0/1}]}
"""

BARE = ONE.replace("GigabitEthernet0/1}", "GigabitEthernet0/0}")  # where no running configuration is given


class Rehearsed(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-rehearse-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "running").mkdir()
        password = self.folder / "password"
        password.write_text("of the real router\n")
        password.chmod(0o600)

    def operator(self, configuration, bans=("203.0.113.7", "2001:db8:7::7"), **saved):
        """The operator's files: configuration, table, saved running configurations."""
        (self.folder / "banpush.yaml").write_text(configuration)
        for name, text in saved.items():
            (self.folder / f"running/{name}.cfg").write_text(text)
        if not bans:
            return
        self.banpush("init")
        with sqlite3.connect(self.folder / "bans.db") as table:
            for address in bans:
                table.execute("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web', datetime('now', 'localtime'), 'sshd', 'tcp', '', ?)", (address,))
        table.close()

    def banpush(self, *words):
        done = subprocess.run([BANPUSH, "-c", str(self.folder / "banpush.yaml"), *words], capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)

    @staticmethod
    def environment():
        return {**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(ROOT))}

    def rehearse(self, *words, code, running=True):
        argv = [LAB, "rehearse", "-c", str(self.folder / "banpush.yaml"), *(["--running", str(self.folder / "running")] if running else []), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, env=self.environment())
        self.assertEqual(done.returncode, code, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def document(self, *words, code, running=True):
        told = json.loads(self.rehearse("--json", *words, code=code, running=running).stdout)
        self.assertEqual(told["status"], code)
        return {one["device"]: one for one in told["devices"]}

    def files(self):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.glob("*") if path.is_file()}


class FivePlatforms(Rehearsed):
    def test_five_platforms(self):
        self.operator(FIVE, **SAVED)
        before = self.files()
        told = self.document("--from", "192.0.2.10", code=4)
        self.assertEqual(self.files(), before, "table, state, spool and configuration are as they were")
        for name in SAVED:
            one = told[name]
            self.assertTrue(one["rehearsed"], one)
            with self.subTest(name):
                self.assertEqual((one["failed"], one["held"], one["risks"]), (False, False, []), one)
                self.assertEqual((one["push"]["outcome"], one["push"]["add"]), ("changed", 2), one["push"])
                self.assertGreater(one["push"]["bytes"], 20)
                self.assertEqual(one["push_again"]["outcome"], "in_sync")
                self.assertIn("+", one["difference"])
                asked = {packet["from"]: packet for packet in one["packets"]}
                self.assertTrue(asked["192.0.2.10"]["after"]["passes"])
                for banned in ("203.0.113.7", "2001:db8:7::7"):
                    self.assertEqual((asked[banned]["before"]["passes"], asked[banned]["after"]["passes"]), (True, False), asked[banned])
        unread = [one["text"] for one in told["edge1"]["running"]["unread"]]
        self.assertIn("router bgp 64500", unread)
        self.assertEqual(next(one["below"] for one in told["edge1"]["running"]["unread"] if one["text"].startswith("router")), 2)
        self.assertFalse(any("abcd" in text or "NOT-REAL" in text for text in unread), f"a secret, or free text of a banner: {unread}")
        self.assertNotIn("NOT-REAL", json.dumps(told["edge1"]))
        self.assertIn("key-string ...", unread)
        for secret in ("0822455D0A16", "hushhush"):
            self.assertNotIn(secret, json.dumps(told["edge1"]))
        self.assertIn("set system host-name core", [one["text"] for one in told["core"]["running"]["unread"]])
        self.assertEqual([one["text"] for one in told["branch"]["running"]["unread"]], ["/interface ethernet set [ find default-name=ether1 ] name=uplink"])
        self.assertIn("NETCONF", told["spine"]["why"])
        self.assertIn("this host", told["here"]["why"])

    def test_the_platforms(self):
        said = subprocess.run([LAB, "devices"], capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertIn("cisco_ios: Cisco IOS", said.stdout)
        self.assertIn("also for the driver cisco_iosxe, as its train xe", said.stdout)


class LeavesNothing(Rehearsed):
    def rows(self, journal):
        """A table with a row in it, as sqlite3 of another program makes one."""
        for of_before in self.folder.glob("*.db*"):
            of_before.unlink()
        self.operator(BARE)
        made = sqlite3.connect(self.folder / "made.db")
        with sqlite3.connect(self.folder / "bans.db") as table:
            table.backup(made)
        table.close()
        made.execute(f"PRAGMA journal_mode = {journal}")
        self.assertEqual(made.execute("PRAGMA journal_mode").fetchone(), (journal,))
        for of_before in self.folder.glob("bans.db*"):
            of_before.unlink()
        made.close()
        (self.folder / "made.db").rename(self.folder / "bans.db")

    def test_a_table_stays_in_its_mode(self):
        for journal in ("delete", "persist", "wal"):
            with self.subTest(journal):
                self.rows(journal)
                before = self.files()
                self.assertIn("bans: 2 rows of", self.rehearse(code=0, running=False).stdout)
                self.assertEqual(self.files(), before)

    def test_a_table_that_is_being_written(self):
        for journal in ("delete", "wal"):
            with self.subTest(journal):
                self.rows(journal)
                with sqlite3.connect(self.folder / "bans.db") as writer:
                    writer.execute("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web', datetime('now', 'localtime'), 'sshd', 'tcp', '', '203.0.113.8')")
                    self.assertIn("bans: 2 rows of", self.rehearse(code=0, running=False).stdout)
                    writer.commit()
                    self.assertIn("bans: 3 rows of", self.rehearse(code=0, running=False).stdout)
                writer.close()

    def test_what_a_command_says_does_not_stay(self):
        self.operator(BARE.replace("{url: 'sqlite:bans.db'}", "{url: 'sqlite:bans.db', password: {command: [printf, 'hush%s', hush]}}"))
        kept = self.folder / "kept"
        self.rehearse("-d", str(kept), code=0, running=False)
        files = [path for path in kept.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 5)
        for path in files:
            self.assertNotIn(b"hushhush", path.read_bytes(), path)
            self.assertFalse(path.name.startswith(("said.", "source-")), path)

    def test_ended_in_the_middle(self):
        self.operator(FIVE)
        place = self.folder / "temporary"
        place.mkdir()
        for signal in ("TERM", "INT", "HUP", "KILL"):
            with self.subTest(signal), subprocess.Popen([LAB, "rehearse", "-c", str(self.folder / "banpush.yaml")], stdout=subprocess.PIPE, text=True,
                                                        env={**self.environment(), "TMPDIR": str(place)}) as rehearsing:
                wait_until(lambda: list(place.glob("*/*.twin/lab.sock")), 30, "a twin is up")
                os.kill(rehearsing.pid, getattr(signals, f"SIG{signal}"))
                self.assertNotEqual(rehearsing.wait(timeout=60), 0)
                wait_until(lambda: not list(place.iterdir()), 30, "its folder is gone")


class GoesWrong(Rehearsed):
    def test_a_list_of_the_operators_is_in_the_way(self):
        ours = IOS.replace(" ip nat outside\n", " ip access-group OUTSIDE-IN in\nip access-list extended OUTSIDE-IN\n permit ip 192.0.2.0 0.0.0.255 any\n permit tcp any any eq 443\n")
        self.operator(ONE, edge1=ours)
        said = self.rehearse("--from", "192.0.2.10", code=5).stdout
        self.assertIn("OUTSIDE-IN", said)
        self.assertIn("push        not done", said)
        self.assertIn("from 192.0.2.10 at GigabitEthernet0/1: before it passes (acl4/OUTSIDE-IN 10); afterwards it passes (acl4/OUTSIDE-IN 10)", said)
        self.assertIn("difference  none", said)

    def test_the_bastion_is_cut_off(self):
        # Somebody's deny in the list that setup is to bind covers the bastion.
        trap = IOS.replace("router bgp", "ip access-list extended BANPUSH-IN4\n deny ip 192.0.2.0 0.0.0.255 any\n permit ip any any\nrouter bgp")
        self.operator(ONE, edge1=trap)
        said = self.rehearse("--from", "192.0.2.10", code=5).stdout
        self.assertIn("RISK        a packet from 192.0.2.10 passed before, and is dropped afterwards at GigabitEthernet0/1 by acl4/BANPUSH-IN4 10", said)
        self.assertIn("+ ip access-group BANPUSH-IN4 in", said)

    def test_another_bastion_is_banned(self):
        self.operator(ONE, bans=("192.0.2.77",), edge1=IOS)
        risks = self.document("--from", "192.0.2.10", "--from", "192.0.2.77", code=5)["edge1"]["risks"]
        self.assertEqual(len(risks), 1, risks)
        self.assertIn("192.0.2.77 passed before, and is dropped", risks[0])
        # A pause that the operator's state file knows is a pause here.
        self.banpush("pause", "edge1", "--reason", "works")
        before = self.files()
        said = self.rehearse("--from", "192.0.2.10", code=5).stdout
        self.assertIn("paused, as the real device is", said)
        self.assertNotIn("no ledger", said)
        self.assertEqual(self.files(), before)
        self.banpush("resume", "edge1")
        # banpush's own address it finds out by itself, on the twin as on the router, and does not ban.
        one = self.document("--from", "192.0.2.77", code=0)["edge1"]
        self.assertEqual(one["push"]["left_out"], 1)

    def test_a_twin_that_ends(self):
        self.operator(BARE)
        kept = self.folder / "kept"
        argv = [LAB, "rehearse", "-c", str(self.folder / "banpush.yaml"), "-d", str(kept)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=self.environment()) as rehearsing:
            wait_until(lambda: list(kept.glob("edge1.state.db*")) or list(kept.glob("edge1.spool.db*")), 30, "banpush runs")
            children = pathlib.Path(f"/proc/{rehearsing.pid}/task/{rehearsing.pid}/children").read_text().split()
            twin = [int(child) for child in children if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "banpush-lab"]
            os.kill(twin[0], signals.SIGKILL)
            said, _ = rehearsing.communicate(timeout=120)
        self.assertEqual(rehearsing.returncode, 4, said)
        self.assertIn("the twin of edge1 has ended by itself", said)

    def test_what_cannot_be_rehearsed(self):
        self.operator(ONE.replace("driver: cisco_ios,", "driver: cisco_iosx,"), bans=())
        self.assertIn("cisco_iosx", self.rehearse(code=2).stderr)
        self.operator(ONE)
        self.assertIn("edge1.cfg is not there", self.document(code=4)["edge1"]["why"])
        self.assertIn('"edge2"', self.rehearse("edge2", code=2).stderr)
        self.operator(ONE, bans=(), edge1=IOS.replace("GigabitEthernet0/1", "GigabitEthernet0/7"))
        self.assertIn("attach names GigabitEthernet0/1", self.document(code=4)["edge1"]["why"])

    def test_without_the_table_and_without_a_running_configuration(self):
        self.operator(ONE.replace("GigabitEthernet0/1}", "GigabitEthernet0/0}"), bans=())
        self.assertIn("--bans", self.rehearse(code=3, running=False).stderr)
        (self.folder / "some.txt").write_text("# a list\n203.0.113.7\n203.0.113.128/25 # a network\n")
        said = self.rehearse("--bans", str(self.folder / "some.txt"), code=0, running=False).stdout
        self.assertIn(f"bans: 2 rows of {self.folder}/some.txt", said)
        self.assertIn("none was given (--running)", said)
        self.assertFalse((self.folder / "bans.db").exists())
        (self.folder / "some.txt").write_text("203.0.113.777\n")
        self.assertIn("some.txt:1", self.rehearse("--bans", str(self.folder / "some.txt"), code=2, running=False).stderr)


if __name__ == "__main__":
    ending.main()
