"""What the tests of HTTP share: a site whose devices are feeds, the service with HTTP, and curl as its client."""
import contextlib
import hashlib
import pathlib
import random
import re
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "serve"))
from serving import BANPUSH, ENVIRONMENT, SOURCE, Site, addresses, hosts, wait_until  # noqa: E402,F401
from waiting import PATIENCE  # noqa: E402,F401

TOKENS = {"firewall": "feed-token-0123456789", "watcher": "metrics-token-0123456789", "person": "page-token-0123456789"}
MAY = {"firewall": ["feed"], "watcher": ["metrics"], "person": ["page", "feed"]}


def free_port():
    """One that the kernel gives nobody by itself (ip_local_port_range), so that it is still free when the service comes back."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Answer:
    def __init__(self, text):
        head, _, self.body = text.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.text = self.body.decode()

    def lines(self):
        return [line for line in self.text.splitlines() if not line.startswith("#")]


class WebSite(Site):
    """Feeds by name: their drivers and params; `http`: what stands under serve.http beside the port."""

    def __init__(self, feeds=None, count=0, **http):
        super().__init__(count)
        self.port = free_port()
        self.settings["serve"]["http"] = {"port": self.port, **http}
        (self.folder / "feeds").mkdir()
        for name, (driver, params) in (feeds or {"edge": ("feed", {})}).items():
            self.settings["devices"][name] = {"address": "local", "driver": driver, "params": self.files(name, driver, params)}
        self.write()

    def files(self, name, driver, params):
        split = {"file4": f"{self.folder}/feeds/{name}4.txt", "file6": f"{self.folder}/feeds/{name}6.txt"}
        return {**(split if driver == "feed_split" else {"file": f"{self.folder}/feeds/{name}.txt"}), **params}

    def with_tokens(self):
        tokens = {}
        for name, text in TOKENS.items():
            file = self.folder / f"{name}.token"
            # One of them stands there as its hash only.
            file.write_text(("sha256:" + hashlib.sha256(text.encode()).hexdigest() if name == "watcher" else text) + "\n")
            file.chmod(0o600)
            tokens[name] = {"secret": {"file": str(file)}, "may": MAY[name]}
        self.settings["serve"]["http"]["tokens"] = tokens
        self.write()
        return self

    def start(self, wait=True, **environment):
        """Returns when it listens at its socket and, where it is to, over HTTP, which comes later."""
        super().start(wait, **environment)
        if wait and "http" in self.settings["serve"]:
            wait_until(self._answers, 30, "the service listens over HTTP")
        return self

    def _answers(self):
        if self.service.poll() is not None:
            raise AssertionError("the service ended: " + self.log_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def set_up(self, *devices):
        for device in devices or ["edge"]:
            self.run("setup", device, "--apply")
        return self

    def url(self, path, host="127.0.0.1", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def curl(self, path, *options, scheme="http", code=0):
        done = subprocess.run(["curl", "-sS", "-i", "--max-time", str(PATIENCE), "--noproxy", "*", *options, self.url(path, scheme=scheme)], capture_output=True, timeout=2 * PATIENCE)
        if code is not None and done.returncode != code:
            raise AssertionError(f"curl {path}: {done.returncode}, {done.stderr.decode()}\n{self.log_text()}")
        return Answer(done.stdout)

    def wait_fetched(self, path, wanted, *options):
        """Until the feed has exactly these lines."""
        wait_until(lambda: sorted(self.curl(path, *options).lines()) == sorted(wanted), 20, f"{path} has {sorted(wanted)[:5]}")
        return self.curl(path, *options)


def is_whole(body):
    """Whether the head of a part says what stands below it."""
    head, _, below = body.partition(b"\n")
    match = re.fullmatch(rb"# (\d+) entries, sha256 ([0-9a-f]{64})", head)
    return bool(match) and int(match[1]) == below.count(b"\n") and match[2].decode() == hashlib.sha256(below).hexdigest()
