#!/usr/bin/python3
"""The support matrix docs/platforms.md, from the drivers themselves. `platforms.py ROOT` fails where it is not
current; `platforms.py ROOT --write` writes it anew."""
import pathlib
import re
import sys

HEAD = """# Platforms

Made from `drivers/` by `tests/platforms.py . --write`; a test sees that it is current. `banpush drivers show NAME` tells more of each.

- **change**: `commit`, all of it or none, out of a candidate; `one input`, handed over whole to one program; `line by line`, where a refused line stops the rest and the next push repairs it.
- **goes back by itself**: what the device undoes unless banpush, having logged in anew, confirms it; in brackets what has to be there.
- **a setup that cuts you off**: `goes back` with that; `lines are told` that take it back at the device's console, before anything is sent (where a device
  lacks what goes back by itself, too); `binds nothing`, so that it cannot. docs/safety.md has the rest.
- **entries**: what is accepted at most; a device of yours may take less.
- **evidence**: `live`, worked on the real thing; `captured`, its real output is read; `documented`, from the vendor's documents; `believed`. Below `captured` a device needs `accept_unproven: yes`.

| driver | for | transport | families | set | change | goes back by itself | a setup that cuts you off | entries | evidence |
|---|---|---|---|---|---|---|---|---|---|
"""

FOOT = """
## What proves a reply whole

A program's exit status; XML and JSON that end; over a command line the end that the platform shows: a last command (`vyos`, `edgeos`), a line that ends the list or
the whole (`fortinet_fortios`, `cisco_iosxr`, `aruba_procurve`, `ubiquiti_edgeswitch`, `ruckus_icx`), a word that banpush has the device say (`mikrotik_routeros`), a count in
the header (`hpe_comware`, `huawei_vrp`), or the entry that permits the rest, without which the list counts as not in force and nothing is done (`cisco_ios`, `cisco_iosxe`,
`arista_eos`, `aruba_aoscx`, `dell_os10`). `cisco_asa`, `cisco_ios_group`, `cisco_nxos`, `extreme_exos`, `juniper_junos`, `nokia_sros` and `paloalto_panos` show none of these in some
of their replies: there the prompt behind a reply, and that each line is ended, is all the proof there is.

## What the vendors' documents warn of

- **`arista_eos`**: while an access list is modified, EOS blocks all traffic of the interfaces that use it (EOS User Manual, ACLs and Route Maps). 7050X, 7060X, 7150, 7250X, 7280, 7300X,
  7320X and 7500 let it pass meanwhile where `hardware access-list update default-result permit` is configured; `check --connect` says where it is not. A commit overwrites what others
  changed since the session was opened (Configure Session): banpush opens it right before, and commits at once.
- **`aruba_aoscx`**: which ports take an ACL `out` differs by model and release: in 10.01 (8320), 10.03 and 10.06 only IPv4, on ports that route, and no IPv6 (ACLs and classifier policies guides). A
  `setup` there is refused by the switch, line by line; attach `in`, or leave IPv6 out with `families: [ipv4]`. ACLs of a VLAN, which are applied below `vlan N`, are not bound by banpush. What the
  switch cannot put into its hardware is not in force, although it stands in the configuration: `show access-list` warns of it, and `check` says so.
- **`aruba_procurve`**: VLAN ACLs are bound by `vlan-in` and `vlan-out`, or by `vlan` in 15.x and in some guides of 16 (`params: {vlan_acl: yes, vlan_plain: yes}`).
- **`cisco_ios`, `cisco_iosxe`, `cisco_ios_group`, `cisco_iosxr`**: an interface may have two access lists in a direction, `ip access-group common A B in` (IPv4 ACL Chaining Support; IPv6 ACL Chaining
  with a Common ACL) or, on XR, `ipv4 access-group common A B ingress` (xrdocs, Chained ACL for NCS55xx and NCS5xx, where object groups do not go together with a common list). The common one is looked at first: `setup` binds nothing over them, and
  of a list of banpush's behind a common one `check`, `show`, `plan` and `push` say that they cannot tell. Over NETCONF (`cisco_iosxe_netconf`, `cisco_iosxe_group_netconf`, `cisco_iosxr_netconf`) a common list
  is known by `common` in the path of the element that names it. What is bound elsewhere for all interfaces (a service policy, zones) is not looked at.
- **`cisco_iosxe_netconf`, `cisco_iosxe_group_netconf`, `cisco_iosxr_netconf`, `nokia_sros_netconf`, `juniper_junos_netconf`**: `interface` in `attach` has to be spelt as the device writes it, letter for
  letter: `GigabitEthernet0/0/1` and not `Gi0/0/1` or `gigabitethernet0/0/1`, `Port-channel1.10`, `ge-0/0/0.7`. Where the device shows no interface of that name the lists are not in force, and the words
  name the interfaces that it shows.
- **`cisco_asa`**: with `per-user-override` a list that the AAA server gives a user comes before the interface's (ASA Firewall CLI Configuration Guide, access rules): they cannot tell. With `names` the
  configuration shows names instead of addresses, which banpush cannot read: `no names` shows addresses.
- **`cisco_iosxr`, `cisco_iosxr_netconf`**: a line card without external TCAM takes 4,000 IPv4 and 2,000 IPv6 entries of lists bound to ingress, all lists together, and a list bound twice to
  egress counts twice (xrdocs, access-lists on NCS5500). What is beyond that is refused when it is committed: where other lists are bound, too, give the device a smaller `budget`.
- **`edgeos`, `vyos`**: `firewall state-policy` (VyOS 1.4: `firewall global-options state-policy`) with `established` or `related` accepted comes before every ruleset: connections that stand when a
  ban comes go on, and `check`, `show`, `plan` and `push` say that they cannot tell (VyOS documentation, Global Options).
- **`fortinet_fortios`**: what goes to a virtual IP is matched by a deny policy only with `set match-vip enable` (Technical Tip 94794, FD33338), which deny policies alone may have (release notes
  of 6.4.8) and which is the standard from 7.2.3 on. `setup` sets it, also in a policy of its own that stands; without it the words are `cannot tell`. With VDOMs nothing is asked of the device.
- **`hpe_comware`, `huawei_vrp`, `arista_eos`, `aruba_aoscx`, `aruba_procurve`**: `step` in an ACL (H3C ACL configuration guides, rule numbering; Huawei command references, step) or `resequence`
  (HPE: access-list resequence, Resequencing the ACEs in an ACL; EOS) numbers its entries anew. Banpush then knows its own by the state file, and moves the entry that permits the rest back behind
  its numbers with the next ban. Of `dell_os10`, `ruckus_icx` and `ubiquiti_edgeswitch` no document with such a command was found.
- **`hpe_comware`, `huawei_vrp`, `ubiquiti_edgeswitch`**: an interface may have several filters in a direction, and none of the documents says for all models which comes first: another
  `packet-filter`, `traffic-filter` or `traffic-secure` there, a QoS policy (`qos apply policy`, `traffic-policy`), or a second list of EdgeSwitch makes it `cannot tell`; without `attach`, on any interface that has banpush's list inbound.
- **`mikrotik_routeros`**: a rule that `print` marks `I` (invalid) does nothing, and is none. A comment is not quoted there: one of a rule before banpush's that has `chain=` in it cannot be read, and
  keeps the list out of force.
- **`huawei_vrp`**: AR takes `traffic-filter inbound ipv6 acl N` and no ACL in what undoes it, S series `acl ipv6 N` and the ACL (traffic-filter, interface view); which of them it is, is read
  in `display version`. V600 of S and AR and V300 of CloudEngine run YunShan OS, which has two-stage configuration, too: `setup` refuses them, and nothing is pushed to a list there.
- **`nokia_sros`**: a filter has a number, which the router gives by itself only where `filter md-auto-id filter-id-range` is configured (YANG models of Nokia). Without it `setup` asks for
  `params: {filter_id4: N, filter_id6: N}`. Entries of an embedded filter (`embed`) come where their numbers say, those of the system filter (`chain-to-system-filter`) before all: `cannot tell`. A list takes 8192 prefixes, of which a line card may take less.

## What a level of evidence leaves open

- **`huawei_vrp`** is `captured` for VRP 5, whose `display acl` was seen. Of VRP 8 only the dialogue was: its lists, `traffic-filter` and what undoes it are from documents, and `check --connect` says so of a device that runs it.
- **`nokia_sros`** is `captured` for the match-list, prompts, errors and the dialogue of a commit. Filters, their bindings, and what `setup`, an abort and a confirmed commit type are from the MD-CLI guide and Nokia's models.
- **`paloalto_panos`**: no document shows `revert config partial` over a command line. It is typed when a session begins and after a failure. Where the firewall does not take it the session fails before anything is asked; what
  a session that broke left in the candidate stays there until an administrator reverts it.

## What is looked at before a list is called in force

- **Routes** (`frr`, `linux_route`): a route of others within a ban that leads somewhere lets its addresses through. `frr` looks at the static routes of FRR, `linux_route` at those of the kernel, of people (boot, static), of DHCP and
  of router advertisements in its table; routes that a routing protocol brings are not looked at, and none of another table is.
- **ACL of banpush's own**: every rule before an entry. One that permits its source, or a part of it, keeps it out of force (`an earlier rule lets it through`); one
  whose source or service cannot be read makes it `cannot tell`; rules that only deny do not matter. Behind the first rule that permits everything nothing is in force.
- **A rule of a filter that uses banpush's list** (`cisco_asa`, `cisco_ios_group`, `cisco_iosxr`, `cisco_nxos`, `edgeos`, `juniper_junos`, `nokia_sros`, `vyos`): the rules before it, alike.
  `mikrotik_routeros`, `fortinet_fortios` and `paloalto_panos`, whose setup puts the rule in front of all, want none before it but rules that drop. All want that it asks for nothing beside the
  list. What a line logs, counts or answers (`log` and its tag, `counter`, `icmp-off`) does not narrow it. `paloalto_panos` and `fortinet_fortios`: the rule's `from` or `srcintf` has to be
  `any`, or to have that of `params: {from: NAME}` in it; for a rule of your own with another zone or interface give that param. `paloalto_panos` reads the candidate configuration:
  what somebody has changed there and not committed is judged as if it were in force.
- **This host** (`linux_iptables`, `linux_ipset`): the rules of `into` and `through` before banpush's. One that accepts, returns or hands packets to a program
  keeps it out of force; a jump is judged by all rules of the chain that it leads to, and of those it jumps to: `cannot tell` where one may accept. What drops, rejects, logs or marks
  does not matter. `linux_nft` wants none before it in its own chain but rules that drop. There and for `mikrotik_routeros`, banpush's rule may ask for an interface only where
  `params: {narrowed_to: NAME}` says so.
  What may let packets through, or does, stands behind banpush's rule again after `banpush setup DEVICE --apply`; only a person's setup does that, the service leaves it there. On other
  platforms setup moves no rule, and says so.
- **`cisco_asa`**: an access list that is bound `global` comes behind the interface's own: `cannot tell` where the interface has one. It is about what comes in, so for a place with
  `direction: out` it is no binding. Nor is one for `control-plane`; with `per-user-override` the word is `cannot tell`.
- **Members that are excluded**: an entry with one in it is out of force for just those addresses (`nomatch` of `linux_ipset`, `prefix-exclude` of `nokia_sros` and `nokia_sros_netconf`);
  with `exclude` of an address group `fortinet_fortios` says `cannot tell`.
- **`extreme_exos`** shows no order of rules: as soon as a rule of others is bound, too, the word is `cannot tell`.
- **NETCONF**: `ietf_acl`, `openconfig_acl`, `cisco_nxos_netconf` and `cisco_iosxe_netconf` look at their ACL as above, and at what binds it: by interface and direction (the places in `attach`, or any where it
  is bound `in`). `juniper_junos_netconf`, `nokia_sros_netconf`,
  `cisco_iosxe_group_netconf` and `cisco_iosxr_netconf` look for a rule that drops by the list and at the rules before it in its filter, as over a command line; of several filters with such a
  rule the one counts that says most. Where nothing that the device shows (interfaces; on Junos its forwarding options, too; on SR OS the interfaces of routers, IES and VPRN services) binds that filter,
  the word is `cannot tell`. A binding counts for its direction and family (a Junos filter counts for the family it stands under, one under `firewall` itself for IPv4) at the places in `attach`, or, without any, for what comes in. Filters of a Junos `input-list` that come before banpush's are
  walked: one with a rule that may let packets through makes it `cannot tell`. Groups that are applied (Junos, SR OS) are not looked at: where the filter itself has `apply-groups` the word is `cannot tell`, and a
  binding that only a group makes is none that is shown. A filter in Junos' forwarding options counts without `attach` only.

Somebody's line typed between banpush's reading and its writing is not seen by command lines without an exclusive mode; where a number that is taken by then would be
overwritten, the reading behind the change shows it.
"""


def value(text, key):
    """A top-level key that stands in one line; empty where there is none."""
    match = re.search(rf"^{key}: *(.*)$", text, re.MULTILINE)
    return re.sub(r"\s+#.*", "", match[1]).strip() if match else ""


def section(text, key):
    """The lines below a top-level key, with what stands behind it."""
    match = re.search(rf"^{key}:(.*(?:\n(?:[ #].*)?)*)", text, re.MULTILINE)
    return match[1] if match else ""


class Driver:
    def __init__(self, root, name):
        self.name, self.text = name, (root / "drivers" / f"{name}.yaml").read_text()
        self.parent = Driver(root, value(self.text, "extends")) if value(self.text, "extends") else None
        self.templates = {file.name for file in (root / "templates" / name).glob("*")} | (self.parent.templates if self.parent else set())

    def value(self, key):
        return value(self.text, key) or (self.parent.value(key) if self.parent else "")

    def section(self, key):
        return section(self.text, key) or (self.parent.section(key) if self.parent else "")

    def limit(self):
        match = re.search(r"\bentries: *(\d+)", self.section("limits")) or (self.parent and re.search(r"\bentries: *(\d+)", self.parent.section("limits")))
        return f"{int(match[1]):,}" if match else ""

    def families(self):
        found = set(re.findall(r"[46]", " ".join(re.findall(r"families: *\[([^\]]*)\]", self.section("lists")))))
        return ", ".join(f"v{one}" for one in sorted(found or {"4", "6"}))

    def change(self):
        if "commit" in self.templates:
            return "commit"
        return "one input" if self.value("batch") == "whole" or "netconf" in self.value("transport") else "line by line"

    def dead_man_words(self):
        """Of a driver that says more about the dead-man of its parent, both."""
        own = self.section("dead_man")
        return own if "kind:" in own or not self.parent else own + self.parent.dead_man_words()

    def dead_man(self):
        words = self.dead_man_words()
        if not words:
            return ""
        when = re.search(r"^ *when: *(\w+)|[{,] *when: *\"?([^,}\"]+)", words, re.MULTILINE)
        return ("confirmed commit" if "kind: commit" in words else "timer") + (f" ({(when[1] or when[2]).strip()})" if when else "")

    def way_back(self):
        if not self.templates & {"setup", "setup4", "sets", "rules4"}:
            return "binds nothing"
        told = "lines are told" if "undo" in self.templates else ""
        if self.dead_man():
            return "goes back" + (f", else {told}" if told and "(" in self.dead_man() else "")
        return told or "binds nothing"

    def row(self):
        about = self.value("about").strip("\"'")
        evidence = re.search(r"level: *(\w+)", section(self.text, "evidence"))
        cells = [f"`{self.name}`", re.split(r"\. |; ", about)[0].rstrip("."), self.value("transport").strip("[]"), self.families(), self.value("sets"), self.change(),
                 self.dead_man(), self.way_back(), self.limit(), evidence[1] if evidence else ""]
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main():
    root = pathlib.Path(sys.argv[1])
    page = HEAD + "".join(Driver(root, file.stem).row() for file in sorted((root / "drivers").glob("*.yaml"))) + FOOT
    file = root / "docs/platforms.md"
    if "--write" in sys.argv:
        file.write_text(page)
    elif not file.exists() or file.read_text() != page:
        print(f"{file} is not what the drivers say; run tests/platforms.py . --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
