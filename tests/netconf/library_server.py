"""The server on libnetconf2's server side (library/), behind a private sshd: it holds what its YANG modules allow."""
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
PROGRAM = os.environ.get("BANPUSH_NETCONF_SERVER", str(pathlib.Path(os.environ.get("BANPUSH", SOURCE / "build/dev/bin/banpush")).with_name("netconf_server")))
FOLDERS = ("/usr/share/yuma/modules/ietf", "/usr/share/yang/modules/libyang")


def missing():
    """What is not here that this needs; nothing when all is there."""
    for path in (PROGRAM, *FOLDERS, "/usr/sbin/sshd"):
        if not os.path.exists(path):
            return f"{path} is not here"
    return ""


class LibraryServer:
    def __init__(self, folder, modules=("banpush-address-set", "ietf-access-control-list"), most=0, through=()):
        self.folder = pathlib.Path(folder)
        self.modules, self.most = modules, most
        self.process = None
        self.yang = self.folder / "yang"
        self.yang.mkdir(parents=True)
        shutil.copy(SOURCE / "config/yang/banpush-address-set.yang", self.yang)
        shutil.copy(HERE / "ietf-access-control-list.yang", self.yang)
        self.socket = self.folder / "server.sock"
        self.startup = self.folder / "startup.xml"
        self.startup.write_text("")
        self.argv = ["/usr/bin/python3", HERE / "relay.py", self.socket]
        self.sshd = private.Sshd(self.folder / "sshd", options=["Subsystem netconf " + " ".join(map(str, [*through, *self.argv]))])

    def __enter__(self):
        self.sshd.start()
        self.begin()
        return self

    def __exit__(self, *_):
        self.end()
        self.sshd.stop()

    def begin(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([PROGRAM, str(self.socket), str(self.startup), ":".join([str(self.yang), *FOLDERS]), str(self.most), *self.modules],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        comes_within(lambda: self.socket.exists() or self.process.poll() is not None, PATIENCE)
        if not self.socket.exists():
            raise RuntimeError(f"the server does not start: {(self.folder / 'log').read_text()}")

    def end(self):
        private.end(self.process)
        self.socket.unlink(missing_ok=True)

    def restart(self):
        self.end()
        self.begin()

    def device(self, driver, **more):
        """How banpush's configuration names this server."""
        return {"address": self.sshd.address, "port": self.sshd.port, "driver": driver, "username": self.sshd.user, "key": str(self.sshd.client_key),
                "known_hosts": str(self.sshd.known_hosts), "confirm": "120s", **more}
