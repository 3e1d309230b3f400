#!/usr/bin/python3
"""The contract every driver keeps, for a driver of NETCONF and a server.   test_contract.py DRIVER [SERVER] [TEST…]

SERVER is `device` (in the test's process; the standard), `netconfd`, or `library` (on libnetconf2's server side).
"""
import ipaddress
import json
import pathlib
import random
import re
import sys

import benches
import library_server
import netconfd
from models import JUNOS_FILTER, MODELS

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import driver_contract  # noqa: E402
from driver_contract import HOSTS4, HOSTS6  # noqa: E402
import ending  # noqa: E402
import seeds  # noqa: E402

FIRST = ' xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"'
SOURCES = [None, "203.0.113.1/32", "203.0.113.0/24", "203.0.113.12/30", "198.51.100.0/24"]
SERVERS = {"device": benches.DeviceBench, "netconfd": benches.NetconfdBench, "library": benches.LibraryBench}


class Contract(driver_contract.Contract):
    server = benches.DeviceBench

    def bench(self, **variant):
        return self.server(self.platform, **variant)

    def test_one_edit_carries_the_whole_change_and_the_lock_is_given_back(self):
        one = self.new()
        one.ban(*HOSTS4[:20], *HOSTS6[:20])
        one.forget()
        one.push()
        operations = [each["operation"] for each in one.log()]
        self.assertEqual(operations.count("edit-config"), 1)
        self.assertEqual(operations.count("lock"), 1)
        self.assertFalse(one.locked())

    def test_the_edit_is_that_of_the_plan(self):
        one = self.new()
        one.ban(*HOSTS4[:5], *HOSTS6[:5])
        (planned,) = one.site.json("plan")["devices"]
        one.forget()
        one.push()
        (sent,) = [each["request"] for each in one.log() if each["operation"] == "edit-config"]
        config = planned["script"][planned["script"].index("<config>") + len("<config>"):planned["script"].index("</config>")].strip()
        self.assertIn(config, sent)

    def test_networks(self):
        one = self.new()
        one.ban("198.51.100.0/25", "2001:db8:8::/64")
        one.push()
        self.assertEqual(sorted(set(one.held()) - driver_contract.PLACEHOLDERS), ["198.51.100.0/25", "2001:db8:8::/64"])
        self.assertEqual(one.push()["outcome"], "in_sync")
        one.unban("198.51.100.0/25", "2001:db8:8::/64")
        one.push()
        self.holds(one, [])

    def test_flush(self):
        one = self.new()
        one.ban(*HOSTS4[:3], *HOSTS6[:3])
        one.push()
        one.run("flush", "dut")
        self.holds(one, [])

    def test_check_and_what_setup_says_when_all_stands(self):
        one = self.new(set_up=False)
        one.run("check", "--connect", codes=(1,))
        self.assertIn("<edit-config>", one.run("setup", "dut").stdout)
        one.run("setup", "dut", "--apply")
        one.run("check", "--connect")
        one.forget()
        self.assertIn("nothing to do, already set up", one.run("setup", "dut").stdout)
        self.assertIn("nothing to do, already set up", one.run("setup", "dut", "--apply").stdout)
        self.assertFalse(one.edited())
        one.run("setup", "dut", "--remove", "--apply")
        self.assertEqual(one.lists_missing(), one.model["lists"])
        if one.model.get("attach"):
            self.assertNotIn("eth0", one.text(), "the place where the lists were bound is gone, too")

    def test_a_list_that_lost_its_entry_for_the_rest_is_not_in_force(self):
        rest = self.platform.model.get("rest")
        if not rest or not self.server.inserts:
            ending.does_not_apply("the driver puts no entry there that permits the rest")
        one = self.new()
        one.ban(HOSTS4[0])
        one.push()
        one.edit(rest(' xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"'))
        self.assertIn("no entry permits the rest", one.run("check", "--connect", codes=(1,)).stdout)
        self.assertNotIn("nothing to do", one.run("setup", "dut").stdout)
        one.run("setup", "dut", "--apply")
        one.run("check", "--connect")
        self.assertTrue(one.passes("198.51.100.99"))
        self.assertFalse(one.passes(HOSTS4[0]))

    def test_entries_of_the_operators_by_their_place(self):
        """Where entries have no numbers: in front of ours, between and behind."""
        if not self.platform.model.get("put") or self.platform.model.get("numbers") or not self.server.inserts:
            ending.does_not_apply("entries have numbers, or nothing can be put in front")
        one = self.new()
        one.ban(*HOSTS4[:2])
        one.push()
        theirs = {5: (HOSTS4[0], "permit"), 6: ("192.0.2.91", "deny"), 999995: ("192.0.2.92", "deny")}
        for number, (host, action) in theirs.items():
            one.put(number, host, action)
        others = sorted(text for text, _ in one.entries() if "operator-" in text)
        self.assertEqual(len(others), 3)
        one.ban(HOSTS4[2])
        one.push(codes=(5,))
        shown = json.loads(one.run("show", "dut", "--json").stdout)
        self.assertEqual({entry["prefix"]: entry["in_force"] for entry in shown["ours"]["entries"]},
                         {f"{host}/32": not one.passes(host) for host in HOSTS4[:3]})
        self.assertTrue(one.passes(HOSTS4[0]))
        self.assertIn("an earlier rule lets it through", one.run("check", "--connect", codes=(1,)).stdout)
        again = one.push(codes=(5,))
        self.assertEqual((again["add"], again["remove"], [note["name"] for note in again["guards"]]), ([], [], ["shadowed"]))
        permit = one.put_permit(7)
        self.assertTrue(one.passes(HOSTS4[1]))
        one.push(codes=(0, 5))
        self.assertFalse(one.passes(HOSTS4[1]), "ours stand in front again")
        again = one.push(codes=(0, 5))
        self.assertEqual((again["add"], again["remove"]), ([], []))
        one.unban(*HOSTS4[:3])
        one.push()
        self.assertEqual(one.standing(permit), [permit])
        self.assertIn("of others", one.run("setup", "dut", "--remove", "--apply", codes=(5,)).stderr)
        one.run("flush", "dut")
        self.assertEqual(sorted(text for text, _ in one.entries() if "operator-" in text), others)

    def rule(self):
        rule = self.platform.model.get("rule")
        if not rule:
            ending.does_not_apply("no rule of somebody else's names the list")
        return rule

    def told(self, one):
        """What is said of the list for IPv4: nothing, or in doubt, or not in force."""
        (plan,) = one.site.json("plan", code=None)["devices"]
        self.assertEqual(plan["error"], "")
        said = [text for text in [*plan["notes"], *(note["message"] for note in plan["guards"])] if re.search(r"\blist (?:set|list|group|acl)4\b", text)]
        return "" if not said else "in doubt" if any("cannot tell" in text for text in said) else "not in force" if any("is not in force" in text for text in said) else str(said)

    def test_rules_of_others_around_the_one_that_names_the_list(self):
        rule = self.rule()
        one = self.new()
        one.ban(HOSTS4[0], HOSTS6[0])
        one.push()
        for words, expected in (((True, None, ""), "not in force"), ((True, "203.0.113.0/24", ""), "in doubt"), ((True, None, "tcp"), "in doubt"), ((False, "203.0.113.0/24", ""), "")):
            with self.subTest(words):
                self.assertEqual(self.told(one), "")
                one.edit(rule(FIRST, 5, *words))
                self.assertEqual(self.told(one), expected)
                check = one.run("check", "--connect", codes=(1,) if expected == "not in force" else (0,)).stdout
                self.assertEqual("cannot tell" in check, expected == "in doubt", check)
                if expected != "not in force":
                    setup = one.run("setup", "dut")
                    self.assertIn("nothing to do, already set up", setup.stdout)
                    self.assertEqual("banpush moves no rule there" in setup.stderr, expected == "in doubt", setup.stderr)
                one.edit(rule(benches.OPERATION + '"delete"', 5, *words))
                one.edit(rule("", 900, *words))
                self.assertEqual(self.told(one), "", "behind ours it decides nothing")
                one.edit(rule(benches.OPERATION + '"delete"', 900, *words))

    def test_a_filter_that_nothing_binds(self):
        bindings = self.platform.model.get("bindings")
        if not bindings:
            ending.does_not_apply("no filter of somebody else's names the list")
        one = self.new()
        one.ban(HOSTS4[0], HOSTS6[0])
        one.push()
        self.assertEqual(self.told(one), "")
        one.edit(bindings(benches.OPERATION + '"delete"'))
        self.assertEqual(self.told(one), "in doubt")
        self.assertRegex(one.run("check", "--connect").stdout, "(?:list|group)4: cannot tell whether its entries block anything: nothing that the device shows binds the filter (?:IN4?|EDGE4|in)\\b")
        one.edit(bindings(""))
        self.assertEqual(self.told(one), "")

    def test_a_filter_that_is_switched_off(self):
        if self.platform.driver != "juniper_junos_netconf":
            ending.does_not_apply("a filter as a whole is switched off on Junos alone")
        one = self.new()
        one.ban(HOSTS4[0])
        one.push()
        one.edit(JUNOS_FILTER.replace("<filter>", '<filter inactive="inactive">'))
        self.assertEqual(self.told(one), "not in force")

    def test_random_rules_of_others_before_and_behind(self):
        """What is called in force, the first rule that meets a packet drops."""
        rule = self.rule()
        one = self.new()
        one.ban(HOSTS4[0], "203.0.113.8/29", HOSTS6[0])
        one.push()
        for seed in seeds.both():
            draw, met = random.Random(f"{seed} {self.platform.driver}"), {"": 0, "in doubt": 0, "not in force": 0}
            for _ in range(12):
                rules = [(number, draw.random() < 0.5, draw.choice(SOURCES), draw.choice(["", "", "tcp"])) for number in [*range(1, 1 + draw.randrange(3)), *range(901, 901 + draw.randrange(2))]]
                for number, *words in sorted(rules, key=lambda one: -one[0]):
                    one.edit(rule(FIRST if number < 900 else "", number, *words))
                told = self.told(one)
                met[told] += 1
                if not told:
                    for address in (HOSTS4[0], "203.0.113.8", "203.0.113.15"):
                        self.assertFalse(self.lets_through(rules, address), f"{address} passes by {rules}")
                for number, *words in rules:
                    one.edit(rule(benches.OPERATION + '"delete"', number, *words))
            if seed == seeds.THE_SAME:
                self.assertTrue(all((met[""], met["in doubt"])), met)

    @staticmethod
    def lets_through(rules, address):
        """Whether a rule before ours does so with any of its packets, and none before that drops them all."""
        looked_at = ipaddress.ip_address(address)
        for number, passes, source, protocol in sorted(rules, key=lambda one: one[0]):
            if number < 900 and (not source or looked_at in ipaddress.ip_network(source)):
                if passes:
                    return True
                if not protocol:
                    return False
        return False

    def test_somebody_elses_entry_for_a_part_of_the_traffic_is_no_ban(self):
        if not self.platform.foreign:
            ending.does_not_apply("nobody else can put an entry of another shape there")
        one = self.new()
        one.put_foreign()
        before = one.foreign()
        one.ban("192.0.2.77")
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertFalse(one.passes("192.0.2.77"))
        one.unban("192.0.2.77")
        one.push()
        self.assertEqual(one.foreign(), before)


if __name__ == "__main__":
    driver = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in MODELS else "yang_set"
    name = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in SERVERS else "device"
    Contract.server = SERVERS[name]
    Contract.platform = benches.Platform(driver, Contract.server)
    if missing := {"netconfd": netconfd.missing, "library": library_server.missing}.get(name, str)():
        ending.skip_all(missing)
    ending.main()
