#!/usr/bin/python3
"""A change that cuts its own pusher off: the device stands in a network namespace, and as soon as it has committed
a real packet filter drops new connections to it, or all of them. It must be back to its old list when the time to
confirm is over, and the report must say so. Against the device in the test's process and against netconfd."""
import json
import os
import pathlib
import shutil
import tempfile
import threading
import time
import unittest

import netconfd
from device import CAPABILITIES
from netconf_case import HERE, PATIENCE, NetconfCase, prefixes, scenario, until
import topology
import ending

HOSTS = [f"203.0.113.{i}" for i in range(1, 9)]
OPERATOR, DEVICE = "10.77.0.2", "10.77.0.1"
CONFIRM = 25  # seconds
NEW = "tcp flags & (syn | ack) == syn drop"  # a connection that stands goes on
ALL = "meta l4proto tcp drop"


class Cable:
    """Two namespaces with a cable between them: `operator`, where banpush runs, and `device`."""

    def __init__(self):
        self.operator, self.device = (f"bp{os.getpid()}-{name}" for name in ("operator", "device"))
        self.made = []

    def __enter__(self):
        for name in (self.operator, self.device):
            topology.run("ip", "netns", "add", name)
            self.made.append(name)
        topology.run("ip", "link", "add", "eth0", "netns", self.operator, "type", "veth", "peer", "name", "eth0", "netns", self.device)
        for name, address in ((self.operator, OPERATOR), (self.device, DEVICE)):
            topology.run("ip", "-n", name, "-batch", "-", input=f"link set lo up\nlink set eth0 up\naddr add {address}/24 dev eth0\n")
        return self

    def __exit__(self, *_):
        for name in self.made:
            topology.run("ip", "netns", "del", name, check=False)

    def block(self, rule):
        topology.run("ip", "netns", "exec", self.device, "nft", "-f", "-", input=f"table inet cut {{\nchain in {{\ntype filter hook input priority 0;\n{rule}\n}}\n}}\n")

    def dropped(self):
        """Packets that the rule has taken so far."""
        text = topology.run("ip", "netns", "exec", self.device, "nft", "list", "ruleset").stdout
        return int(text.split("packets ")[1].split()[0])

    def unblock(self):
        topology.run("ip", "netns", "exec", self.device, "nft", "delete", "table", "inet", "cut")


def permitted():
    return os.geteuid() == 0 and topology.namespaces_permitted()


@unittest.skipUnless(permitted(), "network namespaces are not permitted here (they need root)")
class Blocked(NetconfCase):
    def setUp(self):
        self.cable = Cable()
        self.addCleanup(self.cable.__exit__)
        self.cable.__enter__()

    def cut_at_the_commit(self, rule):
        self.times(connect_timeout="7s", silence="5s")
        self.forget()
        self.committed = 0.0

        def cut(session, rpc):
            if not self.committed and self.device.pending:
                self.cable.block(rule.replace("drop", "counter drop"))
                self.committed = time.monotonic()

        self.device.after["commit"] = cut

    def filled(self, rule, **more):
        self.start(netns=self.cable.device, namespace=self.cable.operator, confirm=f"{CONFIRM}s", **more)
        self.site.insert(HOSTS[:2])
        self.push()
        self.site.insert(HOSTS[2:4])
        self.cut_at_the_commit(rule)

    def failed(self, *words):
        report = self.push(code=1)
        self.assertEqual(report["outcome"], "failed")
        for word in words:
            self.assertIn(word, report["error"])
        self.assertTrue(self.committed)
        self.assertGreater(self.cable.dropped(), 0, "the filter has dropped something")
        return report

    def returned(self):
        """Waits for the device's timer, looks, and lets banpush in again."""
        self.assertTrue(until(lambda: self.device.pending is None))
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))
        self.assertNotIn("203.0.113.3", "".join(self.device.texts("prefix")))
        self.cable.unblock()
        self.times(connect_timeout=f"{PATIENCE}s", silence=f"{PATIENCE}s", confirm=f"{PATIENCE}s")
        shown = self.site.json("show", "dut")  # a plan waits until banpush, too, takes the time to be over
        self.assertEqual(sorted(one["prefix"] for one in shown["add"]), prefixes(*HOSTS[2:4]))
        self.assertEqual(self.push()["outcome"], "changed", "the next push has nothing left in its way")
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]))

    def test_new_connections_are_dropped(self):
        self.filled(NEW)
        first = self.device.sessions + 1
        self.failed("a second session could not be opened", "not confirmed", "the change was cancelled, and the device shows again what it held before")
        self.assertEqual(self.device.sessions, first, "the second connection never arrived")
        self.assertEqual(self.device.operations().count("commit"), 1)
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))
        self.assertFalse(self.device.locks)
        self.returned()

    def test_new_connections_are_dropped_and_nothing_can_be_cancelled(self):
        """Only the device's own timer takes the change back."""
        self.filled(NEW)
        self.device.faults["cancel-commit"] = lambda session, rpc: "<rpc-error><error-type>protocol</error-type><error-tag>operation-not-supported</error-tag><error-severity>error</error-severity></rpc-error>"
        self.failed("a second session could not be opened", f"returns by itself to what it held before, when its time to confirm is over (confirm: {CONFIRM}s)")
        self.returned()

    def test_new_connections_are_dropped_and_the_session_alone_holds_the_commit(self):
        """Confirmed commits of RFC 4741: they end with their session."""
        self.filled(NEW, capabilities=[one.replace("confirmed-commit:1.1", "confirmed-commit:1.0") for one in CAPABILITIES])
        self.failed("a second session could not be opened", "not confirmed", "returns by itself to what it held before")
        self.returned()

    def test_everything_is_dropped(self):
        self.filled(ALL)
        self.failed("nothing came for 5 s", "it was not confirmed, so the device holds what it held before, at the latest when its time to confirm is over")
        self.returned()

    def test_a_setup_that_cuts_everything_off(self):
        self.start(set_up=False, netns=self.cable.device, namespace=self.cable.operator, confirm=f"{CONFIRM}s", confirm_when="risky")
        before = self.device.texts("name")
        self.cut_at_the_commit(ALL)
        done = self.site.run("setup", "dut", "--apply", "--json", code=1)
        told = json.loads(done.stdout)
        self.assertEqual(told["outcome"], "failed")
        self.assertTrue(told["dead_man"]["used"])
        for text in (told["error"], done.stderr):
            self.assertIn("the device holds what it held before, at the latest when its time to confirm is over", text)
        self.assertTrue(self.committed)
        self.assertTrue(until(lambda: self.device.pending is None))
        self.assertEqual(self.device.texts("name"), before)
        self.cable.unblock()
        self.times(connect_timeout=f"{PATIENCE}s", silence=f"{PATIENCE}s", confirm=f"{PATIENCE}s")
        done = self.site.run("setup", "dut", "--apply")
        self.assertIn("was not confirmed", done.stderr, "it was waited for")
        self.assertNotEqual(self.device.texts("name"), before)

    def test_the_report_in_words(self):
        self.filled(NEW)
        done = self.site.run("push", code=1)
        for word in ("dut", "failed", "a second session could not be opened", "shows again what it held before"):
            self.assertIn(word, done.stdout + done.stderr)
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))


@unittest.skipUnless(permitted(), "network namespaces are not permitted here (they need root)")
@unittest.skipIf(netconfd.missing(), netconfd.missing())
class BlockedRealServer(unittest.TestCase):
    """netconfd, its sshd in a namespace; its own timer."""

    def start(self):
        cable = Cable().__enter__()
        self.addCleanup(cable.__exit__)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="netconfd-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.mishaps = folder / "mishaps"
        (self.mishaps / "open").mkdir(parents=True)
        server = netconfd.Netconfd(folder / "server", netns=cable.device, address=DEVICE, through=["/usr/bin/python3", HERE / "meddler.py", self.mishaps]).__enter__()
        self.addCleanup(server.__exit__)
        site = scenario.Site(folder / "site", {"dut": server.device("yang_set", confirm=f"{CONFIRM}s", confirm_when="always", connect_timeout="7s", silence="20s")}, cable.operator, limits={"floor": 100000},
                             policy={"aggregate": "none"})
        site.run("init")
        site.run("setup", "dut", "--apply")
        site.insert(HOSTS[:2])
        site.run("push")
        site.insert(HOSTS[2:4])
        return cable, site

    def block_before_the_commit(self, cable):
        """Drops new connections while the session waits with its commit."""
        (self.mishaps / "faults.json").write_text(json.dumps([{"at": "commit", "do": "pause"}]))

        def watch():
            if until((self.mishaps / "paused").exists):
                cable.block(NEW.replace("drop", "counter drop"))
            (self.mishaps / "go").touch()

        watcher = threading.Thread(target=watch)
        watcher.start()
        return watcher

    def test_new_connections_are_dropped(self):
        cable, site = self.start()
        watcher = self.block_before_the_commit(cable)
        report = site.device("push", code=1)
        ended = time.monotonic()
        watcher.join()
        self.assertGreater(cable.dropped(), 0)
        self.assertIn("a second session could not be opened", report["error"])
        self.assertIn("what it held before", report["error"])
        time.sleep(max(0.0, ended + CONFIRM + 1 - time.monotonic()))
        cable.unblock()
        self.assertEqual(sorted(one["prefix"] for one in site.json("show", "dut")["add"]), prefixes(*HOSTS[2:4]), "it holds the old list")
        self.assertEqual(site.device("push")["outcome"], "changed")


if __name__ == "__main__":
    ending.main()
