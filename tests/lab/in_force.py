#!/usr/bin/python3
"""What banpush calls in force, the emulated device drops: lists of random rules of banpush's and of others, before, between
and behind each other, with the device's own verdict on a packet as the judge.

    in_force.py DRIVER      (BANPUSH names the program; BANPUSH_IN_FORCE how many lists for each seed, 100 unless said)
"""
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
HOSTS = [f"203.0.113.{i}" for i in range(1, 13)]
MODES = {"system-view", "return", "quit", "exit", "end", "configure terminal", "configure", "commit", "enable"}
PLATFORM = None


def rules(draw, platform):
    """(number, action, host) in the order of their numbers: some of banpush's range, some of others'."""
    first, last = platform.numbers
    numbers = [*draw.sample(range(max(1, first - 60), first), 4), *draw.sample(range(first, first + 80), 10), last + 3]
    drawn = []
    for number in numbers:
        action = draw.choice(["deny", "deny", "deny", "permit"])
        drawn.append((number, action, draw.choice(HOSTS)))
    return sorted({host + action: (number, action, host) for number, action, host in drawn}.values())


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

    def prepare(self, lab, name, skeleton, drawn, second):
        def type_in(*lines):
            return control.tell(lab.folder, name, "type", *lines)["answer"]

        for line in skeleton:  # what only changes the mode is said where it has no meaning here: nothing of that matters
            type_in(*line)
        for number, action, host in drawn:
            type_in(*(platforms.NUMBER.sub(str(number), line).replace(" deny ", f" {action} ") for line in PLATFORM.lines(PLATFORM.by_hand, host)))
        if second:
            kind, its = PLATFORM.kinds[0]
            last = [entry["line"].strip() for entry in control.tell(lab.folder, name, "state")["running"][kind][its]["entries"] if "permit" in entry["line"]][-1]
            type_in(PLATFORM.by_hand[0], re.sub(r"\d+", str(second), last, count=1))

    def judge(self, lab, name, plan):
        kind, its = PLATFORM.kinds[0]
        first, last = PLATFORM.numbers
        entries = control.tell(lab.folder, name, "state")["running"][kind][its]["entries"]
        ours = {entry["prefix"] for entry in entries if "prefix" in entry and first <= entry["number"] <= last and "permit" not in entry["line"]}
        idle = {entry["prefix"] for entry in plan["not_in_force"]}
        self.assertLessEqual(idle, ours | {entry["prefix"] for entry in entries if "prefix" in entry})
        for prefix in sorted(ours):
            passes = control.tell(lab.folder, name, "packet", prefix.split("/")[0])["passes"]
            blocked_by_others = not passes and prefix in idle
            said = "in force" if prefix not in idle else "not in force"
            self.assertTrue((prefix in idle) == passes or blocked_by_others,
                            f"{prefix} is {said}, and a packet {'passes' if passes else 'is dropped'}:\n" + "\n".join(entry["line"] for entry in entries))
        return len(idle)

    def test_random_rules(self):
        for seed in seeds.both():
            draw = random.Random(f"{seed} {PLATFORM.driver}")
            found = 0
            for begin in range(0, LISTS, AT_ONCE):
                count = min(AT_ONCE, LISTS - begin)
                lab = self.lab_of(count)
                skeleton = blocks_of(self.banpush(lab, "setup", "d0").stdout)
                for i in range(count):
                    second = PLATFORM.numbers[0] + draw.randrange(80) if draw.random() < 0.2 else 0
                    self.prepare(lab, f"d{i}", skeleton, rules(draw, PLATFORM), second)
                plans = json.loads(self.banpush(lab, "plan", "--json").stdout)["devices"]
                self.assertEqual(len(plans), count)
                for plan in plans:
                    self.assertEqual(plan["error"], "", plan)
                    found += self.judge(lab, plan["device"], plan)
            self.assertGreater(found, 0, "no list had an entry behind a permit")


if __name__ == "__main__":
    PLATFORM = contract.PLATFORM = platforms.PLATFORMS[sys.argv.pop(1)]
    if not PLATFORM.numbers:
        ending.skip_all("entries have no numbers")
    ending.main()
