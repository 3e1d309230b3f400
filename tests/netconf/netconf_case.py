"""What the NETCONF tests share: each driver's models as the device without schema has to know them, and how
to read what it holds without asking banpush."""
import ipaddress
import pathlib
import sys
import tempfile
import shutil
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent / "transport")]
import device as fake  # noqa: E402
import scenario  # noqa: E402

OC = {"acl-set": ["name", "type"], "acl-entry": ["sequence-id"]}
JUNOS_FILTER = """<configuration xmlns="http://xml.juniper.net/xnm/1.1/xnm"><firewall><filter><name>IN</name>
<term><name>a</name><from><source-prefix-list><name>BANPUSH4</name></source-prefix-list><source-prefix-list><name>BANPUSH6</name></source-prefix-list></from></term></filter></firewall></configuration>"""
XE_INTERFACE = """<native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><interface><GigabitEthernet><name>1</name>
<ip><access-group><in><acl><acl-name>BANPUSH-IN4</acl-name></acl></in></access-group></ip><ipv6><traffic-filter><access-list>BANPUSH-IN6</access-list></traffic-filter></ipv6></GigabitEthernet></interface></native>"""
XR_ACLS = "".join(f"""<ipv{v} xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-um-ipv{v}-access-list-cfg"><access-lists><access-list><access-list-name>IN{v}</access-list-name>
<sequences><sequence><sequence-number>10</sequence-number><deny><source><net-group>BANPUSH{v}</net-group></source></deny></sequence></sequences></access-list></access-lists></ipv{v}>""" for v in (4, 6))
SROS_FILTER = """<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"><filter><ip-filter><filter-name>in</filter-name><entry><match><src-ip><ip-prefix-list>BANPUSH4</ip-prefix-list></src-ip></match></entry></ip-filter>
<ipv6-filter><filter-name>in6</filter-name><entry><match><src-ip><ipv6-prefix-list>BANPUSH6</ipv6-prefix-list></src-ip></match></entry></ipv6-filter></filter></configure>"""
NO_CONFIRM = [one for one in fake.CAPABILITIES if "confirmed" not in one]

# keys: what makes an entry of a list; entry and leaves: where an address stands; before: what the operator has there already.
MODELS = {
    "yang_set": {"keys": {"address-set": ["name"], "prefix": []}, "entry": "prefix", "leaves": [()]},
    "ietf_acl": {"keys": {"acl": ["name"], "ace": ["name"], "interface": ["interface-id"], "acl-set": ["name"]}, "entry": "ace",
                 "leaves": [("source-ipv4-network",), ("source-ipv6-network",)], "attach": True},
    "openconfig_acl": {"keys": OC, "entry": "acl-entry", "leaves": [("source-address",)]},
    "cisco_nxos_netconf": {"keys": OC, "entry": "acl-entry", "leaves": [("source-address",)]},
    "juniper_junos_netconf": {"keys": {"prefix-list": ["name"], "prefix-list-item": ["name"], "source-prefix-list": ["name"]}, "entry": "prefix-list-item", "leaves": [("name",)], "before": JUNOS_FILTER},
    "cisco_iosxe_netconf": {"keys": {"extended": ["name"], "named-acl": ["name"], "access-list-seq-rule": ["sequence"]}, "entry": "access-list-seq-rule", "before": XE_INTERFACE,
                            "leaves": [("host-address",), ("ipv4-address", "mask"), ("source-host",), ("source-prefix",)], "capabilities": NO_CONFIRM},
    "cisco_iosxr_netconf": {"keys": {"ipv4": ["ipv4-object-group-name"], "ipv6": ["ipv6-object-group-name"], "host": ["host-address"], "ip-address": ["address", "length"]}, "before": XR_ACLS,
                            "entry": ("host", "ip-address"), "leaves": [("host-address",), ("address", "length")]},
    "nokia_sros_netconf": {"keys": {"ip-prefix-list": ["prefix-list-name"], "ipv6-prefix-list": ["prefix-list-name"], "prefix": ["ip-prefix", "ipv6-prefix"]}, "before": SROS_FILTER,
                           "entry": "prefix", "leaves": [("ip-prefix",), ("ipv6-prefix",)]},
}
PLACEHOLDERS = {"192.0.2.255/32", "100::1/128"}


def prefixes(*hosts):
    return sorted(str(ipaddress.ip_network(host)) for host in hosts)


class NetconfCase(unittest.TestCase):
    maxDiff = None
    driver = "yang_set"

    def start(self, set_up=True, capabilities=None, netns=None, namespace=None, **more):
        model = MODELS[self.driver]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="netconf-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.device = fake.Device(self.folder / "device", model["keys"], capabilities or model.get("capabilities"), netns)
        self.device.__enter__()
        self.addCleanup(self.device.__exit__)
        if "before" in model:
            self.device.put(model["before"])
        if model.get("attach"):
            more["attach"] = [{"interface": "eth0", "direction": "in"}]
        self.site = scenario.Site(self.folder / "site", {"dut": self.device.device(self.driver, **more)}, namespace, limits={"floor": 100000}, policy={"aggregate": "none"})
        self.site.run("init")
        if set_up:
            self.site.run("setup", "dut", "--apply")
            self.forget()

    def forget(self):
        self.device.log.clear()
        self.device.requests.clear()

    def held(self):
        model, found = MODELS[self.driver], set()
        with self.device.mutex:
            for entry in self.device.running.root.iter():
                if fake.local(entry.tag) not in ((model["entry"],) if isinstance(model["entry"], str) else model["entry"]):
                    continue
                texts = {fake.local(one.tag): (one.text or "").strip() for one in entry.iter()}
                for leaves in model["leaves"]:
                    parts = [texts.get(leaf, "") for leaf in leaves] if leaves else [entry.text.strip()]
                    if all(parts):
                        found.add(str(ipaddress.ip_network("/".join(parts))))
        return sorted(found - PLACEHOLDERS)

    def push(self, code=0):
        return self.site.device("push", code=code)

    def unban(self, *addresses):
        self.site.rows("DELETE FROM fail2ban WHERE ip = ?", [(one,) for one in addresses])
