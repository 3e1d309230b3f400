#!/usr/bin/python3
"""The contract every driver keeps, for a driver of NETCONF and a server.   test_contract.py DRIVER [SERVER] [TEST…]

SERVER is `device` (in the test's process; the standard), `netconfd`, or `library` (on libnetconf2's server side).
"""
import pathlib
import sys

import benches
import library_server
import netconfd
from models import MODELS

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import driver_contract  # noqa: E402
from driver_contract import HOSTS4, HOSTS6  # noqa: E402
import ending  # noqa: E402

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
