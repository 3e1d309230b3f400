#!/usr/bin/python3
"""Who is logged in here over SSH is not banned here: real sshd, real logins from another namespace, a utmp of the test's
own. Who is only connected is banned."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

import scenario
from scenario import SOURCE, NetworkCase, Site, binary
from topology import ATTACKER4, CLIENT4, run, wait_until

sys.path.insert(0, str(SOURCE / "tests" / "transport"))
from sshd import Sshd, end  # noqa: E402

HERE4, PORT = "198.51.100.1", 2222  # of the router, where banpush runs in this test


class LoggedIn(NetworkCase):
    def setUp(self):
        # A mount namespace in which /run is the test's own: utmp, and the folder that sshd wants.
        self.place = self.start(["unshare", "--mount", "--propagation", "private", "ip", "netns", "exec", self.net.router, "/bin/sh", "-c",
                                 "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && : >/run/utmp && chmod 664 /run/utmp && echo ready && exec sleep 1000"],
                                stdout=subprocess.PIPE)
        self.assertEqual(self.place.stdout.readline(), b"ready\n")
        self.sshd = Sshd(self.net.folder / f"sshd-{self._testMethodName}", address="0.0.0.0", port=PORT, options=["PrintMotd no", "PrintLastLog no", "PermitUserEnvironment yes"])
        (self.sshd.folder / "sshd_config").write_text(self.sshd.config())
        self.server = self.start(self.inside("/usr/sbin/sshd", "-D", "-e", "-f", str(self.sshd.folder / "sshd_config")), stderr=subprocess.DEVNULL)
        wait_until(lambda: self.connects(), 20, "sshd listens")
        self.site_ = Site(self.net.folder / f"site-{self._testMethodName}", {})
        self.here("init")

    def start(self, argv, **options):
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, **options)
        self.addCleanup(end, process)
        return process

    def inside(self, *argv):
        """A command where the place is: its mounts and its network."""
        return ["nsenter", f"--mount=/proc/{self.place.pid}/ns/mnt", f"--net=/proc/{self.place.pid}/ns/net", "--", *argv]

    def connects(self):
        return run(*self.inside("ss", "-Hltn", f"sport = :{PORT}"), check=False).stdout != ""

    def here(self, *words, environment=None, code=0):
        argv = self.inside(binary(), "-c", self.site_.config, *words)
        done = subprocess.run([str(one) for one in argv], capture_output=True, text=True, timeout=60, env={**os.environ, "BANPUSH_DATADIR": str(SOURCE), **(environment or {})})
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def log_in(self, namespace, command=None, tty=True):
        """An SSH session from a namespace, which lasts until it is ended; with a command, its output in the end."""
        argv = ["ip", "netns", "exec", namespace, "ssh", *(["-tt"] if tty else ["-T"]), "-F", "none", "-i", self.sshd.client_key, "-p", PORT, "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", f"{self.sshd.user}@{HERE4}", *([command] if command else [])]
        if command:
            return subprocess.run([str(one) for one in argv], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        process = subprocess.Popen([str(one) for one in argv], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(end, process)
        return process

    def utmp(self):
        return run(*self.inside("who", "--ips", "/run/utmp"), check=False).stdout

    def bans_of(self, address):
        return self.site_.rows(f"SELECT COUNT(*) FROM fail2ban WHERE ip = '{address}'")[0][0]

    def test_a_session_protects_its_address_until_it_ends(self):
        session = self.log_in(self.net.client)
        wait_until(lambda: CLIENT4 in self.utmp(), 20, "utmp shows the session")
        refused = self.here("ban", CLIENT4, "--jail", "sshd", "--no-push", code=5)
        for word in ("logged in", CLIENT4, f"{self.sshd.user} on pts/", "since 20", "--even-if-logged-in"):
            self.assertIn(word, refused.stderr)
        self.assertEqual(self.bans_of(CLIENT4), 0)
        around = self.here("ban", "198.51.100.0/24", "--no-push")
        self.assertIn(f"{CLIENT4}/32 (logged in here", around.stderr)
        end(session)
        wait_until(lambda: "pts/" not in self.utmp(), 20, "sshd has noted the end")
        self.here("ban", CLIENT4, "--jail", "sshd", "--no-push")
        self.assertEqual(self.bans_of(CLIENT4), 1)

    def test_a_connection_protects_nobody(self):
        """Ten open connections that say nothing, and one in the middle of a login."""
        words = f"import socket, sys, time\nall = [socket.create_connection(('{HERE4}', {PORT})) for _ in range(10)]\nfor one in all: one.recv(100)\n" \
                "all[0].sendall(b'SSH-2.0-guess\\r\\n')\nprint('open', flush=True)\ntime.sleep(1000)\n"
        guesser = self.start(["ip", "netns", "exec", self.net.attacker, "/usr/bin/python3", "-c", words], stdout=subprocess.PIPE)
        self.assertEqual(guesser.stdout.readline(), b"open\n")
        self.assertIn(ATTACKER4, run(*self.inside("ss", "-Htn", "state", "established")).stdout)
        self.here("ban", ATTACKER4, "--jail", "sshd", "--no-push")
        self.assertEqual(self.bans_of(ATTACKER4), 1)

    def test_an_entry_that_is_left_over_protects_nobody(self):
        """Its process has ended without a word; then a process of another kind has the number, and holds a connection."""
        session = self.log_in(self.net.client)
        wait_until(lambda: CLIENT4 in self.utmp(), 20, "utmp shows the session")
        kept = pathlib.Path(f"/proc/{self.place.pid}/root/run/utmp").read_bytes()
        end(session)
        wait_until(lambda: "pts/" not in self.utmp(), 20, "sshd has noted the end")
        utmp = pathlib.Path(f"/proc/{self.place.pid}/root/run/utmp")
        utmp.write_bytes(kept)
        holder = self.start(["ip", "netns", "exec", self.net.client, "/usr/bin/python3", "-c",
                             f"import socket, time\none = socket.create_connection(('{HERE4}', {PORT}))\none.recv(9)\nprint('open', flush=True)\ntime.sleep(1000)"], stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"open\n")
        self.here("ban", CLIENT4, "--jail", "one", "--no-push")
        sleeper = self.start(["/bin/sleep", "1000"])
        entries = [bytearray(kept[at:at + 384]) for at in range(0, len(kept), 384)]
        for entry in entries:
            entry[4:8] = sleeper.pid.to_bytes(4, sys.byteorder)
        utmp.write_bytes(b"".join(entries))
        self.here("ban", CLIENT4, "--jail", "two", "--no-push")
        self.assertEqual(self.bans_of(CLIENT4), 2)

    def test_the_session_that_calls(self):
        """Without a terminal there is no entry of utmp: SSH_CONNECTION tells, also where sudo has left it out."""
        call = f"BANPUSH_DATADIR={SOURCE} {binary()} -c {self.site_.config} ban {CLIENT4} --no-push; echo status $?"
        for words in (call, f"env -u SSH_CONNECTION {call}", f"env -i sh -c '{call}'; true"):  # the shell stays, as it does behind sudo
            with self.subTest(words):
                said = self.log_in(self.net.client, words, tty=False)
                self.assertIn("status 5", said.stdout, said.stderr)
                self.assertIn("SSH_CONNECTION", said.stderr)
        # What fail2ban was started from is over by now.
        old = {"SSH_CONNECTION": f"{CLIENT4} 50022 {HERE4} {PORT}"}
        self.here("ban", CLIENT4, "--no-push", environment=old)
        for broken in ("", "x", f"{CLIENT4}", f"{CLIENT4} 1 2", "1.2.3.4 99999999 x y", "a b c d e"):
            self.here("ban", ATTACKER4, "--no-push", environment={"SSH_CONNECTION": broken})

    def test_banned_all_the_same(self):
        self.log_in(self.net.client)
        wait_until(lambda: CLIENT4 in self.utmp(), 20, "utmp shows the session")
        self.here("ban", CLIENT4, "--no-push", code=5)
        self.here("ban", CLIENT4, "--no-push", "--even-if-logged-in")
        self.assertEqual(self.bans_of(CLIENT4), 1)
        import sqlite3
        with sqlite3.connect(self.site_.folder / "state.db") as state:
            ((intent, actor, words),) = state.execute("SELECT intent, actor, words FROM audit").fetchall()
        self.assertIn(f"ban {CLIENT4} --even-if-logged-in", intent)
        self.assertTrue(actor)
        self.assertIn("pts/", words)
        self.here("ban", CLIENT4, "--jail", "again", "--no-push")  # the same session, which a person has given up

    def test_a_push_of_rows_of_others(self):
        """Another host's row of an address that is logged in here is left out, and let in when the session is over."""
        device = {"edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}}
        self.site_.settings["devices"] = device
        self.site_.write()
        self.site_.insert([CLIENT4, ATTACKER4])
        session = self.log_in(self.net.client)
        wait_until(lambda: CLIENT4 in self.utmp(), 20, "utmp shows the session")
        (plan,) = json.loads(self.here("plan", "--offline", "--json", code=None).stdout)["devices"]
        self.assertEqual({one["prefix"] for one in plan["add"]}, {f"{ATTACKER4}/32"})
        self.assertIn("logged in here", [one["reason"] for one in plan["left_out"] if one["prefix"] == f"{CLIENT4}/32"][0])
        end(session)
        wait_until(lambda: "pts/" not in self.utmp(), 20, "sshd has noted the end")
        (plan,) = json.loads(self.here("plan", "--offline", "--json", code=None).stdout)["devices"]
        self.assertEqual(len(plan["add"]), 2)


if __name__ == "__main__":
    scenario.main()
