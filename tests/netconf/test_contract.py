#!/usr/bin/python3
"""The contract of every NETCONF driver, against the device in the test's process.   test_contract.py DRIVER"""
import sys
import unittest

from netconf_case import MODELS, NetconfCase, prefixes

HOSTS4 = [f"203.0.113.{i}" for i in range(1, 121)]
HOSTS6 = [f"2001:db8:7::{i:x}" for i in range(1, 121)]


class Contract(NetconfCase):
    driver = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in MODELS else "yang_set"

    def test_setup_prints_and_sends_and_may_be_repeated(self):
        self.start(set_up=False)
        shown = self.site.run("setup", "dut").stdout
        self.assertIn("<edit-config>", shown)
        self.assertNotIn("edit-config", self.device.operations())
        self.site.run("setup", "dut", "--apply")
        self.site.run("check", "--connect")
        self.site.insert(HOSTS4[:2])
        self.push()
        self.site.run("setup", "dut", "--apply")
        self.assertEqual(self.held(), prefixes(*HOSTS4[:2]))

    def test_fill_then_a_second_push_sends_nothing(self):
        self.start()
        self.site.insert(HOSTS4 + HOSTS6)
        planned = self.site.run("plan").stdout
        self.assertIn(HOSTS4[0], planned)
        self.assertIn("<edit-config>", planned)
        self.forget()
        report = self.push()
        self.assertEqual(report["outcome"], "changed")
        self.assertEqual(self.held(), prefixes(*HOSTS4, *HOSTS6))
        self.assertEqual(self.device.operations().count("edit-config"), 1, "one edit-config carries the whole change")
        self.assertFalse(self.device.locks, "the lock is given back")
        self.assertIsNone(self.device.pending)
        self.forget()
        self.assertEqual(self.push()["outcome"], "in_sync")
        self.assertEqual(set(self.device.operations()), {"get-config", "close-session"})

    def test_what_is_sent_is_what_was_planned(self):
        self.start()
        self.site.insert(HOSTS4[:5] + HOSTS6[:5])
        script = self.site.device("plan")["script"]
        self.forget()
        self.push()
        (sent,) = [request for request in self.device.requests if "edit-config" in request]
        config = script[script.index("<config>") + len("<config>"):script.index("</config>")].strip()
        self.assertIn(config, sent)

    def test_add_remove_and_add_again(self):
        self.start()
        self.site.insert([HOSTS4[0], HOSTS4[1], HOSTS6[0]])
        self.push()
        self.assertEqual(self.held(), prefixes(HOSTS4[0], HOSTS4[1], HOSTS6[0]))
        self.unban(HOSTS4[0], HOSTS6[0])
        self.push()
        self.assertEqual(self.held(), prefixes(HOSTS4[1]))
        self.site.insert([HOSTS4[0]])
        self.push()
        self.assertEqual(self.held(), prefixes(HOSTS4[0], HOSTS4[1]))
        shown = self.site.run("show", "dut").stdout
        self.assertIn(HOSTS4[0], shown)

    def test_networks(self):
        self.start()
        self.site.insert(["198.51.100.0/25", "2001:db8:8::/64"])
        self.push()
        self.assertEqual(self.held(), prefixes("198.51.100.0/25", "2001:db8:8::/64"))
        self.assertEqual(self.push()["outcome"], "in_sync")
        self.unban("198.51.100.0/25", "2001:db8:8::/64")
        self.push()
        self.assertEqual(self.held(), [])

    def test_flush(self):
        self.start()
        self.site.insert(HOSTS4[:3] + HOSTS6[:3])
        self.push()
        self.site.run("flush", "dut")
        self.assertEqual(self.held(), [])

    def test_a_refused_edit_changes_nothing(self):
        self.start()
        self.site.insert(HOSTS4[:1])
        self.push()
        before = self.held()
        self.site.insert(HOSTS4[1:3])
        self.device.faults["edit-config"] = lambda session, rpc: (
            "<rpc-error><error-type>application</error-type><error-tag>too-big</error-tag><error-severity>error</error-severity>"
            "<error-path>/a/b</error-path><error-message>no room</error-message><error-info><slots>0</slots></error-info></rpc-error>")
        report = self.push(code=1)
        for word in ("too-big", "application", "no room", "/a/b", "<slots>0</slots>"):
            self.assertIn(word, report["error"])
        self.assertEqual(self.held(), before)
        self.assertFalse(self.device.locks)
        del self.device.faults["edit-config"]
        self.push()
        self.assertEqual(self.held(), prefixes(*HOSTS4[:3]))

    def test_ok_to_everything_and_nothing_there(self):
        self.start()
        self.site.insert(HOSTS4[:2])
        self.device.faults["edit-config"] = lambda session, rpc: "<ok/>"
        report = self.push(code=1)
        self.assertIn("does not show 2 of 2 added", report["error"])
        self.assertIsNone(self.device.pending, "what is not there is not confirmed, and taken back")


if __name__ == "__main__":
    unittest.main()
