#!/usr/bin/python3
"""This host's own firewall (nftables), in a network namespace of its own: the first push of many addresses beside
`nft -f` of the same bytes, and one ban more with the service up, from the command to the element in the kernel, at two
sizes. Prints; judges nothing."""
import os
import random
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import time

import namespace
import serving
from namespace import Announcements, nft
from serving import Site, wait_until

SIZES = (1_000, int(os.environ.get("BANPUSH_BENCH_LOCAL", "166000")))
ROUNDS = int(os.environ.get("BANPUSH_BENCH_ROUNDS", "30"))


def made(count):
    numbers = random.Random(11).sample(range(0x14000000, 0x60000000), count)
    return [f"{one >> 24}.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}" for one in numbers]


def fill(site, addresses):
    with sqlite3.connect(site.folder / "bans.db") as table:
        table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('w', datetime('now', 'localtime'), 'sshd', 'tcp', '', ?)",
                          [(one,) for one in addresses])


def timed(*argv, input=None):
    """Wall and processor seconds of a program."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(argv, input=input, capture_output=True, text=True, env=serving.ENVIRONMENT, timeout=300)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{argv}: {done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def processor(process):
    fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def service(count):
    with Site(0, devices={"here": {"address": "local", "driver": "linux_nft"}}) as site:
        site.settings["serve"].update(poll="1s", audit="1h")
        site.settings["policy"]["aggregate"] = "exact"  # the standard; without it interval sets are computed whole each time
        site.write()
        nft("flush", "ruleset")
        site.run("setup", "here", "--apply")
        fill(site, made(count))
        script = site.json("plan", timeout=300)["devices"][0]["script"].split("\n", 1)[1]
        floor = statistics.median(timed("nft", "-f", "-", input="flush set inet banpush hosts4\n" + script)[0] for _ in range(3))
        nft("flush", "set", "inet", "banpush", "hosts4")
        wall, cost = timed(*site.argv("push"))
        print(f"{count} addresses: nft -f of the plan's bytes {floor:.2f} s; banpush push, table to proof, {wall:.2f} s ({cost:.2f} s of CPU), ratio {wall / floor:.2f}")
        site.start()
        announced, walls = Announcements(), []
        wait_until(lambda: "here" in site.run("status").stdout, 60, "the service has seen the device")
        site.run("ban", "198.18.0.1", "--wait", timeout=120)
        before = processor(site.service.pid)
        for number in range(ROUNDS):
            address = f"198.18.{number + 1}.7"  # none beside another: they would become one prefix
            begin = time.monotonic()
            site.run("ban", address)
            announced.wait_for(address, 60)
            walls.append(time.monotonic() - begin)
        time.sleep(1)
        cost = (processor(site.service.pid) - before) / ROUNDS
        print(f"  one more, service up: from the start of `banpush ban` to the element in the kernel {statistics.median(walls) * 1000:.1f} ms "
              f"(worst {max(walls) * 1000:.1f}); {cost * 1000:.1f} ms of the service's CPU each")
        logged = [float(one) for one in re.findall(r"1 added, 0 removed in (\d+\.\d+) s", site.log_text())]
        if logged:
            print(f"  the device's own part of that, by the log: {statistics.median(logged) * 1000:.0f} ms")
        announced.close()
        site.stop()


if __name__ == "__main__":
    if not namespace.enter():
        print("network namespaces are not permitted here (they need root): nothing measured")
        sys.exit(0)
    for size in SIZES:
        service(size)
