#!/usr/bin/python3
"""Ansible's own modules, which neither banpush nor its lab was written by, against the lab's devices: an entry is added, is added again, and is removed.

    ansible_clients.py [Clients.test_PLATFORM…]      (BANPUSH_LAB_PROGRAM names the lab)
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import bench
import platforms

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import ending  # noqa: E402
from waiting import PATIENCE  # noqa: E402

PLAYBOOK = shutil.which("ansible-playbook")
if not PLAYBOOK:
    ending.skip_all("there is no ansible-playbook (ansible)")

HOST, OTHER = ("203.0.113.7", "2001:DB8::7"), ("198.51.100.77", "2001:DB8::77")  # of both families; IOS shows capitals, and ios_acls compares letters
USER, PASSWORD = "ansible", "ansible-pw"
ANY = {"any": True}
FAMILIES = ("ipv4", "ipv6")


def entries(family, hosts, protocol, spelt):
    # Other numbers in each family: eos_acls takes an entry of another list with the same number for the one it is to change.
    return [{"sequence": 100 * family + 10 * (1 + [HOST, OTHER].index(host)), "grant": "deny", "protocol": protocol, "source": {"host": spelt(host[family])},
             "destination": ANY} for host in hosts]


def numbered(module, protocols=("ip", "ipv6"), spelt=str.lower, **settings):
    """Tasks of a module that takes lists with numbered entries: of an action, the task's module and what it is told."""
    def asked(state, *hosts):
        return {module: {"state": state, "config": [
            {"afi": afi, "acls": [{"name": f"MINE{family}", **(settings if family == 0 else {}), **({"aces": entries(family, hosts, protocols[family], spelt)} if hosts else {})}]}
            for family, afi in enumerate(FAMILIES)]}}
    return {"add": asked("merged", HOST, OTHER), "remove": asked("replaced", OTHER), "drop": asked("deleted")}


def of_asa():
    def asked(state, *hosts):
        inside = [{"grant": "deny", "line": 1 + at, "protocol_options": {"ip": True}, "source": {"host": host[0]}, "destination": ANY} for at, host in enumerate(hosts)]
        return {"cisco.asa.asa_acls": {"state": state, "config": {"acls": [{"name": "MINE", "acl_type": "extended", "aces": inside}]}}}
    return {"add": asked("merged", HOST, OTHER), "remove": asked("replaced", OTHER), "drop": asked("deleted", OTHER)}


def of_vyatta():
    def asked(state, *hosts):
        def rules(family):
            return [{"number": 10 + at, "action": "drop", "source": {"address": f"{host[family].lower()}/{(32, 128)[family]}"}} for at, host in enumerate(hosts)]
        return {"vyos.vyos.vyos_firewall_rules": {"state": state, "config": [
            {"afi": afi, "rule_sets": [{"name": f"MINE{family}", **({"rules": rules(family)} if hosts else {})}]} for family, afi in enumerate(FAMILIES)]}}
    return {"add": asked("merged", HOST, OTHER), "remove": asked("replaced", OTHER), "drop": asked("deleted")}


def by_lines(add, remove, drop):
    """Tasks that give lines of configuration to the platform's own way to change it."""
    return {name: {"ansible.netcommon.cli_config": {"config": "\n".join(lines)}} for name, lines in (("add", add), ("remove", remove), ("drop", drop))}


# Of each platform: Ansible's name of it, its tasks, and whether they ask for more rights.
GROUPS = ("firewall group network-group MINE", "firewall group ipv6-network-group MINE")
CLIENTS = {
    "cisco_ios": ("cisco.ios.ios", numbered("cisco.ios.ios_acls", spelt=str, acl_type="extended"), True),
    "cisco_iosxe": ("cisco.ios.ios", numbered("cisco.ios.ios_acls", spelt=str, acl_type="extended"), True),
    "cisco_nxos": ("cisco.nxos.nxos", numbered("cisco.nxos.nxos_acls"), False),
    "arista_eos": ("arista.eos.eos", numbered("arista.eos.eos_acls"), True),
    "cisco_iosxr": ("cisco.iosxr.iosxr", numbered("cisco.iosxr.iosxr_acls", FAMILIES), False),
    "cisco_asa": ("cisco.asa.asa", of_asa(), True),
    "edgeos": ("vyos.vyos.vyos", of_vyatta(), False),  # these collections know rules in the form before VyOS 1.4
    "vyos": ("vyos.vyos.vyos", by_lines(
        [f"set {group} network {host[family]}/{(32, 128)[family]}" for family, group in enumerate(GROUPS) for host in (HOST, OTHER)],
        [f"delete {group} network {HOST[family]}/{(32, 128)[family]}" for family, group in enumerate(GROUPS)], [f"delete {group}" for group in GROUPS]), False),
}


def play(folder, port, system, tasks, becomes):
    """What each task of the play answered, by the task's name."""
    variables = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": USER, "ansible_password": PASSWORD,
                 "ansible_connection": "ansible.netcommon.network_cli", "ansible_network_os": system,
                 "ansible_network_cli_ssh_type": "paramiko", "ansible_python_interpreter": "/usr/bin/python3", "ansible_command_timeout": PATIENCE,
                 "ansible_connect_timeout": PATIENCE}
    if becomes:
        variables.update({"ansible_become": True, "ansible_become_method": "ansible.netcommon.enable", "ansible_become_password": PASSWORD})
    look = {"ansible.builtin.command": {"argv": ["/usr/bin/python3", "-c", "import control, json, sys; print(json.dumps(control.tell(sys.argv[1], 'dut', 'state')))",
                                                 folder]},
            "delegate_to": "localhost", "become": False, "vars": {"ansible_connection": "local"}, "environment": {"PYTHONPATH": str(pathlib.Path(__file__).parent)}}
    steps = [one for name, task in (("add", tasks["add"]), ("add again", tasks["add"]), ("remove", tasks["remove"]), ("drop", tasks["drop"]))
             for one in ({"name": name, **task}, {"name": "state after " + name, **look})]
    pathlib.Path(folder, "hosts.json").write_text(json.dumps({"all": {"hosts": {"dut": variables}}}))
    pathlib.Path(folder, "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": steps}]))
    environment = {**os.environ, "HOME": folder, "ANSIBLE_HOME": f"{folder}/ansible", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_HOST_KEY_CHECKING": "False",
                   "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_LOCAL_TEMP": f"{folder}/tmp", "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": f"{folder}/pc",
                   "ANSIBLE_PERSISTENT_CONNECT_TIMEOUT": str(PATIENCE), "ANSIBLE_PERSISTENT_COMMAND_TIMEOUT": str(PATIENCE), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([PLAYBOOK, "-i", f"{folder}/hosts.json", f"{folder}/play.json", *os.environ.get("BANPUSH_ANSIBLE", "").split()], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    begins = done.stdout.find("{")
    if begins < 0:
        raise AssertionError(f"ansible-playbook ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return {task["task"]["name"]: task["hosts"]["dut"] for task in json.loads(done.stdout[begins:])["plays"][0]["tasks"]}


def check(name):
    (system, tasks, becomes), platform = CLIENTS[name], platforms.PLATFORMS[name]
    lab = bench.Lab({"dut": bench.device_of(platform.device, platform.train, platform.driver, platform.attach, platform.params,
                                            **{**platform.settings, "username": USER, "password": PASSWORD, "enable": PASSWORD})})
    try:
        port = json.loads(pathlib.Path(lab.folder, "ports.json").read_text())["dut"]
        answers = play(lab.folder, port, system, tasks, becomes)
    finally:
        lab.close()
    for task, answer in answers.items():
        if answer.get("failed"):
            raise AssertionError(f"{task}: {answer.get('msg')}\n{answer.get('module_stderr', '')}{answer.get('exception', '')}")
    for task, changes, there, gone in (("add", True, [HOST, OTHER], []), ("add again", False, [HOST, OTHER], []), ("remove", True, [OTHER], [HOST]),
                                       ("drop", True, [], [HOST, OTHER])):
        state = json.loads(answers["state after " + task]["stdout"])["text"]

        def holds(host):  # what is in the state, of the families that this platform's tasks name
            return [address for address in host if re.search(rf"{re.escape(address)}\b", state, re.IGNORECASE)]

        families = 1 if name == "cisco_asa" else 2
        if answers[task]["changed"] != changes or any(len(holds(host)) != families for host in there) or any(holds(host) for host in gone):
            raise AssertionError(f"{task}: changed is {answers[task]['changed']}, sent was {answers[task].get('commands')}, there is:\n{state}")


class Clients(unittest.TestCase):
    """A test for each platform."""


for _name in CLIENTS:
    setattr(Clients, f"test_{_name}", lambda self, name=_name: check(name))

if __name__ == "__main__":
    ending.main()
