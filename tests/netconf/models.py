"""What the tests of NETCONF know of each driver's model: how the device without schema tells entries apart, where
addresses stand, and what somebody else would write there.

    keys      element → leaves that make an entry of its list; nothing: its own text
    entry     elements that are entries; of them `leaves` hold an address, the first set that is there
    list      elements that are lists, `lists` the names of banpush's own
    before    what the operator has there already
    one       (host, how) → an entry in banpush's own shape, as XML with `how` as its attribute
    number    leaf by which an entry is taken away again, where that is not the address
    numbers   the first and the last that banpush gives
    put       (number, host, whether it passes) → an entry of the operator's in banpush's own shape, and `permit`, (number), one that permits everything
    rest      (how) → the entry that permits the rest, as setup makes it
    rule      (how, number, whether it passes, source, protocol) → a rule of somebody else's in the filter that names our IPv4 list
    foreign   somebody else's entry in a list of ours; `foreign_shown` is part of it
    bindings  (how) → what binds the filters that name our lists
    operator  the operator's own list, bound where banpush wants to be, and `operator_shown` its name
    saves     whether what is not saved is lost
"""
import ipaddress

import device as fake

BASE = fake.BASE
OC = {"acl-set": ["name", "type"], "acl-entry": ["sequence-id"], "interface": ["id"], "ingress-acl-set": ["set-name", "type"]}
NO_CONFIRM = [one for one in fake.CAPABILITIES if "confirmed" not in one]
NO_STARTUP = [one for one in fake.CAPABILITIES if "startup" not in one]

XE_INTERFACE = """<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><interface><GigabitEthernet><name>1</name>
<ip><access-group><in><acl><acl-name>BANPUSH-IN4</acl-name></acl></in></access-group></ip><ipv6><traffic-filter><direction>in</direction><access-list>BANPUSH-IN6</access-list></traffic-filter></ipv6></GigabitEthernet></interface></native>"""
XE_ACLS = """<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native">
<ip><access-list><extended xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>EDGE4</name><access-list-seq-rule><sequence>10</sequence><ace-rule><action>deny</action><protocol>ip</protocol><object-group>BANPUSH4</object-group><dst-any/></ace-rule></access-list-seq-rule></extended></access-list></ip>
<ipv6><access-list><named-acl xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>EDGE6</name><access-list-seq-rule><sequence>10</sequence><ace-rule><action>deny</action><protocol>ipv6</protocol><object-group>BANPUSH6</object-group><destination-any/></ace-rule></access-list-seq-rule></named-acl></access-list></ipv6></native>"""


def bindings(template):
    """What binds the filters to an interface, or, with the operation, takes that away."""
    return lambda how: template.replace("HOW", how)


XE_BINDINGS = bindings("""<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><interface><GigabitEthernetHOW><name>0/0/1</name><ip><access-group><in><acl><acl-name>EDGE4</acl-name></acl></in></access-group></ip>
<ipv6><traffic-filter><access-list><direction>in</direction><name>EDGE6</name></access-list></traffic-filter></ipv6></GigabitEthernet></interface></native>""")
XR_BINDINGS = bindings("""<interfaces xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-interface-cfg"><interfaceHOW><interface-name>GigabitEthernet0/0/0/1</interface-name><ipv4><access-group xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-if-access-group-cfg"><ingress><access-list>IN4</access-list></ingress></access-group></ipv4>
<ipv6><access-group xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-if-access-group-cfg"><ingress><access-list>IN6</access-list></ingress></access-group></ipv6></interface></interfaces>""")
SROS_BINDINGS = bindings("""<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"><router><router-name>Base</router-name><interfaceHOW><interface-name>to-peer</interface-name><ingress><filter><ip>in</ip><ipv6>in6</ipv6></filter></ingress></interface></router></configure>""")
JUNOS_BINDINGS = bindings("""<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm"><interfaces><interfaceHOW><name>ge-0/0/1</name><unit><name>0</name><family><inet><filter><input><filter-name>IN</filter-name></input></filter></inet><inet6><filter><input><filter-name>IN</filter-name></input></filter></inet6></family></unit></interface></interfaces></configuration>""")
XR_ACLS = "".join(f"""<ipv{v} xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-ipv{v}-access-list-cfg"><access-lists><access-list><access-list-name>IN{v}</access-list-name>
<sequences><sequence><sequence-number>10</sequence-number><deny><source><net-group>BANPUSH{v}</net-group></source></deny></sequence></sequences></access-list></access-lists></ipv{v}>""" for v in (4, 6))
SROS_FILTER = """<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"><filter><ip-filter><filter-name>in</filter-name><entry><entry-id>10</entry-id><match><src-ip><ip-prefix-list>BANPUSH4</ip-prefix-list></src-ip></match><action><drop/></action></entry></ip-filter>
<ipv6-filter><filter-name>in6</filter-name><entry><entry-id>10</entry-id><match><src-ip><ipv6-prefix-list>BANPUSH6</ipv6-prefix-list></src-ip></match><action><drop/></action></entry></ipv6-filter></filter></configure>"""
# Two filters of one name: each family has its own.
JUNOS_FILTER = """<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm"><firewall><filter><name>IN</name>
<term><name>a</name><from><source-prefix-list><name>BANPUSH4</name></source-prefix-list></from><then><discard/></then></term></filter>
<family><inet6><filter><name>IN</name>
<term><name>a</name><from><source-prefix-list><name>BANPUSH6</name></source-prefix-list></from><then><discard/></then></term></filter></inet6></family></firewall></configuration>"""


def wrapped(*elements):
    """The innermost text inside of these elements, each `name` or `name xmlns`."""
    def around(text):
        for one in reversed(elements):
            name, _, space = one.partition(" ")
            text = f"<{name}" + (f' xmlns="{space}"' if space else "") + f">{text}</{name}>"
        return text
    return around


IETF = wrapped("acls urn:ietf:params:xml:ns:yang:ietf-access-control-list")


def address_set(host, how):
    return f'<address-sets xmlns="urn:banpush:address-set"><address-set><name>BANPUSH4</name><prefix{how}>{host}/32</prefix></address-set></address-sets>'


def ietf(host, how, name="", more="", action="drop"):
    return IETF(f'<acl><name>BANPUSH-IN4</name><aces><ace{how}><name>{name or "ban-" + host.replace(".", "-") + "-32"}</name><matches><ipv4><source-ipv4-network>{host}/32</source-ipv4-network>'
                f'</ipv4>{more}</matches><actions><forwarding>{action}</forwarding></actions></ace></aces></acl>')


def openconfig(host, how, number="900", more="", action="DROP"):
    return (f'<acl xmlns="http://openconfig.net/yang/acl"><acl-sets><acl-set><name>BANPUSH-IN4</name><type>ACL_IPV4</type><acl-entries><acl-entry{how}><sequence-id>{number}</sequence-id>'
            f'<ipv4><config><source-address>{host}/32</source-address></config></ipv4>{more}<actions><config><forwarding-action>{action}</forwarding-action></config></actions></acl-entry>'
            '</acl-entries></acl-set></acl-sets></acl>')


def iosxe(host, how, number="900", protocol="ip", more="", action="deny"):
    return ('<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><ip><access-list><extended xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>BANPUSH-IN4</name>'
            f'<access-list-seq-rule{how}><sequence>{number}</sequence><ace-rule><action>{action}</action><protocol>{protocol}</protocol><host-address>{host}</host-address><dst-any/>{more}</ace-rule>'
            '</access-list-seq-rule></extended></access-list></ip></native>')


def iosxe_group(host, how):
    return ('<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><object-group><network xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-object-group"><name>BANPUSH4</name>'
            f'<obj-Mode-config-network-group><host{how}><ipv4-host>{host}</ipv4-host></host></obj-Mode-config-network-group></network></object-group></native>')


def junos(host, how):
    return ('<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm"><policy-options><prefix-list><name>BANPUSH4</name>'
            f'<prefix-list-item{how}><name>{host}/32</name></prefix-list-item></prefix-list></policy-options></configuration>')


def iosxr(host, how):
    return ('<object-group xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-object-group-cfg"><network><ipv4s><ipv4><ipv4-object-group-name>BANPUSH4</ipv4-object-group-name>'
            f'<hosts><host{how}><host-address>{host}</host-address></host></hosts></ipv4></ipv4s></network></object-group>')


def sros(host, how):
    return ('<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"><filter><match-list><ip-prefix-list><prefix-list-name>BANPUSH4</prefix-list-name>'
            f'<prefix{how}><ip-prefix>{host}/32</ip-prefix></prefix></ip-prefix-list></match-list></filter></configure>')


def ietf_rest(how):
    return IETF(f"<acl><name>BANPUSH-IN4</name><aces><ace{how}><name>rest</name></ace></aces></acl>")


def openconfig_rest(how):
    return ('<acl xmlns="http://openconfig.net/yang/acl"><acl-sets><acl-set><name>BANPUSH-IN4</name><type>ACL_IPV4</type><acl-entries>'
            f'<acl-entry{how}><sequence-id>1000000</sequence-id></acl-entry></acl-entries></acl-set></acl-sets></acl>')


def iosxe_rest(how):
    return ('<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><ip><access-list><extended xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>BANPUSH-IN4</name>'
            f'<access-list-seq-rule{how}><sequence>1000000</sequence></access-list-seq-rule></extended></access-list></ip></native>')


def iosxr_rule(how, number, passes, source, protocol):
    address, _, length = (source or "").partition("/")
    told = f"<address>{address}</address><prefix-length>{length}</prefix-length>" if source else "<any/>"
    kind = "permit" if passes else "deny"
    return (f'<ipv4 xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-ipv4-access-list-cfg"><access-lists><access-list><access-list-name>IN4</access-list-name><sequences><sequence{how}>'
            f'<sequence-number>{number}</sequence-number><{kind}><protocol>{protocol or "ipv4"}</protocol><source>{told}</source><destination>{"<port><eq>443</eq></port>" if protocol else "<any/>"}</destination>'
            f'</{kind}></sequence></sequences></access-list></access-lists></ipv4>')


def junos_rule(how, number, passes, source, protocol):
    told = (f"<source-address><name>{source}</name></source-address>" if source else "") + (f"<protocol>{protocol}</protocol>" if protocol else "")
    return (f'<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm"><firewall><filter><name>IN</name><term{how}><name>t{number}</name>'
            + (f"<from>{told}</from>" if told else "") + f'<then><{"accept" if passes else "discard"}/></then></term></filter></firewall></configuration>')


def sros_rule(how, number, passes, source, protocol):
    told = (f"<protocol>{protocol}</protocol>" if protocol else "") + (f"<src-ip><address>{source}</address></src-ip>" if source else "")
    return (f'<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"><filter><ip-filter><filter-name>in</filter-name><entry{how}><entry-id>{number}</entry-id>'
            + (f"<match>{told}</match>" if told else "") + f'<action><{"accept" if passes else "drop"}/></action></entry></ip-filter></filter></configure>')


def iosxe_rule(how, number, passes, source, protocol):
    network = ipaddress.ip_network(source) if source else None
    told = f"<ipv4-address>{network[0]}</ipv4-address><mask>{network.hostmask}</mask>" if source else "<any/>"
    return ('<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><ip><access-list><extended xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>EDGE4</name>'
            f'<access-list-seq-rule{how}><sequence>{number}</sequence><ace-rule><action>{"permit" if passes else "deny"}</action><protocol>{protocol or "ip"}</protocol>{told}<dst-any/>'
            f'{"<dst-eq>443</dst-eq>" if protocol else ""}</ace-rule></access-list-seq-rule></extended></access-list></ip></native>')


def ietf_place(number):
    """It has names instead of numbers: before all there are, or behind."""
    return ' xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"' if number < 999990 else ""


def ietf_permit(number):
    return IETF(f"<acl><name>BANPUSH-IN4</name><aces><ace{ietf_place(number)}><name>emergency</name><actions><forwarding>accept</forwarding></actions></ace></aces></acl>")


def openconfig_permit(number):
    return ('<acl xmlns="http://openconfig.net/yang/acl"><acl-sets><acl-set><name>BANPUSH-IN4</name><type>ACL_IPV4</type><acl-entries>'
            f'<acl-entry><sequence-id>{number}</sequence-id><actions><config><forwarding-action>ACCEPT</forwarding-action></config></actions></acl-entry></acl-entries></acl-set></acl-sets></acl>')


def iosxe_permit(number):
    return ('<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><ip><access-list><extended xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-acl"><name>BANPUSH-IN4</name>'
            f'<access-list-seq-rule><sequence>{number}</sequence><ace-rule><action>permit</action><protocol>ip</protocol><any/><dst-any/></ace-rule></access-list-seq-rule></extended></access-list></ip></native>')


NUMBERS = (1000, 999990)  # that banpush gives
PORT_22 = "<tcp><destination-port><operator>eq</operator><port>22</port></destination-port></tcp>"
ACL, GROUP = ["BANPUSH-IN4", "BANPUSH-IN6"], ["BANPUSH4", "BANPUSH6"]
OPENCONFIG = {"numbers": NUMBERS, "put": lambda number, host, passes: openconfig(host, "", number, action="ACCEPT" if passes else "DROP"), "permit": openconfig_permit, "rest": openconfig_rest, "list": ("acl-set",), "keys": OC, "entry": "acl-entry", "leaves": [("source-address",)], "lists": ACL, "one": openconfig, "number": "sequence-id", "attach": True,
              "foreign": openconfig("192.0.2.77", "", "5", "<transport><config><destination-port>22</destination-port></config></transport>"), "foreign_shown": "192.0.2.77"}

MODELS = {
    "yang_set": {"list": ("address-set",), "keys": {"address-set": ["name"], "prefix": []}, "entry": "prefix", "leaves": [()], "lists": GROUP, "one": address_set},
    "ietf_acl": {"put": lambda number, host, passes: ietf(host, ietf_place(number), f"operator-{number}", action="accept" if passes else "drop"), "permit": ietf_permit, "rest": ietf_rest, "list": ("acl",), "keys": {"acl": ["name"], "ace": ["name"], "interface": ["interface-id"], "acl-set": ["name"]}, "entry": "ace", "leaves": [("source-ipv4-network",), ("source-ipv6-network",)],
                 "attach": True, "lists": ACL, "one": ietf, "foreign": ietf("192.0.2.77", ' xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"', "web", PORT_22), "foreign_shown": "192.0.2.77", "operator_shown": "OUTSIDE-IN",
                 "operator": IETF("<acl><name>OUTSIDE-IN</name><aces><ace><name>all</name><actions><forwarding>accept</forwarding></actions></ace></aces></acl>"
                                  "<attachment-points><interface><interface-id>eth0</interface-id><ingress><acl-sets><acl-set><name>OUTSIDE-IN</name></acl-set></acl-sets></ingress></interface></attachment-points>")},
    "openconfig_acl": OPENCONFIG,
    "cisco_nxos_netconf": OPENCONFIG,
    "juniper_junos_netconf": {"list": ("prefix-list",), "rule": junos_rule, "keys": {"interface": ["name"], "unit": ["name"], "filter": ["name"], "term": ["name"], "source-address": ["name"], "prefix-list": ["name"], "prefix-list-item": ["name"], "source-prefix-list": ["name"]}, "entry": "prefix-list-item", "leaves": [("name",)], "before": JUNOS_FILTER + JUNOS_BINDINGS(""), "bindings": JUNOS_BINDINGS,
                              "lists": GROUP, "one": junos, "saves": False, "capabilities": NO_STARTUP},
    "cisco_iosxe_netconf": {"numbers": NUMBERS, "put": lambda number, host, passes: iosxe(host, "", number, action="permit" if passes else "deny"), "permit": iosxe_permit, "rest": iosxe_rest, "list": ("extended", "named-acl"), "keys": {"extended": ["name"], "named-acl": ["name"], "access-list-seq-rule": ["sequence"]}, "entry": "access-list-seq-rule", "before": XE_INTERFACE, "lists": ACL,
                            "leaves": [("host-address",), ("ipv4-address", "mask"), ("source-host",), ("source-prefix",)], "capabilities": NO_CONFIRM, "one": iosxe, "number": "sequence",
                            "foreign": iosxe("192.0.2.77", "", "5", "tcp", "<dst-eq>22</dst-eq>"), "foreign_shown": "192.0.2.77"},
    "cisco_iosxe_group_netconf": {"rule": iosxe_rule, "list": ("network", "v6-network"), "keys": {"network": ["name"], "v6-network": ["name"], "host": ["ipv4-host", "ipv6-host"], "network_address": ["ipv4_addr", "ipv4_mask"], "network-address": ["ipv6-addr-prefix"],
                                                                              "GigabitEthernet": ["name"], "extended": ["name"], "named-acl": ["name"], "access-list-seq-rule": ["sequence"]},
                                  "entry": ("host", "network_address", "network-address"), "before": XE_ACLS + XE_BINDINGS(""), "bindings": XE_BINDINGS, "lists": GROUP, "capabilities": NO_CONFIRM, "one": iosxe_group,
                                  "leaves": [("ipv4-host",), ("ipv4_addr", "ipv4_mask"), ("ipv6-host",), ("ipv6-addr-prefix",)]},
    "cisco_iosxr_netconf": {"rule": iosxr_rule, "list": ("ipv4", "ipv6"), "keys": {"interface": ["interface-name"], "access-list": ["access-list-name"], "sequence": ["sequence-number"], "ipv4": ["ipv4-object-group-name"], "ipv6": ["ipv6-object-group-name"], "host": ["host-address"], "ip-address": ["address", "length"]}, "before": XR_ACLS + XR_BINDINGS(""), "bindings": XR_BINDINGS,
                            "entry": ("host", "ip-address"), "leaves": [("host-address",), ("address", "length")], "lists": GROUP, "one": iosxr, "saves": False, "capabilities": NO_STARTUP},
    "nokia_sros_netconf": {"rule": sros_rule, "list": ("ip-prefix-list", "ipv6-prefix-list"), "keys": {"router": ["router-name"], "interface": ["interface-name"], "ip-filter": ["filter-name"], "ipv6-filter": ["filter-name"], "entry": ["entry-id"], "ip-prefix-list": ["prefix-list-name"], "ipv6-prefix-list": ["prefix-list-name"], "prefix": ["ip-prefix", "ipv6-prefix"]}, "before": SROS_FILTER + SROS_BINDINGS(""), "bindings": SROS_BINDINGS,
                           "entry": "prefix", "leaves": [("ip-prefix",), ("ipv6-prefix",)], "lists": GROUP, "one": sros, "saves": False, "capabilities": NO_STARTUP},
}


def entries_of(model, root):
    """Each entry of the model with the address in it, as text; none where it holds none."""
    names = (model["entry"],) if isinstance(model["entry"], str) else model["entry"]
    for entry in root.iter():
        if fake.local(entry.tag) not in names:
            continue
        texts = {fake.local(one.tag): (one.text or "").strip() for one in entry.iter()}
        address = ""
        for leaves in model["leaves"]:
            parts = [texts.get(leaf, "") for leaf in leaves] if leaves else [(entry.text or "").strip()]
            if all(parts):
                address = "/".join(parts)
        yield entry, address
