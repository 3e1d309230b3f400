"""A lab with one device, a ban table, and the banpush under test: what the contract tests stand on."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import control

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANPUSH = os.environ.get("BANPUSH", str(ROOT / "build/dev/bin/banpush"))
LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(BANPUSH).with_name("banpush-lab")))


class Bench:
    """One emulated device and everything banpush needs to push to it. Use as a context."""

    def __init__(self, device, train="", driver="", attach=(), params=None, **variant):
        self.folder = tempfile.mkdtemp(prefix="banpush-lab-", dir="/tmp")
        own = {"accept_unproven": True, "attach": [{"interface": name} for name in attach], "connect_timeout": "5s", "silence": "10s"}
        own.update(variant.pop("banpush", {}))
        if params:
            own["params"] = params
        one = {"device": device, "driver": driver or device, "banpush": own}
        if train:
            one["train"] = train
        one.update(variant)
        network = {
            "banpush": {"policy": {"bantime": "1d", "protocols": ["tcp", "udp"], "reserved": "allowed", "aggregate": "none"},
                        "limits": {"add": "100%", "remove": "100%", "floor": 100000}},
            "devices": {"dut": one},
        }
        file = pathlib.Path(self.folder, "network.yaml")
        file.write_text(_yaml(network))
        self.lab = subprocess.Popen([LAB, "run", str(file), "-d", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True)
        first = self.lab.stdout.readline()
        if not first.startswith("lab "):
            rest = first + self.lab.stdout.read()
            self.close()
            raise AssertionError("the lab did not start: " + rest)
        self.lab.stdout.readline()
        self.run("init")

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        self.lab.stdin.close()
        try:
            self.lab.wait(10)
        except subprocess.TimeoutExpired:
            self.lab.kill()
            self.lab.wait()
        self.lab.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *argv, codes=(0,), timeout=180):
        """banpush with these arguments; what it says, when it ends with one of these statuses."""
        done = subprocess.run([BANPUSH, "-c", f"{self.folder}/banpush.yaml", *argv], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(ROOT))})
        if codes is not None and done.returncode not in codes:
            raise AssertionError(f"banpush {' '.join(argv)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def push(self, codes=(0,)):
        """The outcome of one push, as its JSON says it."""
        done = self.run("push", "--json", codes=codes)
        return json.loads(done.stdout)["devices"][0]

    def tell(self, *words):
        return control.tell(self.folder, "dut", *words)

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
