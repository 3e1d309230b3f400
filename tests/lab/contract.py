#!/usr/bin/python3
"""The contract every driver keeps, for a driver of a command line and an emulated device of its platform.

    contract.py DRIVER [TEST…]      (BANPUSH names the program; the lab stands beside it)
"""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

import bench
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import dead_man  # noqa: E402
import driver_contract  # noqa: E402
import ending  # noqa: E402
from driver_contract import HOSTS4  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

PLATFORM = None
ONE_FAMILY = {"banpush": {"policy": {"families": ["ipv4"]}}}
OF_IPV6 = re.compile(r"(?i)ipv6|inet6|\bip6|address6|addrgrp6|[0-9a-f]*::")
PLAIN = 24  # devices without a variant that the tests of one driver ask for


def device_of(platform, operator=False, **variant):
    settings = {**platform.settings, **variant}
    if operator:
        settings["config"] = platform.operator
    if platform.bare:
        settings["config"] = platform.bare + settings.get("config", "")
    return bench.device_of(platform.device, platform.train, platform.driver, platform.attach, platform.params, **settings)


class LabBench(bench.Bench):
    """What the contract asks of a device, asked of the lab."""

    def __init__(self, platform, pool=None, **variant):
        self.platform = platform
        super().__init__(device_of(platform, **variant), pool)

    def held(self, which="running"):
        """All entries of banpush's lists, as prefixes; of those that name another list, that list's."""
        state, found = self.state(), []

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

        for kind, name in self.platform.kinds:
            look_in(kind, name)
        return sorted(found)

    def text(self):
        return self.state()["text"]

    def lists_missing(self):
        running = self.state()["running"]
        return [name for kind, name in self.platform.kinds if "*" not in name and self.platform.lists_stand and name not in running.get(kind, {})]

    def operators(self):
        kind, name = self.platform.operator_list
        found = dict(self.state()["running"][kind][name])
        found["entries"] = [entry for entry in found["entries"] if self.platform.operator_shown in entry["line"]]
        return found if found["entries"] else None

    def put_foreign(self):
        answer = self.tell("type", *self.platform.foreign)["answer"]
        assert answer == "", answer

    def foreign(self):
        kind, name = self.platform.kinds[0]
        return [entry for entry in self.state()["running"][kind][name]["entries"] if self.platform.foreign_shown in entry["line"]]

    def put(self, number, host, action):
        lines = [platforms.NUMBER.sub(str(number), line).replace(" deny ", f" {action} ") for line in self.platform.lines(self.platform.by_hand, host)]
        answer = self.tell("type", *lines)["answer"]
        assert answer == "", answer

    def put_permit(self, number):
        """The line, as the list shows it; empty where the platform does not take it."""
        kind, name = self.platform.kinds[0]
        before = {entry["line"] for entry in self.state()["running"][kind][name]["entries"]}
        last = [line for line in before if "permit" in line][-1].strip()
        self.tell("type", self.platform.by_hand[0], re.sub(r"\d+", str(number), last, count=1))
        return next((entry["line"] for entry in self.state()["running"][kind][name]["entries"] if entry["line"] not in before), "")

    def standing(self, text):
        kind, name = self.platform.kinds[0]
        return [entry["line"] for entry in self.state()["running"][kind][name]["entries"] if re.search(rf"(?<![\d.]){re.escape(text)}(?![\d.])", entry["line"])]

    def meanwhile(self, host):
        self.tell("fault", "meanwhile", "after", "1", "entries", *self.platform.lines(self.platform.by_hand, host))

    def meanwhile_gone(self, host):
        self.tell("fault", "meanwhile", "after", "1", "entries", *self.platform.lines(self.platform.by_hand_gone, host))

    def refuse(self, entry):
        self.tell("fault", "refuse", "after", str(entry), "entries")

    def swallow(self, entry):
        self.tell("fault", "swallow", "after", str(entry), "entries")

    def lose(self, entry):
        self.tell("fault", "lose", "after", str(entry), "entries")

    def hang(self, entry):
        self.tell("fault", "hang", "after", str(entry), "entries")

    def commits(self):
        return [number for number, line in enumerate(self.sent(), 1) if line.split(" ")[0] == "commit"]

    def lose_before_commit(self):
        self.tell("fault", "lose", "after", "1", "lines", "commit*")

    def reload(self):
        self.tell("reload")

    def save(self):
        self.tell("save")

    def saved(self):
        return self.state()["saved"]

    def pass_time(self):
        self.tell("expire")
        dead_man.time_is_over(f"{self.folder}/state.db")

    def drop(self):
        self.tell("drop")

    def timer_runs(self):
        return self.state()["timer"]

    def hang_instead_of(self, line, number):
        self.tell("fault", "hang", "after", str(number), "lines", line)

    def locked(self):
        return self.state()["lock"] != ""

    def forget(self):
        self.tell("forget")

    def sent(self):
        return [line["line"].strip() for line in self.tell("stats")["lines"]]

    def edited(self):
        return any(line["mode"].startswith("config") for line in self.tell("stats")["lines"])

    def sessions(self):
        return self.tell("stats")["open"]


class Contract(driver_contract.Contract):
    @classmethod
    def setUpClass(cls):
        """One lab for all: a device with its state is new to each test, the process is not."""
        variants = [{"full_at": 20}, {"banpush": {"save": "each"}}, ONE_FAMILY, *cls.platform.manners().values(), *({"values": values} for values, _ in cls.platform.dialogs)]
        if cls.platform.operator:
            variants.append({"operator": True})
        if cls.platform.reverts:
            variants.append(cls.platform.reverts)
        cls.pool = bench.Pool([(device_of(cls.platform), PLAIN), *((device_of(cls.platform, **variant), 1) for variant in variants)])
        cls.addClassCleanup(cls.pool.lab.close)

    def bench(self, **variant):
        return LabBench(self.platform, self.pool, **variant)

    def test_a_list_that_is_used_elsewhere_is_not_removed(self):
        if not self.platform.uses:
            driver_contract.does_not_apply("no other use is emulated")
        for uses in self.platform.uses:
            with self.subTest(uses[-1]):
                one = self.new()
                self.assertEqual(one.tell("type", *uses)["answer"], "")
                done = one.run("setup", "dut", "--remove", "--apply", codes=None)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(uses[-1], done.stderr)
                self.assertIn("\nip access-list extended BANPUSH-IN4\n", one.text(), "the list still stands")
                one.close()

    def test_what_a_removal_took_was_not_lost(self):
        if not self.platform.sets_up:
            driver_contract.does_not_apply("there is no setup")
        one = self.new()
        one.ban(*HOSTS4[:2])
        self.assertEqual(one.push()["outcome"], "changed")
        one.run("setup", "dut", "--remove", "--apply")
        one.run("setup", "dut", "--apply")
        again = one.push()
        self.assertEqual(len(again["add"]), 2, again)
        self.assertEqual(again["put_back"], 0, again)

    def test_a_policy_without_ipv6(self):
        one = self.new(set_up=False, **ONE_FAMILY)
        if self.platform.sets_up:
            one.run("setup", "dut", "--apply")
        hosts = driver_contract.HOSTS4[:2]
        one.ban(*hosts, driver_contract.HOSTS6[0])
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, hosts)
        one.run("flush", "dut")
        if self.platform.sets_up:
            one.run("setup", "dut", "--remove", "--apply")
        self.assertEqual([line for line in one.sent() if OF_IPV6.search(line)], [])

    def test_killed_between_the_change_and_its_confirm(self):
        """The device takes back what nobody confirmed. Until then nothing that it shows is believed.

        The line is named, not counted: a push that sends lines again, or learns how many may be in flight, sends other numbers of them."""
        one = self.new(**self.platform.reverts)
        one.configure(confirm_when="always")
        one.ban(*HOSTS4[:3])
        confirm = re.search(r"^! confirm\n(.+)$", one.run("plan").stdout, re.M)
        if not confirm:
            ending.does_not_apply("a change holds at once")
        one.forget()
        one.push()
        number = one.sent().count(confirm[1])
        one.ban(*HOSTS4[3:6])
        one.hang_instead_of(confirm[1], number)
        one.forget()
        with subprocess.Popen(one.argv("push"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=one.environment) as pushing:
            try:
                wait_until(lambda: one.timer_runs() and one.sent().count(confirm[1]) == number, 60, "the device waits to be told to keep it")
            finally:
                pushing.kill()
        self.assertTrue(one.timer_runs())
        self.holds(one, HOSTS4[:6])
        one.drop()
        self.is_not_believed(one)
        one.tell("expire")
        self.holds(one, HOSTS4[:3])
        self.time_passes(one)
        self.assertEqual(one.push()["outcome"], "changed")
        self.holds(one, HOSTS4[:6])
        self.assertEqual(one.push()["outcome"], "in_sync")

    def is_not_believed(self, one):
        for verb in (["plan"], ["push", "--json"]):
            with subprocess.Popen(one.argv(*verb), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one.environment) as asked:
                if verb == ["plan"]:
                    self.assertIn("was not confirmed", asked.communicate(timeout=PATIENCE)[0])
                    self.assertEqual(asked.returncode, 1)
                    continue
                try:
                    self.assertIn("was not confirmed", asked.stderr.readline())
                    self.assertIsNone(asked.poll(), "it waits for that")
                finally:
                    asked.kill()
        self.assertIn("was not confirmed", one.run("status").stdout)
        for address, before in ((HOSTS4[4], "absent"), (HOSTS4[0], "present")):
            (told,) = json.loads(one.run("explain", address, "--json").stdout)["devices"]
            if before == "present":
                self.assertEqual(told["state"], before)
            else:
                self.assertEqual(told["state"], "unknown")
                self.assertIn("as it was read before: absent", told["reason"])
                self.assertIn("returns by itself to what it held before", told["reason"])

    def test_an_operator_numbers_the_list_anew(self):
        if not self.platform.numbers_anew:
            ending.does_not_apply("entries have no numbers here, or only those they were given")
        one = self.new()
        one.ban(*HOSTS4[:6])
        one.push()
        before = one.state()["running"]
        answer = one.tell("type", *self.platform.numbers_anew)["answer"]
        self.assertEqual(answer, "")
        self.assertNotEqual(one.state()["running"], before)
        self.assertEqual(one.push()["outcome"], "in_sync")
        one.unban(*HOSTS4[:2])
        one.ban(*HOSTS4[6:9])
        one.push()
        self.holds(one, HOSTS4[2:9])
        for host in HOSTS4[2:9]:
            self.assertFalse(one.passes(host), host + " is in the list, but behind what lets it pass")
        self.assertTrue(one.passes(HOSTS4[0]))
        one.run("flush", "dut")
        self.holds(one, [])
        self.assertTrue(one.passes(HOSTS4[3]))

    def test_questions_at_the_login(self):
        for values, says in self.platform.dialogs:
            with self.subTest(values):
                one = self.new(set_up=False, values=values)
                done = one.run("setup", "dut", codes=None)
                if says:
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(says, done.stderr)
                    self.assertEqual(one.tell("stats")["lines_count"], 0, "nothing was typed")
                else:
                    self.assertEqual(done.returncode, 0, done.stderr)
                one.close()


def can_reach_devices():
    with LabBench(PLATFORM) as one:
        return "this build has no transport" not in one.run("setup", "dut", codes=None).stderr


if __name__ == "__main__":
    PLATFORM = Contract.platform = platforms.PLATFORMS[sys.argv.pop(1)]
    if not can_reach_devices():
        ending.skip_all("this banpush has no transport for command lines")
    ending.main()
