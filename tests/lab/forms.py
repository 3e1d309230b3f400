#!/usr/bin/python3
"""Devices of odd forms: the real banpush against an emulated device that differs from its platform's usual ones."""
import json
import pathlib
import re
import sys
import unittest

import bench
import control
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import driver_contract  # noqa: E402
import ending  # noqa: E402


def device_of(name, train="", **variant):
    platform = platforms.PLATFORMS[name]
    return bench.device_of(platform.device, train or platform.train, platform.driver, platform.attach, platform.params, **{**platform.settings, **variant})


class Forms(unittest.TestCase):
    maxDiff = None

    def new(self, name, **variant):
        one = bench.Bench(device_of(name, **variant))
        self.addCleanup(one.close)
        return one

    def sent(self, one):
        return [line["line"].strip() for line in one.tell("stats")["lines"]]

    def test_a_switch_without_ipv6_access_lists(self):
        one = self.new("ubiquiti_edgeswitch", train="no_ipv6")
        self.assertIn("no IPv6 access lists", one.run("setup", "dut", "--apply").stderr)
        one.ban(driver_contract.HOSTS4[0], driver_contract.HOSTS6[0])
        report = one.push()
        self.assertEqual(report["outcome"], "changed")
        self.assertEqual(sum("no IPv6 access lists" in note for note in report["notes"]), 1, report["notes"])
        self.assertEqual(one.push()["outcome"], "in_sync")
        self.assertEqual([line for line in self.sent(one) if "ipv6" in line and line != "show ipv6 access-lists"], [])
        self.assertIn("no IPv6 access lists", one.run("check", "dut", "--connect").stdout)
        self.is_known_without_a_connection(one)

    def is_known_without_a_connection(self, one):
        """What was learnt of the device's lists counts for an offline plan and for explain."""
        one.ban(driver_contract.HOSTS6[1])
        (plan,) = json.loads(one.run("plan", "--offline", "--json").stdout)["devices"]
        self.assertEqual(plan["add"], [])
        self.assertEqual(sum("no IPv6 access lists" in note for note in plan["notes"]), 1, plan["notes"])
        (told,) = json.loads(one.run("explain", driver_contract.HOSTS6[1], "--json").stdout)["devices"]
        self.assertEqual(told["state"], "left out", told)
        self.assertNotIn("the next push brings it", told["reason"])
        (told,) = json.loads(one.run("explain", driver_contract.HOSTS4[0], "--json").stdout)["devices"]
        self.assertEqual(told["state"], "present", told)

    def test_setup_adds_what_a_policy_of_its_own_lacks(self):
        one = self.new("fortinet_fortios")
        one.run("setup", "dut", "--apply")
        self.assertNotIn("virtual IPs", one.run("check", "dut", "--connect").stdout)
        self.assertIn("already set up", one.run("setup", "dut").stdout)
        one.tell("type", "config firewall policy", "edit 7112", "set match-vip disable", "next", "end")
        self.assertIn("virtual IPs", one.run("check", "dut", "--connect").stdout)
        self.assertIn("set match-vip enable", one.run("setup", "dut").stdout)
        before = self.sent(one).count("set match-vip enable")
        one.run("setup", "dut", "--apply")
        self.assertEqual(self.sent(one).count("set match-vip enable"), before + 1)
        self.assertNotIn("match-vip", one.run("setup", "dut").stdout, "the policy by itself is shown without it now")

    def test_names_of_32_characters(self):
        one = self.new("extreme_exos")
        hosts = ["2001:db8:1111:2222:3333:4444:5555:6666", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1", "203.0.113.7"]
        one.ban(*hosts)
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertEqual(one.push()["outcome"], "in_sync")
        self.assertTrue(all(len(name) <= 32 for name in one.tell("state")["running"]["rule"]))
        one.unban(*hosts[:2])
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertEqual(len(one.tell("state")["running"]["rule"]), 2)

    def test_a_host_that_was_typed_as_a_network(self):
        """Which is another member than the host on IOS XR; either is banpush's."""
        one = self.new("cisco_iosxr")
        one.run("setup", "dut", "--apply")
        hosts = driver_contract.HOSTS4[:2]
        one.tell("type", "object-group network ipv4 BANPUSH4", f"{hosts[0]}/32", f"{hosts[1]}/32", f"host {hosts[1]}")
        one.ban(*hosts)
        self.assertEqual([entry["reason"] for entry in one.push()["remove"]], ["there twice"])
        self.assertEqual(one.push()["outcome"], "in_sync")
        one.unban(*hosts)
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertEqual([entry["line"] for entry in one.state()["running"]["group4"]["BANPUSH4"]["entries"]], ["host 192.0.2.255"])

    def test_a_confirm_that_is_shorter_than_the_device_takes(self):
        one = self.new("cisco_iosxr", banpush={"confirm": "10s", "confirm_when": "always"})
        planned = one.run("setup", "dut")
        self.assertIn("\ncommit confirmed 30\n", planned.stdout)
        self.assertIn("goes back by itself after 30s", planned.stderr)
        one.run("setup", "dut", "--apply")
        one.ban(driver_contract.HOSTS4[0])
        self.assertEqual(one.push()["outcome"], "changed")

    def test_a_prompt_of_the_operators_own(self):
        one = self.new("cisco_ios", config="prompt [site 7] west%p\n")
        one.run("setup", "dut", "--apply")
        one.ban(*driver_contract.HOSTS4[:5])
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertEqual(one.push()["outcome"], "in_sync")

    def test_a_revert_timer_of_somebody_else(self):
        """What they do next would be taken back with ours, so that ours does not begin; without a timer of ours nothing keeps the change."""
        for name in ("cisco_ios", "cisco_iosxe", "cisco_ios_group"):
            with self.subTest(name):
                one = self.new(name, config="archive\n path flash:x\n", banpush={"confirm_when": "always"})
                one.run("setup", "dut", "--apply")
                enabled = ("enable", control.enable(one.lab.folder, one.name))
                control.said(one.lab.folder, one.name, *enabled, "configure terminal revert timer 5", "end", "exit")
                self.assertTrue(one.state()["timer"])
                one.ban(driver_contract.HOSTS4[0])
                report = one.push(codes=(5,))
                self.assertIn("somebody else's revert timer runs on it", json.dumps(report))
                self.assertTrue(one.passes(driver_contract.HOSTS4[0]))
                control.said(one.lab.folder, one.name, *enabled, "configure confirm", "exit")
                self.assertEqual(one.push()["outcome"], "changed")
                self.assertFalse(one.passes(driver_contract.HOSTS4[0]))

    def test_what_a_stack_says_to_save(self):
        """H3C's command references of save, as an IRF device of one chassis, of several, and a newer train say it."""
        done = "Saved the current configuration to mainboard device successfully.\n"
        whole = "Save next configuration file successfully.\n"
        for said in (f"{done}Slot 1:\n{whole}Configuration is saved to device successfully.\n",
                     f"{done}Chassis 1 Slot 1:\n{whole}Chassis 2 Slot 1:\n{whole}",
                     f"Saving the current configuration to the file. Please wait...\n{done}"):
            with self.subTest(said):
                one = self.new("hpe_comware", banpush={"save": "each"}, values={"saved": "Validating file. Please wait...\n" + said})
                one.run("setup", "dut", "--apply")
                one.ban(driver_contract.HOSTS4[0])
                report = one.push()
                self.assertEqual((report["outcome"], report["unsaved"]), ("changed", ""))

    def test_the_question_at_leaving_in_either_wording(self):
        """A refused line leaves a candidate of VRP 8 behind: what it asks then is answered, and its own words are what is told."""
        for at_length in ("", "yes"):
            with self.subTest(at_length=at_length):
                one = self.new("huawei_vrp8", values={"asks_at_length": at_length})
                one.run("setup", "dut", "--apply")
                one.ban(*driver_contract.HOSTS4[:5])
                one.tell("fault", "refuse", "after", "3", "entries")
                report = one.push(codes=(1,))
                self.assertIn("insufficient resources", report["error"])
                self.assertNotIn("before exiting", report["error"])
                self.assertEqual(one.push()["outcome"], "changed")

    def test_a_router_that_numbers_no_filters(self):
        """SR OS gives a filter a number out of a range that is not configured on a new router; there one has to be said."""
        def new(**settings):
            one = bench.Bench(bench.device_of("nokia_sros", attach=["system"], **settings))
            self.addCleanup(one.close)
            return one

        one = new(params={"filter_id4": 401})
        refused = one.run("setup", "dut", "--apply", codes=(5,)).stderr
        self.assertIn("filter_id6", refused)
        self.assertNotIn("filter_id4", refused)
        ranged = new(config="/configure filter md-auto-id filter-id-range start 60001 end 65535\n")
        ranged.run("setup", "dut", "--apply")
        ranged.ban(driver_contract.HOSTS4[0], driver_contract.HOSTS6[0])
        self.assertEqual(ranged.push()["outcome"], "changed")
        self.assertFalse(ranged.passes(driver_contract.HOSTS4[0]))

    def test_groups_for_ipv6_in_rules_of_vyos_before_1_4(self):
        one = self.new("edgeos", values={"old_vyos": "yes", "version": "Version:          VyOS 1.3.0"})
        one.run("setup", "dut", "--apply")
        one.ban(driver_contract.HOSTS4[0], driver_contract.HOSTS6[0])
        self.assertEqual(one.push()["outcome"], "changed")
        self.assertFalse(one.passes(driver_contract.HOSTS6[0]))
        one.run("setup", "dut", "--remove", "--apply")


if __name__ == "__main__":
    ending.main()
