"""A network namespace with a resolver of its own, which answers for one name, or is silent; and tests within it."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import unittest

NAME, ADDRESS = "bastion.example", "198.51.100.77"


def answer(query):
    """A for NAME, nothing else there is; to any other name: there is none."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    question = query[12:at + 5]
    known = ".".join(labels).lower() == NAME
    found = known and kind == 1
    header = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, int(found), 0, 0)
    body = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(ADDRESS) if found else b""
    return header + question + body


class Namespace:
    """Its loopback is up, and 127.0.0.53 is the only name server there. Use as a context."""

    def __init__(self):
        self.name = f"bpdns{os.getpid()}"
        self._etc = pathlib.Path("/etc/netns") / self.name

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True, timeout=60)
        self._etc.mkdir(parents=True)
        (self._etc / "resolv.conf").write_text("nameserver 127.0.0.53\n")
        self.run("ip", "link", "set", "lo", "up")
        self._server = subprocess.Popen(self.argv("/usr/bin/python3", __file__), stdout=subprocess.PIPE, text=True)
        self._server.stdout.readline()
        return self

    def __exit__(self, *_):
        self._server.kill()
        self._server.wait(20)
        self._server.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], timeout=60)
        shutil.rmtree(self._etc, ignore_errors=True)

    def argv(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words):
        subprocess.run(self.argv(*words), check=True, timeout=60)

    def silence(self):
        self._server.send_signal(signal.SIGSTOP)

    def speak(self):
        self._server.send_signal(signal.SIGCONT)


class WithDeadDns:
    """For a test case whose site() makes sites: all of its tests share one such namespace."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("network namespaces are not permitted here")
        super().setUpClass()
        cls.namespace = cls.enterClassContext(Namespace())

    def tearDown(self):
        self.namespace.speak()
        super().tearDown()

    def protecting(self, url):
        """A site in the namespace, which protects NAME."""
        site = self.site(url=url)
        site.settings["policy"]["protect"] = [NAME]
        site.namespace = self.namespace
        site.write()
        return site


if __name__ == "__main__":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.53", 53))
        print("ready", flush=True)
        while True:
            asked, caller = server.recvfrom(4096)
            server.sendto(answer(asked), caller)
    sys.exit(0)
