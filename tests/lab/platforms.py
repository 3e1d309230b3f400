"""What the contract needs to know of each driver's device: its train, where it binds, and the operator's words."""
import copy
import pathlib
import re

DRIVERS = pathlib.Path(__file__).resolve().parents[2] / "drivers"
NUMBER = re.compile(r"\b\d+(?= deny )")  # of an entry, in `by_hand`


def numbers_of(driver):
    """The first and the last number that banpush gives to entries of the driver's first list; None where they have none."""
    text = (DRIVERS / f"{driver}.yaml").read_text()
    found = re.search(r"numbers: \{from: (\d+), to: (\d+)", text)
    if found:
        return int(found[1]), int(found[2])
    parent = re.search(r"^extends: (\w+)$", text, re.M)
    return numbers_of(parent[1]) if parent else None


class Platform:
    def __init__(self, driver, device=None, train="", attach=(), kinds=(), bare="", operator="", operator_list=None, operator_shown="", refuses=True,
                 refuses_with="", foreign="", foreign_shown="", by_hand=(), by_hand_gone=(), noise="", settings=None, saves=True, params=None,
                 lists_stand=True, sets_up=True, settles=0, dialogs=(), many=250, narrow=40, longest_name=42, odd_name="", reverts=None, uses=(), numbers_anew=()):
        self.driver, self.device, self.train = driver, device or driver, train
        self.attach = attach                  # interfaces
        self.kinds = kinds                    # (kind, name) of the lists banpush keeps, as the lab's state has them
        self.lists_stand = lists_stand        # whether setup makes them
        self.sets_up = sets_up                # whether there is anything to set up
        self.settles = settles                # seconds until what was accepted is shown
        self.narrow = narrow                  # columns of a narrow screen
        self.dialogs = dialogs                # questions at the login: values of the lab's device, and what banpush says (empty: it goes on)
        self.many = many                      # entries of each family that fill it
        self.bare = bare                      # what every device of this platform has on it
        self.operator = operator              # the operator's own list, bound where banpush wants to be
        self.operator_list = operator_list    # its (kind, name) in the lab's state
        self.operator_shown = operator_shown  # what the operator's entries in it have and ours have not
        self.refuses = refuses                # whether setup then refuses: nothing can stand beside that list
        self.refuses_with = refuses_with or (operator_list or ("", ""))[1]  # what it names; the list, unless said
        self.foreign = foreign                # lines by which somebody else puts an entry into banpush's list
        self.foreign_shown = foreign_shown    # part of how `show` names it
        self.by_hand = by_hand                # lines by which somebody bans HOST at the console, in banpush's own shape
        self.by_hand_gone = by_hand_gone      # and takes it away
        self.noise = noise                    # a line the device writes into any session
        self.settings = settings or {}        # keys of the lab's device
        self.saves = saves                    # whether anything has to be saved
        self.params = params
        self.reverts = reverts or {}          # keys of the lab's device with which it takes back what nobody confirms; none: it does so anyway, or never
        self.uses = uses                      # of each: lines by which the operator uses banpush's list elsewhere, each of which the removal of the list has to name
        self.numbers_anew = numbers_anew      # lines by which somebody has the platform number banpush's list anew
        self.longest_name = longest_name      # of the host
        self.odd_name = odd_name              # a name with blanks or brackets, where the platform takes such
        self.numbers = numbers_of(driver) if any(NUMBER.search(line) for line in by_hand) else None  # those that banpush gives

    def manners(self):
        """How devices of this platform may speak: variants of the lab's device."""
        odd = {"a name with blanks or brackets": {"hostname": self.odd_name, "chunk": 3}} if self.odd_name else {}
        return {
            **odd,
            "one byte at a time; a long name, banner and message of the day": {
                "chunk": 1, "hostname": "a-very-long-host-name-of-an-edge-router-42"[:self.longest_name], "banner": "### no prompt# \n",
                "motd": "\n*****\nlast login: never#\n\n"},
            "a pager on a narrow screen": {"rows": 5, "columns": self.narrow},
            "a slow device with log lines and NULs in between": {
                "delay": "2ms", "connect_delay": "100ms", "noise_every": 4 if self.noise else 0, "noise": self.noise, "nul_every": 41},
        }

    @staticmethod
    def lines(lines, host):
        return [line.replace("HOST", host).replace("HYPHENED", host.replace(".", "-")) for line in lines]


ACL4, ACL6 = ("acl4", "BANPUSH-IN4"), ("acl6", "BANPUSH-IN6")
GROUP4, GROUP6 = ("group4", "BANPUSH4"), ("group6", "BANPUSH6")

IOS_OPERATOR = """\
ip access-list extended OUTSIDE-IN
 remark what the operator wrote
 permit tcp any host 192.0.2.10 eq 443
 deny udp any any log
 permit ip any any
interface GigabitEthernet0/0
 ip access-group OUTSIDE-IN in
"""
IOS_FOREIGN = ("ip access-list extended BANPUSH-IN4", "5 permit tcp host 192.0.2.77 any eq 22")
IOS_USES = [["interface GigabitEthernet0/1", "ip access-group common BANPUSH-IN4 CUST in"], ["interface GigabitEthernet0/1", "ip access-group common CUST BANPUSH-IN4 in"],
            ["ip nat inside source list BANPUSH-IN4 interface GigabitEthernet0/1 overload"]]
IOS_NOISE = "*Mar  1 00:01:02.345: %SYS-5-CONFIG_I: Configured from console by vty0 (192.0.2.9)"
IOS = {
    "attach": ["GigabitEthernet0/0"], "kinds": [ACL4, ACL6], "operator": IOS_OPERATOR, "operator_list": ("acl4", "OUTSIDE-IN"), "foreign": IOS_FOREIGN,
    "foreign_shown": "192.0.2.77", "by_hand": ["ip access-list extended BANPUSH-IN4", "900 deny ip host HOST any"],
    "by_hand_gone": ["ip access-list extended BANPUSH-IN4", "no deny ip host HOST any"], "noise": IOS_NOISE, "uses": IOS_USES, "numbers_anew": ["ip access-list resequence BANPUSH-IN4 10 10"], "reverts": {"config": "archive\n path flash:x\n"}, "dialogs": [({"expired": "yes"}, "New password")]}

PLATFORMS = {
    "cisco_ios": Platform("cisco_ios", **IOS),
    "cisco_iosxe": Platform("cisco_iosxe", device="cisco_ios", train="xe", **IOS),
    "cisco_ios_group": Platform("cisco_ios_group", device="cisco_ios", **{
        **IOS, "kinds": [GROUP4, GROUP6], "foreign": (), "numbers_anew": (), "by_hand": ["object-group network BANPUSH4", "host HOST"],
        "by_hand_gone": ["object-group network BANPUSH4", "no host HOST"]}),
    "juniper_junos": Platform(
        "juniper_junos", attach=["ge-0/0/0.0"], kinds=[("prefix_list", "BANPUSH4"), ("prefix_list", "BANPUSH6")], saves=False,
        operator="""\
set firewall family inet filter OUTSIDE-IN term WEB from protocol tcp
set firewall family inet filter OUTSIDE-IN term WEB then accept
set firewall family inet filter OUTSIDE-IN term REST then accept
set interfaces ge-0/0/0 unit 0 family inet filter input OUTSIDE-IN
""",
        operator_list=("filter4", "OUTSIDE-IN"), by_hand=["set policy-options prefix-list BANPUSH4 HOST/32"],
        by_hand_gone=["delete policy-options prefix-list BANPUSH4 HOST/32"]),
    "mikrotik_routeros": Platform(
        "mikrotik_routeros", odd_name="core [building 7] west", dialogs=[({"license": "yes"}, ""), ({"new_password": "yes"}, "new password>")], kinds=[("addresses4", "banpush"), ("addresses6", "banpush")], saves=False, lists_stand=False, refuses=False,
        operator="/ip firewall raw add chain=prerouting action=accept src-address-list=friends comment=friends-first\n",
        operator_list=("raw4", "rules"), operator_shown="friends",
        foreign=["/ip firewall address-list add list=banpush address=192.0.2.77 comment=mine"], foreign_shown="192.0.2.77",
        by_hand=["/ip firewall address-list add list=banpush address=HOST comment=banpush"],
        by_hand_gone=["/ip firewall address-list remove [find list=banpush address=HOST]"]),
    "aruba_aoscx": Platform(
        "aruba_aoscx", reverts={"banpush": {"params": {"auto_revert": True}}}, attach=["1/1/1"], kinds=[ACL4, ACL6], operator="""\
access-list ip OUTSIDE-IN
10 permit tcp any 192.0.2.10 eq 443
20 permit any any any
interface 1/1/1
apply access-list ip OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["access-list ip BANPUSH-IN4", "5 permit tcp 192.0.2.77 any eq 22"], foreign_shown="192.0.2.77",
        numbers_anew=["access-list ip BANPUSH-IN4 resequence 10 10"], by_hand=["access-list ip BANPUSH-IN4", "900 deny any HOST any"], by_hand_gone=["access-list ip BANPUSH-IN4", "no 1020"]),
    "cisco_nxos": Platform(
        "cisco_nxos", attach=["Ethernet1/1"], kinds=[GROUP4, GROUP6], operator="""\
ip access-list OUTSIDE-IN
statistics per-entry
10 permit tcp any 192.0.2.10/32 eq 443
20 permit ip any any
interface Ethernet1/1
ip access-group OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["object-group ip address BANPUSH4", "192.0.2.64 0.0.0.31"], foreign_shown="192.0.2.64",
        by_hand=["object-group ip address BANPUSH4", "host HOST"], by_hand_gone=["object-group ip address BANPUSH4", "no host HOST"],
        noise="2021 Mar  1 03:14:15 n9k %ETHPORT-5-IF_UP: Interface Ethernet1/2 is up"),
    "arista_eos": Platform(
        "arista_eos", attach=["Ethernet1"], kinds=[ACL4, ACL6], operator="""\
ip access-list OUTSIDE-IN
10 permit tcp any host 192.0.2.10 eq https
20 permit ip any any
interface Ethernet1
ip access-group OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["ip access-list BANPUSH-IN4", "5 permit tcp host 192.0.2.77 any eq ssh"], foreign_shown="192.0.2.77",
        by_hand=["ip access-list BANPUSH-IN4", "900 deny ip host HOST any"], by_hand_gone=["ip access-list BANPUSH-IN4", "no deny ip host HOST any"],
        numbers_anew=["ip access-list BANPUSH-IN4", "resequence"],
        noise="Mar  1 03:14:15 leaf1 Ebra: %LINEPROTO-5-UPDOWN: Line protocol on Interface Ethernet2, changed state to up"),
    "cisco_asa": Platform(
        "cisco_asa", attach=["outside"], kinds=[("group", "BANPUSH")], params={"permit_rest": True}, operator="""\
access-list OUTSIDE_IN extended permit tcp any host 192.0.2.10 eq https
access-list OUTSIDE_IN extended permit ip any any
access-group OUTSIDE_IN in interface outside
""",
        operator_list=("acl", "OUTSIDE_IN"), foreign=["object-group network BANPUSH", "network-object object MAIL"], foreign_shown="object MAIL",
        by_hand=["object-group network BANPUSH", "network-object host HOST"], by_hand_gone=["object-group network BANPUSH", "no network-object host HOST"],
        noise="%ASA-5-111008: User 'admin' executed the 'show version' command."),
    "cisco_iosxr": Platform(
        "cisco_iosxr", attach=["GigabitEthernet0/0/0/0"], kinds=[GROUP4, GROUP6], saves=False, operator="""\
ipv4 access-list OUTSIDE-IN
10 permit tcp any host 192.0.2.10 eq 443
20 permit ipv4 any any
exit
interface GigabitEthernet0/0/0/0
ipv4 access-group OUTSIDE-IN ingress
""",
        operator_list=("acl4", "OUTSIDE-IN"), by_hand=["object-group network ipv4 BANPUSH4", "host HOST"],
        by_hand_gone=["object-group network ipv4 BANPUSH4", "no host HOST"],
        noise="RP/0/RSP0/CPU0:Mar  1 03:14:15.926 : ifmgr[403]: %PKT_INFRA-LINK-3-UPDOWN : Interface GigabitEthernet0/0/0/1, changed state to Up"),
    "vyos": Platform(
        "vyos", kinds=[GROUP4, GROUP6], operator="""\
set firewall ipv4 forward filter rule 1 action accept
set firewall ipv4 forward filter rule 1 protocol tcp
set firewall ipv4 forward filter rule 1 description 'let them in'
""",
        operator_list=("filter4", "forward"), refuses_with="rule 1", by_hand=["set firewall group network-group BANPUSH4 network HOST/32"],
        by_hand_gone=["delete firewall group network-group BANPUSH4 network HOST/32"]),
    "edgeos": Platform(
        "edgeos", device="vyos", train="edgeos", attach=["ethernet eth0"], kinds=[GROUP4, GROUP6], operator="""\
set firewall name OUTSIDE_IN default-action accept
set firewall name OUTSIDE_IN rule 10 action accept
set firewall name OUTSIDE_IN rule 10 protocol tcp
set interfaces ethernet eth0 firewall in name OUTSIDE_IN
""",
        operator_list=("filter4", "OUTSIDE_IN"), by_hand=["set firewall group network-group BANPUSH4 network HOST/32"],
        by_hand_gone=["delete firewall group network-group BANPUSH4 network HOST/32"]),
    "huawei_vrp": Platform(
        "huawei_vrp", dialogs=[({"initial": "yes"}, "")], attach=["GigabitEthernet0/0/1"], kinds=[("acl4", "3999"), ("acl6", "3999")], operator="""\
acl number 3001
rule 5 permit tcp destination 192.0.2.10 0 destination-port eq 443
rule 10 permit ip
quit
interface GigabitEthernet0/0/1
traffic-filter inbound acl 3001
""",
        operator_list=("acl4", "3001"), foreign=["acl number 3999", "rule 3000000000 permit tcp source 192.0.2.77 0"], foreign_shown="192.0.2.77",
        numbers_anew=["acl number 3999", "step 5"], by_hand=["acl number 3999", "rule 900 deny ip source HOST 0"], by_hand_gone=["acl number 3999", "undo rule 1020"],
        noise="Mar  1 2021 03:14:15+00:00 ar1 %%01IFPDT/4/IF_STATE(l)[0]:Interface GigabitEthernet0/0/2 has turned into UP state."),
    "hpe_comware": Platform(
        "hpe_comware", dialogs=[({"wants_key": "yes"}, "")], narrow=80, attach=["GigabitEthernet1/0/1"], kinds=[("acl4", "3999"), ("acl6", "3999")], operator="""\
acl number 3001
rule 5 permit tcp destination 192.0.2.10 0 destination-port eq 443
rule 10 permit ip
quit
interface GigabitEthernet1/0/1
packet-filter 3001 inbound
""",
        operator_list=("acl4", "3001"), foreign=["acl number 3999", "rule 60001 permit tcp source 192.0.2.77 0"], foreign_shown="192.0.2.77",
        numbers_anew=["acl number 3999", "step 5"], by_hand=["acl number 3999", "rule 90 deny ip source HOST 0"], by_hand_gone=["acl number 3999", "undo rule 110"],
        noise="%Mar  1 03:14:15:926 2021 sw7 IFNET/3/PHY_UPDOWN: Physical state on the interface GigabitEthernet1/0/2 changed to up."),
    "aruba_procurve": Platform(
        "aruba_procurve", odd_name="HP Switch 2530-24G", attach=["1"], kinds=[ACL4, ACL6], operator="""\
ip access-list extended "OUTSIDE-IN"
10 permit tcp any host 192.0.2.10 eq 443
20 permit ip any any
exit
interface 1
ip access-group "OUTSIDE-IN" in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["ip access-list extended BANPUSH-IN4", "5 permit tcp host 192.0.2.77 any eq 22"],
        foreign_shown="192.0.2.77", numbers_anew=["ip access-list resequence BANPUSH-IN4 10 10"], by_hand=["ip access-list extended BANPUSH-IN4", "900 deny ip host HOST any"],
        by_hand_gone=["ip access-list extended BANPUSH-IN4", "no 1020"], noise="I 03/01/21 03:14:15 00076 ports: port 2 is now on-line"),
    "dell_os10": Platform(
        "dell_os10", settles=0.4, attach=["ethernet1/1/1"], kinds=[ACL4, ACL6], operator="""\
ip access-list OUTSIDE-IN
seq 10 permit tcp any host 192.0.2.10 eq 443
seq 20 permit ip any any
exit
interface ethernet1/1/1
ip access-group OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["ip access-list BANPUSH-IN4", "seq 5 permit tcp host 192.0.2.77 any eq 22"],
        foreign_shown="192.0.2.77", by_hand=["ip access-list BANPUSH-IN4", "seq 900 deny ip host HOST any"],
        by_hand_gone=["ip access-list BANPUSH-IN4", "no seq 1020"],
        noise="<165>1 2021-03-01T03:14:15.926+00:00 OS10 dn_ifm 123 - - Node.1-Unit.1:PRI [event], Dell EMC (OS10) %IFM_OSTATE_UP: Interface 2 is up"),
    "ruckus_icx": Platform(
        "ruckus_icx", attach=["ethernet 1/1/1"], kinds=[ACL4, ACL6], operator="""\
ip access-list extended OUTSIDE-IN
sequence 10 permit tcp any host 192.0.2.10 eq 443
sequence 20 permit ip any any
exit
interface ethernet 1/1/1
ip access-group OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["ip access-list extended BANPUSH-IN4", "sequence 5 permit tcp host 192.0.2.77 any eq 22"],
        foreign_shown="192.0.2.77", by_hand=["ip access-list extended BANPUSH-IN4", "sequence 90 deny ip host HOST any"],
        by_hand_gone=["ip access-list extended BANPUSH-IN4", "no sequence 110"], noise="SYSLOG: <14>Mar  1 03:14:15 System: Interface ethernet 1/1/2, state up"),
    "ubiquiti_edgeswitch": Platform(
        "ubiquiti_edgeswitch", attach=["0/1"], kinds=[ACL4, ACL6], operator="""\
ip access-list OUTSIDE-IN
10 permit tcp any host 192.0.2.10 eq 443
20 permit every
exit
interface 0/1
ip access-group OUTSIDE-IN in
""",
        operator_list=("acl4", "OUTSIDE-IN"), foreign=["ip access-list BANPUSH-IN4", "5 permit tcp host 192.0.2.77 any eq 22"], foreign_shown="192.0.2.77",
        by_hand=["ip access-list BANPUSH-IN4", "900 deny ip host HOST any"], by_hand_gone=["ip access-list BANPUSH-IN4", "no 1020"],
        noise="<13> Mar  1 03:14:15 192.0.2.1-1 TRAPMGR[1234]: Link Up: 0/2"),
    "nokia_sros": Platform(
        "nokia_sros", attach=["system"], kinds=[("list4", "BANPUSH4"), ("list6", "BANPUSH6")], params={"filter_id4": 401, "filter_id6": 601}, operator="""\
/configure filter ip-filter "OUTSIDE-IN" filter-id 10
/configure filter ip-filter "OUTSIDE-IN" default-action accept
/configure filter ip-filter "OUTSIDE-IN" entry 10 match protocol tcp
/configure filter ip-filter "OUTSIDE-IN" entry 10 action accept
/configure router "Base" interface "system" ingress filter ip "OUTSIDE-IN"
""",
        operator_list=("filter4", "OUTSIDE-IN"), by_hand=['/configure filter match-list ip-prefix-list "BANPUSH4" prefix HOST/32'],
        by_hand_gone=['delete /configure filter match-list ip-prefix-list "BANPUSH4" prefix HOST/32'],
        noise='18 2021/03/01 03:14:15.92 UTC MINOR: SYSTEM #2006 Base CLI "something happened"'),
    "fortinet_fortios": Platform(
        "fortinet_fortios", dialogs=[({"wants_a": "yes"}, "")], kinds=[("addrgrp", "BANPUSH4"), ("addrgrp6", "BANPUSH6")], saves=False, operator="""\
config firewall policy
edit 7112
set name "guests"
set srcintf "wifi"
set dstintf "any"
set action accept
set srcaddr "all"
set dstaddr "all"
set schedule "always"
set service "HTTPS"
next
end
""",
        operator_list=("policy", "all"), operator_shown="guests", refuses_with="7112",
        foreign=["config firewall address", "edit MAIL", "set subnet 192.0.2.77 255.255.255.255", "next", "end", "config firewall addrgrp",
                 "edit BANPUSH4", "append member MAIL", "next", "end"], foreign_shown="MAIL"),
    "extreme_exos": Platform(
        "extreme_exos", kinds=[("ports", "any")], sets_up=False, longest_name=32,
        by_hand=['create access-list ban-HYPHENED-32 "source-address HOST/32;" "deny;"', "configure access-list add ban-HYPHENED-32 first any"],
        by_hand_gone=["configure access-list delete ban-HYPHENED-32 any", "delete access-list ban-HYPHENED-32"],
        noise="03/01/2021 03:14:15.92 <Info:vlan.msgs.portLinkStateUp> Port 2 link UP at speed 1 Gbps and full-duplex"),
    "paloalto_panos": Platform(
        "paloalto_panos", kinds=[("group", "BANPUSH")], saves=False, params={"admin": "banpush"}, operator="""\
set rulebase security rules banpush from any to any source any destination any application any service any action allow
""",
        operator_list=("rules", "security"), operator_shown="banpush", refuses_with="security rule banpush",
        foreign=["set address MAIL ip-netmask 192.0.2.77", "set address-group BANPUSH static MAIL"], foreign_shown="MAIL"),
}

# The same drivers with another train of their device.
for name, of, train in (("huawei_vrp8", "huawei_vrp", "vrp8"), ("huawei_s_series", "huawei_vrp", "s_series"), ("hpe_comware5", "hpe_comware", "comware5")):
    PLATFORMS[name] = copy.copy(PLATFORMS[of])
    PLATFORMS[name].train = train
    PLATFORMS[name].operator = PLATFORMS[of].operator.replace("traffic-filter inbound acl 3001", {"vrp8": "traffic-filter acl 3001 inbound"}.get(train, "traffic-filter inbound acl 3001"))
    PLATFORMS[name].many = 25  # the full number is the first train's
