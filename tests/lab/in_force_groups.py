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
import zlib

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
HEAD = re.compile(r"(?:object-group|ip access-list|ipv[46] access-list|interface|config firewall)\b")
ALONE = re.compile(r"(?:set|/configure|/ip|/ipv6|(?:create|configure) access-list|access-list \S+ (?:line|extended)|access-group)\b")
OPENS = re.compile(r"configure (?!access-list)")
OF_A_LIST = re.compile(r"list (\w+)(?: is not in force| does not exist on the device|:| \()")


def blocks_of(script):
    """As `type` takes it: a line that opens a block with those in it, or a line by itself."""
    blocks = []
    for line in (line.strip() for line in script.splitlines()):
        if not line or line in in_force.MODES or OPENS.match(line) or line.startswith(("edit-config", "quit-config", "validate", "commit", "!")):
            continue
        inside = blocks and blocks[-1][0].startswith("config firewall")  # where `set` is of the entry that is edited
        if HEAD.match(line) or (ALONE.match(line) and not inside) or not blocks:
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

    def rule(self, family, found, number, passes, source, narrow, off=False):
        values = {**found.groupdict(), "number": str(number), "list": f"OTHERS{family}x{number}", "source": source, "protocol": "tcp",
                  "action": self.accept if passes else self.drop}
        kinds = {"source": bool(source), "narrow": narrow, "off": off, "action": True}
        return [line.format(**values) for kind, line in ([("source", self.makes[family])] if source else []) + [(kind, line[family]) for kind, line in self.parts] if kinds[kind]]


class Vyatta(Named):
    """Each rule in one of the filters that have ours, which gets a number with room before it. A rule may be switched off."""

    off = 0.2

    def lines(self, skeleton, family, before, behind):
        skeleton = [[re.sub(r" rule 1 ", " rule 50 ", line) for line in block] for block in skeleton]
        heads = list(dict.fromkeys(found[0] for (line, *_) in skeleton if (found := re.search(self.ours[family], line))))
        made = []
        for number, one in [*enumerate(before, 1), *enumerate(behind, 101)]:
            head = heads[zlib.crc32(repr(one).encode()) % len(heads)]
            made += [[line.replace("HEAD", f"set {head} rule {number}")] for line in self.rule(family, re.match("", ""), number, *one)]
        return [*skeleton, *made]


def vyatta(ours4, ours6, word6):
    makes = {4: "set firewall group network-group {list} network {source}", 6: "set firewall group ipv6-network-group {list} network {source}"}
    return Vyatta({4: ours4, 6: ours6}, makes, ("action", dict.fromkeys((4, 6), "HEAD action {action}")),
                  ("narrow", dict.fromkeys((4, 6), "HEAD protocol {protocol}")), ("off", dict.fromkeys((4, 6), "HEAD disable")),
                  ("source", {4: "HEAD source group network-group {list}", 6: f"HEAD source group {word6} {{list}}"}), drop="drop")


class ToTheFront:
    """Rules of one table are moved in front of all that there are, or come behind all. A rule may be switched off."""

    off = 0.2

    def lines(self, skeleton, family, before, behind):
        made = []
        for number, one in [*reversed([*enumerate(before, 1)]), *enumerate(behind, 101)]:
            made += self.rule(family, number + 1000 * family, number <= len(before), *one)
        return [*skeleton, *made]


class Panos(ToTheFront):
    @staticmethod
    def rule(family, number, first, passes, source, narrow, off=False):
        name = f"OTHERS{number}"
        if source:
            yield [f"set address {name} ip-netmask {source}"]
            yield [f"set address-group {name} static {name}"]
        yield [f"set rulebase security rules {name} from any to any source {name if source else 'any'} destination any application any "
               f"service {'service-http' if narrow else 'any'} action {'allow' if passes else 'deny'}"]
        if off:
            yield [f"set rulebase security rules {name} disabled yes"]
        if first:
            yield [f"move rulebase security rules {name} top"]


class Fortios(ToTheFront):
    @staticmethod
    def rule(family, number, first, passes, source, narrow, off=False):
        of = "6" if family == 6 else ""
        if source:
            network = ipaddress.ip_network(source)
            yield [f"config firewall address{of}", f"edit OTHERS{number}", f"set ip6 {source}" if of else f"set subnet {network[0]} {network.netmask}", "next"]
            yield [f"config firewall addrgrp{of}", f"edit GROUP{number}", f"append member OTHERS{number}", "next"]
        yield ["config firewall policy", f"edit {number}", 'set srcintf "any"', 'set dstintf "any"', f"set srcaddr{of} {f'GROUP{number}' if source else 'all'}",
               f'set dstaddr{of} "all"', *(["set action accept"] if passes else []), 'set schedule "always"', f"set service {'HTTPS' if narrow else 'ALL'}",
               *(["set status disable"] if off else []), "next", *([f"move {number} before 7112"] if first else [])]


class Routeros(ToTheFront):
    @staticmethod
    def rule(family, number, first, passes, source, narrow, off=False):
        words = [f" src-address={source}" if source else "", " protocol=tcp" if narrow else "", " disabled=yes" if off else "", " place-before=0" if first else ""]
        yield [f"/ip{'v6' if family == 6 else ''} firewall raw add chain=prerouting action={'accept' if passes else 'drop'} comment=others{number}" + "".join(words)]


class Exos(ToTheFront):
    """Every rule has a name and is bound by itself. One that is bound makes all of ours uncertain."""

    off = 0.75

    @staticmethod
    def rule(family, number, first, passes, source, narrow, off=False):
        source = source or ("::/0" if family == 6 else "0.0.0.0/0")
        yield [f'create access-list others{number} "source-address {source};" "{"permit" if passes else "deny"};"']
        if not off:
            yield [f"configure access-list add others{number} {'first' if first else 'last'} any"]


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
    "cisco_asa": LineOne(), "juniper_junos": junos(), "nokia_sros": sros(), "paloalto_panos": Panos(), "fortinet_fortios": Fortios(), "mikrotik_routeros": Routeros(),
    "extreme_exos": Exos(),
    "vyos": vyatta(r"firewall ipv4 (?:forward|input) filter", r"firewall ipv6 (?:forward|input) filter", "network-group"),
    "edgeos": vyatta(r"firewall name \S+", r"firewall ipv6-name \S+", "ipv6-network-group"),
}


class InForceByAFilter(unittest.TestCase):
    lab_of, banpush = InForce.lab_of, staticmethod(InForce.banpush)

    @staticmethod
    def draw(draw, family, writer):
        off = getattr(writer, "off", 0)

        def some(most):
            rules = [(draw.random() < 0.6, draw.choice(SOURCES[family]), draw.random() < 0.3 and family == 4, *([draw.random() < off] if off else []))
                     for _ in range(draw.randrange(most + 1))]
            return [(passes or source is None, source, *rest) for passes, source, *rest in rules]  # one that denies all would end our session
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
            rules = [(0, "", source) for _, source, *_ in drawn[ipaddress.ip_network(entry["prefix"]).version] if source]
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
                    rules = {4: self.draw(draw, 4, writer), 6: self.draw(draw, 6, writer)}
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
