#!/usr/bin/python3
"""NETCONF as a transport: confirmed commits, locks, warnings, hostile answers; the real banpush against a
device in the test's process, behind a real sshd."""
import signal
import subprocess
import threading
import time

from device import BASE, CAPABILITIES, CUT, SILENT, error
from netconf_case import PATIENCE, NetconfCase, prefixes, until
from scenario import binary
import ending

HOSTS = [f"203.0.113.{i}" for i in range(1, 9)]


class Commits(NetconfCase):
    def filled(self, **more):
        self.start(**more)
        self.site.insert(HOSTS[:2])
        self.push()
        self.forget()
        self.site.insert(HOSTS[2:4])

    def test_it_is_confirmed_only_after_a_second_connection(self):
        self.filled()
        self.push()
        commits = [i for i, (_, operation) in enumerate(self.device.log) if operation == "commit"]
        self.assertEqual(len(commits), 2)
        sessions = {number for number, _ in self.device.log}
        self.assertEqual(len(sessions), 2)
        second = next(i for i, (number, _) in enumerate(self.device.log) if number == max(sessions))
        self.assertTrue(commits[0] < second < commits[1], self.device.log)
        self.assertIsNone(self.device.pending)
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]))

    def test_no_second_connection_and_it_is_taken_back_at_once(self):
        self.filled()
        first = self.device.sessions + 1
        self.device.refuse = lambda number: number > first
        report = self.push(code=1)
        self.assertIn("a second session could not be opened", report["error"])
        self.assertIn("the change was cancelled, and the device shows again what it held before", report["error"])
        self.assertIn("cancel-commit", self.device.operations())
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_a_second_connection_that_is_turned_away_at_once_is_tried_again(self):
        """Devices have few sessions, and count those that have just ended for a moment."""
        self.filled()
        first = self.device.sessions + 1
        self.device.refuse = lambda number: first < number <= first + 2
        self.assertEqual(self.push()["outcome"], "changed")
        self.assertEqual(self.device.sessions, first + 3)
        self.assertIsNone(self.device.pending)
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]))

    def test_no_second_connection_and_no_cancel_either(self):
        self.filled()
        first = self.device.sessions + 1
        self.device.refuse = lambda number: number > first
        self.device.faults["cancel-commit"] = lambda session, rpc: error("operation-failed", "not now")
        report = self.push(code=1)
        self.assertIn("a second session could not be opened", report["error"])
        self.assertIn("returns by itself to what it held before, when its time to confirm is over (confirm: 120s)", report["error"])
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]), "the timer is still running")
        self.time_to_confirm_is_over()
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_the_connection_is_cut_between_commit_and_confirm(self):
        self.filled()
        self.device.faults["get-config"] = lambda session, rpc: CUT if self.device.pending else None
        report = self.push(code=1)
        self.assertIn("ended the session", report["error"])
        self.time_to_confirm_is_over()
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def start_push(self):
        process = subprocess.Popen([binary(), "-c", str(self.site.config), "push"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))
        return process

    def killed(self, set_trap, number=signal.SIGKILL, **more):
        """banpush is ended as soon as the device comes to the trap, behind the commit and before the confirm."""
        self.filled(**more)
        reached, self.ended = threading.Event(), threading.Event()
        self.addCleanup(self.ended.set)

        def trap(session=None, rpc=None):
            if not self.device.pending:
                return None
            reached.set()
            return SILENT

        set_trap(trap)
        process = self.start_push()
        self.assertTrue(reached.wait(PATIENCE), self.device.log)
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]), "it is in force, and waits for its confirmation")
        process.send_signal(number)
        process.wait()
        self.ended.set()
        self.time_to_confirm_is_over()
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))
        self.device.faults.clear()
        self.device.after.clear()
        self.device.refuse = lambda number: False
        self.assertEqual(self.push()["outcome"], "changed", "and the next push finds nothing in its way")
        self.assertEqual(self.held(), prefixes(*HOSTS[:4]))

    def stop_at(self, operation):
        return lambda trap: self.device.faults.update({operation: trap})

    def test_killed_before_the_commit_is_answered(self):
        self.killed(lambda trap: self.device.after.update(commit=lambda session, rpc: self.ended.wait(PATIENCE) if trap() else None))

    def test_killed_while_it_reads_back(self):
        self.killed(self.stop_at("get-config"))

    def test_ended_while_it_reads_back(self):
        self.killed(self.stop_at("get-config"), signal.SIGTERM)

    def test_killed_while_the_second_session_opens(self):
        self.killed(lambda trap: setattr(self.device, "refuse", lambda number: trap() is SILENT and self.ended.wait(PATIENCE)))

    def test_killed_while_the_second_session_closes(self):
        self.killed(self.stop_at("close-session"))

    def test_killed_before_it_confirms(self):
        self.killed(self.stop_at("commit"))

    def test_killed_where_only_the_session_holds_the_commit(self):
        self.killed(self.stop_at("get-config"), capabilities=[one.replace("confirmed-commit:1.1", "confirmed-commit:1.0") for one in CAPABILITIES])

    def test_killed_at_any_moment(self):
        """Wherever it was: the old list, unless the confirmation had arrived."""
        self.filled()
        self.push()
        expected, confirmed = list(HOSTS[:4]), 0
        for step in range(10):
            with self.subTest(step):
                host = f"198.51.100.{step + 1}"
                self.site.rows("DELETE FROM fail2ban WHERE ip LIKE '198.51.100.%'")
                self.site.insert([host, *(one for one in expected if one.startswith("198."))])
                self.forget()
                process = self.start_push()
                self.assertTrue(until(lambda: "commit" in self.device.operations()))
                time.sleep(0.03 * step)
                process.kill()
                process.wait()
                self.time_to_confirm_is_over()
                if self.device.operations().count("commit") == 2:
                    expected.append(host)
                    confirmed += 1
                self.assertEqual(self.held(), prefixes(*expected))
        self.assertLess(confirmed, 10, "not once it came between commit and confirm")

    def test_without_a_candidate_the_running_configuration_is_edited_and_saved(self):
        self.start(capabilities=[one for one in CAPABILITIES if not any(word in one for word in ("candidate", "confirmed", "validate"))], save="each")
        self.site.insert(HOSTS[:2])
        self.push()
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))
        self.assertNotIn("commit", self.device.operations())
        self.assertIn("copy-config", self.device.operations())
        self.assertEqual(len(list(self.device.startup.root.iter())), len(list(self.device.running.root.iter())))

    def test_the_old_framing(self):
        self.start(capabilities=[one for one in CAPABILITIES if "base:1.1" not in one])
        self.site.insert(HOSTS)
        self.push()
        self.assertEqual(self.held(), prefixes(*HOSTS))


class Warned(NetconfCase):
    driver = "ietf_acl"

    def test_what_setup_asks_with_a_warning_refuses_it(self):
        self.start(set_up=False)
        self.device.faults["get-config"] = lambda session, rpc: (
            error("operation-failed", "subsystem timed out, data is incomplete", severity="warning") + session.do("get-config", rpc))
        for verb in (["setup", "dut"], ["setup", "dut", "--apply"], ["setup", "dut", "--remove"]):
            with self.subTest(verb=verb):
                self.assertIn("the device warned while it was asked what others have bound", self.site.run(*verb, code=5).stderr)
        self.assertNotIn("edit-config", self.device.operations())
        del self.device.faults["get-config"]
        self.site.run("setup", "dut", "--apply")


class Answers(NetconfCase):
    def test_a_warning_beside_ok_is_shown_and_no_failure(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.device.faults["validate"] = lambda session, rpc: error("operation-failed", "statement is deprecated", severity="warning") + "<ok/>"
        report = self.push()
        self.assertEqual(report["outcome"], "changed")
        self.assertIn("statement is deprecated", str(report))
        self.assertEqual(self.held(), prefixes(HOSTS[0]))

    def test_a_warning_beside_what_is_read_is_told_wherever_the_list_is(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.push()
        self.device.faults["get-config"] = lambda session, rpc: (
            error("operation-failed", "subsystem timed out, data is incomplete", severity="warning") + session.do("get-config", rpc))
        for verb in (["check", "--connect"], ["show", "dut"], ["plan", "dut"], ["push", "dut"]):
            with self.subTest(verb=verb):
                ran = self.site.run(*verb, code=0)
                self.assertIn("subsystem timed out, data is incomplete", ran.stdout + ran.stderr)
        self.assertEqual(self.held(), prefixes(HOSTS[0]))

    def test_a_refused_setup_leaves_nothing_in_the_candidate(self):
        self.start(set_up=False)
        self.device.keeps_candidate = True
        self.device.faults["validate"] = lambda session, rpc: error("operation-failed", "this is not to be")
        self.assertIn("this is not to be", self.site.run("setup", "dut", "--apply", code=1).stderr)
        del self.device.faults["validate"]
        self.site.run("setup", "dut", "--apply")

    def test_a_lock_held_by_another_is_named_and_waited_for(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.device.locks["candidate"] = 4711
        began = time.monotonic()
        report = self.push(code=1)
        self.assertIn("held by session 4711", report["error"])
        self.assertGreater(time.monotonic() - began, 2)
        self.assertLess(time.monotonic() - began, 60)
        self.assertGreater(self.device.operations().count("lock"), 2)
        self.assertNotIn("discard-changes", self.device.operations(), "what stands in the candidate is somebody else's")
        self.assertEqual(self.device.locks, {"candidate": 4711})
        threading.Timer(1.5, self.device.locks.clear).start()
        self.assertEqual(self.push()["outcome"], "changed")

    def test_a_device_that_says_nothing(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.times(silence="2s")
        self.device.faults["validate"] = lambda session, rpc: SILENT
        report = self.push(code=1)
        self.assertIn("nothing came for 2 s", report["error"])
        self.assertEqual(self.held(), [])

    def test_a_slow_commit_is_waited_for(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.times(silence="6s")

        def slow(session, rpc):
            time.sleep(9)

        self.device.faults["commit"] = slow
        self.assertEqual(self.push()["outcome"], "changed")

    def hostile(self, message, *words):
        self.device.faults["get-config"] = lambda session, rpc: message if isinstance(message, bytes) else message(rpc)
        report = self.push(code=1)
        self.assertEqual(report["outcome"], "failed")
        for word in words:
            self.assertIn(word, report["error"])

    def test_hostile_answers(self):
        self.start()
        self.site.insert(HOSTS[:2])
        self.push()
        bomb = ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "' + "x" * 50 + '"><!ENTITY b "' + "&a;" * 50 + '"><!ENTITY c "' + "&b;" * 50 + '">]>'
                f'<rpc-reply xmlns="{BASE}" message-id="1"><data>&c;</data></rpc-reply>').encode()
        self.hostile(bomb, "document type")
        self.hostile(b"<rpc-reply><data>", "whole XML")
        self.hostile(b"hello?", "without XML")
        self.hostile(b"<html><body>busy</body></html>", "an rpc-reply was due")
        deep = b"<rpc-reply xmlns='" + BASE.encode() + b"' message-id='1'><data>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</data></rpc-reply>"
        self.hostile(deep, "200 deep")
        self.device.faults["get-config"] = lambda session, rpc: "<ok/>"
        self.assertIn("neither data nor an error", self.push(code=1)["error"])
        self.device.faults["get-config"] = lambda session, rpc: (
            '<data><address-sets xmlns="urn:banpush:address-set"><address-set><name>BANPUSH4</name><prefix>all of it</prefix></address-set>'
            '<address-set><name>BANPUSH6</name></address-set></address-sets></data>')
        shown = self.site.run("show", "dut", code=None).stdout
        self.assertIn("all of it", shown, "a value that is no prefix is somebody else's")
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_a_server_that_lets_nothing_be_changed_is_refused_at_check(self):
        self.start(set_up=False, capabilities=[one for one in CAPABILITIES if not any(word in one for word in ("candidate", "writable", "confirmed"))])
        ran = self.site.run("check", "--connect", code=1)
        self.assertIn("offers neither :candidate nor :writable-running", ran.stdout + ran.stderr)
        self.assertNotIn("setup dut --apply", ran.stdout + ran.stderr)
        self.assertNotIn("get-config", self.device.operations())

    def test_a_server_without_message_ids_is_refused_at_check(self):
        self.start()
        self.device.faults["get-config"] = lambda session, rpc: f'<rpc-reply xmlns="{BASE}">{session.do("get-config", rpc)}</rpc-reply>'.encode()
        ran = self.site.run("check", "--connect", code=1)
        self.assertIn("the answer names no message-id", ran.stdout + ran.stderr)

    def test_an_answer_without_or_with_another_message_id(self):
        self.start()
        self.site.insert(HOSTS[:2])

        def late(session, rpc):
            session.send(f'<rpc-reply xmlns="{BASE}" message-id="99"><ok/></rpc-reply>')

        self.device.faults["edit-config"] = late
        self.assertEqual(self.push()["outcome"], "changed")
        self.unban(HOSTS[0])
        self.device.faults["edit-config"] = lambda session, rpc: f'<rpc-reply xmlns="{BASE}"><ok/></rpc-reply>'.encode()
        self.assertIn("message-id", self.push(code=1)["error"])
        self.assertEqual(self.held(), prefixes(*HOSTS[:2]))

    def test_fifty_megabytes(self):
        self.start()
        self.site.insert(HOSTS[:2])
        self.push()
        others = "".join(f"<prefix>10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}/32</prefix>" for i in range(1))
        filler = "<note>" + "x" * 1000 + "</note>"
        self.device.faults["get-config"] = lambda session, rpc: (
            '<data><address-sets xmlns="urn:banpush:address-set"><address-set><name>BANPUSH4</name>' + "".join(f"<prefix>{host}/32</prefix>" for host in HOSTS[:2])
            + others + '</address-set><address-set><name>BANPUSH6</name></address-set></address-sets>' + filler * 50000 + "</data>")
        report = self.site.device("plan", "--exit-code", code=None, timeout=1200)
        self.assertNotEqual(report["outcome"], "failed", report)

    def test_more_than_the_lists_can_hold(self):
        self.start(budget={"ipv4": 1000, "ipv6": 1000})
        self.device.faults["get-config"] = lambda session, rpc: "<data>" + ("<note>" + "x" * 1000 + "</note>") * 7000 + "</data>"
        self.assertIn("4194304", self.site.device("plan", code=1, timeout=1200)["error"])

    def test_hellos(self):
        self.start()
        self.site.insert(HOSTS[:1])
        self.device.hello = f'<hello xmlns="{BASE}"><capabilities><capability>urn:example:other</capability></capabilities><session-id>1</session-id></hello>'
        self.assertIn("neither base:1.0 nor base:1.1", self.push(code=1)["error"])
        self.device.hello = "<hello><capabilities>"
        self.assertIn("not whole XML", self.push(code=1)["error"])
        self.device.hello = "Welcome!\r\n" + f'<hello xmlns="{BASE}"><capabilities>' + "".join(f"<capability>{one}</capability>" for one in CAPABILITIES) + "</capabilities><session-id>1</session-id></hello>"
        self.assertEqual(self.push()["outcome"], "changed")

    def test_three_hundred_modules_are_not_asked_for(self):
        modules = [f"urn:example:module-{i}?module=example-module-{i}&revision=2026-01-01" for i in range(300)]
        library = ["urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring&revision=2010-10-04",
                   "urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id=1"]
        self.start(capabilities=CAPABILITIES + library + modules)
        self.site.insert(HOSTS[:1])
        self.push()
        self.assertFalse({"get", "get-schema", "get-data"} & set(self.device.operations()))
        self.assertEqual(self.held(), prefixes(HOSTS[0]))

    def test_others_go_on(self):
        self.start()
        self.site.settings["devices"]["dead"] = {**self.site.settings["devices"]["dut"], "address": "127.0.0.77", "port": 9}
        self.site.write()
        self.site.insert(HOSTS[:1])
        done = self.site.json("push", code=1)
        outcomes = {one["device"]: one["outcome"] for one in done["devices"]}
        self.assertEqual(outcomes, {"dut": "changed", "dead": "failed"})


if __name__ == "__main__":
    ending.main()
