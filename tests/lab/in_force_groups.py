#!/usr/bin/python3
"""What banpush calls in force, the emulated device drops, where a rule of a filter uses banpush's list: random rules of others before
and behind that rule, with the device's own verdict on packets as the judge. Where banpush says that it cannot tell, nothing is judged.

    in_force_groups.py DRIVER   (BANPUSH names the program; BANPUSH_IN_FORCE how many filters for each seed, 100 unless said)
"""
import ipaddress
import json
import random
import re
import sys
import unittest

import contract
import control
import in_force  # which knows where the last two are
import platforms
from in_force import InForce, points_of

import ending
import seeds

BANNED = ["203.0.113.1/32", "203.0.113.2/32", "203.0.113.8/29", "2001:db8:7::1/128", "2001:db8:7::2/128", "2001:db8:7:8::/64"]
SOURCES = {4: [None, "203.0.113.1/32", "203.0.113.2/32", "203.0.113.9/32", "203.0.113.0/24", "203.0.113.8/30", "198.51.100.0/24"],
           6: [None, "2001:db8:7::1/128", "2001:db8:7::/64", "2001:db8:7:8::9/128", "2001:db8::/32", "2001:db8:99::/48"]}
HEAD = re.compile(r"(?:object-group|ip access-list|ipv[46] access-list|interface)\b")
ALONE = re.compile(r"(?:set|/configure|access-list \S+ (?:line|extended)|access-group)\b")
OF_A_LIST = re.compile(r"list (\w+)(?: is not in force| does not exist on the device|:| \()")


def blocks_of(script):
    """As `type` takes it: a line that opens a block with those in it, or a line by itself."""
    blocks = []
    for line in (line.strip() for line in script.splitlines()):
        if not line or line in in_force.MODES or line.startswith(("configure", "edit-config", "quit-config", "validate", "commit", "!")):
            continue
        if HEAD.match(line) or ALONE.match(line) or not blocks:
            blocks.append([line])
        else:
            blocks[-1].append(line)
    return blocks


def wild(source):
    """As most of Cisco's platforms write the source of a rule for IPv4."""
    network = ipaddress.ip_network(source) if source else None
    if network is None:
        return "any"
    return f"host {network[0]}" if network.num_addresses == 1 else f"{network[0]} {network.hostmask}" if network.version == 4 else str(network)


class Numbered:
    """A rule in the ACL that setup makes, by its number; ours has 10."""

    def __init__(self, word4, source=wild, lead6=""):
        self.words, self.source, self.lead6 = {4: word4, 6: "ipv6"}, source, lead6

    def lines(self, skeleton, family, before, behind):
        head = next(block[0] for block in skeleton if "access-list" in block[0] and ("ipv6" in block[0]) == (family == 6))
        rules = [*zip(range(1, 10), before), *zip(range(20, 60, 5), behind)]
        return [*skeleton, [head, *(self.rule(family, number, *rule) for number, rule in rules)]] if rules else skeleton

    def rule(self, family, number, passes, source, narrow):
        return f"{self.lead6 if family == 6 else ''}{number} {'permit' if passes else 'deny'} {'tcp' if narrow else self.words[family]} {self.source(source)} any"


class LineOne:
    """A rule is put in front of all that there are; what comes behind the permit of the rest is never asked."""

    def lines(self, skeleton, family, before, behind):
        (name,) = {block[0].split()[1] for block in skeleton if block[0].startswith("access-list")}
        return [*skeleton, *([f"access-list {name} line 1 extended {self.rule(*one)}"] for one in reversed(before)),
                *([f"access-list {name} extended {self.rule(*one)}"] for one in behind)]

    @staticmethod
    def rule(passes, source, narrow):
        network = ipaddress.ip_network(source) if source else None
        told = "any" if network is None else f"host {network[0]}" if network.num_addresses == 1 else f"{network[0]} {network.netmask}"
        return f"{'permit' if passes else 'deny'} {'tcp' if narrow else 'ip'} {told} any"


class Named:
    """Rules by name in the order in which they are typed, or by number; the source is a list of its own."""

    def __init__(self, ours, makes, *parts, accept="accept", drop="discard"):
        self.ours, self.makes, self.parts, self.accept, self.drop = ours, makes, parts, accept, drop

    def lines(self, skeleton, family, before, behind):
        places = [i for i, (line, *_) in enumerate(skeleton) if re.search(self.ours[family], line)]
        found = re.search(self.ours[family], skeleton[places[0]][0])
        rules = [[line] for number, one in enumerate(before, 1) for line in self.rule(family, found, number, *one)]
        later = [[line] for number, one in enumerate(behind, 1) for line in self.rule(family, found, 100 + number, *one)]
        return [*skeleton[:places[0]], *rules, *skeleton[places[0]:places[-1] + 1], *later, *skeleton[places[-1] + 1:]]

    def rule(self, family, found, number, passes, source, narrow):
        values = {**found.groupdict(), "number": str(number), "list": f"OTHERS{family}x{number}", "source": source, "protocol": "tcp",
                  "action": self.accept if passes else self.drop}
        kinds = {"source": bool(source), "narrow": narrow, "action": True}
        return [line.format(**values) for kind, line in ([("source", self.makes[family])] if source else []) + [(kind, line[family]) for kind, line in self.parts] if kinds[kind]]


def junos():
    head = {4: "set firewall family inet filter {filter} term T{number} ", 6: "set firewall family inet6 filter {filter} term T{number} "}
    both = {4: r"family inet filter (?P<filter>\S+) term BAN ", 6: r"family inet6 filter (?P<filter>\S+) term BAN "}
    makes = dict.fromkeys((4, 6), "set policy-options prefix-list {list} {source}")
    return Named(both, makes, ("source", {f: head[f] + "from source-prefix-list {list}" for f in head}),
                 ("narrow", {4: head[4] + "from protocol {protocol}", 6: head[6] + "from next-header {protocol}"}), ("action", {f: head[f] + "then {action}" for f in head}))


def sros():
    head = {4: "/configure filter ip-filter {filter} entry {number} ", 6: "/configure filter ipv6-filter {filter} entry {number} "}
    ours = {4: r"filter ip-filter (?P<filter>\S+) entry", 6: r"filter ipv6-filter (?P<filter>\S+) entry"}
    makes = {4: '/configure filter match-list ip-prefix-list "{list}" prefix {source}', 6: '/configure filter match-list ipv6-prefix-list "{list}" prefix {source}'}
    return Named(ours, makes, ("source", {4: head[4] + 'match src-ip ip-prefix-list "{list}"', 6: head[6] + 'match src-ip ipv6-prefix-list "{list}"'}),
                 ("action", {f: head[f] + "action {action}" for f in head}), drop="drop")


WRITERS = {
    "cisco_ios_group": Numbered("ip", lead6="sequence "), "cisco_nxos": Numbered("ip", lambda source: source or "any"), "cisco_iosxr": Numbered("ipv4"),
    "cisco_asa": LineOne(), "juniper_junos": junos(), "nokia_sros": sros(),
}


class InForceByAFilter(unittest.TestCase):
    lab_of, banpush = InForce.lab_of, staticmethod(InForce.banpush)

    def draw(self, draw, family):
        def some(most):
            rules = [(draw.random() < 0.6, draw.choice(SOURCES[family]), draw.random() < 0.3 and family == 4) for _ in range(draw.randrange(most + 1))]
            return [(passes or source is None, source, narrow) for passes, source, narrow in rules]  # one that denies all would end our session
        return some(2), some(2)

    def typed(self, lab, name, blocks):
        for block in blocks:
            control.tell(lab.folder, name, "type", *block)

    def judge_all(self, lab, name, plan, drawn):
        """How many lists were said to be in force, and how many not, or in doubt."""
        said = [*plan["notes"], *(note["message"] for note in plan["guards"])]
        doubted = {found[1] for text in said for found in OF_A_LIST.finditer(text)}
        idle = {entry["prefix"] for entry in plan["not_in_force"]}
        for entry in plan["remove"]:
            if entry["prefix"] not in BANNED or entry["prefix"] in idle or entry["list"] in doubted:
                continue
            rules = [(0, "", source) for _, source, _ in drawn[ipaddress.ip_network(entry["prefix"]).version] if source]
            same = [rule for rule in rules if ipaddress.ip_network(rule[2]).version == ipaddress.ip_network(entry["prefix"]).version]
            passing = [point for point in points_of(entry["prefix"], same) if control.tell(lab.folder, name, "packet", point)["passes"]]
            self.assertEqual(passing, [], f"{entry['prefix']} in {entry['list']} is said to be in force, and lets these pass:\n{said}\n"
                             + control.tell(lab.folder, name, "state")["text"])
        return len({entry["list"] for entry in plan["remove"]} - doubted), len(doubted)

    def test_random_filters(self):
        writer = WRITERS[in_force.PLATFORM.driver]
        entries = None
        for seed in seeds.both():
            draw = random.Random(f"{seed} {in_force.PLATFORM.driver} filters")
            in_force_said, doubted_said = 0, 0
            for begin in range(0, in_force.LISTS, in_force.AT_ONCE):
                count = min(in_force.AT_ONCE, in_force.LISTS - begin)
                lab = self.lab_of(count)
                skeleton = blocks_of(self.banpush(lab, "setup", "d0").stdout)
                entries = entries or blocks_of(self.banpush(lab, "drivers", "render", in_force.PLATFORM.driver, *(word for one in BANNED for word in ("--add", one))).stdout)
                drawn = {}
                for i in range(count):
                    rules = {4: self.draw(draw, 4), 6: self.draw(draw, 6)}
                    blocks = skeleton
                    for family, (before, behind) in rules.items():
                        if family == 4 or not isinstance(writer, LineOne):
                            blocks = writer.lines(blocks, family, before, behind)
                    self.typed(lab, f"d{i}", [*entries, *blocks])
                    drawn[f"d{i}"] = {family: [*before, *behind] for family, (before, behind) in rules.items()}
                plans = json.loads(self.banpush(lab, "plan", "--json").stdout)["devices"]
                self.assertEqual(len(plans), count)
                for plan in plans:
                    self.assertEqual(plan["error"], "", plan)
                    one, other = self.judge_all(lab, plan["device"], plan, drawn[plan["device"]])
                    self.assertTrue(other or {entry["prefix"] for entry in plan["remove"]} >= set(BANNED), "what was typed stands")
                    in_force_said += one
                    doubted_said += other
            print(f"{in_force.PLATFORM.driver}: {in_force_said} lists in force, {doubted_said} not or not to be told")
            self.assertTrue(in_force_said and doubted_said, "one of the two was never met")


if __name__ == "__main__":
    in_force.PLATFORM = contract.PLATFORM = platforms.PLATFORMS[sys.argv.pop(1)]
    del InForce  # whose tests are of numbered lists
    ending.main()
