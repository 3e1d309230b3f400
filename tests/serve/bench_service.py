#!/usr/bin/python3
"""Measures the service: what a ban costs its caller beside the mariadb client's own INSERT, what ten new rows cost it on top
of a small and of a big table, and what it costs to be idle with two hundred devices. Prints; judges nothing.

BANPUSH_BENCH_ROWS: the tables' sizes (200000,2000000)."""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import serving
from serving import Site, addresses, hosts

from mariadb import MariaDb
from test_burst import LAB

DEVICES = int(os.environ.get("BANPUSH_BENCH_DEVICES", "200"))
ONLY = os.environ.get("BANPUSH_BENCH_ONLY", "")  # one of the parts: ban_beside_insert, news, idle
ROUNDS = int(os.environ.get("BANPUSH_BENCH_ROUNDS", "40"))


def measured(argv):
    """Wall and processor seconds of one program."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, env=serving.ENVIRONMENT, timeout=60)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{argv}: {done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def told(name, samples):
    walls, costs = [one[0] * 1000 for one in samples], [one[1] * 1000 for one in samples]
    print(f"  {name:<46} {statistics.median(walls):6.1f} ms wall (worst {max(walls):6.1f})   {statistics.median(costs):6.1f} ms of CPU")
    return statistics.median(walls)


def ban_beside_insert(database):
    database.sql("CREATE DATABASE latency")
    with Site(1, database.socket_url("latency"), database.password) as site:
        site.settings["devices"]["hung"] = {**site.card(2), "run_with": ["sh", "-c", "sleep 600", "-"]}
        for hung in (False, True):
            if not hung:
                site.settings["devices"].pop("hung")
            else:
                site.settings["devices"]["hung"] = {**site.card(2), "run_with": ["sh", "-c", "sleep 600", "-"]}
            site.write()
            site.start()
            ours, theirs = [], []
            for one in addresses(ROUNDS, 5000 if hung else 0):
                theirs.append(measured(["mariadb", "--no-defaults", "-uroot", "-S", str(database.socket), "latency", "-e",
                                        f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web2', NOW(), 'sshd', 'tcp', '22', '{one}')"]))
                ours.append(measured(site.argv("ban", one, "--jail", "sshd", "--quiet")))
            print(f"one ban, service up{', a device hangs' if hung else ''}:")
            client = told("mariadb -e INSERT", theirs)
            print(f"  ratio of wall times {told('banpush ban', ours) / client:.2f}")
            site.stop()


def fill(database, name, rows):
    """So many rows of 166,000 addresses, spread over a month."""
    database.sql("ALTER TABLE fail2ban DROP KEY hostname", name)
    for first in range(1, rows + 1, 100_000):
        database.sql(f"""INSERT INTO fail2ban (hostname, created, name, protocol, port, ip)
            SELECT CONCAT('web', seq % 20), NOW() - INTERVAL (seq * 7919 % 2592000) SECOND, 'sshd', 'tcp', '22',
                   INET_NTOA(184549376 + (seq * 104729 % 166000) * 16001)
            FROM seq_{first}_to_{min(rows, first + 99_999)}""", name)
    database.sql("ALTER TABLE fail2ban ADD KEY hostname (hostname, ip)", name)


class Spent:
    """Processor seconds of the service, and what of them its device's reading took."""

    def __init__(self, site):
        self.site = site

    def __call__(self):
        total = 0
        for task in pathlib.Path(f"/proc/{self.site.service.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9, sum(one["reading"] for one in self.site.ask(do="status")["devices"])


def memory(site, which="VmRSS"):
    lines = pathlib.Path(f"/proc/{site.service.pid}/status").read_text().splitlines()
    return int([line.split()[1] for line in lines if line.startswith(which)][0]) / 1024


def ten_more_rows(database, rows, budget):
    """What ten new rows cost the service from the poll that finds them to the device that shows them."""
    name = f"news{rows}"
    with Site(1, database.socket_url(name), database.password) as site:
        site.settings["serve"].update(poll="200ms", audit="1h")
        site.settings["policy"].update(bantime="7d", aggregate="exact", jails={"bench": {"weight": 1000}})  # worth a place among many
        if budget:
            site.settings["devices"]["d1"]["budget"] = {"ipv4": budget}
        site.write()
        site.start()
        begin = time.monotonic()
        while time.monotonic() < begin + 300 and not all(one["outcome"] for one in site.ask(do="status")["devices"]):
            time.sleep(0.2)
        first, spent, costs, readings, before = time.monotonic() - begin, Spent(site), [], [], site.ask(do="status")
        for turn in range(10):
            mine = [f"198.{18 if budget else 19}.{turn}.{number}" for number in range(10)]
            used, read = spent()
            database.sql("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES " +
                         ",".join(f"('web1', NOW(), 'bench', 'tcp', '22', '{one}')" for one in mine), name)
            serving.wait_until(lambda: hosts(mine) <= site.holds() or {f"198.{18 if budget else 19}.{turn}.0/29"} <= site.holds(), 60, "the device has them")
            serving.wait_until(lambda: not site.ask(do="status")["devices"][0]["working"], 60, "the push is over")
            time.sleep(0.3)
            used_then, read_then = spent()
            costs.append(1000 * (used_then - used - (read_then - read)))
            readings.append(1000 * (read_then - read))
        status = site.ask(do="status")
        idle_used = spent()[0]
        time.sleep(2)
        per_poll = 1000 * (spent()[0] - idle_used) / 10
        print(f"{rows} rows, {len(site.holds())} entries on the device (first push after {first:.1f} s): ten new rows cost "
              f"{statistics.median(costs):.1f} ms of CPU from the poll to the ledger (worst {max(costs):.1f}; goal: under 20), and reading the device back "
              f"{statistics.median(readings):.1f} ms; a poll without news {per_poll:.2f} ms; {memory(site):.0f} MB, {memory(site, 'VmHWM'):.0f} MB at most; "
              f"meanwhile the table was read whole {status['read_whole'] - before['read_whole']} times, and {status['devices'][0]['parts'] - before['devices'][0]['parts']} changes were told by what was new")
        site.stop()


def news(database):
    for rows in [int(one) for one in os.environ.get("BANPUSH_BENCH_ROWS", "200000,2000000").split(",") if one]:
        database.sql(f"CREATE DATABASE news{rows}")
        with Site(0, database.socket_url(f"news{rows}"), database.password):
            fill(database, f"news{rows}", rows)
        for budget in (4000, None):
            ten_more_rows(database, rows, budget)
        database.sql(f"DROP DATABASE news{rows}")


def idle(database):
    database.sql("CREATE DATABASE idle")
    with Site(0, database.socket_url("idle"), database.password) as site:
        network = site.folder / "network.yaml"
        network.write_text(f"devices: {{r: {{device: cisco_ios, count: {DEVICES}}}}}")
        lab = subprocess.Popen([LAB, "run", str(network), "-d", str(site.folder / "lab")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lab.stdout.readline()
        lab.stdout.readline()
        ports = json.loads((site.folder / "lab" / "ports.json").read_text())
        site.settings["devices"] = {
            name: {"address": "127.0.0.1", "port": port, "driver": "cisco_ios", "username": "banpush", "key": f"{site.folder}/lab/id_ed25519",
                   "enable": {"file": f"{site.folder}/lab/enable_{name}"}, "known_hosts": f"{site.folder}/lab/known_hosts", "accept_unproven": "yes",
                   "attach": [{"interface": "GigabitEthernet0/0"}]} for name, port in ports.items()}
        site.settings["serve"].update(poll="1s", audit="15m")
        site.write()
        site.start()
        begin = time.monotonic()
        status = {}
        while time.monotonic() < begin + 300:
            status = json.loads(subprocess.run(["/usr/bin/python3", "-c", ASK, site.settings["serve"]["socket"]], capture_output=True, text=True).stdout or "{}")
            if status and all(one["outcome"] for one in status["devices"]) and not any(one["working"] for one in status["devices"]):
                break
            time.sleep(0.5)
        outcomes = {one["outcome"] for one in status["devices"]}
        print(f"{DEVICES} devices of the lab read for the first time in {time.monotonic() - begin:.1f} s ({', '.join(sorted(outcomes))})")
        process = pathlib.Path(f"/proc/{site.service.pid}")
        ticks = os.sysconf("SC_CLK_TCK")

        def cpu():
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / ticks

        def questions():
            return int(database.sql("SHOW GLOBAL STATUS LIKE 'Questions'").split()[1])

        time.sleep(2)
        used, asked, begin = cpu(), questions(), time.monotonic()
        time.sleep(30)
        took = time.monotonic() - begin
        memory = [line.split()[1] for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS")][0]
        print(f"idle with {DEVICES} devices, each with a session: {100 * (cpu() - used) / took:.2f} % of one core, "
              f"{(questions() - asked - 1) / took:.2f} queries a second at one poll a second, {int(memory) / 1024:.0f} MB")
        site.stop()
        lab.stdin.close()
        lab.wait(20)


ASK = """import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"do": "status"}\\n')
answer = b""
while chunk := s.recv(65536):
    answer += chunk
print(answer.decode())
"""

if __name__ == "__main__":
    with MariaDb() as server:
        for part in (ban_beside_insert, news, idle):
            if ONLY in ("", part.__name__):
                part(server)
    sys.exit(0)
