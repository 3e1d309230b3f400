#!/usr/bin/python3
"""Whatever a NETCONF device answers, at whatever step: a clear error for that device, the others go on, and it is left
as it was or as asked, never between. And the service over NETCONF: one session, kept; a new one when it was cut."""
import signal
import subprocess
import time

from device import BASE, CUT, LOST, error
from netconf_case import PATIENCE, NetconfCase, prefixes, until, scenario
import ending

HOSTS = [f"203.0.113.{i}" for i in range(1, 9)]
BOMB = ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "' + "x" * 50 + '"><!ENTITY b "' + "&a;" * 50 + '"><!ENTITY c "' + "&b;" * 50 + '">]>'
        f'<rpc-reply xmlns="{BASE}" message-id="1"><data>&c;</data></rpc-reply>').encode()
# What comes instead of an answer, and what the error then says.
ANSWERS = {
    "cut off": (b"<rpc-reply><ok", "not whole XML"),
    "entities": (BOMB, "document type"),
    "another namespace": (b'<rpc-reply xmlns="urn:example:other" message-id="1"><ok/></rpc-reply>', "unknown namespace urn:example:other"),
    "a prefix of nothing": (f'<x:rpc-reply message-id="1"><x:ok/></x:rpc-reply>'.encode(), "stands for nothing"),
    "an error of the namespace": (error("unknown-namespace", "no such model", info="<bad-namespace>urn:banpush:address-set</bad-namespace>"), "unknown-namespace"),
    "nothing at all": ("", "neither"),
    "the end of the session": (CUT, "ended the session"),
}
STEPS = ("lock", "discard-changes", "edit-config", "validate", "commit")


class EveryStep(NetconfCase):
    def answered(self, operation, what, words):
        """One push in which the device answers once like that, done or not done before."""
        done = set()

        def once(session, rpc):
            if not done:
                done.add(operation)
                return what
            return None

        before = self.held()
        self.device.faults = {operation: once}
        report = self.push(code=1)
        self.assertEqual(report["outcome"], "failed")
        self.assertIn(words, report["error"])
        self.assertIn(operation, report["error"]) if what is not CUT else None
        self.assertTrue(until(lambda: self.device.pending is None))
        self.assertEqual(self.held(), before, "as it was")
        self.assertTrue(until(lambda: not self.device.locks), "and not locked")
        self.time_to_confirm_is_over()  # whether a commit was taken that was answered like that nobody knew

    def test_instead_of_an_answer(self):
        self.start()
        self.site.insert(HOSTS[:2])
        self.push()
        self.site.insert(HOSTS[2:4])
        for number, (what, (answer, words)) in enumerate(ANSWERS.items()):
            # Every answer at one of the steps, each step meets several.
            for operation in {STEPS[number % len(STEPS)], "edit-config", "commit"}:
                with self.subTest(f"{what} to {operation}"):
                    self.answered(operation, answer, words)
        self.device.faults = {}
        self.assertEqual(self.push()["outcome"], "changed")
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]))

    def test_behind_the_commit(self):
        """It has committed, and then talks nonsense: not confirmed, so it goes back."""
        self.start()
        self.site.insert(HOSTS[:2])
        self.push()
        self.site.insert(HOSTS[2:4])
        for what in ("cut off", "entities", "another namespace"):
            with self.subTest(what):
                self.device.faults = {"get-config": lambda session, rpc: ANSWERS[what][0] if self.device.pending else None}
                report = self.push(code=1)
                self.assertIn(ANSWERS[what][1], report["error"])
                self.assertIn("it was not confirmed, so the device holds what it held before", report["error"])
                self.time_to_confirm_is_over()
                self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_another_namespace_in_the_hello(self):
        self.start(set_up=False)
        self.device.hello = '<hello xmlns="urn:example:other"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities><session-id>1</session-id></hello>'
        self.assertIn("unknown namespace urn:example:other", self.site.run("setup", "dut", code=1).stderr)
        self.device.hello = '<!DOCTYPE hello [<!ENTITY a "x">]>' + self.device.hello.replace("urn:example:other", BASE)
        self.assertIn("document type", self.site.run("setup", "dut", code=1).stderr)

    def test_the_first_question_of_a_session_is_lost(self):
        """netconfd drops what it reads together with the hello."""
        self.start()
        self.site.insert(HOSTS[:1])
        asked, late = [], []

        def lost_at_first(session, rpc):
            asked.append(session.number)
            return LOST if len(asked) == 1 else None

        def slow_at_first(session, rpc):
            late.append(session.number)
            if len(late) == 1:
                time.sleep(11)

        self.device.faults["get-config"] = lost_at_first
        begin = time.monotonic()
        self.assertEqual(self.push()["outcome"], "changed")
        self.assertLess(time.monotonic() - begin, PATIENCE, "not the whole of its silence")
        self.assertEqual(asked[0], asked[1], "in the same session")
        # Its answer to the first comes after all, and then one to the second, which is left out.
        self.site.insert(HOSTS[1:2])
        self.device.faults["get-config"] = slow_at_first
        self.assertEqual(self.push()["outcome"], "changed")
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_what_changes_something_is_not_sent_twice(self):
        self.start()
        self.times(connect_timeout="13s", silence="13s")
        self.site.insert(HOSTS[:1])
        self.device.faults["lock"] = lambda session, rpc: LOST
        self.device.log.clear()
        self.assertIn("lock: nothing came for 13 s", self.push(code=1)["error"])
        self.assertEqual([operation for _, operation in self.device.log].count("lock"), 1)

    def test_the_others_go_on(self):
        self.start()
        other = type(self.device)(self.folder / "other", self.device.keys).__enter__()
        self.addCleanup(other.__exit__)
        self.site.settings["devices"]["hostile"] = other.device("yang_set")
        self.site.write()
        other.faults["get-config"] = lambda session, rpc: BOMB
        self.site.insert(HOSTS[:1])
        done = self.site.json("push", code=1)
        self.assertEqual({one["device"]: one["outcome"] for one in done["devices"]}, {"dut": "changed", "hostile": "failed"})
        self.assertEqual(self.held(), prefixes(HOSTS[0]))


class Service(NetconfCase):
    def test_a_session_is_kept_and_made_anew_when_it_was_cut(self):
        self.start(confirm="4s")
        self.site.settings["serve"] = {"poll": "100ms", "audit": "15m", "socket": f"{self.site.folder}/s.sock"}
        self.site.write()
        log = open(self.folder / "log", "wb")
        self.addCleanup(log.close)
        service = subprocess.Popen([scenario.binary(), "-c", str(self.site.config), "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(lambda: (service.poll() is None and service.kill(), service.wait()))

        def bans(host):
            self.site.insert([host])
            self.assertTrue(until(lambda: self.held() and prefixes(host)[0] in self.held() and self.device.pending is None), (self.folder / "log").read_text())

        bans(HOSTS[0])
        first = self.changers()
        bans(HOSTS[1])
        bans(HOSTS[2])
        self.assertEqual(self.changers(), first, "the session of the first change carried the others, too")
        sessions = self.device.sessions
        self.device.faults["get-config"] = lambda session, rpc: CUT if self.device.pending else None
        self.site.insert([HOSTS[3]])
        self.assertTrue(until(lambda: "left alone until" in (self.folder / "log").read_text()))
        self.assertEqual([one["name"] for one in self.site.json("status")["devices"][0]["conditions"]], ["unconfirmed", "unreachable"])
        self.assertTrue(until(lambda: self.device.sessions > sessions), "it logs in again once the device has returned")
        self.device.faults.clear()
        self.assertTrue(until(lambda: self.held() == prefixes(*HOSTS[:4]), 60), (self.folder / "log").read_text())
        self.assertNotEqual(self.changers(), first)
        self.assertIn("was not confirmed: the device returns by itself to what it held before, and is left alone until", (self.folder / "log").read_text())
        service.send_signal(signal.SIGTERM)
        self.assertEqual(service.wait(PATIENCE), 0)
        self.assertTrue(until(lambda: not self.device.locks))

    def changers(self):
        return {number for number, operation in self.device.log if operation == "edit-config"}


if __name__ == "__main__":
    ending.main()
