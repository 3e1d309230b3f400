#!/usr/bin/python3
"""What a push over a command line costs beside its floor: OpenSSH's client that pastes the very same lines, in the same run, in turns.
Peers are netmiko, its default and its fast mode. Prints ratios of medians; judges nothing.

BANPUSH_BENCH_ROUNDS: how often (5). BANPUSH_BENCH_ONLY: ios, unknown, few or frr. BANPUSH_BENCH_SWAP=1: who went second goes first."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import bench
import relay

sys.path += [str(pathlib.Path(__file__).resolve().parents[1] / "system"), str(pathlib.Path(__file__).resolve().parents[1])]
import scenario  # noqa: E402
import topology  # noqa: E402

try:
    import netmiko
except ImportError:
    netmiko = None

ROUNDS = int(os.environ.get("BANPUSH_BENCH_ROUNDS", "5"))
ONLY = os.environ.get("BANPUSH_BENCH_ONLY", "")
SWAPPED = os.environ.get("BANPUSH_BENCH_SWAP", "") == "1"
ROUND_TRIP = 0.020
FLOOR = "ssh, the same lines pasted"


def addresses(count, turn):
    return [f"10.{turn}.{one // 250}.{one % 250 + 1}" for one in range(count)]


def paste(argv, lines, last):
    """OpenSSH's client with these lines on its standard input; it ends when the device ends the session. The device must say `last`."""
    done = subprocess.run(argv, input="".join(line + "\n" for line in lines).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    if last not in done.stdout.decode(errors="replace"):
        raise AssertionError(f"the paste came to {done.stdout[-600:]}")


def ssh(key, known_hosts, port, user, host):
    return ["ssh", "-tt", "-F", "none", "-i", key, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={known_hosts}",
            "-p", str(port), f"{user}@{host}"]


def measured(contenders, rounds=ROUNDS):
    """Seconds of each, in turns. A contender is called with the number of its turn, and returns what is to be done while the clock runs."""
    times = {name: [] for name in contenders}
    for turn in range(rounds):
        order = list(contenders) if (turn % 2 == 0) != SWAPPED else list(reversed(contenders))
        for name in order:
            work = contenders[name](turn)
            began = time.monotonic()
            work()
            times[name].append(time.monotonic() - began)
    return times


def told(title, times):
    print(f"{title}:")
    base = statistics.median(times[FLOOR])
    for name, each in times.items():
        middle = statistics.median(each)
        print(f"  {name:<28} {middle:7.2f} s  (from {min(each):.2f} to {max(each):.2f})   {middle / base:6.2f} × the floor")
    sys.stdout.flush()


class Ios:
    """An emulated IOS behind a link with a round trip, and banpush set up for it."""

    def __init__(self, count, **more):
        self.count, self.lost = count, []
        self.bench = bench.Bench(bench.device_of("cisco_ios", attach=("GigabitEthernet0/0",), delay="1ms", values={"privileged": "yes"},
                                                 username="netmiko", password="netmiko-pw", **more))
        self.folder = pathlib.Path(self.bench.lab.folder)
        self.port = json.loads((self.folder / "ports.json").read_text())["dut"]
        self.link = relay.Relay(self.port, ROUND_TRIP)
        file = pathlib.Path(self.bench.folder, "banpush.yaml")
        text = file.read_text().replace(str(self.port), str(self.link.port))
        self.key = self.folder / "id_ed25519"
        text = re.sub(r'"?password"?: ({[^}]*}|[^,}]*)', f'key: {self.key}', text)
        file.write_text(text)
        known = self.folder / "known_hosts"
        known.write_text(known.read_text().replace(f":{self.port} ", f":{self.link.port} "))
        self.known = known
        self.bench.run("setup", "dut", "--apply")

    def close(self):
        self.link.close()
        self.bench.close()

    def use(self, driver):
        """A driver of the site's own: cisco_ios without its window."""
        folder = pathlib.Path(self.bench.folder)
        (folder / "drivers").mkdir()
        (folder / "templates").mkdir()
        text = (bench.ROOT / "drivers/cisco_ios.yaml").read_text()
        (folder / f"drivers/{driver}.yaml").write_text("".join(line for line in text.splitlines(True) if not line.startswith("window:")))
        (folder / f"templates/{driver}").symlink_to(bench.ROOT / "templates/cisco_ios")
        file = folder / "banpush.yaml"
        file.write_text(file.read_text().replace("driver: cisco_ios", f"driver: {driver}"))

    def lines(self, turn, name):
        return [f"ip access-list extended {name}"] + [f" {10 + number} deny ip host {one} any" for number, one in enumerate(addresses(self.count, turn))]

    def paste(self, turn):
        name = f"PASTED{turn}"
        lines = ["terminal length 0", "terminal width 512", "configure terminal", *self.lines(turn, name), "end", f"show ip access-lists {name}", "exit"]
        argv = ssh(self.key, self.known, self.link.port, "netmiko", "127.0.0.1")
        return lambda: paste(argv, lines, f"deny   ip host {addresses(self.count, turn)[-1]} any\r\n")

    def banpush(self, turn):
        self.bench.unban(*addresses(self.count, turn - 1))
        if turn:
            self.bench.push()
        self.bench.ban(*addresses(self.count, turn))

        def push():
            outcome = self.bench.push()
            assert outcome["outcome"] == "changed", outcome
        return push

    def netmiko(self, fast):
        def contender(turn):
            return lambda: self.by_netmiko(f"NETMIKO{turn}{int(fast)}", turn, fast)
        return contender

    def by_netmiko(self, name, turn, fast):
        client = netmiko.ConnectHandler(device_type="cisco_ios", host="127.0.0.1", port=self.link.port, username="netmiko", password="netmiko-pw", fast_cli=fast)
        client.send_config_set(self.lines(turn, name))
        shown = client.send_command(f"show ip access-lists {name}")
        client.disconnect()
        lost = self.count - len(re.findall(r"deny +ip host", shown))
        if lost:
            self.lost.append(lost)


def ios(title="an emulated IOS", count=1000, peers=True, driver=None):
    device, pasted_to = Ios(count), Ios(count, type_ahead=1_000_000)  # a paste is more than any real line takes
    try:
        if driver:
            device.use(driver)
        contenders = {FLOOR: pasted_to.paste, "banpush push": device.banpush}
        if netmiko and peers:
            contenders["netmiko, fast mode"] = device.netmiko(fast=True)
        times = measured(contenders)
        if netmiko and peers:
            times.update(measured({"netmiko": device.netmiko(fast=False)}, 1))
        told(f"{count:,} entries to {title}, {1000 * ROUND_TRIP:.0f} ms round trip, 1 ms a line, from connect to verified", times)
        if device.lost:
            print(f"  netmiko lost {', '.join(map(str, device.lost))} of {count:,} lines in its fast mode")
        if not netmiko:
            print("  netmiko: skipped: python3-netmiko is not installed")
    finally:
        pasted_to.close()
        device.close()


def unknown():
    ios("the same, by a driver that says nothing of a window", peers=False, driver="mine")


def few():
    ios("the same, where the login dominates", count=10, peers=False)


class Frr:
    """FRR in namespaces, behind an sshd whose shell is vtysh."""

    def __init__(self, count):
        self.count, self.left = count, []
        self.net = topology.Network()
        self.net.start_sshd()
        self.net.start_frr()
        device = {"address": topology.ROUTER, "driver": "frr", "username": "root", "key": str(self.net.vtysh_key), "known_hosts": str(self.net.known_hosts),
                  "transport": "cli", "params": {"vty_socket": str(self.net.vty_socket)}}
        self.site = scenario.Site(self.net.folder / "site", {"r1": device}, self.net.operator, limits={"floor": 100000}, policy={"aggregate": "none", "reserved": "allowed"})
        self.site.run("init")
        self.argv = ["ip", "netns", "exec", self.net.operator, *ssh(self.net.vtysh_key, self.net.known_hosts, 22, "root", topology.ROUTER)]

    def close(self):
        self.net.close()

    def bare(self):
        """No route on it, whoever was last."""
        if self.left:
            paste(self.argv, ["configure terminal", "XFRR_start_configuration", *self.left, "XFRR_end_configuration", "end", "exit"], "XFRR_end")
        self.left = []
        self.site.rows("DELETE FROM fail2ban")
        self.site.run("push", timeout=300)

    def paste(self, turn):
        self.bare()
        routes = [f"ip route {one}/32 blackhole tag 99" for one in addresses(self.count, turn)]
        self.left = ["no " + route for route in routes]
        lines = ["terminal length 0", "configure terminal", "XFRR_start_configuration", *routes, "XFRR_end_configuration", "end", "show running-config staticd", "exit"]
        return lambda: paste(self.argv, lines, routes[-1] + "\r\n")

    def banpush(self, turn):
        self.bare()
        self.site.insert(addresses(self.count, turn))

        def push():
            report = self.site.device("push", timeout=300)
            assert report["outcome"] == "changed", report
        return push


def frr():
    if os.geteuid() != 0 or not topology.namespaces_permitted():
        print("1,000 routes to FRR: skipped: namespaces are not permitted here")
        return
    device = Frr(1000)
    try:
        told("1,000 routes to FRR through vtysh over SSH, no delay, from connect to verified", measured({FLOOR: device.paste, "banpush push": device.banpush}))
    finally:
        device.close()


if __name__ == "__main__":
    for part in (ios, unknown, few, frr):
        if ONLY in ("", part.__name__):
            part()
