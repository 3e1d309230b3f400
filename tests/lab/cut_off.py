#!/usr/bin/python3
"""A setup that cuts banpush off from the device, and one that cannot be proved: the device takes both back by itself, or
somebody at its console does with the lines that were told before; and one that is cut at any line, which locks nobody out.

    cut_off.py DRIVER [TEST…]      (BANPUSH names the program; the lab stands beside it)
"""
import json
import pathlib
import re
import sys
import unittest

import bench
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import dead_man  # noqa: E402
import ending  # noqa: E402
from waiting import wait_until  # noqa: E402

# What somebody put into the list that banpush is about to bind: the address that its session comes from.
IOS = "ip access-list extended BANPUSH-IN4\n deny ip 127.0.0.0 0.255.255.255 any log\n permit ip any any\n"
CUTS_OFF = {
    "arista_eos": "ip access-list BANPUSH-IN4\n10 deny ip 127.0.0.0/8 any log\n20 permit ip any any\n",
    "aruba_aoscx": "access-list ip BANPUSH-IN4\n10 deny any 127.0.0.0/8 any count\n",
    "cisco_ios": IOS,
    "cisco_ios_group": "object-group network BANPUSH4\n 127.0.0.0 255.0.0.0\n",
    "cisco_iosxe": IOS,
    "cisco_iosxr": "object-group network ipv4 BANPUSH4\n127.0.0.0/8\n",
    "juniper_junos": "set policy-options prefix-list BANPUSH4 127.0.0.0/8\n",
    # These take nothing back by themselves.
    "aruba_procurve": 'ip access-list extended "BANPUSH-IN4"\n10 deny ip 127.0.0.0 0.255.255.255 0.0.0.0 255.255.255.255\n',
    "cisco_asa": "object-group network BANPUSH\nnetwork-object 127.0.0.0 255.0.0.0\n",
    "cisco_nxos": "object-group ip address BANPUSH4\n127.0.0.0 0.255.255.255\n",
    "dell_os10": "ip access-list BANPUSH-IN4\nseq 10 deny ip 127.0.0.0/8 any\n",
    "edgeos": "set firewall group network-group BANPUSH4 network 127.0.0.0/8\n",
    "fortinet_fortios": 'config firewall address\nedit "mine"\nset subnet 127.0.0.0 255.0.0.0\nnext\nend\nconfig firewall addrgrp\nedit "BANPUSH4"\nappend member "mine"\nnext\nend\n',
    "hpe_comware": "acl number 3999\nrule 5 deny ip source 127.0.0.0 0.255.255.255\n",
    "huawei_vrp": "acl number 3999\nrule 5 deny ip source 127.0.0.0 0.255.255.255\n",
    "mikrotik_routeros": "/ip firewall address-list add list=banpush address=127.0.0.0/8 comment=mine\n",
    "paloalto_panos": "set address MINE ip-netmask 127.0.0.0/8\nset address-group BANPUSH static MINE\n",
    "ruckus_icx": "ip access-list extended BANPUSH-IN4\nsequence 10 deny ip 127.0.0.0 0.255.255.255 any\n",
    "ubiquiti_edgeswitch": "ip access-list BANPUSH-IN4\n10 deny ip 127.0.0.0 0.255.255.255 any\n",
    "vyos": "set firewall group network-group BANPUSH4 network 127.0.0.0/8\n",
    "nokia_sros": '/configure filter match-list ip-prefix-list "BANPUSH4" prefix 127.0.0.0/8\n',
}
GOES_BACK = {"arista_eos", "aruba_aoscx", "cisco_ios", "cisco_ios_group", "cisco_iosxe", "cisco_iosxr", "juniper_junos", "nokia_sros"}
# What leads to where things are configured and back, which is not for the lab's console: that is there already.
WAYS = {"configure terminal", "configure", "configure exclusive", "edit-config private", "system-view", "end", "exit", "return", "commit",
        "exit configuration-mode", "quit-config"}
PLATFORM = None


def blocks_of(undo):
    """What is typed in one go into the configuration, without the words that lead there and back: the lab types there anyway."""
    blocks = [[]]
    for line in map(str.strip, undo.splitlines()):
        if line in WAYS:
            blocks.append([])
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block]


class OnADevice(unittest.TestCase):
    maxDiff = None

    def new(self, config="", banpush=None, **variant):
        reverts = dict(PLATFORM.reverts)
        own = {**reverts.pop("banpush", {}), **(banpush or {})}
        one = bench.Bench(bench.device_of(PLATFORM.device, PLATFORM.train, PLATFORM.driver, PLATFORM.attach, PLATFORM.params, own, **{
            **PLATFORM.settings, **variant, "config": PLATFORM.bare + reverts.get("config", "") + config}))
        self.addCleanup(one.close)
        return one

    def becomes_impatient(self, one):
        """The driver's stages have a silence of their own, of minutes: a site's copy of the driver has less."""
        one.silence(3)
        folder = pathlib.Path(one.folder, "drivers")
        folder.mkdir()
        name = PLATFORM.driver
        while name:
            text = (bench.ROOT / f"drivers/{name}.yaml").read_text()
            (folder / f"{name}.yaml").write_text(re.sub(r"silence: \d+s", "silence: 3s", text))
            parent = re.search(r"^extends: (\w+)$", text, re.MULTILINE)
            name = parent and parent[1]


class GoesBack(OnADevice):
    def is_left_alone(self, one):
        self.assertIn("was not confirmed", one.run("status").stdout)
        self.assertIn("was not confirmed", one.run("plan", codes=(1,)).stdout)

    def test_a_setup_that_cuts_us_off(self):
        one = self.new(CUTS_OFF[PLATFORM.driver], minute="5s")
        before = one.state()["text"]
        self.assertTrue(one.passes("127.0.0.1"))
        self.becomes_impatient(one)
        done = one.run("setup", "dut", "--apply", codes=(1,))
        self.assertIn("dut: setup: ", done.stderr)
        self.assertIn("the device holds what it held before, at the latest when its time to confirm is over (confirm: 120s)", done.stderr)
        self.is_left_alone(one)
        wait_until(lambda: one.tell("stats")["reverts"] == 1, 10, "the device returns by itself")
        self.assertTrue(one.passes("127.0.0.1"))
        self.assertEqual(one.state()["text"], before)

    def test_what_cannot_be_proved_is_not_confirmed(self):
        """The device takes one session, and so no second one; a removal is taken back as a setup is."""
        one = self.new(sessions=1, banpush={"confirm_when": "never"})

        def setup(*argv, codes=(0,)):
            wait_until(lambda: one.tell("stats")["open"] == 0, 10, "the session before has ended on the device, too")
            return one.run("setup", "dut", *argv, codes=codes)

        bare = one.state()["text"]
        setup("--apply")
        set_up = one.state()["text"]
        self.assertNotEqual(set_up, bare)
        setup("--remove", "--apply")
        one.configure(confirm_when="risky")
        for verb, before in ((["--apply"], one.state()["text"]), (["--remove", "--apply"], set_up)):
            with self.subTest(verb):
                if "--remove" in verb:
                    one.configure(confirm_when="never")
                    setup("--apply")
                    one.configure(confirm_when="risky")
                done = setup(*verb, codes=(1,))
                self.assertIn("a second session could not be opened after the change", done.stderr)
                if "was cancelled" not in done.stderr:
                    self.is_left_alone(one)
                    one.tell("expire")
                    dead_man.time_is_over(f"{one.folder}/state.db")
                self.assertEqual(one.state()["text"], before)
                self.assertEqual(one.tell("stats")["reverts"], 1)
                one.tell("forget")

    def test_a_setup_and_its_removal_are_confirmed(self):
        one = self.new()
        bare = one.state()["text"]
        planned = one.run("setup", "dut").stdout
        self.assertIn("! confirm\n", planned)
        one.run("setup", "dut", "--apply")
        self.assertFalse(one.state()["timer"])
        self.assertEqual(one.state()["lock"], "")
        set_up = one.state()["text"]
        one.run("setup", "dut", "--remove", "--apply")
        self.assertFalse(one.state()["timer"])
        self.assertNotEqual(set_up, one.state()["text"])
        one.run("setup", "dut", "--apply")
        self.assertEqual(one.state()["text"], set_up)
        self.assertNotEqual(set_up, bare)


class StaysAsItIs(OnADevice):
    """A device that takes nothing back, or is not to."""

    def new(self, *args, **variant):
        return super().new(*args, banpush={"confirm_when": "never"}, **variant)

    def test_the_lines_that_are_told_before_give_it_back(self):
        one = self.new(CUTS_OFF[PLATFORM.driver])
        self.assertTrue(one.passes("127.0.0.1"))
        undo = json.loads(one.run("setup", "dut", "--json").stdout)["undo"]
        self.assertIn("should the device not be reached after it, this takes it back at its console:\n" + undo, one.run("setup", "dut").stderr)
        self.becomes_impatient(one)
        done = one.run("setup", "dut", "--apply", codes=(1,))
        self.assertIn("the change remains; at the device's console this takes it back:\n" + undo, done.stderr)
        self.assertFalse(one.passes("127.0.0.1"))
        blocks = blocks_of(undo)
        self.assertTrue(blocks)
        for block in blocks:
            one.tell("type", *block)  # of what it never came to, the device has nothing to take back
        self.assertTrue(one.passes("127.0.0.1"))
        whole = self.new()
        whole.run("setup", "dut", "--apply")
        for block in blocks:
            self.assertEqual(whole.tell("type", *block)["answer"], "")
        self.assertEqual(whole.run("plan", "--exit-code", codes=None).returncode, 0)
        self.assertNotIn("nothing to do", whole.run("setup", "dut").stdout)

    def test_a_setup_that_is_cut_at_any_line_locks_nobody_out(self):
        one = self.new()
        script = one.run("setup", "dut").stdout.split("! ")[0].splitlines()
        reads = one.tell("stats")["lines_count"]
        one.tell("forget")
        for number in range(1, len(script) + 1):
            with self.subTest(script[number - 1]):
                other = self.new()
                other.tell("fault", "lose", "after", str(reads + number), "lines")
                other.run("setup", "dut", "--apply", codes=(0, 1))
                for address in ("127.0.0.1", "192.0.2.1", "2001:db8::1"):
                    self.assertTrue(other.passes(address), address)
                other.close()


class Colleagues(OnADevice):
    """On IOS the timer brings back all of the configuration, and there is one for all."""

    def refused(self, one, *argv):
        before = one.state()
        done = one.run(*argv, codes=(5,))
        self.assertEqual(one.state(), before, "nothing was changed, and nobody's timer was touched")
        return done.stdout + done.stderr

    def test_somebody_elses_timer(self):
        one = self.new()
        one.tell("type", "end", "configure terminal revert timer 5", "end")
        self.assertTrue(one.state()["timer"])
        self.assertIn("somebody else's revert timer runs on it already", self.refused(one, "setup", "dut", "--apply"))
        self.assertNotIn("not confirmed", one.run("status").stdout)
        one.tell("expire")
        one.run("setup", "dut", "--apply")
        one.tell("type", "end", "configure terminal revert timer 5", "end")
        one.ban("203.0.113.1")
        self.assertIn("somebody else's revert timer runs on it already", self.refused(one, "push"))
        one.tell("expire")
        self.assertEqual(one.push()["outcome"], "changed")

    def test_a_timer_that_begins_in_between_is_left_alone(self):
        """Asked too early: the line that begins ours is refused, and what runs is not ours to take back."""
        one = self.new()
        one.run("setup", "dut", "--apply")
        reads = one.tell("stats")["lines_count"]
        script = one.run("setup", "dut", "--remove").stdout.split("! ")[0].splitlines()
        reads = one.tell("stats")["lines_count"] - reads
        one.tell("fault", "meanwhile", "after", str(reads), "lines", "end", "configure terminal revert timer 5", "end")
        done = one.run("setup", "dut", "--remove", "--apply", codes=(1,))
        self.assertIn("already pending", done.stderr, script)
        self.assertTrue(one.state()["timer"])
        self.assertEqual(one.tell("stats")["reverts"], 0)
        self.assertNotIn("not confirmed", one.run("status").stdout)

    def test_what_somebody_else_has_not_saved(self):
        one = self.new()
        one.tell("type", "interface GigabitEthernet0/0", "description uplink")
        self.assertIn("not saved it", self.refused(one, "setup", "dut", "--apply"))
        one.tell("save")
        one.run("setup", "dut", "--apply")
        self.assertFalse(one.state()["saved"])
        one.ban("203.0.113.1", "2001:db8::1")
        self.assertEqual(one.push()["outcome"], "changed", "what banpush has not saved is no obstacle")
        one.tell("type", "interface GigabitEthernet0/0", "description what it is now")
        one.unban("203.0.113.1")
        self.assertEqual(one.push()["outcome"], "changed", "a host is not sent on trial")
        one.ban("203.0.113.0/25")
        report = one.push(codes=(5,))
        self.assertEqual(report["outcome"], "refused")
        self.assertIn("dead_man", [guard["name"] for guard in report["guards"]])


if __name__ == "__main__":
    PLATFORM = platforms.PLATFORMS[sys.argv.pop(1)]
    if PLATFORM.driver not in GOES_BACK:
        del GoesBack
    if PLATFORM.device != "cisco_ios":
        del Colleagues
    ending.main()
