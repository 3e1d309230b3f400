#!/usr/bin/python3
"""Every command that README and docs show, as written, on what `cmake --install` installed to /usr/local.

In namespaces of its own for mounts and network: /etc/banpush, /var/lib/banpush and /usr/local are empty folders of the test, and
198.51.100.1, README's router, is FRR behind a real sshd in the same network. Each document begins on what README made."""
import contextlib
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import time
import unittest

import commands
import installed
from commands import only_block
from installed import SOURCE, run

sys.path.insert(0, str(SOURCE / "tests/system"))
import topology  # noqa: E402

ROUTER = "198.51.100.1"
CONFIGURATION = pathlib.Path("/etc/banpush/banpush.yaml")

# What is not run here, and why.
NOT_HERE = {
    r"\./run( .*)?": "the checkout's own commands: `./run test` runs this test, CI runs `fresh demo` and the others",
    r"cmake --install build": "done by this test with the build under test, to the same /usr/local",
    r"cmake --preset .*|ctest .*": "the build that this test is part of was made so",
    r"systemctl .*": "no systemd runs here; the units are verified by `documents: install` and `serve: units`",
    r"systemd-(sysusers|tmpfiles) .*": "changes the machine's users; tests/rights has the users' story",
    r"fail2ban-client .*": "no fail2ban runs here; `serve: action` runs it with a real one",
    r"(adduser|apt-get) .*": "changes the machine's users and packages",
    r"install -D -m 644 \S*local-devices.conf .*": "changes the machine's systemd; `serve: units` judges the drop-in",
    r"install -m 644 config/.* /usr/lib/.*": "changes the machine outside of what this test covers; `documents: install` looks at the files",
}
# Statuses besides 0 that a document promises for what stands here.
ALSO = {"banpush check edge1 --connect": {1}, "banpush spool drop --waiting 17": {2}}  # nothing waits here
IS_SYNOPSIS = re.compile(r"\[|…|(?<!-)\b(FILE|DIR|DEVICE|WORD|NAME|FOLDER|IP|N)\b")


class Machine:
    """The machine that a newcomer has, and the router in front of it."""

    def __init__(self):
        self.covered = installed.Covered("/usr/local", "/etc/banpush", "/var/lib/banpush", "/run/banpush", "/run/frr", "/etc/frr")
        self.pid_files, self.folder = [], self.covered.below
        installed.install("/usr/local")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("BANPUSH")}
        self.environment.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root")

    def types(self, command, statuses=(0,), cwd="/tmp"):
        if " trust " in command:
            return self.answers(command, "[y/N]", "y", statuses, cwd)
        done = run("bash", "-c", command, check=False, env=self.environment, cwd=cwd, timeout=300)
        if done.returncode not in statuses:
            raise AssertionError(f"status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def answers(self, command, question, answer, statuses, cwd):
        """At a terminal, where a person is asked."""
        ours, theirs = pty.openpty()
        child = subprocess.Popen(["bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs, env=self.environment, cwd=cwd, start_new_session=True)
        os.close(theirs)
        said = ""
        try:
            with contextlib.suppress(OSError):  # EIO: nobody is at the other end any more
                while part := os.read(ours, 4096).decode(errors="replace"):
                    asked_before = question in said
                    said += part
                    if question in said and not asked_before:
                        os.write(ours, f"{answer}\n".encode())
            status = child.wait(120)
        finally:
            os.close(ours)
        if status not in statuses:
            raise AssertionError(f"status {status}\n{said}")
        return said

    def start_router(self):
        """FRR with its standard paths, and an sshd for README's user `banpush`, who may run vtysh."""
        run("ip", "addr", "add", f"{ROUTER}/32", "dev", "lo")
        run("sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.lo.rp_filter=1")
        for name in ("passwd", "group", "shadow"):
            lines = [line for line in pathlib.Path(f"/etc/{name}").read_text().splitlines() if not line.startswith("banpush:")]
            if name == "group":
                lines = [line + ("banpush" if line.endswith(":") else ",banpush") if line.startswith("frrvty:") else line for line in lines]
            lines.append({"passwd": "banpush:x:7112:7112::/:/bin/bash", "group": "banpush:x:7112:", "shadow": "banpush:*:1::::::"}[name])
            self.covered.cover_file(f"/etc/{name}", "\n".join(lines) + "\n")
        for folder in ("/run/frr", "/etc/frr"):
            shutil.chown(folder, "frr", "frrvty")
            os.chmod(folder, 0o755)
        for name in ("zebra", "staticd", "vtysh"):
            file = pathlib.Path(f"/etc/frr/{name}.conf")
            file.write_text("hostname edge1\n")
            file.chmod(0o644)
            shutil.chown(file, "frr", "frrvty")
        for name in ("zebra", "staticd"):
            run(topology.FRR / name, "-d", "-A", "127.0.0.1", "-P", "0", "-f", f"/etc/frr/{name}.conf", "-i", f"/run/frr/{name}.pid")  # which is its own
            self.pid_files.append(pathlib.Path(f"/run/frr/{name}.pid"))
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host_key")
        (self.folder / "sshd").write_text(
            f"ListenAddress {ROUTER}\nHostKey {self.folder}/host_key\nPidFile {self.folder}/sshd.pid\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nPasswordAuthentication no\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        run("/usr/sbin/sshd", "-f", self.folder / "sshd", "-E", self.folder / "sshd.log")
        self.pid_files.append(self.folder / "sshd.pid")

    def authorise_key(self):
        """What README asks the router's administrator for."""
        shutil.copy("/etc/banpush/id_ed25519.pub", self.folder / "authorized_keys")
        (self.folder / "authorized_keys").chmod(0o644)

    def close(self):
        for file in self.pid_files:
            topology.Network._stop(file)
        time.sleep(0.1)
        self.covered.close()


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.close)
        cls.machine.start_router()
        cls.did = set()

    def test_every_command(self):
        """README first, then the documents by name, on one machine, in the order in which a reader comes to them."""
        prepare = {"docs/add-a-driver.md": self.acme, "docs/operations.md": self.operations}
        problems, file = [], None
        for command in commands.commands():
            try:
                if command.file != file:
                    file = command.file
                    prepare.get(file, lambda: None)()
                self.do(command)
            except AssertionError as problem:
                problems.append(f"{command}\n    {problem}")
        for pattern in NOT_HERE:
            if not any(re.fullmatch(pattern, one.text) for one in commands.commands()) and "ctest" not in pattern and "systemctl" not in pattern \
                    and "adduser" not in pattern and "systemd" not in pattern:
                problems.append(f"the list of what is not run names {pattern}, which no document shows")
        self.assertEqual(problems, [], "\n" + "\n".join(problems))
        print(f"{len(self.did)} different commands were run")

    def do(self, command):
        text = command.text
        if any(re.fullmatch(pattern, text) for pattern in NOT_HERE):
            return
        if IS_SYNOPSIS.search(text):
            words = text.split()[:2]
            self.machine.types(f"{' '.join(words)} --help")
            return
        if text.startswith("banpush trust edge1") and "device" not in self.did:
            self.add_edge1()
        self.machine.types(text, {0} | ALSO.get(text, set()), cwd=self.machine.folder)
        if text.startswith("ssh-keygen"):
            self.machine.authorise_key()
        self.did.add(text)

    def add_edge1(self):
        block = only_block("README.md", "yaml", 0)
        self.assertTrue(block.startswith("devices:\n"), block)
        CONFIGURATION.write_text(CONFIGURATION.read_text() + block.removeprefix("devices:\n"))
        self.did.add("device")

    def operations(self):
        self.machine.types("banpush push", {0, 1, 5})  # there is a state file, and with it an audit

    def acme(self):
        (CONFIGURATION.parent / "drivers").mkdir(exist_ok=True)
        (CONFIGURATION.parent / "drivers/acme.yaml").write_text(only_block("docs/add-a-driver.md", "yaml"))
        templates = CONFIGURATION.parent / "templates/acme"
        templates.mkdir(parents=True, exist_ok=True)
        indented = [only_block("docs/add-a-driver.md", "", number) for number in range(3)]
        (self.machine.folder / "output-of-the-device").write_text("\n".join(indented[0].splitlines()[1:-1]) + "\n")
        texts = {"add": indented[1], "setup": indented[2], "open": "configure terminal\n", "close": "end\n", "abort": "end\n", "save": "write memory\n",
                 "remove": indented[1].replace("{{number}} drop", "no drop")}
        for name, text in texts.items():
            (templates / name).write_text(text)


def why_not():
    if os.geteuid() != 0:
        return "namespaces for mounts take root"
    missing = topology.missing_programs({"ip": "iproute2", "/usr/sbin/sshd": "openssh-server", "ssh-keygen": "openssh-client", "vtysh": "frr",
                                         "sysctl": "procps", "script": "bsdutils", "sqlite3": "sqlite3"})
    if missing:
        return f"not installed: {', '.join(f'{program} ({package})' for program, package in missing.items())}"
    try:
        installed.enter_namespaces()
    except OSError as error:
        return f"namespaces are not permitted: {error}"
    return None


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print("skipped:", reason)
        sys.exit(77)
    unittest.main()
