#!/usr/bin/python3
"""Measures the service: what a ban costs its caller beside the mariadb client's own INSERT, and what it costs to be idle
with two hundred devices. Prints; judges nothing."""
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
        ban_beside_insert(server)
        idle(server)
    sys.exit(0)
