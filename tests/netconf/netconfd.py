"""Debian's netconfd (yuma123) behind a private sshd: a real NETCONF server that is not ours."""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "transport"), str(HERE.parent)]
import sshd as private  # noqa: E402
from waiting import PATIENCE, comes_within  # noqa: E402

SOURCE = HERE.parents[1]
PROGRAM = "/usr/sbin/netconfd"
SUBSYSTEM = "/usr/sbin/netconf-subsystem"


def missing():
    """What is not installed that this needs; nothing when all is there."""
    for path, package in ((PROGRAM, "netconfd"), (SUBSYSTEM, "netconfd"), ("/usr/share/yuma/modules/ietf", "libyuma-base"), ("/usr/sbin/sshd", "openssh-server")):
        if not os.path.exists(path):
            return f"{path} is not here (package {package})"
    return "" if os.geteuid() == 0 else "netconfd is started by root only"


class Netconfd:
    """`target` is candidate or running; more options go to netconfd as they are."""

    def __init__(self, folder, modules=("banpush-address-set", "ietf-access-control-list"), target="candidate", options=(), netns=None, address="127.0.0.1", through=()):
        self.folder = pathlib.Path(folder)
        self.modules, self.target, self.options = modules, target, options
        self.process = None
        self.yang = self.folder / "yang"
        self.yang.mkdir(parents=True)
        shutil.copy(SOURCE / "config/yang/banpush-address-set.yang", self.yang)
        shutil.copy(HERE / "ietf-access-control-list.yang", self.yang)
        self.socket = self.folder / "ncx.sock"
        # Without one of its own it would keep its configuration in the home of whoever starts it.
        self.startup = self.folder / "startup-cfg.xml"
        self.startup.write_text('<?xml version="1.0"?>\n<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>\n')
        port = private.free_port("127.0.0.1")
        self.sshd = private.Sshd(self.folder / "sshd", netns=netns, address=address, port=port, options=["Subsystem netconf " + " ".join(map(str, [*through, *self.argv(port)]))])

    def argv(self, port):
        """Carries a session to it; believes what sshd puts into the environment."""
        return [SUBSYSTEM, f"--ncxserver-sockname={port}@{self.socket}"]

    def __enter__(self):
        self.sshd.start()
        self.begin()
        return self

    def restart(self):
        """With what was saved; what it does not find there it forgets."""
        self.end()
        self.begin()

    def begin(self):
        log = self.folder / "netconfd.log"
        self.process = subprocess.Popen(
            [PROGRAM, f"--ncxserver-sockname={self.socket}", f"--port={self.sshd.port}", f"--superuser={self.sshd.user}", f"--target={self.target}", f"--startup={self.startup}",
             "--system-sorted=false", f"--modpath=/usr/share/yuma/modules:{self.yang}", *[f"--module={one}" for one in self.modules], f"--log={log}", "--log-level=debug",
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, env={**os.environ, "HOME": str(self.folder)})
        comes_within(lambda: self.socket.exists() or self.process.poll() is not None, PATIENCE)
        if not self.socket.exists():
            text = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
            self.__exit__()
            raise RuntimeError(f"netconfd does not start: {text}")
        self.socket.chmod(0o777)

    def end(self):
        private.end(self.process)
        self.socket.unlink(missing_ok=True)

    def __exit__(self, *_):
        self.end()
        self.sshd.stop()

    def device(self, driver, **more):
        """How banpush's configuration names this server."""
        return {"address": self.sshd.address, "port": self.sshd.port, "driver": driver, "username": self.sshd.user, "key": str(self.sshd.client_key),
                "known_hosts": str(self.sshd.known_hosts), "confirm": "120s", **more}
