#!/usr/bin/python3
"""Open vSwitch, the real one with its userspace datapath in a namespace: a banned host's packets are dropped by
the bridge after a push and pass again after unban and push; flows of others stay as they are."""
import os
import shutil
import tempfile
import pathlib
import unittest

import topology
from scenario import Site
from topology import comes_within, run, wait_until
import ending

PROGRAMS = ("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl")
COOKIE = "cookie=0xba0/-1"


class Switch:
    """Three hosts on one bridge: attacker, client and server. Everything is taken away by close()."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-ovs-"))
        self.tag = f"bp{os.getpid()}"
        self.namespaces, self.processes = [], []
        self.switch = self.namespace("switch")
        self.environment = {**os.environ, "OVS_RUNDIR": str(self.folder), "OVS_DBDIR": str(self.folder), "OVS_LOGDIR": str(self.folder)}
        self.hosts = {name: self.namespace(name) for name in ("attacker", "client", "server")}
        self.start()
        for number, (name, namespace) in zip((7, 8, 80), self.hosts.items()):
            run("ip", "link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", name, "netns", self.switch)
            run("ip", "-n", self.switch, "link", "set", name, "up")
            run("ip", "-n", namespace, "-batch", "-", input=f"link set lo up\nlink set eth0 up\naddr add 203.0.113.{number}/24 dev eth0\n"
                f"addr add 2001:db8:1::{number}/64 dev eth0\n")
            # The userspace datapath does not fill in checksums that were left to hardware.
            run("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", "tx", "off", check=False)
            self.program("ovs-vsctl", "--no-wait", f"--db=unix:{self.folder}/db.sock", "add-port", "br0", name)

    def namespace(self, name):
        full = f"{self.tag}-{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        run("ip", "netns", "exec", full, "sysctl", "-q", "-w", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        return full

    def program(self, *argv, check=True):
        return run("ip", "netns", "exec", self.switch, "env", f"OVS_RUNDIR={self.folder}", f"OVS_DBDIR={self.folder}", *argv, check=check)

    def daemon(self, *argv):
        pid_file = self.folder / f"{argv[0]}.pid"
        self.program(*argv, f"--pidfile={pid_file}", "--detach", "--no-chdir", f"--log-file={self.folder}/{argv[0]}.log", f"--unixctl={self.folder}/{argv[0]}.ctl")
        wait_until(pid_file.exists, 5, f"{argv[0]} wrote its pid file")
        self.processes.append(int(pid_file.read_text()))

    def start(self):
        run("ovsdb-tool", "create", self.folder / "conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self.daemon("ovsdb-server", self.folder / "conf.db", f"--remote=punix:{self.folder}/db.sock")
        self.program("ovs-vsctl", "--no-wait", f"--db=unix:{self.folder}/db.sock", "init")
        self.daemon("ovs-vswitchd", f"unix:{self.folder}/db.sock", "--disable-system")
        self.program("ovs-vsctl", "--timeout=100", f"--db=unix:{self.folder}/db.sock", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "fail-mode=standalone")
        self.bridge = f"unix:{self.folder}/br0.mgmt"
        wait_until((self.folder / "br0.mgmt").exists, 5, "the bridge stands")

    def flows(self, of=None):
        words = [of] if of else []
        text = self.program("ovs-ofctl", "-O", "OpenFlow14", "--no-stats", "dump-flows", self.bridge, *words).stdout
        return sorted(line.strip() for line in text.splitlines())

    def reaches(self, name, address, wait="1"):
        family = "-6" if ":" in address else "-4"
        return run("ip", "netns", "exec", self.hosts[name], "ping", family, "-c", "1", "-W", wait, address, check=False).returncode == 0

    def close(self):
        for pid in reversed(self.processes):
            try:
                os.kill(pid, 15)
            except OSError:
                continue
            comes_within(lambda pid=pid: topology.has_ended(pid), 10)
        for name in self.namespaces:
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class OpenVSwitch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise unittest.SkipTest(f"not installed: {', '.join(missing)}")
        if os.geteuid() != 0 or not topology.namespaces_permitted():
            raise unittest.SkipTest("network namespaces are not permitted here")
        cls.net = Switch()
        cls.addClassCleanup(cls.net.close)

    def setUp(self):
        self.net.program("ovs-ofctl", "-O", "OpenFlow14", "del-flows", self.net.bridge)
        self.net.program("ovs-ofctl", "-O", "OpenFlow14", "add-flow", self.net.bridge, "priority=0,actions=NORMAL")
        devices = {"sw1": {"address": "local", "driver": "openvswitch", "run_with": ["ip", "netns", "exec", self.net.switch], "params": {"bridge": self.net.bridge}}}
        self.site = Site(self.net.folder / self.id().rpartition(".")[2], devices)
        self.site.run("init")

    def ban(self, *addresses):
        for address in addresses:
            self.site.run("ban", address, "--jail", "sshd", "--no-push")

    def test_packets_are_dropped_and_pass_again(self):
        for name in ("attacker", "client"):
            for server in ("203.0.113.80", "2001:db8:1::80"):
                wait_until(lambda name=name, server=server: self.net.reaches(name, server), 10, f"{name} reaches {server}")
        self.ban("203.0.113.7", "2001:db8:1::7")
        self.assertEqual(self.site.device("push")["outcome"], "changed")
        for server in ("203.0.113.80", "2001:db8:1::80"):
            self.assertFalse(self.net.reaches("attacker", server))
            self.assertTrue(self.net.reaches("client", server, wait="20"))
        again = self.site.device("push")
        self.assertEqual((again["outcome"], again["script"]), ("in_sync", ""))
        for address in ("203.0.113.7", "2001:db8:1::7"):
            self.site.run("unban", address, "--no-push")
        self.assertEqual(self.site.device("push")["outcome"], "changed")
        self.assertEqual(self.net.flows(COOKIE), [])
        for server in ("203.0.113.80", "2001:db8:1::80"):
            self.assertTrue(self.net.reaches("attacker", server, wait="20"))

    def test_flows_of_others_are_left_alone(self):
        theirs = ["cookie=0x5,priority=65535,ip,nw_src=198.51.100.9,actions=drop", "cookie=0x5,priority=7,ip,nw_src=198.51.100.0/24,actions=NORMAL"]
        for flow in theirs:
            self.net.program("ovs-ofctl", "-O", "OpenFlow14", "add-flow", self.net.bridge, flow)
        before = self.net.flows()
        self.ban("198.51.100.9", "198.51.100.10")
        report = self.site.device("push")
        self.assertEqual([one["prefix"] for one in report["add"]], ["198.51.100.10/32"])
        self.assertIn("198.51.100.9/32", {one["prefix"] for one in report["left_out"]})
        self.site.run("flush", "sw1")
        self.assertEqual(self.net.flows(), before)

    def test_a_restart_is_repaired(self):
        self.ban("203.0.113.7")
        self.site.run("push")
        self.net.program("ovs-ofctl", "-O", "OpenFlow14", "del-flows", self.net.bridge, COOKIE)
        self.assertEqual(self.site.device("push")["outcome"], "changed")
        self.assertEqual(len(self.net.flows(COOKIE)), 1)

    def test_a_widened_flow_is_no_entry(self):
        # Without `ip` the address is dropped from the match, and everything from the packets.
        self.net.program("ovs-ofctl", "add-flow", self.net.bridge, "cookie=0xba0,priority=1,nw_src=203.0.113.7,actions=drop")
        self.ban("203.0.113.7")
        self.assertEqual([one["prefix"] for one in self.site.device("plan")["add"]], ["203.0.113.7/32"])

    def test_a_bridge_that_is_gone_is_no_empty_table(self):
        self.site.settings["devices"]["sw1"]["params"]["bridge"] = f"unix:{self.net.folder}/nosuch.mgmt"
        self.site.write()
        self.ban("203.0.113.7")
        report = self.site.device("push", code=1)
        self.assertEqual(report["outcome"], "failed")
        self.assertIn("nosuch.mgmt", report["error"])


if __name__ == "__main__":
    ending.main()
