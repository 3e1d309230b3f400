#!/usr/bin/python3
"""Known secrets through all that banpush does with them, where it works and where it fails; then everything that banpush wrote, said
or began is searched for them: state, spool, table, logs, traces, audit, what it answers, arguments and environment of its children.
The devices are hostile besides: they repeat what they were told in a banner and in complaints."""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "serve"), str(HERE.parent / "bans"), str(HERE.parent / "http"), str(HERE.parent)]
import ending  # noqa: E402
import serving  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from test_alerts import Hook  # noqa: E402
from web import free_port  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

LAB = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(serving.BANPUSH).with_name("banpush-lab")))
SECRETS = {name: f"{name}-s3cr3t-{number}x7Q" for number, name in enumerate(
    ("password", "enable", "env", "command", "passphrase", "refused", "table", "badtable", "http", "hook", "token"))}

# Beside a program of the configuration: what the child was given, whatever becomes of it.
RECORD = """#!/bin/sh
{ tr '\\0' ' ' </proc/$$/cmdline; echo; tr '\\0' ' ' </proc/$$/environ; echo; } >>%s
"""


def spellings(secret):
    raw = secret.encode()
    whole = {secret, urllib.parse.quote(secret, safe=""), raw.hex(), base64.b64encode(raw).decode().rstrip("=")}
    return {one.encode() for one in whole}


class Watched:
    """Arguments and environment of a process and all that it began, looked at again and again until it ends."""

    def __init__(self):
        self.pids, self.seen, self.over = set(), {}, False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.over:
            known = list(self.pids)
            for pid in known:
                with contextlib.suppress(OSError):
                    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                        self.pids |= set(map(int, (task / "children").read_text().split()))
                with contextlib.suppress(OSError):
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                    ours = pathlib.Path(os.readlink(f"/proc/{pid}/exe")).name.startswith("banpush")
                    self.seen[words] = b"" if ours else pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            time.sleep(0.005)

    def close(self):
        self.over = True
        self.thread.join()

    def text(self):
        return b"\n".join(words + b" " + environment for words, environment in self.seen.items())


class Nowhere(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.server = MariaDb().__enter__()
        self.addCleanup(self.server.__exit__, None, None, None)
        self.server.sql("CREATE DATABASE fail2ban")
        self.server.sql(f"ALTER USER fail2ban@'%' IDENTIFIED BY '{SECRETS['table']}'")
        self.site = serving.Site(1)
        self.addCleanup(self.site.__exit__)
        self.folder = self.site.folder
        self.said = {}
        self.watched = Watched()
        self.addCleanup(self.watched.close)
        self.children = self.folder / "children"
        self.children.touch()
        self.hook = Hook()
        self.addCleanup(self.hook.close)
        self.http = free_port()
        self.begin_lab()
        self.configure()

    def private(self, name, text, mode=0o600):
        file = self.folder / name
        file.write_text(text)
        file.chmod(mode)
        return str(file)

    def begin_lab(self):
        folder = self.folder / "lab"
        folder.mkdir()
        network = {}
        for name, password in {"by_file": "password", "by_env": "env", "by_command": "command", "by_key": "enable", "refused": "password", "no_enable": "password", "complains": "password"}.items():
            # What the device was told; not what it never was.
            repeats = SECRETS[password] if name == "no_enable" else f"{SECRETS[password]} {SECRETS['enable']}"
            network[name] = {"device": "cisco_ios", "train": "xe", "password": SECRETS[password], "enable": SECRETS["enable"], "motd": f"welcome {repeats}\n"}
        network["complains"]["faults"] = [f"refuse after 1 entries % {repeats}"]
        (folder / "network.yaml").write_text(json.dumps({"devices": network}))
        self.lab = subprocess.Popen([LAB, "run", folder / "network.yaml", "-d", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.lab.wait, PATIENCE)
        self.addCleanup(self.lab.stdout.close)
        self.addCleanup(self.lab.stdin.close)
        self.assertTrue(self.lab.stdout.readline().startswith("lab "))
        self.ports = json.loads((folder / "ports.json").read_text())
        shutil.copy(folder / "id_ed25519", self.folder / "key")
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", SECRETS["passphrase"], "-P", "", "-f", self.folder / "key"], check=True, stdout=subprocess.DEVNULL)

    def configure(self):
        tell = self.private("tell", RECORD % self.children + f"cat {self.private('command.secret', SECRETS['command'])}\n", 0o700)
        page = self.private("wrap", RECORD % self.children + 'exec "$@"\n', 0o700)
        known, enable = str(self.folder / "lab/known_hosts"), {"file": self.private("enable", SECRETS["enable"])}
        wrong = {"file": self.private("refused", SECRETS["refused"])}
        passwords = {"by_file": {"file": self.private("password", SECRETS["password"])}, "by_env": {"env": "BANPUSH_TEST_SECRET"}, "by_command": {"command": [tell]}}
        devices = self.site.settings["devices"]
        devices["d1"]["run_with"] = [page]
        for name, port in self.ports.items():
            devices[name] = {"address": "127.0.0.1", "port": port, "driver": "cisco_ios", "accept_unproven": True, "username": "banpush", "known_hosts": known, "enable": enable,
                             "password": passwords.get(name, passwords["by_file"]), "attach": [{"interface": "GigabitEthernet0/1", "direction": "in"}]}
        devices["by_key"].pop("password")
        devices["by_key"].update(key=str(self.folder / "key"), passphrase={"file": self.private("passphrase", SECRETS["passphrase"])})
        devices["refused"]["password"] = wrong
        devices["no_enable"]["enable"] = wrong
        self.site.settings["bans"] = {"url": self.server.url("fail2ban"), "password": {"file": self.private("table", SECRETS["table"])}, "tls": "off"}
        self.site.settings["serve"].update(
            http={"port": self.http, "tokens": {"one": {"secret": {"file": self.private("http", SECRETS["http"])}, "may": ["metrics", "page", "feed"]}}},
            alerts={"webhook": {"file": self.private("hook", f"http://127.0.0.1:{self.hook.port}/{SECRETS['hook']}")}, "token": {"file": self.private("token", SECRETS["token"])},
                    "after": "1s", "every": "1s"})
        self.site.write()

    def run_all(self, *verbs, **environment):
        for words in verbs:
            if "--trace" in words:  # each begins its file anew
                words = [*words[:-1], f"{words[-1]}{len(self.said)}"]
            began = subprocess.Popen(self.site.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     env={**serving.ENVIRONMENT, "BANPUSH_TEST_SECRET": SECRETS["env"], **environment})
            self.watched.pids.add(began.pid)
            self.said[f"banpush {' '.join(words)} #{len(self.said)}"] = began.communicate(timeout=PATIENCE)[0]

    def text_of(self, words):
        return b"\n".join(text for name, text in self.said.items() if words in name).decode()

    def ask_http(self):
        for path in ("/", "/metrics", "/feed"):
            for token in (SECRETS["http"], "wrong-" + SECRETS["http"]):
                with contextlib.suppress(OSError):
                    request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers={"Authorization": "Bearer " + token})
                    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                        self.said[f"http {path}"] = answer.read() + str(answer.headers).encode()

    def serve(self):
        log = self.folder / "service.log"
        self.hook.status = 500
        with open(log, "wb") as out:
            service = subprocess.Popen(self.site.argv("--trace", self.folder / "serve.trace", "-v", "serve"), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env={**serving.ENVIRONMENT, "BANPUSH_TEST_SECRET": SECRETS["env"]})
        self.watched.pids.add(service.pid)
        try:
            wait_until(lambda: b"serving" in log.read_bytes() or service.poll() is not None, 60, "the service serves")
            wait_until(lambda: b"answered with status 500" in log.read_bytes(), 60, "an alert that is refused is told")
            self.hook.status = 204
            self.run_all(["ban", "198.51.100.9"], ["push"], ["status"], ["status", "--json"], ["ban", "198.51.100.10", "--wait"])
            self.ask_http()
            wait_until(lambda: any(one[0] == 204 for one in list(self.hook.got.queue)), 60, "an alert arrives")
        finally:
            service.terminate()
            service.wait(PATIENCE)
        return log

    def leaks(self, where):
        """Which secrets stand in which text."""
        return sorted({(place, name) for place, text in where.items() for name, secret in SECRETS.items() for one in spellings(secret) if one in text})

    def test_nowhere(self):
        trace = ["--trace", str(self.folder / "trace")]
        self.run_all(["init"], ["check", "--json"], ["check", "--connect", "-v", *trace], ["ban", "203.0.113.7", "--no-push", "-r", "why not"],
                     ["setup", "--apply", "by_file", *trace], ["setup", "--apply", "by_env", *trace], ["setup", "--apply", "by_command"], ["setup", "--apply", "by_key", *trace],
                     ["setup", "--apply", "complains", *trace], ["setup", "by_key"], ["plan", "-v", *trace], ["plan", "--json", "--out", str(self.folder / "plan")],
                     ["push", "-v", *trace], ["ban", "203.0.113.8", "--no-push"], ["ban", "203.0.113.9", "--no-push"], ["push", "--json", *trace],
                     ["ban", "203.0.113.10", "--wait"], ["show", "by_file"], ["show", "complains", "--json"], ["explain", "203.0.113.7"], ["save", "by_file"])
        log = self.serve()
        self.run_all(["flush", "by_key", *trace], ["audit", "-v", "--last", "1000"], ["audit", "--json", "--last", "1000"], ["status", "--json"], ["trust", "by_file", "--yes"])
        # A table that refuses, and one that is not there: then bans go to the spool.
        self.private("table", SECRETS["badtable"])
        self.run_all(["check"], ["ban", "203.0.113.77", "--no-push"], ["push", "-v"], ["spool", "list", "--json"], ["status"])
        # Secrets that cannot be had, or are none: two lines, an empty one, a command that fails after it has told half of it.
        self.private("table", SECRETS["table"])
        self.private("password", SECRETS["password"] + "\n" + SECRETS["enable"] + "\n")
        self.private("passphrase", SECRETS["refused"])
        self.private("tell", RECORD % self.children + f"echo {SECRETS['command']}; exit 3\n", 0o700)
        self.run_all(["push", "-v"], ["check", "--connect"], ["check", "--json"], ["push"], BANPUSH_TEST_SECRET=SECRETS["env"] + "\nmore")
        self.private("password", SECRETS["password"], 0o644)
        self.run_all(["check"], ["push"])

        # It did happen.
        self.assertIn("logged in", self.text_of("check --connect"))
        self.assertIn("Access denied", self.text_of("banpush"))
        self.assertIn("<secret>", self.text_of("audit -v"))
        traces = {file.name: file.read_text() for file in self.folder.glob("trace*")}
        self.assertGreater(sum("<secret>" in text for text in traces.values()), 5)
        for name in ("by_file", "by_env", "by_command", "by_key"):
            self.assertRegex(self.text_of("audit -v"), rf"{name}\b.* changed")
        self.assertGreater(self.children.read_text().count("wrap"), 3)
        self.assertGreater(self.children.read_text().count("tell"), 3)
        self.assertIn("<secret>", (self.folder / "serve.trace").read_text())

        where = {**self.said, "log": log.read_bytes(), "children": self.children.read_bytes(), "what ran": self.watched.text(),
                 "table": self.server.sql("SELECT * FROM fail2ban.fail2ban; SELECT * FROM fail2ban.banpush_ban").encode()}
        while not self.hook.got.empty():
            where["alert"] = where.get("alert", b"") + json.dumps(self.hook.got.get()[3]).encode()
        for file in self.folder.iterdir():
            if file.name.startswith(("state.db", "spool.db", "trace", "serve.trace", "plan", "bans.db", "card")):
                where[file.name] = file.read_bytes()
        self.assertLessEqual({"state.db", "spool.db", "serve.trace", "plan", "alert", "http /", *traces}, set(where))
        self.assertEqual(self.leaks(where), [])
        # The search itself: what may hold them is found.
        self.assertIn(("hook", "hook"), self.leaks({"hook": (self.folder / "hook").read_bytes()}))


if __name__ == "__main__":
    ending.main()
