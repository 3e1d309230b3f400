"""A private OpenSSH server for tests: own keys, own configuration, own port; stopped by its pid.

    with Sshd() as sshd:
        ...  sshd.address, sshd.port, sshd.user, sshd.client_key, sshd.known_hosts

As root it serves any user of the system, else only the one it runs as. In a network namespace
(`netns="r1", address="10.9.1.1"`) it listens there. `options` are lines of sshd_config.
"""
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import PATIENCE, comes_within  # noqa: E402


def free_port(address):
    """A port nobody listens on at this moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def make_key(path, kind="ed25519", passphrase=""):
    """An SSH key pair: path and path.pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)], check=True)
    return pathlib.Path(path)


def end(process):
    """Ends a server that was started here, by force where it does not go by itself. None, or one that has ended, is as good."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Sshd:
    def __init__(self, folder=None, netns=None, address="127.0.0.1", port=None, user=None, options=(), key_kind="ed25519"):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="sshd-"))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.netns = netns
        self.address = address
        self.port = port
        self.user = user or getpass.getuser()
        self.options = list(options)
        self.host_key = make_key(self.folder / "host_key", key_kind)
        self.client_key = make_key(self.folder / "client_key")
        self.authorized_keys = self.folder / "authorized_keys"
        shutil.copy(f"{self.client_key}.pub", self.authorized_keys)
        self.known_hosts = self.folder / "known_hosts"
        self.log = self.folder / "sshd.log"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def in_netns(self, command):
        return ["ip", "netns", "exec", self.netns, *command] if self.netns else list(command)

    def config(self):
        return "\n".join([
            f"ListenAddress {self.address}",
            f"Port {self.port}",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.authorized_keys}",
            f"PidFile {self.folder}/sshd.pid",
            *self.options,  # of an option given twice sshd takes the first
            "StrictModes no",
            "UsePAM no",
            # bash reads ~/.bashrc for a command of sshd's at the first level only: what a machine's own does there (a second of
            # work on some) is not for each exec of a test.
            "SetEnv SHLVL=1",
            "UseDNS no",
            "PermitRootLogin yes",
            *(["MaxStartups 200:30:400"] if not any(one.startswith("MaxStartups") for one in self.options) else []),
            "MaxSessions 50",
            ""])

    def start(self):
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where sshd drops its privileges
        for _ in range(3):  # somebody may take the port between the look and the start
            self.port = self.port or free_port("127.0.0.1" if self.netns else self.address)
            config = self.folder / "sshd_config"
            config.write_text(self.config())
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.in_netns([shutil.which("sshd", path="/usr/sbin:/usr/local/sbin") or "/usr/sbin/sshd", "-D", "-e", "-f", str(config)]),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if self.wait_until_it_listens():
                public = (pathlib.Path(f"{self.host_key}.pub")).read_text().split()
                host = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
                self.known_hosts.write_text(f"{host} {public[0]} {public[1]}\n")
                self.known_hosts.chmod(0o600)
                return self
            self.stop_process()
            self.port = None
        raise RuntimeError(f"sshd does not start: {self.log.read_text()}")

    def wait_until_it_listens(self):
        def listens():
            return "Server listening" in self.log.read_text(errors="replace")

        comes_within(lambda: listens() or self.process.poll() is not None, PATIENCE)
        return listens() and self.process.poll() is None

    def stop_process(self):
        end(self.process)
        self.process = None

    def stop(self):
        self.stop_process()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
