#!/usr/bin/python3
"""The contract every driver keeps, with the real banpush against an emulated device of its platform.

    contract.py DRIVER [TEST…]      (BANPUSH names the program; the lab stands beside it)
"""
import fnmatch
import sys
import time
import unittest

import bench
import platforms

PLATFORM = None

HOSTS4 = [f"203.0.113.{i}" for i in range(1, 251)]
HOSTS6 = [f"2001:db8:7::{i:x}" for i in range(1, 251)]


def entries(state, platform, which="running"):
    """All entries of banpush's lists, as prefixes; of those that name another list, that list's."""
    found = []

    def look_in(kind, name):
        for its_name, one in state[which].get(kind, {}).items():
            if not fnmatch.fnmatchcase(its_name, name):
                continue
            for entry in one["entries"]:
                if entry.get("action", "deny") in ("permit", "accept", "allow"):
                    continue
                if "prefix" in entry:
                    found.append(entry["prefix"])
                elif "refers" in entry:
                    look_in(*entry["refers"].split("/", 1))

    for kind, name in platform.kinds:
        look_in(kind, name)
    return sorted(found)


def prefixes(hosts):
    return sorted(host + ("/128" if ":" in host else "/32") for host in hosts)


PLACEHOLDERS = {"192.0.2.255/32", "192.0.0.8/32", "100::1/128"}


class Contract(unittest.TestCase):
    maxDiff = None

    def bench(self, set_up=True, **variant):
        settings = {**PLATFORM.settings, **variant}
        if PLATFORM.bare:
            settings["config"] = PLATFORM.bare + settings.get("config", "")
        one = bench.Bench(PLATFORM.device, PLATFORM.train, PLATFORM.driver, PLATFORM.attach, PLATFORM.params, **settings)
        self.addCleanup(one.close)
        if set_up and PLATFORM.sets_up:
            one.run("setup", "dut", "--apply")
            one.tell("save")
        return one

    def held(self, one):
        return sorted(set(entries(one.state(), PLATFORM)) - PLACEHOLDERS)

    def holds(self, one, hosts):
        self.assertEqual(self.held(one), prefixes(hosts))

    def test_set_up_on_a_bare_device(self):
        if not PLATFORM.sets_up:
            self.skipTest("nothing has to be set up")
        one = self.bench(set_up=False)
        before = one.state()["text"]
        shown = one.run("setup", "dut").stdout
        self.assertTrue(shown.strip())
        self.assertEqual(one.state()["text"], before, "setup without --apply changes nothing")
        one.run("setup", "dut", "--apply")
        for kind, name in PLATFORM.kinds:
            if "*" not in name and PLATFORM.lists_stand:
                self.assertIn(name, one.state()["running"].get(kind, {}))
        self.assertTrue(one.passes("192.0.2.1"))
        self.assertTrue(one.passes("2001:db8::1"))
        after = one.state()["text"]
        one.run("setup", "dut", "--apply")
        self.assertEqual(one.state()["text"], after, "a second setup changes nothing")

    def test_set_up_where_the_operators_own_list_is_bound(self):
        if not PLATFORM.sets_up:
            self.skipTest("nothing has to be set up")
        one = self.bench(set_up=False, config=PLATFORM.operator)
        kind, name = PLATFORM.operator_list

        def theirs():
            found = dict(one.state()["running"][kind][name])
            found["entries"] = [entry for entry in found["entries"] if PLATFORM.operator_shown in entry["line"]]
            return found

        before = theirs()
        self.assertTrue(before["entries"])
        done = one.run("setup", "dut", "--apply", codes=None)
        if PLATFORM.refuses:
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(PLATFORM.refuses_with or name, done.stdout + done.stderr, "says what is bound there")
        else:
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(theirs(), before)

    def test_fill_then_a_second_push_sends_nothing(self):
        one = self.bench()
        hosts4, hosts6 = HOSTS4[:PLATFORM.many], HOSTS6[:PLATFORM.many]
        one.ban(*hosts4, *hosts6)
        planned = one.run("plan", codes=(0,)).stdout
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, hosts4 + hosts6)
        self.assertIn(hosts4[0], planned)
        for address in (hosts4[0], hosts6[-1]):
            self.assertFalse(one.passes(address), address)
        self.assertTrue(one.passes("198.51.100.99"))
        text = one.state()["text"]
        one.tell("forget")
        self.assertEqual(one.push()["outcome"], "in_sync")
        self.assertEqual(one.state()["text"], text)
        modes = {line["mode"] for line in one.tell("stats")["lines"]}
        self.assertFalse([mode for mode in modes if mode.startswith("config")], "no configuration mode was entered")
        end = time.monotonic() + 10
        while one.tell("stats")["open"] != 0:
            self.assertLess(time.monotonic(), end, "the session is closed")
            time.sleep(0.02)

    def test_the_bytes_sent_are_the_bytes_of_the_plan(self):
        one = self.bench()
        one.ban(*HOSTS4[:5], *HOSTS6[:5])
        script = [line.strip() for line in one.run("plan").stdout.splitlines()]
        one.tell("forget")
        one.push()
        lines = [line["line"].strip() for line in one.tell("stats")["lines"]]
        blocks = [line for line in lines if any(host in line for host in ("203.0.113.", "2001:db8:7::"))]
        self.assertTrue(blocks)
        for line in blocks:
            self.assertIn(line, script)

    def test_add_remove_and_add_again(self):
        one = self.bench()
        one.ban(HOSTS4[0], HOSTS4[1], HOSTS6[0])
        one.push()
        self.holds(one, [HOSTS4[0], HOSTS4[1], HOSTS6[0]])
        one.unban(HOSTS4[0], HOSTS6[0])
        one.push()
        self.holds(one, [HOSTS4[1]])
        self.assertTrue(one.passes(HOSTS4[0]))
        one.ban(HOSTS4[0])
        one.push()
        self.holds(one, [HOSTS4[0], HOSTS4[1]])
        one.unban(HOSTS4[0], HOSTS4[1])
        one.push()
        self.holds(one, [])
        self.assertTrue(one.passes("192.0.2.1"))

    def test_somebody_elses_entry_is_left_alone_and_shown(self):
        if not PLATFORM.foreign:
            self.skipTest("nobody else can put an entry of another shape there")
        one = self.bench()
        self.assertEqual(one.tell("type", *PLATFORM.foreign)["answer"], "")
        kind, name = PLATFORM.kinds[0]

        def theirs():
            return [entry for entry in one.state()["running"][kind][name]["entries"] if PLATFORM.foreign_shown in entry["line"]]

        before = theirs()
        self.assertEqual(len(before), 1)
        one.ban(*HOSTS4[:3])
        one.push()
        one.unban(HOSTS4[0])
        one.push()
        self.assertEqual(theirs(), before)
        self.assertIn(PLATFORM.foreign_shown, one.run("show", "dut", codes=(0, 4)).stdout)

    def test_what_is_there_already_and_what_is_gone_already(self):
        one = self.bench()
        one.ban(*HOSTS4[:4])
        one.push()
        one.tell("reload")  # all of it was unsaved, where saving is needed
        self.assertEqual(one.push()["outcome"], "changed" if PLATFORM.saves else "in_sync")
        self.holds(one, HOSTS4[:4])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_somebody_at_the_console_meanwhile(self):
        if not PLATFORM.by_hand:
            self.skipTest("the platform's table does not say how")
        one = self.bench()
        one.ban(*HOSTS4[:4])
        one.tell("fault", "meanwhile", "after", "1", "entries", *PLATFORM.lines(PLATFORM.by_hand, HOSTS4[2]))
        one.push(codes=(0, 1))
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        one.push()
        self.holds(one, HOSTS4[:4])
        one.unban(*HOSTS4[:2])
        one.tell("fault", "meanwhile", "after", "1", "entries", *PLATFORM.lines(PLATFORM.by_hand_gone, HOSTS4[1]))
        one.push(codes=(0, 1))
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        one.push()
        self.holds(one, HOSTS4[2:4])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_a_full_device(self):
        one = self.bench(full_at=20)
        one.ban(*HOSTS4[:40])
        answer = one.push(codes=(0, 1, 5))
        self.assertIn(answer["outcome"], ("failed", "refused"))
        self.assertTrue(answer["error"])
        self.assertTrue(one.passes("198.51.100.99"), "nobody is cut off")
        self.assertEqual(one.state()["lock"], "")

    def test_a_line_refused_in_the_middle_then_the_next_push_repairs(self):
        one = self.bench()
        one.ban(*HOSTS4[:30])
        one.tell("fault", "refuse", "after", "15", "entries")
        answer = one.push(codes=(1,))
        self.assertEqual(answer["outcome"], "failed")
        self.assertTrue(one.passes("198.51.100.99"))
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, HOSTS4[:30])

    def test_a_line_accepted_and_not_kept_is_a_failure(self):
        one = self.bench()
        one.ban(*HOSTS4[:30])
        one.tell("fault", "swallow", "after", "15", "entries")
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        one.push()
        self.holds(one, HOSTS4[:30])

    def test_the_connection_lost_in_the_middle_then_the_next_push_repairs(self):
        one = self.bench()
        one.ban(*HOSTS4[:30], *HOSTS6[:30])
        one.tell("fault", "lose", "after", "25", "entries")
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.assertTrue(one.passes("198.51.100.99"))
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        one.push()
        self.holds(one, HOSTS4[:30] + HOSTS6[:30])

    def test_the_connection_lost_before_the_commit(self):
        one = self.bench()
        one.ban(*HOSTS4[:3], *HOSTS6[:3])
        one.tell("forget")
        one.push()
        lines = [line["line"].strip() for line in one.tell("stats")["lines"]]
        commits = [number for number, line in enumerate(lines, 1) if line.split(" ")[0] == "commit"]
        if not commits:
            self.skipTest("changes hold line by line")
        one.ban(*HOSTS4[3:6], *HOSTS6[3:6])
        one.tell("fault", "lose", "after", str(commits[0]), "lines")
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.holds(one, HOSTS4[:3] + HOSTS6[:3])
        one.push()
        self.holds(one, HOSTS4[:6] + HOSTS6[:6])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_a_reload_that_renumbers_and_drops_what_was_not_saved(self):
        one = self.bench()
        one.ban(*HOSTS4[:20])
        one.push()
        one.run("save", "dut", codes=None)
        one.tell("save")
        one.ban(*HOSTS4[20:30])
        one.push()
        one.tell("reload")
        one.push()
        self.holds(one, HOSTS4[:30])
        for host in HOSTS4[:30]:
            self.assertFalse(one.passes(host), host + " is in the list, but behind what lets it pass")
        one.unban(*HOSTS4[5:10])
        one.push()
        self.holds(one, HOSTS4[:5] + HOSTS4[10:30])

    def test_saved_by_policy(self):
        one = self.bench(banpush={"save": "each"})
        one.ban(*HOSTS4[:3])
        one.push()
        self.assertTrue(one.state()["saved"])
        self.assertEqual(sorted(set(entries(one.state(), PLATFORM, "startup")) - PLACEHOLDERS), prefixes(HOSTS4[:3]))
        if PLATFORM.saves:
            other = self.bench()
            other.ban(*HOSTS4[:3])
            other.push()
            self.assertFalse(other.state()["saved"])

    def test_terminals(self):
        for what, variant in {
            "one byte at a time; a long name, banner and message of the day": {
                "chunk": 1, "hostname": "a-very-long-host-name-of-an-edge-router-42"[:PLATFORM.longest_name], "banner": "### no prompt# \n",
                "motd": "\n*****\nlast login: never#\n\n"},
            "a pager on a narrow screen": {"rows": 5, "columns": PLATFORM.narrow},
            "a slow device with log lines and NULs in between": {
                "delay": "2ms", "connect_delay": "100ms", "noise_every": 4 if PLATFORM.noise else 0, "noise": PLATFORM.noise, "nul_every": 41},
        }.items():
            with self.subTest(what):
                one = self.bench(**variant)
                one.ban(*HOSTS4[:6], *HOSTS6[:6])
                one.push()
                self.holds(one, HOSTS4[:6] + HOSTS6[:6])
                self.assertEqual(one.push()["outcome"], "in_sync")
                one.close()

    def test_questions_at_the_login(self):
        for values, says in PLATFORM.dialogs:
            with self.subTest(values):
                one = self.bench(set_up=False, values=values)
                done = one.run("setup", "dut", codes=None)
                if says:
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(says, done.stderr)
                    self.assertEqual(one.tell("stats")["lines_count"], 0, "nothing was typed")
                else:
                    self.assertEqual(done.returncode, 0, done.stderr)
                one.close()

    def test_a_silent_device_is_given_up(self):
        one = self.bench(banpush={"silence": "1s"})
        one.ban(*HOSTS4[:30])
        one.tell("fault", "hang", "after", "15", "entries")
        started = time.monotonic()
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.assertLess(time.monotonic() - started, 15)
        one.tell("drop")
        one.tell("expire")
        time.sleep(PLATFORM.settles)
        one.push()
        self.holds(one, HOSTS4[:30])


def can_reach_devices():
    with bench.Bench(PLATFORM.device, PLATFORM.train, PLATFORM.driver, PLATFORM.attach, PLATFORM.params) as one:
        return "this build has no transport" not in one.run("setup", "dut", codes=None).stderr


if __name__ == "__main__":
    PLATFORM = platforms.PLATFORMS[sys.argv.pop(1)]
    if not can_reach_devices():
        print("skipped: this banpush has no transport for command lines")
        sys.exit(77)
    unittest.main()
