#!/usr/bin/python3
"""What banpush calls in force, the emulated device drops: lists of random rules of banpush's and of others, before, between
and behind each other, with the device's own verdict on a packet as the judge.

    in_force.py DRIVER      (BANPUSH names the program; BANPUSH_IN_FORCE how many lists for each seed, 100 unless said)
"""
import ipaddress
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import unittest

import bench
import contract
import control
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import ending  # noqa: E402
import seeds  # noqa: E402

LISTS = int(os.environ.get("BANPUSH_IN_FORCE", "100"))
AT_ONCE = 50  # devices of one lab
# Hosts and networks of both families, some within others.
PREFIXES = {4: [*(f"203.0.113.{i}/32" for i in range(1, 9)), "203.0.113.0/29", "203.0.113.4/30", "203.0.113.8/29", "203.0.112.0/23"],
            6: [*(f"2001:db8:7::{i}/128" for i in range(1, 9)), "2001:db8:7::/64", "2001:db8:7::/125", "2001:db8:7::4/126", "2001:db8::/32"]}
MODES = {"system-view", "return", "quit", "exit", "end", "configure terminal", "configure", "commit", "enable"}
PLATFORM = None


def rules(draw, platform, family):
    """(number, action, prefix) in the order of their numbers: some of banpush's range, some of others'."""
    first, last = platform.numbers
    numbers = [*draw.sample(range(max(1, first - 60), first), 4), *draw.sample(range(first, first + 80), 10), last + 3]
    drawn = []
    for number in numbers:
        action = draw.choice(["deny", "deny", "deny", "permit"])
        drawn.append((number, action, draw.choice(PREFIXES[family])))
    return sorted({prefix + action: (number, action, prefix) for number, action, prefix in drawn}.values())


def points_of(prefix, drawn):
    """Addresses by which it is judged: its own ends, and those of every rule's that lie in it."""
    ours = ipaddress.ip_network(prefix)
    ends = {end for network in (ours, *(ipaddress.ip_network(one) for _, _, one in drawn)) for end in (network[0], network[-1])}
    return sorted(str(one) for one in ends if one in ours)


def blocks_of(script):
    """The blocks of a setup, as `type` takes them: the line that opens one, and those in it."""
    blocks = []
    for line in (line.strip() for line in script.splitlines()):
        if line in MODES or not line:
            continue
        if re.match(r"(?:(?:ip|ipv6) access-list|access-list (?:ip|ipv6)|acl|interface)\b", line) or not blocks:
            blocks.append([line])
        else:
            blocks[-1].append(line)
    return blocks


class InForce(unittest.TestCase):
    lines = None

    def lab_of(self, count):
        device = contract.device_of(PLATFORM)
        lab = bench.Lab({f"d{i}": device for i in range(count)})
        self.addCleanup(lab.close)
        self.assertEqual(self.banpush(lab, "init").returncode, 0)
        return lab

    @staticmethod
    def banpush(lab, *argv):
        return subprocess.run([bench.BANPUSH, "-c", f"{lab.folder}/banpush.yaml", *argv], capture_output=True, text=True, timeout=600,
                              env={**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(bench.ROOT))})

    def entry_lines(self, lab):
        """By prefix the line that opens its list, and its own, as the driver writes it."""
        lines = {}
        for prefix in (*PREFIXES[4], *PREFIXES[6]):
            script = self.banpush(lab, "drivers", "render", PLATFORM.driver, "--add", prefix).stdout
            (lines[prefix],) = [block for block in blocks_of(script) if "access-list" in block[0] or block[0].startswith("acl")]
        return lines

    def prepare(self, lab, name, skeleton, drawn, second, family):
        def type_in(*lines):
            return control.tell(lab.folder, name, "type", *lines)["answer"]

        for line in skeleton:  # what only changes the mode is said where it has no meaning here: nothing of that matters
            type_in(*line)
        for number, action, prefix in drawn:
            type_in(*(platforms.NUMBER.sub(str(number), line).replace(" deny ", f" {action} ") for line in self.lines[prefix]))
        if second:
            kind, its = PLATFORM.kinds[family == 6]
            last = [entry["line"].strip() for entry in control.tell(lab.folder, name, "state")["running"][kind][its]["entries"] if "permit" in entry["line"]][-1]
            type_in(self.lines[PREFIXES[family][0]][0], re.sub(r"\d+", str(second), last, count=1))

    def judge(self, lab, name, plan, drawn, family):
        kind, its = PLATFORM.kinds[family == 6]
        first, last = PLATFORM.numbers
        entries = control.tell(lab.folder, name, "state")["running"][kind][its]["entries"]
        ours = {entry["prefix"] for entry in entries if "prefix" in entry and first <= entry["number"] <= last and "permit" not in entry["line"]}
        idle = {entry["prefix"] for entry in plan["not_in_force"]}
        self.assertLessEqual(idle, ours | {entry["prefix"] for entry in entries if "prefix" in entry})
        for prefix in sorted(ours - idle):
            passing = [point for point in points_of(prefix, drawn) if control.tell(lab.folder, name, "packet", point)["passes"]]
            self.assertEqual(passing, [], f"{prefix} is said to be in force, and lets these pass:\n" + "\n".join(entry["line"] for entry in entries))
        return len(idle), len(ours - idle)

    def test_random_rules(self):
        for seed in seeds.both():
            draw = random.Random(f"{seed} {PLATFORM.driver}")
            found, in_force = {4: 0, 6: 0}, {4: 0, 6: 0}
            for begin in range(0, LISTS, AT_ONCE):
                count = min(AT_ONCE, LISTS - begin)
                lab = self.lab_of(count)
                skeleton = blocks_of(self.banpush(lab, "setup", "d0").stdout)
                self.lines = self.lines or self.entry_lines(lab)
                drawn = {}
                for i in range(count):
                    family = draw.choice((4, 6))
                    second = PLATFORM.numbers[0] + draw.randrange(80) if draw.random() < 0.2 else 0
                    drawn[f"d{i}"] = rules(draw, PLATFORM, family), family
                    self.prepare(lab, f"d{i}", skeleton, drawn[f"d{i}"][0], second, family)
                plans = json.loads(self.banpush(lab, "plan", "--json").stdout)["devices"]
                self.assertEqual(len(plans), count)
                for plan in plans:
                    self.assertEqual(plan["error"], "", plan)
                    those, family = drawn[plan["device"]]
                    idle, active = self.judge(lab, plan["device"], plan, those, family)
                    found[family] += idle
                    in_force[family] += active
            self.assertTrue(all((*found.values(), *in_force.values())), f"nothing of some kind was met: behind permits {found}, in force {in_force}")


if __name__ == "__main__":
    PLATFORM = contract.PLATFORM = platforms.PLATFORMS[sys.argv.pop(1)]
    if not PLATFORM.numbers:
        ending.skip_all("entries have no numbers")
    ending.main()
