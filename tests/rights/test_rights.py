#!/usr/bin/python3
"""Root, the service's user, a member of its group and a stranger, each as itself, at the same table, spool, state and socket: in all
orders, and what one has made the others use. docs/operations.md ("Users, groups and modes") is what is tested here."""
import itertools
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "serve"), str(HERE.parent / "bans"), str(HERE.parent / "system")]
import serving  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from topology import wait_until  # noqa: E402
import ending  # noqa: E402

# Numbers that nobody has: files of theirs need no entry in /etc/passwd, and nothing is left behind there.
SERVICE, ALICE, BOB = 64501, 64502, 64503
ROOT = 0
NAMES = {ROOT: "root", SERVICE: "the service", ALICE: "a caller of the group", BOB: "somebody else"}
FIRST, SECOND, THIRD = "203.0.113.1", "203.0.113.2", "203.0.113.3"


def as_user(user, argv):
    if user == ROOT:
        return list(map(str, argv))
    group = {ALICE: f"--groups={SERVICE}"}.get(user, "--clear-groups")
    return ["setpriv", f"--reuid={user}", f"--regid={user}", group, *map(str, argv)]


class Place:
    """What the documentation says to make: configuration root:GROUP, secrets root:GROUP, state GROUP's, the service's keys its own."""

    def __init__(self, url=None, password="s3cret"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-rights-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.etc, self.var, self.run_folder = self.folder / "etc", self.folder / "var", self.folder / "run"
        self.make(self.etc, ROOT, SERVICE, 0o750)
        self.make(self.var, SERVICE, SERVICE, 0o3770)
        self.make(self.run_folder, SERVICE, SERVICE, 0o750)
        shutil.copytree(HERE.parent / "serve/drivers", self.etc / "drivers")
        shutil.copytree(HERE.parent / "serve/templates", self.etc / "templates")
        self.make(self.folder / "device", SERVICE, SERVICE, 0o755)  # its file is replaced, by whoever pushes
        self.card = self.folder / "device" / "card"
        self.write(self.card, "", SERVICE, SERVICE, 0o644)
        self.write(self.etc / "db.pass", password, ROOT, SERVICE, 0o640)
        bans = {"url": url or f"sqlite:{self.var}/bans.db"}
        if url:
            bans.update(password={"file": str(self.etc / "db.pass")}, tls="off")
        self.settings = {
            "bans": bans, "state": f"{self.var}/state.db", "spool": f"{self.var}/spool.db",
            "serve": {"poll": "100ms", "audit": "5s", "socket": f"{self.run_folder}/banpush.sock"},
            "policy": {"bantime": "1d", "protocols": "all", "reserved": "allowed", "aggregate": "none"},
            "limits": {"add": "100%", "remove": "100%", "floor": 100000, "storm": "none", "span": "100%"},
            "devices": {"d1": {"address": "local", "driver": "card_file", "params": {"file": str(self.card)}}}}
        self.config = self.etc / "banpush.yaml"
        self.configure()
        self.service, self.log = None, self.folder / "log"

    def make(self, folder, user, group, mode):
        folder.mkdir()
        os.chown(folder, user, group)
        folder.chmod(mode)

    def write(self, file, text, user, group, mode):
        file.write_text(text)
        os.chown(file, user, group)
        file.chmod(mode)

    def configure(self, **top):
        self.settings.update(top)
        self.write(self.config, json.dumps(self.settings, indent=1), ROOT, SERVICE, 0o640)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, user, *words, code=0, **environment):
        done = subprocess.run(as_user(user, [serving.BANPUSH, "-c", self.config, *words]), capture_output=True, text=True, timeout=120,
                              cwd="/", env={**serving.ENVIRONMENT, **environment}, umask=0o027 if user == SERVICE else 0o022)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{NAMES[user]}: banpush {' '.join(map(str, words))}: status {done.returncode} where {code} was due\n"
                                 f"{done.stdout}\n{done.stderr}\n{self.files()}")
        return done

    def start(self):
        with open(self.log, "a") as log:
            self.service = subprocess.Popen(as_user(SERVICE, [serving.BANPUSH, "-c", self.config, "serve"]), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd="/", env=serving.ENVIRONMENT, umask=0o027)
        wait_until(lambda: self.service.poll() is not None or "serving" in self.log.read_text(), 60, "the service serves")
        if self.service.poll() is not None:
            raise AssertionError(f"the service ended: {self.log.read_text()}\n{self.files()}")

    def stop(self):
        if self.service and self.service.poll() is None:
            self.service.send_signal(signal.SIGTERM)
            try:
                self.service.wait(40)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()
        self.service = None

    def holds(self):
        return set(self.card.read_text().split())

    def files(self):
        return subprocess.run(["ls", "-lnA", self.folder, self.etc, self.var, self.run_folder], capture_output=True, text=True).stdout

    def rows(self, file, sql):
        with sqlite3.connect(self.var / file) as database:
            return [row[0] for row in database.execute(sql)]


def addresses(wanted):
    return {f"{one}/32" for one in wanted}


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "several users are needed: as root only")
class Rights(unittest.TestCase):
    def test_a_table_in_a_file_in_all_orders(self):
        for order in itertools.permutations((ROOT, SERVICE, ALICE)):
            with self.subTest([NAMES[user] for user in order]), Place() as place:
                place.run(order[0], "init")
                for user, address in zip(order, (FIRST, SECOND, THIRD)):
                    place.run(user, "ban", address, "--no-push")
                for user in order:
                    self.assertEqual(len(json.loads(place.run(user, "list", "--json").stdout)["bans"]), 3)

    def test_the_spool_in_all_orders(self):
        for order in itertools.permutations((ROOT, SERVICE, ALICE)):
            with self.subTest([NAMES[user] for user in order]), Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
                for user, address in zip(order, (FIRST, SECOND, THIRD)):
                    self.assertIn("queued", place.run(user, "ban", address, "--no-push").stdout)
                self.assertEqual(len(place.rows("spool.db", "SELECT what FROM spool WHERE problem IS NULL")), 3)

    def test_what_one_spools_another_delivers(self):
        with MariaDb() as server:
            server.sql("CREATE DATABASE fail2ban")
            with Place(server.url(), server.password) as place:
                up = dict(place.settings["bans"])
                down = {**up, "url": "mysql://fail2ban@127.0.0.1:1/fail2ban"}
                place.run(ROOT, "init")
                for number, (one, other) in enumerate(itertools.permutations((ROOT, SERVICE, ALICE), 2)):
                    with self.subTest(spooled=NAMES[one], delivered=NAMES[other]):
                        place.configure(bans=down)
                        place.run(one, "ban", f"203.0.113.{number}", "--no-push")
                        place.configure(bans=up)
                        wait_until(lambda: place.run(other, "ban", "198.51.100.1", "--no-push").stdout and not place.rows(
                            "spool.db", "SELECT id FROM spool"), 60, "the spool is empty")
                        self.assertIn(f"203.0.113.{number}", server.sql("SELECT ip FROM fail2ban", "fail2ban"))

    def test_a_stranger_is_refused_and_told_why(self):
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            said = place.run(BOB, "ban", FIRST, code=2).stderr
            self.assertIn("Permission denied", said)
            self.assertIn(str(BOB), said)
            self.assertNotIn("No such file", said)
            place.etc.chmod(0o755)
            place.config.chmod(0o644)
            said = place.run(BOB, "ban", FIRST, code=2).stderr
            self.assertIn("Permission denied", said)
            self.assertNotIn("no such file", said.lower())
            self.assertEqual(list(place.var.iterdir()), [])

    def test_a_caller_is_told_whose_the_state_file_is(self):
        with Place() as place:
            place.run(ROOT, "init")
            place.run(SERVICE, "push")
            for words, code in (("status",), 0), (("check",), None), (("explain", FIRST), 0), (("audit",), 2):
                with self.subTest(words):
                    done = place.run(ALICE, *words, code=code)
                    said = done.stdout + done.stderr
                    self.assertIn("cannot use it: what it knows is not told here", said)
                    self.assertIn(f"state.db belongs to {SERVICE}, and {ALICE} ", said)
                    self.assertNotIn("pushes go on, but", said)

    def test_root_prepares_and_the_service_serves(self):
        with Place() as place:
            place.run(ROOT, "init")
            place.run(ROOT, "ban", FIRST, "--wait")
            self.assertEqual(place.holds(), addresses([FIRST]))
            os.chown(place.card, SERVICE, SERVICE)
            place.start()
            place.run(ROOT, "ban", SECOND)
            wait_until(lambda: place.holds() == addresses([FIRST, SECOND]), 60, "root's ban is at the device")
            place.run(ALICE, "ban", THIRD)
            wait_until(lambda: place.holds() == addresses([FIRST, SECOND, THIRD]), 60, "a caller's ban is at the device")
            self.assertEqual(place.run(ALICE, "ban", THIRD).stderr, "")
            place.run(ROOT, "push")
            for words in (["push"], ["flush", "--all"], ["pause", "d1"], ["resume", "d1"]):
                self.assertRegex(place.run(ALICE, *words, code=2).stderr, rf"the user \S+ may not {words[0]}: that is for root and for the service's user")
            for unhappy in (ALICE, BOB):
                done = place.run(unhappy, "flush", "d1", code=None)
                self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertEqual(place.holds(), addresses([FIRST, SECOND, THIRD]))
            place.stop()
            place.run(ROOT, "unban", FIRST, "--wait")
            place.run(SERVICE, "push")
            self.assertEqual(place.holds(), addresses([SECOND, THIRD]))

    def test_a_caller_without_a_service_records_and_makes_nothing_that_is_the_services(self):
        with Place() as place:
            place.run(SERVICE, "init")
            done = place.run(ALICE, "ban", FIRST)
            self.assertIn("no service runs", done.stderr)
            self.assertEqual([file.name for file in place.var.iterdir() if file.name.startswith("state.db")], [])
            self.assertEqual(place.holds(), set())
            place.run(SERVICE, "push")
            self.assertEqual(place.holds(), addresses([FIRST]))

    def test_who_may_do_what_at_the_socket(self):
        with Place() as place:
            place.run(ROOT, "init")
            place.start()
            path = pathlib.Path(place.settings["serve"]["socket"])
            about = path.stat()
            self.assertEqual((about.st_uid, about.st_gid, about.st_mode & 0o777), (SERVICE, SERVICE, 0o660))
            script = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(60)\ns.connect(sys.argv[1])\n"
                      "s.sendall(sys.argv[2].encode() + b'\\n')\nprint(s.makefile().readline())")

            def ask(user, **request):
                return subprocess.run(as_user(user, ["/usr/bin/python3", "-c", script, path, json.dumps(request)]), capture_output=True, text=True, timeout=90)

            for request in ({"do": "push"}, {"do": "release", "devices": ["d1"]}):
                self.assertIn("may not ask", ask(ALICE, **request, actor="root@here").stdout)
                for user in (ROOT, SERVICE):
                    self.assertNotIn("refused", ask(user, **request).stdout)
            self.assertIn("devices", ask(ALICE, do="status").stdout)
            self.assertIn("Permission", ask(BOB, do="status").stderr)

    def test_nobody_says_that_it_is_another(self):
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            daemon = {"SUDO_USER": "daemon", "SUDO_UID": "1"}
            for user, address, sudo in ((ALICE, FIRST, daemon), (SERVICE, SECOND, daemon), (ROOT, THIRD, daemon), (ROOT, FIRST, {**daemon, "SUDO_UID": "2"}),
                                        (ROOT, SECOND, {"SUDO_USER": "mallory", "SUDO_UID": "1"})):
                place.run(user, "ban", address, "--no-push", **sudo)
            actors = [json.loads(what)["actor"].split("@")[0] for what in place.rows("spool.db", "SELECT what FROM spool ORDER BY id")]
            self.assertEqual(actors, [str(ALICE), str(SERVICE), "daemon", "root", "root"])

    @unittest.skipUnless(os.path.exists("/proc/self/loginuid"), "the kernel keeps no login of a process")
    def test_who_logged_in_is_written_down(self):
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            words = [serving.BANPUSH, "-c", place.config, "ban", FIRST, "--no-push"]
            # `bin` logged in, became somebody else, and used that one's sudo.
            done = subprocess.run(["sh", "-c", 'echo 2 >/proc/self/loginuid && exec "$@"', "sh", *words], capture_output=True, text=True, timeout=120,
                                  env={**serving.ENVIRONMENT, "SUDO_USER": "daemon", "SUDO_UID": "1"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([json.loads(what)["actor"].split("@")[0] for what in place.rows("spool.db", "SELECT what FROM spool")], ["bin"])

    def test_the_service_writes_down_who_is_at_the_other_end(self):
        with Place() as place:
            place.configure(serve={**place.settings["serve"], "poll": "1m", "audit": "1h"})  # what it does later is for its callers
            place.run(ROOT, "init")
            place.run(ROOT, "ban", FIRST, "--no-push")
            place.start()
            wait_until(lambda: place.holds() == addresses([FIRST]), 60, "the service has pushed")
            script = ("import json, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(60)\ns.connect(sys.argv[1])\n"
                      "s.sendall(json.dumps({'do': 'push', 'actor': 'mallory@elsewhere'}).encode() + b'\\n')\nprint(s.makefile().readline())")
            for user, name in ((SERVICE, str(SERVICE)), (ROOT, "mallory")):
                place.write(place.card, "", SERVICE, SERVICE, 0o644)
                subprocess.run(as_user(user, ["/usr/bin/python3", "-c", script, place.settings["serve"]["socket"]]), check=True, capture_output=True, timeout=90)
                self.assertEqual(place.holds(), addresses([FIRST]))
                self.assertEqual(place.rows("state.db", "SELECT actor FROM audit ORDER BY id")[-1].split("@")[0], name)

    def test_the_groups_password_file(self):
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            secret = place.etc / "db.pass"
            for owner, mode, code in (((ROOT, SERVICE), 0o640, 0), ((SERVICE, SERVICE), 0o600, 0), ((ROOT, BOB), 0o640, 2), ((ROOT, SERVICE), 0o644, 2),
                                      ((ROOT, SERVICE), 0o660, 2), ((ROOT, ROOT), 0o640, 2)):
                os.chown(secret, *owner)
                secret.chmod(mode)
                with self.subTest(owner=owner, mode=oct(mode)):
                    self.assertEqual("chmod" in place.run(ROOT, "ban", FIRST, "--no-push", code=code).stderr, code != 0)

    def test_check_names_the_command_that_mends_it(self):
        with Place() as place:
            place.run(ROOT, "init")
            place.run(SERVICE, "push")
            self.assertEqual(place.run(ROOT, "check").stdout.count("mend it with"), 0)
            os.chown(place.var / "bans.db", ROOT, ROOT)
            (place.var / "bans.db").chmod(0o600)
            os.chown(place.var / "state.db", ROOT, ROOT)
            place.config.chmod(0o600)
            place.var.chmod(0o1777)
            self.assertIn("Permission denied", place.run(SERVICE, "ban", FIRST, code=2).stderr)
            done = place.run(ROOT, "check", code=3)  # the table cannot be opened either
            said = done.stdout + done.stderr
            remedies = [line.split("mend it with: ")[1] for line in said.splitlines() if "mend it with: " in line]
            self.assertGreaterEqual(len(remedies), 4, said)
            self.assertFalse([one for one in remedies if one.startswith("rm ")], "what waits there may be all there is of a ban")
            for remedy in remedies:
                subprocess.run(["sh", "-c", remedy], check=True)
            place.var.chmod(0o3770)
            # In a folder of the group's, its files are to be the group's, too; SQLite's companions may have gone with who used them.
            for remedy in [line.split("mend it with: ")[1] for line in place.run(ROOT, "check", code=None).stdout.splitlines() if "mend it with: " in line]:
                subprocess.run(["sh", "-c", remedy], check=False)
            self.assertEqual(place.run(ROOT, "check").stdout.count("mend it with"), 0)
            place.run(SERVICE, "ban", FIRST)

    def test_check_tells_who_may_change_or_see_what_is_not_theirs(self):
        with Place() as place:
            place.run(ROOT, "init")
            place.run(SERVICE, "push")
            program = place.folder / "page-me"
            place.write(program, "#!/bin/sh\n", ROOT, ROOT, 0o755)
            by_link = place.folder / "pager"
            by_link.symlink_to(program)
            allowed = place.etc / "offices.txt"
            place.write(allowed, "192.0.2.0/24\n", ROOT, SERVICE, 0o640)
            place.configure(serve={**place.settings["serve"], "alerts": {"command": [str(by_link)]}}, policy={"allow_files": [str(allowed)]})
            place.start()
            self.assertEqual(place.run(ROOT, "check").stdout.count("error"), 0)
            socket = place.run_folder / "banpush.sock"
            driver, templates = place.etc / "drivers/card_file.yaml", place.etc / "templates/card_file"
            for file, mode, told in ((place.config, 0o642, "everybody"), (place.config, 0o660, "the group"), (driver, 0o666, "everybody"), (driver.parent, 0o777, "everybody"),
                                     (templates, 0o757, "everybody"), (next(templates.iterdir()), 0o666, "everybody"), (program, 0o777, "everybody"), (allowed, 0o646, "everybody"), (place.etc, 0o757, "everybody"),
                                     (place.var / "state.db", 0o644, "everybody"), (place.var / "spool.db", 0o664, "everybody"), (socket, 0o666, "everybody")):
                with self.subTest(file=file.name, mode=oct(mode)):
                    before = file.stat().st_mode & 0o7777
                    file.chmod(mode)
                    lines = [line for line in place.run(ROOT, "check", code=2).stdout.splitlines() if line.startswith("error") and f" {file}" in line and told in line]
                    self.assertEqual(len(lines), 1, lines)
                    subprocess.run(["sh", "-c", lines[0].split("mend it with: ")[1]], check=True)
                    self.assertEqual(place.run(ROOT, "check").stdout.count("error"), 0)
                    file.chmod(before)
            os.chown(place.config, BOB, SERVICE)
            self.assertIn(f"{place.config} belongs to {BOB}, who may change it; mend it with: chown root", place.run(ROOT, "check", code=2).stdout)

    def test_a_link_in_the_services_folder_makes_root_do_nothing_elsewhere(self):
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            outside = place.folder / "outside"
            self.assertEqual(os.getuid(), 0)
            outside.mkdir()
            place.write(outside / "shadow", "root:x\n", ROOT, ROOT, 0o600)
            for name in ("state.db", "state.db.turn", "spool.db", "spool.db-wal", "spool.db.waits", "spool.db.turn"):
                for target in ("shadow", "made"):
                    link = place.var / name
                    subprocess.run(as_user(SERVICE, ["ln", "-sf", outside / target, link]), check=True)
                    with self.subTest(name=name, target=target):
                        place.run(ROOT, "ban", FIRST, code=None)
                        about = (outside / "shadow").stat()
                        self.assertEqual(((outside / "shadow").read_text(), about.st_uid, about.st_gid, about.st_mode & 0o777), ("root:x\n", 0, 0, 0o600))
                        self.assertEqual([file.name for file in outside.iterdir()], ["shadow"])
                    for file in place.var.iterdir():
                        file.unlink()


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "several users are needed: as root only")
class HostKeys(unittest.TestCase):
    def test_root_trusts_and_the_service_pushes(self):
        lab = os.environ.get("BANPUSH_LAB_PROGRAM", str(pathlib.Path(serving.BANPUSH).with_name("banpush-lab")))
        with Place() as place:
            folder = place.folder / "lab"
            folder.mkdir()
            network = place.folder / "network.yaml"
            network.write_text(json.dumps({"devices": {"dut": {"device": "cisco_ios", "train": "xe"}}}))
            running = subprocess.Popen([lab, "run", network, "-d", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                self.assertTrue(running.stdout.readline().startswith("lab "))
                port = json.loads((folder / "ports.json").read_text())["dut"]
                shutil.copy(folder / "id_ed25519", place.etc / "id_ed25519")
                os.chown(place.etc / "id_ed25519", SERVICE, SERVICE)
                (place.etc / "id_ed25519").chmod(0o600)
                place.write(place.etc / "enable", (folder / "enable_dut").read_text(), SERVICE, SERVICE, 0o600)
                device = {"address": "127.0.0.1", "port": port, "driver": "cisco_ios", "accept_unproven": True, "username": "banpush",
                          "key": str(place.etc / "id_ed25519"), "enable": {"file": str(place.etc / "enable")}}
                for file in (place.etc / "known_hosts", place.var / "known_hosts"):
                    place.configure(devices={"dut": {**device, "known_hosts": str(file)}})
                    place.run(ROOT, "init")
                    place.run(ROOT, "trust", "dut", "--yes")
                    said = place.run(SERVICE, "check", "dut", "--connect", code=None).stdout
                    self.assertIn("logged in", said)
                    self.assertEqual(place.run(ROOT, "check").stdout.count("mend it with"), 0)
                    self.assertEqual(file.stat().st_mode & 0o777, 0o644)
            finally:
                running.stdin.close()
                running.wait(20)
                running.stdout.close()


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles"), "systemd's tools, and root, are needed")
class Made(unittest.TestCase):
    """What sysusers.d and tmpfiles.d make, in a root of its own, is what the documentation says and what the units keep."""

    def test_users_and_folders(self):
        config = serving.SOURCE / "config"
        with tempfile.TemporaryDirectory(prefix="banpush-made-") as root:
            etc, var = pathlib.Path(root, "etc/banpush"), pathlib.Path(root, "var/lib")
            etc.mkdir(parents=True)
            var.mkdir(parents=True)
            files = {"banpush.yaml": (ROOT, 0o640), "db.pass": (ROOT, 0o640), "known_hosts": (ROOT, 0o644), "id_ed25519": (SERVICE, 0o600), "enable": (SERVICE, 0o600)}
            for name in files:
                (etc / name).touch()
            subprocess.run(["systemd-sysusers", f"--root={root}", config / "sysusers.d/banpush.conf"], check=True, capture_output=True, timeout=60)
            subprocess.run(["systemd-tmpfiles", f"--root={root}", "--create", config / "tmpfiles.d/banpush.conf"], check=True, capture_output=True, timeout=60)
            user, group = pathlib.Path(root, "etc/passwd").read_text().split(":")[2:4]
            said = {file: (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o7777) for file in (etc, var / "banpush", *etc.iterdir())}
            self.assertEqual(said[etc], (0, int(group), 0o750))
            self.assertEqual(said[var / "banpush"], (int(user), int(group), 0o3770))
            for name, (owner, mode) in files.items():
                self.assertEqual(said[etc / name], (0 if owner == ROOT else int(user), int(group), mode), name)
        for unit in ("banpush.service", "banpush-push.service"):
            text = (config / "systemd" / unit).read_text()
            for line in ("User=banpush", "Group=banpush", "StateDirectoryMode=3770"):
                self.assertIn(line, text.splitlines(), unit)


if __name__ == "__main__":
    ending.main()
