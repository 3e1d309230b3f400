#!/usr/bin/python3
"""What is protected by itself: every next hop that the kernel knows, and the name servers behind a resolver on this host; and
what is said where a protected name stands for nothing."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import scenario
import topology
from scenario import SOURCE, Site, binary

# Next hops as a kernel may have them; all of them in a namespace of the test's own.
ROUTES = """
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve
echo 'nameserver 198.18.9.9' >/run/systemd/resolve/resolv.conf
echo 'nameserver 127.0.0.53' >/run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
ip link set lo up
ip link add d0 type veth peer name d1
ip link set d0 up
ip link set d1 up
ip addr add 198.18.5.1/24 dev d0
ip -6 addr add 2001:db8:5::1/64 dev d0 nodad
ip route add default nexthop via 198.18.5.254 nexthop via 198.18.5.253
ip route add 203.0.113.128/25 via 198.18.5.252 table 100
ip rule add from 198.18.5.1 table 100
ip nexthop add id 9 via 198.18.5.251 dev d0
ip route add 192.0.3.0/24 nhid 9
ip route add 192.0.4.0/24 via inet6 2001:db8:5::fd
ip -6 route add default via 2001:db8:5::fe
ip -6 route add 2001:db8:77::/48 nexthop via 2001:db8:5::fb nexthop via 2001:db8:5::fa
ip -6 route add 2001:db8:78::/48 via 2001:db8:5::f9 table 100
"""
GATEWAYS = ["198.18.5.254", "198.18.5.253", "198.18.5.252", "198.18.5.251", "2001:db8:5::fd", "2001:db8:5::fe", "2001:db8:5::fb", "2001:db8:5::fa", "2001:db8:5::f9"]


class Protected(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-protected-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    @unittest.skipUnless(os.geteuid() == 0 and topology.namespaces_permitted(), "network namespaces are not permitted here")
    def test_every_next_hop_and_the_name_servers_behind_a_stub(self):
        site = Site(self.folder / "site", {}, policy={"reserved": "allowed"})
        bans = "".join(f"{binary()} -c {site.config} --json ban {one} --no-push; echo $?\n" for one in [*GATEWAYS, "198.18.9.9", "198.18.5.77", "2001:db8:5::77"])
        done = subprocess.run(["unshare", "--mount", "--net", "--propagation", "private", "/bin/sh", "-c", f"{ROUTES}\n{binary()} -c {site.config} init >&2\n{bans}"],
                              capture_output=True, text=True, timeout=topology.PATIENCE, env={**os.environ, "BANPUSH_DATADIR": str(SOURCE)})
        codes = [line for line in done.stdout.splitlines() if line.isdigit()]
        self.assertEqual(codes, ["5"] * (len(GATEWAYS) + 1) + ["0", "0"], done.stdout + done.stderr)
        self.assertIn("a gateway of this host on d0", done.stdout)
        self.assertIn("a name server of this host", done.stdout)

    def test_a_protected_name_without_an_answer_is_said_by_who_only_looks(self):
        devices = {"edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}}
        site = Site(self.folder / "site", devices, policy={"protect": ["nosuch.invalid"]})
        site.run("init")
        site.insert(["203.0.113.5"])
        (device,) = site.json("explain", "203.0.113.5")["devices"]
        self.assertIn("nothing is pushed to any device: ", device["reason"])
        self.assertIn("nosuch.invalid does not resolve", device["reason"])
        self.assertNotIn("the next push brings it", device["reason"])
        self.assertIn("nothing is pushed to any device: ", site.run("status").stdout)
        (unknown,) = site.json("status")["unknown_hosts"]
        self.assertIn("nosuch.invalid", unknown)
        self.assertIn(unknown, site.run("push", code=2).stderr)


if __name__ == "__main__":
    scenario.main()
