"""A private fail2ban: own configuration, socket, pid file, database and log, polling back end."""
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from serving import ENVIRONMENT, SOURCE, wait_until

FILTER = "[Definition]\nfailregex = ^ refused: <ADDR>$\n"


class Fail2ban:
    """One server with one jail `gate` that bans at the first line `… refused: ADDRESS` in its log. Use as a context."""

    def __init__(self, banpush, bantime=600, action="banpush", more=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-fail2ban-"))
        etc = self.folder / "etc"
        shutil.copytree("/etc/fail2ban", etc, symlinks=True)
        for place in ("jail.d", "fail2ban.d"):
            for file in (etc / place).glob("*"):
                file.unlink()
        shutil.copy(SOURCE / "config/fail2ban/action.d/banpush.conf", etc / "action.d")
        (etc / "filter.d" / "gate.conf").write_text(FILTER)
        self.gate = self.folder / "gate.log"
        self.gate.write_text("")
        self.log = self.folder / "f2b.log"
        self.database = self.folder / "f2b.sqlite3"
        self.socket, self._pid = self.folder / "f2b.sock", self.folder / "f2b.pid"
        (etc / "fail2ban.local").write_text(f"[Definition]\nsocket = {self.socket}\npidfile = {self._pid}\ndbfile = {self.database}\n"
                                            f"logtarget = {self.log}\nloglevel = INFO\ndbpurgeage = 1d\n")
        (etc / "jail.local").write_text(
            "[DEFAULT]\nenabled = false\n[gate]\nenabled = true\nbackend = polling\nfilter = gate\nmaxretry = 1\nfindtime = 600\n"
            f"bantime = {bantime}\nlogpath = {self.gate}\nport = ssh,8000:8100\nprotocol = tcp\nignoreself = false\n"
            f'action = {action}[banpush="{banpush}", hostname="web1", port="%(port)s", protocol="%(protocol)s"]\n')
        with open(etc / "jail.local", "a") as jails:
            jails.write(more)  # of the same jail
        # A second jail, which only keeps a book.
        self.book = self.folder / "book"
        (etc / "action.d" / "book.conf").write_text(f"[Definition]\nactionban = echo ban <ip> >>{self.book}\nactionunban = echo unban <ip> >>{self.book}\n")
        with open(etc / "jail.local", "a") as jails:
            jails.write(f"[book]\nenabled = true\nbackend = polling\nfilter =\nlogpath = {self.gate}\nbantime = -1\naction = book\n")
        self._etc, self._process = etc, None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self._process = subprocess.Popen(["fail2ban-server", "-xf", "-c", str(self._etc), "-s", str(self.socket), "-p", str(self._pid), "start"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        wait_until(lambda: self._process.poll() is not None or self._has_jail("gate"), 60, "fail2ban answers")
        if self._process.poll() is not None:
            raise AssertionError("fail2ban ended: " + self.text())
        return self

    def _has_jail(self, name):
        """Asked without its name: fail2ban writes an ERROR of each jail that it does not know yet."""
        done = self.client("status", check=False)
        return done.returncode == 0 and re.search(rf"Jail list:.*\b{name}\b", done.stdout) is not None

    def client(self, *words, check=True):
        done = subprocess.run(["fail2ban-client", "-c", str(self._etc), "-s", str(self.socket), "-p", str(self._pid), *map(str, words)],
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"fail2ban-client {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done

    def stop(self, how=None):
        """Its own stop, or a signal."""
        if self._process is None or self._process.poll() is not None:
            return
        if how is None:
            self.client("stop")
        else:
            self._process.send_signal(how)
        self._process.wait(120)

    def attack(self, address):
        """A line in the log that the jail watches. Returns when it was written."""
        with open(self.gate, "a") as log:
            log.write(time.strftime("%Y-%m-%d %H:%M:%S") + f" refused: {address}\n")
        return time.monotonic()

    def forget(self):
        """Its bans, and what it would read again: a jail without a database takes its log from the start. It must not run."""
        self.database.unlink()
        self.gate.write_text("")

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def edit(self, before, after):
        """In the jails' file, for the next start."""
        file = self._etc / "jail.local"
        text = file.read_text()
        if before not in text:
            raise AssertionError(f"{before} is not in {text}")
        file.write_text(text.replace(before, after))

    def remember(self, addresses, bantime, ago=0):
        """Puts bans into its database, as a stop leaves them there. It must not run."""
        with sqlite3.connect(self.database) as database:
            now = int(time.time()) - ago
            database.executemany("INSERT OR REPLACE INTO bips (ip, jail, timeofban, bantime, bancount, data) VALUES (?, 'gate', ?, ?, 1, '{}')",
                                 [(one, now, bantime) for one in addresses])
        database.close()
