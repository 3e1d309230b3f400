#!/usr/bin/python3
"""Netmiko, which neither banpush nor its lab was written by, against the lab's devices: it logs in, changes a list, and looks.

    netmiko_clients.py [PLATFORM…]      (BANPUSH_LAB_PROGRAM names the lab)
"""
import json
import pathlib
import sys
import unittest

import bench
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import ending  # noqa: E402
from waiting import PATIENCE  # noqa: E402

try:
    import netmiko
except ImportError:
    ending.skip_all("there is no netmiko (python3-netmiko)")

# Of each platform: netmiko's name of it, lines of configuration that ban HOST, and a question whose answer shows it.
HOST = "203.0.113.7"
CLIENTS = {
    "cisco_ios": ("cisco_ios", ["ip access-list extended MINE", f"deny ip host {HOST} any"], "show ip access-lists MINE"),
    "cisco_iosxe": ("cisco_xe", ["ip access-list extended MINE", f"deny ip host {HOST} any"], "show ip access-lists MINE"),
    "cisco_nxos": ("cisco_nxos", ["ip access-list MINE", f"10 deny ip host {HOST} any"], "show ip access-lists MINE"),
    "arista_eos": ("arista_eos", ["ip access-list MINE", f"10 deny ip host {HOST} any"], "show ip access-lists MINE"),
    "cisco_asa": ("cisco_asa", ["object-group network MINE", f"network-object host {HOST}"], "show running-config object-group id MINE"),
    "huawei_vrp": ("huawei", ["acl number 3500", f"rule 10 deny ip source {HOST} 0"], "display acl 3500"),
    "huawei_vrp8": ("huawei_vrpv8", ["acl number 3500", f"rule 10 deny ip source {HOST} 0"], "display acl 3500"),
    "hpe_comware": ("hp_comware", ["acl advanced 3500", f"rule 10 deny ip source {HOST} 0"], "display acl 3500"),
    "dell_os10": ("dell_os10", ["ip access-list MINE", f"seq 10 deny ip host {HOST} any"], "show running-configuration access-list"),
    "ubiquiti_edgeswitch": ("ubiquiti_edgeswitch", ["ip access-list MINE", f"10 deny ip {HOST} 0.0.0.0 any", "exit"], "show running-config"),
    "ruckus_icx": ("ruckus_fastiron", ["ip access-list extended MINE", f"sequence 10 deny ip host {HOST} any"], "show running-config"),
    "aruba_procurve": ("hp_procurve", ['ip access-list extended "MINE"', f"10 deny ip {HOST} 0.0.0.0 0.0.0.0 255.255.255.255"], "show access-list config"),
    "extreme_exos": ("extreme_exos", [f'create access-list mine "source-address {HOST}/32;" "deny;"'], "show access-list dynamic rule mine"),
    "mikrotik_routeros": ("mikrotik_routeros", [f"/ip firewall address-list add list=mine address={HOST} comment=mine"],
                          "/ip firewall address-list print terse without-paging where list=mine"),
    "vyos": ("vyos", [f"set firewall group network-group MINE network {HOST}/32"], "show configuration commands"),
    "juniper_junos": ("juniper_junos", [f"set policy-options prefix-list MINE {HOST}/32"], "show configuration policy-options prefix-list MINE | display set | no-more"),
    "fortinet_fortios": ("fortinet", ["config firewall address", 'edit "mine"', f"set subnet {HOST} 255.255.255.255", "next", "end"], "show firewall address"),
    "paloalto_panos": ("paloalto_panos", [f"set address mine ip-netmask {HOST}/32"], "show config running"),
    "nokia_sros": ("alcatel_sros", ['filter match-list ip-prefix-list "mine" create', f"prefix {HOST}/32"], "admin display-config"),
    "cisco_iosxr": ("cisco_xr", ["object-group network ipv4 MINE", f"host {HOST}", "exit"], "show running-config object-group network ipv4 MINE"),
}
COMMITS = {"paloalto_panos", "vyos", "juniper_junos", "cisco_iosxr", "huawei_vrp8"}
TRAINS = {"nokia_sros": "classic"}  # the command line that Debian's version knows
PASSWORD = "netmiko-pw"


def check(name):
    kind, lines, question = CLIENTS[name]
    platform = platforms.PLATFORMS[name]
    device = bench.device_of(platform.device, TRAINS.get(name, platform.train), platform.driver, platform.attach, platform.params,
                             **{**platform.settings, "username": "netmiko", "password": PASSWORD, "enable": PASSWORD})
    lab = bench.Lab({"dut": device})
    try:
        port = json.loads(pathlib.Path(lab.folder, "ports.json").read_text())["dut"]
        client = netmiko.ConnectHandler(device_type=kind, host="127.0.0.1", port=port, username="netmiko", password=PASSWORD, secret=PASSWORD,
                                        timeout=PATIENCE, auth_timeout=PATIENCE, banner_timeout=PATIENCE)
        if not client.check_enable_mode():
            client.enable()
        said = client.send_config_set(lines, exit_config_mode=name not in COMMITS)
        if name in COMMITS:
            said += client.commit()
            client.exit_config_mode()
        shown = client.send_command(question, strip_prompt=False, strip_command=False)
        client.disconnect()
        if HOST not in shown:
            raise AssertionError(f"{question}: {shown}\nafter: {said}")
    finally:
        lab.close()


class Clients(unittest.TestCase):
    """A test for each platform."""


for _name in CLIENTS:
    setattr(Clients, f"test_{_name}", lambda self, name=_name: check(name))

if __name__ == "__main__":
    ending.main()
