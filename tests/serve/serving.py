"""What the tests of the service share: a site with devices that are text files, a table, and `banpush serve`."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path[:0] = [str(SOURCE / "tests" / "bans"), str(SOURCE / "tests" / "system"), str(SOURCE / "tests" / "lab"), str(SOURCE / "tests")]
from waiting import PATIENCE, Attended, wait_until  # noqa: E402

BANPUSH = os.environ.get("BANPUSH", str(SOURCE / "build/dev/bin/banpush"))
ENVIRONMENT = {**os.environ, "BANPUSH_DATADIR": os.environ.get("BANPUSH_DATADIR", str(SOURCE))}


class Notified:
    """What a service says to systemd: the other end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path, self.lines = str(path), []
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bound.bind(self.path)
        self._attended = Attended(bound, self._hear)

    def _hear(self, bound):
        self.lines += bound.recv(4096).decode().splitlines()

    def close(self):
        self._attended.close()


class Site:
    """A configuration with `count` devices that are files, in a folder of its own. Use as a context."""

    def __init__(self, count=1, url=None, password=None, **top):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-serve-"))
        shutil.copytree(HERE / "drivers", self.folder / "drivers")
        shutil.copytree(HERE / "templates", self.folder / "templates")
        self.config = self.folder / "banpush.yaml"
        self.service, self.log, self.notified = None, "", None
        bans = {"url": url or f"sqlite:{self.folder}/bans.db"}
        if url:
            (self.folder / "password").write_text(password or "")
            (self.folder / "password").chmod(0o600)
            bans.update(password={"file": str(self.folder / "password")}, tls="off")
        self.settings = {
            "bans": bans, "state": f"{self.folder}/state.db", "spool": f"{self.folder}/spool.db",
            "serve": {"poll": "100ms", "audit": "5s", "socket": f"{self.folder}/s.sock"},
            "policy": {"bantime": "1d", "protocols": "all", "reserved": "allowed", "aggregate": "none"},
            "limits": {"add": "100%", "remove": "100%", "floor": 100000, "storm": "none", "span": "100%"},
            "devices": {f"d{number}": self.card(number) for number in range(1, count + 1)}, **top}
        self.write()
        self.run("init")

    def leave_unconfirmed(self, seconds):
        """The state file as a push leaves it that was killed before its confirm: d1 returns by itself within so many seconds."""
        uptime = pathlib.Path("/proc/uptime").read_text().split()[0]
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        with sqlite3.connect(self.folder / "state.db") as state:
            state.execute("INSERT INTO unconfirmed (device, since, boot, uptime, within) VALUES ('d1', unixepoch(), ?, ?, ?)", (boot, uptime, seconds))

    def card(self, number):
        file = self.folder / f"card{number}"
        if not file.exists():
            file.write_text("")
        return {"address": "local", "driver": "card_file", "params": {"file": str(file)}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self.notified:
            self.notified.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self):
        self.config.write_text(json.dumps(self.settings, indent=1))  # JSON is YAML, too
        self.config.chmod(0o600)

    def argv(self, *words):
        return [BANPUSH, "-c", str(self.config), *map(str, words)]

    def run(self, *words, code=0, timeout=PATIENCE):
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT)
        if code is not None and done.returncode != code:
            raise AssertionError(f"banpush {' '.join(map(str, words))}: status {done.returncode} where {code} was due\n{done.stdout}\n{done.stderr}\n{self.log_text()}")
        return done

    def json(self, *words, **options):
        return json.loads(self.run(*words, "--json", **options).stdout)

    def start(self, wait=True, **environment):
        """The service; returns when it listens."""
        self.log = self.folder / "log"
        with open(self.log, "a") as log:
            self.service = subprocess.Popen(self.argv("serve"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**ENVIRONMENT, **environment})
        if wait:
            wait_until(lambda: self._listens() or self.service.poll() is not None, 30, "the service listens")
            if self.service.poll() is not None:
                raise AssertionError("the service ended: " + self.log_text())
        return self

    def _listens(self):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.settings["serve"]["socket"])
                return True
            except OSError:
                return False

    def ask(self, **request):
        """What the service answers at its socket."""
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(PATIENCE)
            caller.connect(self.settings["serve"]["socket"])
            caller.sendall(json.dumps(request).encode() + b"\n")
            answer = b""
            while chunk := caller.recv(1 << 16):
                answer += chunk
        return json.loads(answer)

    def stop(self, how=signal.SIGTERM):
        if self.service is None:
            return None
        if self.service.poll() is None:
            self.service.send_signal(how)
            try:
                self.service.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.service.kill()
                self.service.wait()
                raise AssertionError("the service did not end: " + self.log_text()) from None
        code, self.service = self.service.returncode, None
        # What a killed service had begun on a device goes on without it; a test that looks at the device waits for that.
        wait_until(lambda: not self._at_work(), 0, "no program is at work on a device")
        return code

    def _at_work(self):
        """Whether a program that was begun for one of the devices runs."""
        for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if f"{self.folder}/card".encode() in file.read_bytes():
                    return True
        return False

    def log_text(self):
        return pathlib.Path(self.log).read_text() if self.log else ""

    def holds(self, number=1):
        """What the device's file says: prefixes."""
        return set((self.folder / f"card{number}").read_text().split())

    def wait_for(self, prefixes, number=1, seconds=20):
        wanted = set(prefixes)
        try:
            wait_until(lambda: self.holds(number) == wanted, seconds, "the device holds what it should")
        except TimeoutError as error:
            there = self.holds(number)
            raise AssertionError(f"{error}\nmissing {sorted(wanted - there)[:5]}, too many {sorted(there - wanted)[:5]} of {len(wanted)}\n{self.log_text()}") from None


def addresses(count, first=0):
    """So many ordinary addresses, no two alike."""
    return [f"203.{(number >> 16) & 255}.{(number >> 8) & 255}.{number & 255}" for number in range(first + 0x1000, first + 0x1000 + count)]


def hosts(addresses_):
    return {f"{one}/32" for one in addresses_}
