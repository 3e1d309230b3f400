#!/usr/bin/python3
"""The demo: an attacker, a real router, a server; a ban, and what it does. Run it with `./run demo`."""
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import topology
from topology import ATTACKER4, CLIENT4, ROUTER, SERVER4

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 100


def say(text=""):
    print(text, flush=True)


def step(number, title):
    say(f"\n\033[1m{number}. {title}\033[0m" if sys.stdout.isatty() else f"\n{number}. {title}")


class Operator:
    """Somebody at a keyboard, whose commands are shown."""

    def __init__(self, program, config, namespace=None):
        self.program, self.config, self.namespace = str(program), config, namespace

    def does(self, *words, expect=(0,)):
        say(f"   $ banpush {' '.join(words)}")
        prefix = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        done = subprocess.run([*prefix, self.program, "-c", str(self.config), *words], capture_output=True, text=True, timeout=120)
        for line in (done.stdout + done.stderr).splitlines():
            say("     " + line)
        if done.returncode not in expect:
            raise SystemExit(f"the demo ends here: `banpush {' '.join(words)}` ended with status {done.returncode}")
        return done.returncode


def reachable(net, expected_attacker):
    """Real connections to the server's port; says what they met, and that it is what was to be shown."""
    ok = True
    for name, namespace, address, expected in (("the attacker", net.attacker, ATTACKER4, expected_attacker), ("another client", net.client, CLIENT4, True)):
        answered = net.reaches(namespace, SERVER4, seconds=1.0)
        say(f"   {name} ({address}) connects to {SERVER4}: {'answered' if answered else 'nothing comes back'}")
        ok = ok and answered == expected
    if not ok:
        raise SystemExit("the demo ends here: that is not what should have happened")


def with_namespaces(program):
    say("This builds a small network out of namespaces: an attacker, another client, a server, and between them a")
    say("router. The router is real: FRR and nftables behind a real sshd with its own keys. banpush runs beside it,")
    say("as an operator's machine would, and keeps its ban table in a file.")
    with topology.Network() as net:
        net.start_sshd()
        net.start_frr()
        folder = net.folder / "operator"
        folder.mkdir()
        config = folder / "banpush.yaml"
        known_hosts = folder / "known_hosts"
        config.write_text(f"""bans: {{url: "sqlite:{folder}/bans.db"}}
state: {folder}/state.db
defaults: {{username: root, known_hosts: {known_hosts}}}
devices:
  edge-filter: {{address: {ROUTER}, driver: linux_nft, key: {net.key}}}
  edge-routes: {{address: {ROUTER}, driver: frr, transport: cli, key: {net.vtysh_key}, budget: {{ipv4: 20, ipv6: 20}}}}
limits: {{storm: {{bans: 50, within: 1m, hold: 10m}}}}
""")
        config.chmod(0o600)
        operator = Operator(program, config, net.operator)

        step(1, "Before anything: everybody reaches the server")
        reachable(net, expected_attacker=True)

        step(2, "The ban table, and the router's host key")
        say("   banpush talks to no router whose host key it does not know. `trust` shows the fingerprint; a person")
        say("   compares it with the router's console and confirms. Here the demo confirms.")
        operator.does("init")
        operator.does("trust", "edge-filter", "--yes")

        step(3, "The set and the rule that uses it are put on the router once")
        operator.does("setup", "edge-filter", "--apply")
        operator.does("check", "--connect", expect=(0, 1))

        step(4, f"A server's fail2ban catches {ATTACKER4}; the ban is recorded")
        operator.does("ban", ATTACKER4, "--jail", "sshd", "--port", "ssh", "--hostname", "web1", "--no-push")
        operator.does("list")

        step(5, "What would change? The plan shows the exact bytes and sends nothing")
        operator.does("plan")
        reachable(net, expected_attacker=True)

        step(6, "Push: send it, read it back from the router")
        operator.does("push")
        reachable(net, expected_attacker=False)
        say("   What the router itself says:")
        for line in net.inside(net.router, "nft", "list", "set", "inet", "banpush", "hosts4").stdout.splitlines() + net.vtysh("show ip route tag 7112").splitlines()[-1:]:
            say("     " + line)

        step(7, "A second push has nothing to do")
        operator.does("push")

        step(8, "Why is this address blocked, and where?")
        operator.does("explain", ATTACKER4)

        step(9, "A burst: sixty bans in a minute, more than edge-routes has room for, and more than should come at once")
        with sqlite3.connect(folder / "bans.db") as table:  # by another writer than banpush
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('mail', datetime('now', 'localtime'), 'dovecot', 'tcp', '143', ?)",
                              [(f"203.0.112.{2 * i}",) for i in range(60)])
        table.close()
        operator.does("plan", expect=(5,))

        step(10, "The operator lifts the ban; that is pushed, the burst still waits")
        operator.does("unban", ATTACKER4, "--no-push")
        operator.does("push", expect=(5,))
        reachable(net, expected_attacker=True)

        step(11, "And away: nothing of banpush stays on the router")
        operator.does("flush", "--all")
        operator.does("setup", "edge-filter", "--remove", "--apply")
    say("\nThe namespaces, the router and the table are gone again.")


def without_namespaces(program):
    say("Network namespaces are not permitted here, so no packets can be shown. The same steps go to this host's own")
    say("sshd instead, in a private instance on the loopback interface; nothing is changed on this host.")
    sys.path.insert(0, str(SOURCE / "tests" / "transport"))
    from sshd import Sshd
    folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-demo-"))
    try:
        with Sshd() as sshd:
            config = folder / "banpush.yaml"
            config.write_text(f"""bans: {{url: "sqlite:{folder}/bans.db"}}
state: {folder}/state.db
devices:
  this-host: {{address: {sshd.address}, port: {sshd.port}, driver: linux_route, username: {sshd.user}, key: {sshd.client_key}, known_hosts: {folder}/known_hosts}}
""")
            config.chmod(0o600)
            operator = Operator(program, config)
            step(1, "The ban table, and the host key")
            operator.does("init")
            operator.does("trust", "this-host", "--yes")
            step(2, "A ban is recorded")
            operator.does("ban", ATTACKER4, "--jail", "sshd", "--no-push")
            step(3, "The plan: read over SSH, compared, and the exact bytes; nothing is sent")
            operator.does("plan", expect=(0, 1, 5))
            operator.does("explain", ATTACKER4)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else SOURCE / "build/bin/banpush").resolve()
    if not program.is_file():
        raise SystemExit(f"no banpush at {program}; `./run build` makes it")
    topology.end_cleanly_on_signals()
    try:
        if topology.namespaces_permitted():
            with_namespaces(program)
        else:
            without_namespaces(program)
    except KeyboardInterrupt:
        raise SystemExit("\ninterrupted; everything the demo made is taken away again")
    say("\nRead next: README.md for your own first configuration, docs/policy.md for what becomes a block and why,")
    say("docs/operations.md before it meets a router that matters.")


if __name__ == "__main__":
    main()
