#!/usr/bin/python3
"""The emulated devices do what the platforms they stand for do. Spoken to with OpenSSH's client, not with banpush.

    devices.py PATH-OF-BANPUSH-LAB
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import control

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import PATIENCE, wait_until  # noqa: E402
import ending  # noqa: E402

LAB = ""


class Lab(unittest.TestCase):
    def up(self, devices):
        self.folder = tempfile.mkdtemp(prefix="banpush-lab-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        file = pathlib.Path(self.folder, "network.yaml")
        file.write_text(json.dumps({"devices": devices}))
        self.lab = subprocess.Popen([LAB, "run", str(file), "-d", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    text=True)
        self.addCleanup(self.down)
        first = self.lab.stdout.readline()
        self.assertTrue(first.startswith("lab "), first)

    def down(self):
        self.lab.stdin.close()
        self.lab.wait(PATIENCE)
        self.lab.stdout.close()

    def ssh(self, device, user="banpush", command=(), pty="-tt"):
        return control.ssh(self.folder, device, user, command, pty)

    def said(self, device, *lines, user="banpush"):
        return control.said(self.folder, device, *lines, user=user)

    def enable(self, device):
        return control.enable(self.folder, device)

    def tell(self, device, *words):
        return control.tell(self.folder, device, *words)

    def numbers(self, device, kind, name, which="running"):
        return [entry["number"] for entry in self.tell(device, "state")[which][kind][name]["entries"]]


class SequencedLists(Lab):
    def on(self, device, *lines, **more):
        return self.said(device, "enable", self.enable(device), "terminal length 0", *lines, "end", "exit", **more)

    def test_the_words_for_the_same_entry_differ_by_train(self):
        self.up({"old": {"device": "cisco_ios"}, "new": {"device": "cisco_ios", "train": "xe"}})
        lines = ("configure terminal", "ip access-list extended L", "10 permit ip any any", "5 deny ip host 203.0.113.7 any", "7 deny ip host 203.0.113.7 any",
                 "5 deny ip host 203.0.113.8 any")
        old, new = self.on("old", *lines), self.on("new", *lines)
        self.assertNotIn("Duplicate entry", old)
        self.assertIn("% Duplicate sequence number\n", old)
        self.assertIn("% Duplicate entry exists at sequence 5\n", new)
        self.assertIn("% Duplicate sequence number\n% Failed to add ace to access-list\n", new)
        self.assertEqual(self.numbers("old", "acl4", "L"), [5, 10])
        self.assertEqual(self.numbers("new", "acl4", "L"), [5, 10])

    def test_a_reload_counts_anew_and_drops_what_was_not_saved(self):
        self.up({"old": {"device": "cisco_ios"}, "new": {"device": "cisco_ios", "train": "xe"}})
        for device in ("old", "new"):
            self.on(device, "configure terminal", "ip access-list extended L", "2000000000 permit ip any any", "1010 deny ip host 203.0.113.7 any",
                    "end", "write memory", "configure terminal", "ip access-list extended L", "1020 deny ip host 203.0.113.8 any")
            self.tell(device, "reload")
        self.assertEqual(self.numbers("old", "acl4", "L"), [10, 20])
        self.assertEqual(self.numbers("new", "acl4", "L"), [1010, 2000000000])

    def test_an_unknown_line_changes_nothing(self):
        self.up({"old": {"device": "cisco_ios"}})
        before = self.tell("old", "state")["text"]
        said = self.on("old", "configure terminal", "ip access-list", "access list X", "object-group network G", "host 203.0.113.300", "no such thing")
        self.assertIn("% Incomplete command.", said)
        self.assertIn("^\n% Invalid input detected at '^' marker.", said)
        self.assertEqual(self.tell("old", "state")["running"].get("acl4", {}), {})
        self.assertEqual(self.tell("old", "state")["running"]["group4"]["G"]["entries"], [])
        self.assertNotEqual(self.tell("old", "state")["text"], before)

    def test_the_first_deny_without_a_permit_cuts_the_session_off(self):
        self.up({"old": {"device": "cisco_ios"}})
        session = self.ssh("old")
        lines = ("enable", self.enable("old"), "configure terminal", "interface GigabitEthernet0/0", "ip access-group L in", "ip access-list extended L",
                 "10 deny ip host 203.0.113.7 any", "20 permit ip any any", "end", "exit")
        session.stdin.write("".join(line + "\n" for line in lines).encode())
        session.stdin.flush()
        wait_until(lambda: "L" in self.tell("old", "state")["running"].get("acl4", {}) and self.numbers("old", "acl4", "L"), 0, "the deny has arrived")
        with self.assertRaises(subprocess.TimeoutExpired):
            session.wait(1.5)
        session.kill()
        session.communicate()
        self.assertEqual(self.numbers("old", "acl4", "L"), [10])
        self.assertFalse(self.tell("old", "packet", "198.51.100.99")["passes"])

    def test_the_revert_timer(self):
        self.up({"old": {"device": "cisco_ios", "config": "archive\n path flash:x\n"}, "bare": {"device": "cisco_ios"}})
        self.assertIn("%Please turn config archive on", self.on("bare", "configure terminal revert timer 2"))
        self.on("old", "configure terminal revert timer 2", "ip access-list extended L", "10 permit ip any any")
        self.assertTrue(self.tell("old", "state")["timer"])
        self.assertRegex(self.on("old", "show archive config rollback timer"), r"\nTime configured\(or reconfigured\): .*\nTimer type: absolute timer\nTimer value: 2 min\nUser: ")
        self.tell("old", "expire")
        self.assertNotIn("L", self.tell("old", "state")["running"].get("acl4", {}))
        self.on("old", "configure terminal revert timer 2", "ip access-list extended L", "10 permit ip any any", "end", "configure confirm")
        self.assertFalse(self.tell("old", "state")["timer"])
        self.assertIn("L", self.tell("old", "state")["running"]["acl4"])

    def test_pager_prompt_and_session_limit(self):
        self.up({"old": {"device": "cisco_ios", "rows": 4, "hostname": "a-host-name-of-more-than-twenty"}, "full": {"device": "cisco_ios", "sessions": 1}})
        said = self.said("old", "enable", self.enable("old"), "show running-config", "q", "configure terminal", "end", "exit")
        self.assertIn(" --More-- ", said)
        self.assertIn("a-host-name-of-more-(config)#", said)
        first = self.ssh("full")
        first.stdin.write(b"\n")
        first.stdin.flush()
        while b">" not in first.stdout.read1(100):
            pass
        second = self.ssh("full")
        second.communicate(timeout=PATIENCE)
        self.assertNotEqual(second.returncode, 0)
        first.communicate(b"exit\n", timeout=PATIENCE)

    def test_faults(self):
        self.up({"old": {"device": "cisco_ios", "full_at": 3}})
        lines = ["configure terminal", "ip access-list extended L"] + [f"{n} permit ip host 203.0.113.{n} any" for n in range(1, 6)]
        self.assertIn("% Failed to add ace to access-list", self.on("old", *lines))
        self.assertEqual(self.numbers("old", "acl4", "L"), [1, 2, 3])
        self.tell("old", "fault", "lose", "after", "5", "lines")
        self.assertNotIn("exit", self.on("old", "configure terminal", "ip access-list extended M", "1 permit ip any any"))


class Candidates(Lab):
    def test_the_longer_the_mode_the_shorter_the_name(self):
        self.up({"core": {"device": "cisco_iosxr", "hostname": "NCS55A1-24H-6.3.2"}})
        said = self.said("core", "configure exclusive", "ipv4 access-list L", "exit", "object-group network ipv4 G", "exit", "abort", "exit")
        for prompt in ("NCS55A1-24H-6.3.2(config)#", "NCS55A1-24H-6.3.2(config-ipv4-acl)#", "NCS55A1-24H-6(config-object-group-ipv4)#"):
            self.assertIn("RP/0/RSP0/CPU0:" + prompt, said)

    def test_nothing_runs_before_the_commit(self):
        self.up({"core": {"device": "juniper_junos"}})
        self.said("core", "configure exclusive", "set policy-options prefix-list L 203.0.113.7/32", "exit", "yes", "exit")
        self.assertNotIn("prefix_list", self.tell("core", "state")["running"])
        said = self.said("core", "configure exclusive", "set policy-options prefix-list L 203.0.113.7", "delete policy-options prefix-list L 203.0.113.9",
                         "commit", "exit", "exit")
        self.assertIn("warning: statement not found", said)
        self.assertIn("commit complete", said)
        self.assertEqual(self.tell("core", "state")["running"]["prefix_list"]["L"]["entries"][0]["prefix"], "203.0.113.7/32")
        self.assertTrue(self.tell("core", "state")["saved"])

    def test_a_commit_that_nobody_confirms_is_rolled_back(self):
        self.up({"core": {"device": "juniper_junos"}})
        said = self.said("core", "configure exclusive", "set policy-options prefix-list L 203.0.113.7/32", "commit confirmed 1", "exit", "exit")
        self.assertIn("will be automatically rolled back in 1 minutes unless confirmed", said)
        self.assertIn("L", self.tell("core", "state")["running"]["prefix_list"])
        self.tell("core", "expire")
        self.assertNotIn("L", self.tell("core", "state")["running"].get("prefix_list", {}))
        self.said("core", "configure exclusive", "set policy-options prefix-list L 203.0.113.7/32", "commit confirmed 1", "commit", "exit", "exit")
        self.assertFalse(self.tell("core", "state")["timer"])

    def test_somebody_elses_lock_and_a_list_that_is_not_there(self):
        self.up({"core": {"device": "juniper_junos"}})
        self.tell("core", "lock", "alice")
        said = self.said("core", "configure exclusive", "exit")
        self.assertIn("error: configuration database locked by:\n  alice ", said)
        self.tell("core", "lock")
        said = self.said("core", "configure exclusive", "set firewall family inet filter F term T from source-prefix-list NONE", "commit", "exit", "yes", "exit")
        self.assertIn("error: configuration check-out failed", said)


class Console(Lab):
    def test_exec_says_its_errors_with_status_zero(self):
        self.up({"mt": {"device": "mikrotik_routeros"}})
        add = "/ip firewall address-list add list=b address=203.0.113.7"
        for words in ("", "failure: already have such entry"):
            session = self.ssh("mt", command=(add,), pty="-T")
            said, _ = session.communicate(timeout=PATIENCE)
            self.assertEqual((said.decode().strip(), session.returncode), (words, 0))

    def test_a_reload_loses_only_what_has_a_timeout(self):
        self.up({"mt": {"device": "mikrotik_routeros"}})
        add = "/ip firewall address-list add list=b address="
        said = self.said("mt", add + "203.0.113.7", add + "203.0.113.8 timeout=1d", "/ip firewall address-list print terse without-paging where list=b", "/quit",
                         user="banpush+cte80w24h")
        self.assertIn(" 1 D list=b address=203.0.113.8 ", said)
        self.tell("mt", "reload")
        self.assertEqual([entry["prefix"] for entry in self.tell("mt", "state")["running"]["addresses4"]["b"]["entries"]], ["203.0.113.7/32"])

    def test_what_is_typed_is_painted_again_unless_the_login_says_otherwise(self):
        self.up({"mt": {"device": "mikrotik_routeros"}})
        self.assertIn("\x1b[K\r[banpush@mt] > /q", self.said("mt", "/quit"))
        self.assertNotIn("\x1b[K", self.said("mt", "/quit", user="banpush+cte80w24h"))


if __name__ == "__main__":
    LAB = sys.argv.pop(1)
    if shutil.which("ssh") is None or not os.access(LAB, os.X_OK):
        ending.skip_all("no ssh, or no banpush-lab")
    ending.main()
