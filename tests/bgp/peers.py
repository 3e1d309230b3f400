"""What the BGP tests share: the network of topology.py with BGP daemons of Debian in it, each with the configuration that
config/bgp/ has. banpush and the daemon that announces are in the operator's namespace, the peer that blocks is the router."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests" / "system"), str(SOURCE / "tests")]
import scenario  # noqa: E402
import topology  # noqa: E402
from topology import ATTACKER4, ATTACKER6, FRR, OPERATOR, ROUTER  # noqa: E402, F401

CONFIG = SOURCE / "config" / "bgp"
PORT = 50051
_number = iter(range(10_000))
SERVED = {"audit": "1h", "poll": "100ms"}


def wait_until(condition, seconds, what):
    """As in waiting.py, for what is asked of a program: each look costs more than the wait for the next."""
    return topology.wait_until(lambda: condition() or time.sleep(0.2), seconds, what)


def example(name, **instead):
    """A file of config/bgp, with what these tests cannot wait for or have in use already said otherwise."""
    text = (CONFIG / name).read_text()
    for old, new in {"connect-retry = 5": "connect-retry = 1", "timers connect 5": "timers connect 1", **{old.replace("_", " "): new for old, new in instead.items()}}.items():
        text = text.replace(old, new)
    return text


class Daemons(topology.Network):
    """The network, and daemons that can be stopped and started by themselves."""

    def __init__(self, **options):
        self.running = {}
        super().__init__(**options)

    def close(self):
        for name in list(self.running):
            self.stop(name)
        super().close()

    def begin(self, name, namespace, argv, environment=None):
        """Starts a daemon that stays in the foreground; its words are in a file of its name."""
        with open(self.folder / f"{name}.log", "a") as log:
            self.running[name] = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                  env={**os.environ, **(environment or {})})

    def stop(self, name, how=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def gobgpd(self, name="gobgpd", namespace=None, file="gobgpd.toml"):
        configuration = self.folder / f"{name}.toml"
        configuration.write_text(example(file))
        self.begin(name, namespace or self.operator, ["gobgpd", "-f", configuration, "--api-hosts", f"127.0.0.1:{PORT}"])
        wait_until(lambda: self.gobgp("global", namespace=namespace, check=False).returncode == 0, 30, f"{name} answers")

    def gobgp(self, *words, namespace=None, check=True):
        return self.inside(namespace or self.operator, "gobgp", "-p", PORT, *words, check=check)

    def exabgp(self):
        pipes, configuration = self.folder / "pipes", self.folder / "exabgp.conf"
        if not pipes.exists():
            pipes.mkdir()
            for end in ("in", "out"):
                os.mkfifo(pipes / f"exabgp.{end}", 0o600)
        configuration.write_text(example("exabgp.conf"))
        # exabgp looks for its pipes in folders of its own choice, of which /run is one.
        self.begin("exabgp", self.operator, ["exabgp", configuration], {"exabgp_api_pipename": f"..{pipes}/exabgp", "exabgp_daemon_user": "root", "exabgp_tcp_bind": OPERATOR,
                                                                        "exabgp_tcp_port": "179"})

    def frr(self, name, namespace, text, daemons=("zebra", "staticd", "bgpd")):
        folder = self.folder / name
        if not folder.exists():
            folder.mkdir()
            (folder / "frr.conf").write_text(text)
            (folder / "vtysh.conf").write_text("")
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, "frr", "frr")
        for daemon in daemons:
            self.inside(namespace, FRR / daemon, "-d", "-u", "frr", "-g", "frr", "-A", "127.0.0.1", "-P", "0", "-f", folder / "frr.conf", "-i", folder / f"{daemon}.pid",
                        "-z", folder / "zserv.api", "--vty_socket", folder)
            self._pid_files.append(folder / f"{daemon}.pid")
        return folder

    def frr_edge(self):
        # 192.0.2.1 is the router's own address here.
        text = example("frr_edge.conf").replace("192.0.2.1", "192.0.2.254").replace("maximum-prefix 5000", "maximum-prefix 50")
        self.edge = self.frr("edge", self.router, text)

    def vty(self, folder, namespace, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return self.inside(namespace, "vtysh", "--vty_socket", folder, "--config_dir", folder, *words, check=False).stdout

    def dropped(self, address):
        """Whether the router's kernel has a blackhole route of a routing daemon for just that host."""
        text = self.inside(self.router, "ip", "-6" if ":" in address else "-4", "-N", "route", "show", "proto", "bgp", "type", "blackhole").stdout
        return address in [line.split()[1] for line in text.splitlines()]


class BgpCase(unittest.TestCase):
    """A test with a network and daemons of its own for the class."""

    programs = {}

    @classmethod
    def setUpClass(cls):
        missing = topology.missing_programs({"gobgp": "gobgpd", "vtysh": "frr", **cls.programs})
        if missing:
            raise unittest.SkipTest(f"not installed: {', '.join(missing)}")
        if os.geteuid() != 0 or not topology.namespaces_permitted():
            raise unittest.SkipTest("network namespaces are not permitted here (they need root)")
        cls.net = Daemons()
        cls.addClassCleanup(cls.net.close)
        cls.net.inside(cls.net.router, "nft", "-f", "-", input=scenario.URPF6)

    def site(self, driver, params, **device):
        """A site with one device, which the service looks at when it is told to or sees a reason."""
        folder = self.net.folder / f"{self.id().rpartition('.')[2]}-{next(_number)}"
        more = {"serve": {**SERVED, "socket": f"{folder}/s.sock"}, "policy": device.pop("policy", {})}
        site = scenario.Site(folder, {"edge": {"address": "local", "driver": driver, "run_with": ["ip", "netns", "exec", self.net.operator], "params": params, **device}}, **more)
        site.run("init")
        return site

    @contextlib.contextmanager
    def served(self, site):
        with open(site.folder / "log", "w") as log:
            service = subprocess.Popen([scenario.binary(), "-c", str(site.config), "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until((site.folder / "s.sock").exists, 30, "the service listens")
            yield service
        except Exception as error:
            raise AssertionError(f"{error}\n{(site.folder / 'log').read_text()}") from error
        finally:
            service.terminate()
            service.wait(60)

    def wait_dropped(self, *addresses, expected=True):
        for address in addresses:
            wait_until(lambda address=address: self.net.dropped(address) == expected, 30, f"{address} {'dropped' if expected else 'passes'}")
