"""The contract every driver keeps, over a command line or NETCONF, with the real banpush against a device of its
platform. Who runs it says what the platform is (`platform`) and how a device of it is had (`bench`); a device has what
this asks for:

    run push ban unban close            banpush, its table, and the end
    held(which) text() passes(address)  entries of ours, in `running` or `startup`; the whole configuration; a packet
    lists_missing() operators()         lists of ours that do not stand; the entries of the operator's own list
    put_foreign() foreign()             somebody else's entry in a list of ours
    put(number, host, action) put_permit(number) standing(text)
                                        where lists have numbers (`platform.numbers`): the operator types an entry of banpush's own
                                        shape, or a second one that permits everything; the lines of the IPv4 list that have the text
    meanwhile(host) meanwhile_gone(host)  somebody bans it, or takes it away, while banpush is at work
    refuse(n) swallow(n) lose(n) hang(n)  once: the n-th entry is refused; is consented to and not kept; the session ends; silence
    commits() lose_before_commit()      whether the push before had a commit; once: the session ends instead of the next one
    reload() save() saved() pass_time() drop() locked()
    silence(seconds)                    how long banpush lets the device say nothing from now on
    forget() sent() edited() sessions() what arrived since, whether it changes anything; sessions that are open

What a device cannot be made to do it says by ending.does_not_apply().
"""
import json
import pathlib
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent))
from ending import does_not_apply  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

HOSTS4 = [f"203.0.113.{i}" for i in range(1, 251)]
HOSTS6 = [f"2001:db8:7::{i:x}" for i in range(1, 251)]
HOW_FAR = r"\d+ of \d+ (lines|requests) were accepted"  # what a failed push says of itself
# Addresses of nobody, which some drivers keep in a list that must not be empty.
PLACEHOLDERS = {"192.0.2.255/32", "192.0.0.8/32", "100::1/128"}


def prefixes(hosts):
    return sorted(host + ("/128" if ":" in host else "/32") for host in hosts)


class Contract(unittest.TestCase):
    maxDiff = None
    platform = None

    def bench(self, **variant):
        """A device of the platform, its table and the banpush under test."""
        raise NotImplementedError

    def new(self, set_up=True, **variant):
        one = self.bench(**variant)
        self.addCleanup(one.close)
        if set_up and self.platform.sets_up:
            one.run("setup", "dut", "--apply")
            one.save()
        return one

    def holds(self, one, hosts):
        self.assertEqual(sorted(set(one.held()) - PLACEHOLDERS), prefixes(hosts))

    def time_passes(self, one):
        one.pass_time()
        time.sleep(self.platform.settles)

    def test_set_up_on_a_bare_device(self):
        if not self.platform.sets_up:
            does_not_apply("nothing has to be set up")
        one = self.new(set_up=False)
        before = one.text()
        shown = one.run("setup", "dut").stdout
        self.assertTrue(shown.strip())
        self.assertEqual(one.text(), before, "setup without --apply changes nothing")
        one.run("setup", "dut", "--apply")
        self.assertEqual(one.lists_missing(), [])
        self.assertTrue(one.passes("192.0.2.1"))
        self.assertTrue(one.passes("2001:db8::1"))
        after = one.text()
        one.run("setup", "dut", "--apply")
        self.assertEqual(one.text(), after, "a second setup changes nothing")

    def test_set_up_where_the_operators_own_list_is_bound(self):
        if not self.platform.sets_up:
            does_not_apply("nothing has to be set up")
        if not self.platform.operator:
            does_not_apply("nothing of the operator's can be bound where banpush wants to be")
        one = self.new(set_up=False, operator=True)
        before = one.operators()
        self.assertTrue(before)
        done = one.run("setup", "dut", "--apply", codes=None)
        if self.platform.refuses:
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(self.platform.refuses_with, done.stdout + done.stderr, "says what is bound there")
        else:
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(one.operators(), before)

    def test_fill_then_a_second_push_sends_nothing(self):
        one = self.new()
        hosts4, hosts6 = HOSTS4[:self.platform.many], HOSTS6[:self.platform.many]
        one.ban(*hosts4, *hosts6)
        planned = one.run("plan", codes=(0,)).stdout
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, hosts4 + hosts6)
        self.assertIn(hosts4[0], planned)
        for address in (hosts4[0], hosts6[-1]):
            self.assertFalse(one.passes(address), address)
        self.assertTrue(one.passes("198.51.100.99"))
        text = one.text()
        one.forget()
        self.assertEqual(one.push()["outcome"], "in_sync")
        self.assertEqual(one.text(), text)
        self.assertFalse(one.edited(), "nothing was begun that changes")
        wait_until(lambda: one.sessions() == 0, 0, "the session is closed")

    def test_the_bytes_sent_are_the_bytes_of_the_plan(self):
        one = self.new()
        one.ban(*HOSTS4[:5], *HOSTS6[:5])
        script = [line.strip() for line in one.run("plan").stdout.splitlines()]
        one.forget()
        one.push()
        blocks = [line for line in one.sent() if any(host in line for host in ("203.0.113.", "2001:db8:7::"))]
        self.assertTrue(blocks)
        for line in blocks:
            self.assertIn(line, script)

    def test_add_remove_and_add_again(self):
        one = self.new()
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
        if not self.platform.foreign:
            does_not_apply("nobody else can put an entry of another shape there")
        one = self.new()
        one.put_foreign()
        before = one.foreign()
        self.assertEqual(len(before), 1)
        one.ban(*HOSTS4[:3])
        one.push()
        one.unban(HOSTS4[0])
        one.push()
        self.assertEqual(one.foreign(), before)
        self.assertIn(self.platform.foreign_shown, one.run("show", "dut", codes=(0, 4)).stdout)

    def test_nothing_is_removed_where_others_have_entries(self):
        if not self.platform.foreign or not self.platform.sets_up:
            does_not_apply("nobody else can put an entry of another shape there")
        one = self.new()
        one.put_foreign()
        before = one.foreign()
        one.ban(HOSTS4[0])
        one.push(codes=(0, 5))
        done = one.run("setup", "dut", "--remove", "--apply", codes=(5,))
        self.assertIn("of others; take them out first", done.stderr)
        self.assertEqual(one.foreign(), before)
        self.assertFalse(one.passes(HOSTS4[0]), "what was in force still is")

    def numbers(self):
        if not getattr(self.platform, "numbers", None):
            does_not_apply("entries have no numbers")
        return self.platform.numbers

    def test_the_operators_entries_outside_of_the_range_are_left_alone(self):
        """Of banpush's own shape. Behind the range is where some drivers tell the operator to put them."""
        first, last = self.numbers()
        one = self.new()
        theirs = {first - 5: "192.0.2.91", last + 5: "192.0.2.92"}
        for number, host in theirs.items():
            one.put(number, host, "deny")
        before = [one.standing(host) for host in theirs.values()]
        self.assertEqual([len(lines) for lines in before], [1, 1])
        one.ban(*HOSTS4[:3])
        one.push()
        one.unban(HOSTS4[0])
        one.push()
        shown = one.run("show", "dut", codes=(0, 4)).stdout
        for host in theirs.values():
            self.assertIn(host, shown[shown.index("of others, left alone"):])
        if self.platform.sets_up:
            self.assertIn("of others", one.run("setup", "dut", "--remove", "--apply", codes=(5,)).stderr)
        one.run("flush", "dut")
        self.assertEqual([one.standing(host) for host in theirs.values()], before)
        self.assertTrue(one.passes(HOSTS4[1]))

    def test_a_permit_of_the_operators_before_ours_is_said(self):
        first, _ = self.numbers()
        one = self.new()
        one.put(first - 5, HOSTS4[1], "permit")
        before = one.standing(HOSTS4[1])
        one.ban(*HOSTS4[:3])
        self.assertEqual(one.push(codes=(5,))["outcome"], "changed")
        self.assertTrue(one.passes(HOSTS4[1]))
        self.assertFalse(one.passes(HOSTS4[0]))
        shown = json.loads(one.run("show", "dut", "--json").stdout)
        self.assertEqual({entry["prefix"] for entry in shown["ours"]["entries"] if not entry["in_force"]}, {HOSTS4[1] + "/32"})
        self.assertIn("an earlier rule lets it through", one.run("check", "--connect", codes=(1,)).stdout)
        again = one.push(codes=(5,))
        self.assertEqual((again["add"], again["remove"]), ([], []))
        self.assertEqual([note["name"] for note in again["guards"]], ["shadowed"])
        one.unban(HOSTS4[1])
        one.push()
        self.assertEqual(one.standing(HOSTS4[1]), before)

    def test_a_second_permit_is_never_overwritten(self):
        first, _ = self.numbers()
        one = self.new()
        one.ban(*HOSTS4[:3])
        one.push()
        permit = one.put_permit(first + 5)
        if not permit:
            does_not_apply("the platform takes no second one")
        one.push(codes=(0, 5))
        again = one.push(codes=(0, 5))
        self.assertEqual((again["add"], again["remove"]), ([], []))
        self.assertIn("permit everything", one.run("check", "--connect", codes=(0, 1)).stdout)
        self.assertIn("permit everything", one.run("show", "dut").stdout)
        one.ban(*HOSTS4[3:8])
        one.push(codes=(0, 5))
        self.assertIn(permit, one.standing(permit))
        shown = json.loads(one.run("show", "dut", "--json").stdout)
        for entry in shown["ours"]["entries"]:
            if entry["list"].endswith("4"):
                self.assertEqual(entry["in_force"], not one.passes(entry["prefix"].split("/")[0]), entry)

    def test_what_is_there_already_and_what_is_gone_already(self):
        one = self.new()
        one.ban(*HOSTS4[:4])
        one.push()
        one.reload()  # all of it was unsaved, where saving is needed
        self.assertEqual(one.push()["outcome"], "changed" if self.platform.saves else "in_sync")
        self.holds(one, HOSTS4[:4])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_somebody_at_the_console_meanwhile(self):
        if not self.platform.by_hand:
            does_not_apply("the platform's table does not say how")
        one = self.new()
        one.ban(*HOSTS4[:4])
        one.meanwhile(HOSTS4[2])
        one.push(codes=(0, 1))
        self.time_passes(one)
        one.push()
        self.holds(one, HOSTS4[:4])
        one.unban(*HOSTS4[:2])
        one.meanwhile_gone(HOSTS4[1])
        one.push(codes=(0, 1))
        self.time_passes(one)
        one.push()
        self.holds(one, HOSTS4[2:4])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_a_full_device(self):
        one = self.new(full_at=20)
        one.ban(*HOSTS4[:40])
        answer = one.push(codes=(0, 1, 5))
        self.assertIn(answer["outcome"], ("failed", "refused"))
        self.assertTrue(answer["error"])
        self.assertTrue(one.passes("198.51.100.99"), "nobody is cut off")
        self.assertFalse(one.locked())

    def test_a_line_refused_in_the_middle_then_the_next_push_repairs(self):
        one = self.new()
        one.ban(*HOSTS4[:30])
        one.refuse(15)
        answer = one.push(codes=(1,))
        self.assertEqual(answer["outcome"], "failed")
        self.assertRegex(answer["error"], HOW_FAR)
        self.assertTrue(one.passes("198.51.100.99"))
        self.time_passes(one)
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, HOSTS4[:30])

    def test_a_line_accepted_and_not_kept_is_a_failure(self):
        one = self.new()
        one.ban(*HOSTS4[:30])
        one.swallow(15)
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.time_passes(one)
        one.push()
        self.holds(one, HOSTS4[:30])

    def test_the_connection_lost_in_the_middle_then_the_next_push_repairs(self):
        one = self.new()
        one.ban(*HOSTS4[:30], *HOSTS6[:30])
        one.lose(25)
        answer = one.push(codes=(1,))
        self.assertEqual(answer["outcome"], "failed")
        self.assertRegex(answer["error"], HOW_FAR)
        self.assertTrue(one.passes("198.51.100.99"))
        self.time_passes(one)
        one.push()
        self.holds(one, HOSTS4[:30] + HOSTS6[:30])

    def test_the_connection_lost_before_the_commit(self):
        one = self.new()
        one.ban(*HOSTS4[:3], *HOSTS6[:3])
        one.forget()
        one.push()
        if not one.commits():
            does_not_apply("changes hold line by line")
        one.ban(*HOSTS4[3:6], *HOSTS6[3:6])
        one.lose_before_commit()
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.holds(one, HOSTS4[:3] + HOSTS6[:3])
        self.time_passes(one)  # whether the commit had arrived is not known here
        one.push()
        self.holds(one, HOSTS4[:6] + HOSTS6[:6])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_a_reload_that_renumbers_and_drops_what_was_not_saved(self):
        one = self.new()
        one.ban(*HOSTS4[:20])
        one.push()
        one.run("save", "dut", codes=None)
        one.save()
        one.ban(*HOSTS4[20:30])
        one.push()
        one.reload()
        one.push()
        self.holds(one, HOSTS4[:30])
        for host in HOSTS4[:30]:
            self.assertFalse(one.passes(host), host + " is in the list, but behind what lets it pass")
        one.unban(*HOSTS4[5:10])
        one.push()
        self.holds(one, HOSTS4[:5] + HOSTS4[10:30])

    def test_saved_by_policy(self):
        one = self.new(banpush={"save": "each"})
        one.ban(*HOSTS4[:3])
        one.push()
        self.assertTrue(one.saved())
        self.assertEqual(sorted(set(one.held("startup")) - PLACEHOLDERS), prefixes(HOSTS4[:3]))
        if self.platform.saves:
            other = self.new()
            other.ban(*HOSTS4[:3])
            other.push()
            self.assertFalse(other.saved())

    def test_manners_of_speaking(self):
        for what, variant in self.platform.manners().items():
            with self.subTest(what):
                one = self.new(**variant)
                one.ban(*HOSTS4[:6], *HOSTS6[:6])
                one.push()
                self.holds(one, HOSTS4[:6] + HOSTS6[:6])
                self.assertEqual(one.push()["outcome"], "in_sync")
                one.close()

    def test_a_silent_device_is_given_up(self):
        one = self.new()
        one.ban(*HOSTS4[:30])
        one.hang(15)
        one.silence(2)  # of a hundred otherwise
        started = time.monotonic()
        self.assertEqual(one.push(codes=(1,))["outcome"], "failed")
        self.assertLess(time.monotonic() - started, 60)
        one.silence(PATIENCE)
        one.drop()
        self.time_passes(one)
        one.push()
        self.holds(one, HOSTS4[:30])
