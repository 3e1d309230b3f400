#!/usr/bin/python3
"""The demo: an attacker, a real router, a server; a ban, and what it does. Run it with `./run demo`."""
import argparse
import os
import pathlib
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap

import topology
from topology import ATTACKER4, CLIENT4, PORT, ROUTER, SERVER4

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WIDTH = 80
NEEDED = {"ip": "iproute2", "nft": "nftables", "sysctl": "procps", "ssh-keygen": "openssh-client", "/usr/sbin/sshd": "openssh-server",
          "vtysh": "frr", str(topology.FRR / "zebra"): "frr", str(topology.FRR / "staticd"): "frr"}
NEEDED_WITHOUT_NAMESPACES = {"ssh-keygen": "openssh-client", "/usr/sbin/sshd": "openssh-server", "ip": "iproute2"}


def wrapped(text, indent, further="  "):
    """The lines of `text`, none wider than WIDTH; what a line continues with is indented a little more."""
    for line in text.expandtabs().splitlines() or [""]:
        left = " " * (len(line) - len(line.lstrip()))
        yield from textwrap.wrap(line.lstrip(), WIDTH, initial_indent=indent + left, subsequent_indent=indent + left + further, break_on_hyphens=False) or [indent.rstrip()]


class Stage:
    """What is written, and how long somebody gets to read it."""

    def __init__(self, fast):
        self.pauses = not fast and sys.stdout.isatty()
        self.unread = 0

    def say(self, text="", indent=""):
        for line in wrapped(text, indent, further=""):
            self._print(line)

    def output(self, text):
        for line in wrapped(text, "     "):
            self._print(line)

    def command(self, text):
        """As it is typed: what does not fit goes on behind a backslash, so that it can be copied."""
        words, line = re.findall(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""", text), "   $"
        for number, word in enumerate(words):
            last = number == len(words) - 1
            if len(line) + 1 + len(word) + (0 if last else 2) > WIDTH:
                self._print(line + " \\")
                line = "      "
            line += " " + word
        self._print(line)

    def step(self, number, title):
        self.pause()
        self._print("")
        for line in wrapped(f"{number}. {title}", "", further="   "):
            self._print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line)

    def pause(self):
        """Until Enter, or for as long as the lines since the last pause take to read."""
        if not self.pauses or not self.unread:
            return
        seconds = min(4 + self.unread // 2, 20)
        print(f"\033[2m   -- Enter goes on; without it, in {seconds} s --\033[0m", end="", flush=True)
        try:
            if sys.stdin.isatty():
                if select.select([sys.stdin], [], [], seconds)[0]:
                    sys.stdin.readline()
            else:
                select.select([], [], [], seconds)
        finally:
            print("\r\033[K", end="", flush=True)
        self.unread = 0

    def _print(self, line):
        print(line, flush=True)
        self.unread += 1


class Operator:
    """Somebody at a keyboard: each command is shown as it is run."""

    def __init__(self, stage, program, config, namespace=None):
        self.stage, self.config, self.namespace = stage, config, namespace
        self.environment = {**os.environ, "PATH": f"{program.parent}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}

    def where(self):
        words = (["ip", "netns", "exec", self.namespace] if self.namespace else []) + ["banpush", "-c", str(self.config)]
        return shlex.join(words)

    def does(self, *words, expect=(0,)):
        """banpush with these words."""
        self.runs(f"banpush {shlex.join(words)}", f"{self.where()} {shlex.join(words)}", expect)

    def types(self, text, expect=(0,)):
        """A line of shell, in which `banpush` stands for the demo's."""
        self.runs(text, f"banpush() {{ {shlex.join(self._prefix())} banpush -c {shlex.quote(str(self.config))} \"$@\"; }}; {text}", expect)

    def _prefix(self):
        return ["ip", "netns", "exec", self.namespace] if self.namespace else ["command"]

    def runs(self, shown, meant, expect=(0,)):
        self.stage.command(shown)
        done = subprocess.run(["bash", "-c", meant], capture_output=True, text=True, timeout=120, env=self.environment)
        self.stage.output(done.stdout + done.stderr)
        if done.returncode not in expect:
            raise SystemExit(f"the demo ends here: `{shown}` ended with status {done.returncode}")
        return done


def reachable(stage, net, expected_attacker):
    """Real connections to the server's port; says what they met, and that it is what was to be shown."""
    ok = True
    for name, namespace, address, expected in (("the attacker", net.attacker, ATTACKER4, expected_attacker), ("another client", net.client, CLIENT4, True)):
        command = ["ip", "netns", "exec", namespace, "timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{SERVER4}/{PORT}"]
        stage.command(shlex.join(command))
        answered = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30).returncode == 0
        stage.output(f"({name}, {address}: {'answered' if answered else 'nothing came back'})")
        ok = ok and answered == expected
    if not ok:
        raise SystemExit("the demo ends here: that is not what should have happened")


def on_the_router(stage, net):
    stage.say("What the router itself says:", "   ")
    vtysh = f"vtysh --vty_socket {net.vty_socket} --config_dir {net.vty_socket}"
    for words in ("nft list set inet banpush hosts4", f"{vtysh} -c 'show ip route tag 7112'"):
        command = f"ip netns exec {net.router} {words}"
        stage.command(command)
        said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
        stage.output("\n".join(line for line in said.stdout.splitlines() if not line.startswith(("Codes:", "       ")) and line.strip()))


def with_namespaces(stage, program):
    stage.say("This builds a small network out of namespaces: an attacker, another client, a server, and between them a router. The router is real: FRR and nftables "
              "behind a real sshd with its own keys. banpush runs beside it, as an operator's machine would, and keeps its ban table in a file.")
    with topology.Network() as net:
        net.start_sshd()
        net.start_frr()
        folder = net.folder / "operator"
        folder.mkdir()
        config = folder / "banpush.yaml"
        config.write_text(f"""bans: {{url: "sqlite:{folder}/bans.db"}}
state: {folder}/state.db
spool: {folder}/spool.db
serve: {{socket: {folder}/banpush.sock}}
defaults: {{username: root, known_hosts: {folder}/known_hosts}}
devices:
  edge-filter: {{address: {ROUTER}, driver: linux_nft, key: {net.key}}}
  edge-routes:
    {{address: {ROUTER}, driver: frr, transport: cli, key: {net.vtysh_key},
     budget: {{ipv4: 20, ipv6: 20}}}}
limits: {{storm: {{bans: 50, within: 5m, hold: 10m}}}}
""")
        config.chmod(0o600)
        operator = Operator(stage, program, config, net.operator)
        stage.say()
        stage.say("Each step shows the command that a person types, and what came of it. `banpush` stands for this, and while the demo waits you may type it, too, "
                  "as root in a second terminal:")
        stage.command(f"ip netns exec {net.operator} {program} -c {config}")

        stage.step(1, "Before anything: everybody reaches the server")
        reachable(stage, net, expected_attacker=True)

        stage.step(2, "The ban table, and the router's host key")
        stage.say("banpush talks to no router whose host key it does not know. `trust` shows the fingerprint; a person compares it with the router's console and "
                  "confirms. Here `--yes` confirms.", "   ")
        operator.does("init")
        operator.does("trust", "edge-filter", "--yes")

        stage.step(3, "The set and the rule that uses it are put on the router once")
        operator.does("setup", "edge-filter", "--apply")
        operator.does("check", "--connect", expect=(0, 1))

        stage.step(4, f"A server's fail2ban catches {ATTACKER4}; the ban is recorded")
        operator.does("ban", ATTACKER4, "--jail", "sshd", "--port", "ssh", "--hostname", "web1", "--no-push")
        operator.does("list")

        stage.step(5, "What would change? The plan shows the exact bytes and sends nothing")
        operator.does("plan")
        reachable(stage, net, expected_attacker=True)

        stage.step(6, "Push: send it, read it back from the router")
        operator.does("push")
        reachable(stage, net, expected_attacker=False)
        on_the_router(stage, net)

        stage.step(7, "A second push has nothing to do")
        operator.does("push")

        stage.step(8, "Why is this address blocked, and where?")
        operator.does("explain", ATTACKER4)

        stage.step(9, "A burst: sixty bans at once, more than edge-routes has room for, and more than should come at once")
        operator.types("for n in {1..60}; do banpush ban 203.0.112.$((2 * n)) --jail dovecot --hostname mail --no-push; done >/dev/null")
        operator.does("plan", expect=(5,))

        stage.step(10, "The operator lifts the ban; that is pushed, the burst still waits")
        operator.does("unban", ATTACKER4, "--no-push")
        operator.does("push", expect=(5,))
        reachable(stage, net, expected_attacker=True)

        stage.step(11, "And away: nothing of banpush stays on the router")
        operator.does("flush", "--all")
        operator.does("setup", "edge-filter", "--remove", "--apply")
        stage.pause()
    stage.say("\nThe namespaces, the router and the table are gone again.")


def without_namespaces(stage, program, reason):
    stage.say(f"No network namespaces can be made here, so no packets can be shown: {reason}.")
    stage.say("The same steps go to this host's own sshd instead, in a private instance on the loopback interface; nothing is changed on this host.")
    sys.path.insert(0, str(SOURCE / "tests" / "transport"))
    from sshd import Sshd
    folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-demo-"))
    try:
        with Sshd() as sshd:
            config = folder / "banpush.yaml"
            config.write_text(f"""bans: {{url: "sqlite:{folder}/bans.db"}}
state: {folder}/state.db
spool: {folder}/spool.db
serve: {{socket: {folder}/banpush.sock}}
devices:
  this-host: {{address: {sshd.address}, port: {sshd.port}, driver: linux_route, username: {sshd.user}, key: {sshd.client_key}, known_hosts: {folder}/known_hosts}}
""")
            config.chmod(0o600)
            operator = Operator(stage, program, config)
            stage.say("`banpush` stands for:")
            stage.command(f"{program} -c {config}")
            stage.step(1, "The ban table, and the host key")
            operator.does("init")
            operator.does("trust", "this-host", "--yes")
            stage.step(2, "A ban is recorded")
            operator.does("ban", ATTACKER4, "--jail", "sshd", "--no-push")
            stage.step(3, "The plan: read over SSH, compared, and the exact bytes; nothing is sent")
            operator.does("plan", expect=(0, 1, 5))
            operator.does("explain", ATTACKER4)
            stage.pause()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_when_missing(needed):
    missing = topology.missing_programs(needed)
    if missing:
        said = ", ".join(f"{program} (package {package})" for program, package in missing.items())
        raise SystemExit(f"The demo needs programs that are not installed here: {said}.\n"
                         f"As root, `./run demo` installs them, and so does: apt-get install {' '.join(sorted(set(missing.values())))}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, prog="./run demo")
    arguments.add_argument("program", nargs="?", type=pathlib.Path, default=SOURCE / "build/bin/banpush", help=argparse.SUPPRESS)
    arguments.add_argument("--fast", action="store_true", help="no pauses between the steps (there are none either where the output is no terminal)")
    given = arguments.parse_args()
    program = given.program.resolve()
    if not program.is_file():
        raise SystemExit(f"no banpush at {program}; `./run build` makes it")
    topology.end_cleanly_on_signals()
    stage = Stage(given.fast)
    try:
        reason = "that takes root" if os.geteuid() != 0 else topology.why_no_namespaces()
        if reason is None or topology.missing_programs({"ip": "iproute2"}):
            refuse_when_missing(NEEDED)
            with_namespaces(stage, program)
        else:
            refuse_when_missing(NEEDED_WITHOUT_NAMESPACES)
            without_namespaces(stage, program, reason)
    except KeyboardInterrupt:
        raise SystemExit("\ninterrupted; everything the demo made is taken away again")
    stage.say("\nRead next: README.md for your own first configuration, docs/policy.md for what becomes a block and why, docs/operations.md before it meets a "
              "router that matters.")


if __name__ == "__main__":
    main()
