"""A lab with emulated devices, a ban table, and the banpush under test: what the contract tests stand on."""
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import control

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import PATIENCE  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANPUSH = os.environ.get("BANPUSH", str(ROOT / "build/dev/bin/banpush"))
LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(BANPUSH).with_name("banpush-lab")))


def device_of(device, train="", driver="", attach=(), params=None, banpush=None, **variant):
    """One device as a lab's network names it; `banpush` is what stands with it in banpush's configuration."""
    own = {"accept_unproven": True, "attach": [{"interface": name} for name in attach], "connect_timeout": f"{PATIENCE}s", "silence": f"{PATIENCE}s", **(banpush or {})}
    if params:
        own["params"] = params
    return {"device": device, "driver": driver or device, "banpush": own, **({"train": train} if train else {}), **variant}


class Lab:
    """One process of banpush-lab with these devices."""

    def __init__(self, devices):
        self.folder = tempfile.mkdtemp(prefix="banpush-lab-", dir="/tmp")
        file = pathlib.Path(self.folder, "network.yaml")
        file.write_text(_yaml({
            "banpush": {"policy": {"bantime": "1d", "protocols": ["tcp", "udp"], "reserved": "allowed", "aggregate": "none"},
                        "limits": {"add": "100%", "remove": "100%", "floor": 100000}},
            "devices": devices}))
        self.process = subprocess.Popen([LAB, "run", str(file), "-d", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        first = self.process.stdout.readline()
        if not first.startswith("lab "):
            rest = first + self.process.stdout.read()
            self.close()
            raise AssertionError("the lab did not start: " + rest)
        self.process.stdout.readline()

    def configuration(self, name, folder):
        """banpush's for one of the devices, which is called `dut` there; table, state and spool are in the folder."""
        head, _, devices = pathlib.Path(self.folder, "banpush.yaml").read_text().partition("devices:\n")
        (line,) = [one for one in devices.splitlines() if one.startswith(f"  {name}: ")]
        return head.replace(self.folder, folder) + "devices:\n" + line.replace(f"  {name}: ", "  dut: ", 1) + "\n"

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pool:
    """A lab that many tests share: of each kind of device as many as they will ask for, and each is given out once."""

    def __init__(self, kinds):
        """(device, how many) of each kind."""
        devices, self.free = {}, {}
        for number, (device, count) in enumerate(kinds):
            names = [f"d{number}x{one}" for one in range(count)]
            devices.update(dict.fromkeys(names, device))
            self.free.setdefault(_yaml(device), []).extend(names)
        self.lab = Lab(devices)

    def take(self, device):
        """Its name; none where no such device is left."""
        names = self.free.get(_yaml(device))
        return names.pop() if names else None


class Bench:
    """One emulated device and everything banpush needs to push to it. Use as a context."""

    empty_table = None  # as `init` made it for the first

    def __init__(self, device, pool=None):
        name = pool.take(device) if pool else None
        self.own_lab = None if name else Lab({"dut": device})
        self.lab, self.name = (pool.lab, name) if name else (self.own_lab, "dut")
        self.folder = tempfile.mkdtemp(prefix="banpush-bench-", dir="/tmp")
        file = pathlib.Path(self.folder, "banpush.yaml")
        file.write_text(self.lab.configuration(self.name, self.folder))
        file.chmod(0o600)
        self._make_table()

    def _make_table(self):
        table = pathlib.Path(self.folder, "bans.db")
        if Bench.empty_table:
            table.write_bytes(Bench.empty_table)
            return
        self.run("init")
        Bench.empty_table = table.read_bytes()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        if self.own_lab:
            self.own_lab.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    environment = {**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(ROOT))}

    def argv(self, *words):
        return [BANPUSH, "-c", f"{self.folder}/banpush.yaml", *words]

    def run(self, *argv, codes=(0,), timeout=600):
        """banpush with these arguments; what it says, when it ends with one of these statuses."""
        done = subprocess.run(self.argv(*argv), capture_output=True, text=True, timeout=timeout, env=self.environment)
        if codes is not None and done.returncode not in codes:
            raise AssertionError(f"banpush {' '.join(argv)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def silence(self, seconds):
        """How long the device may say nothing from now on."""
        file = pathlib.Path(self.folder, "banpush.yaml")
        text, changed = re.subn(r'("?silence"?: "?)\d+s', rf"\g<1>{seconds}s", file.read_text())
        assert changed == 1, text
        file.write_text(text)

    def configure(self, **keys):
        """Other keys of the device in banpush's configuration from now on."""
        file = pathlib.Path(self.folder, "banpush.yaml")
        head, _, device = file.read_text().partition("  dut: {")
        for key in keys:
            device = re.sub(rf'"?{key}"?: ("[^"]*"|[^,{{}}\[\]]*)(, |(?=}}))', "", device, count=1)
        file.write_text(head + "  dut: {" + "".join(f"{json.dumps(key)}: {_yaml(value)}, " for key, value in keys.items()) + device)

    def push(self, codes=(0,)):
        """The outcome of one push, as its JSON says it."""
        done = self.run("push", "--json", codes=codes)
        return json.loads(done.stdout)["devices"][0]

    def tell(self, *words):
        return control.tell(self.lab.folder, self.name, *words)

    def state(self):
        return self.tell("state")

    def passes(self, address):
        return self.tell("packet", address)["passes"]

    def ban(self, *addresses):
        with sqlite3.connect(f"{self.folder}/bans.db", timeout=10) as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) "
                              "VALUES ('h1', datetime('now', 'localtime'), 'sshd', 'tcp', '', ?)", [(one,) for one in addresses])
        table.close()

    def unban(self, *addresses):
        with sqlite3.connect(f"{self.folder}/bans.db", timeout=10) as table:
            table.executemany("DELETE FROM fail2ban WHERE ip = ?", [(one,) for one in addresses])
        table.close()


def _yaml(value):
    """JSON is YAML, but for strings with line ends, which the reader takes in double quotes all the same."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(one) for one in value) + "]"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value)
