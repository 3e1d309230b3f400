#!/usr/bin/python3
"""What sshd starts as its subsystem where a NETCONF server must meet with mishap: carries a session to the server,
writes down what is asked, and does to it what FOLDER says.   meddler.py FOLDER PROGRAM [ARGUMENT…]

FOLDER/faults.json  a list of {"at": OPERATION, "do": "lose" | "hang" | "pause" | "refuse" | "swallow", "entry": n}, each
                    done once: the session ends instead of the message; nothing is heard of it any more; it waits until
                    FOLDER/go is there (FOLDER/paused says that it waits); the n-th entry of the change is made one that
                    no server takes; the n-th entry is left out
FOLDER/manners.json how the server's messages arrive: {"chunk": bytes, "nul_every": bytes, "events": true, "old": true}
FOLDER/log          one JSON document a request
FOLDER/open/        a file for every session that is open
"""
import ipaddress
import json
import os
import pathlib
import selectors
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import wait_until  # noqa: E402

OPERATION = "{urn:ietf:params:xml:ns:netconf:base:1.0}operation"
EVENT = ('<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><eventTime>2026-01-01T00:00:00Z</eventTime>'
         '<netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"/></notification>').encode()
END = b"]]>]]>"
NEW = b"urn:ietf:params:netconf:base:1.1"


class Frames:
    """One direction: bytes to messages, and messages to bytes."""

    def __init__(self):
        self.held, self.chunks = b"", False

    def messages(self, data):
        self.held += data
        while (message := self.old() if not self.chunks else self.new()) is not None:
            yield message

    def old(self):
        end = self.held.find(END)
        if end < 0:
            return None
        message, self.held = self.held[:end], self.held[end + len(END):]
        return message

    def new(self):
        at, parts = 0, []
        while self.held[at:at + 4] != b"\n##\n":
            line = self.held.find(b"\n", at + 2)
            if line < 0:
                return None
            size = int(self.held[at + 2:line])
            if len(self.held) < line + 1 + size + 4:
                return None
            parts.append(self.held[line + 1:line + 1 + size])
            at = line + 1 + size
        self.held = self.held[at + 4:]
        return b"".join(parts)

    def framed(self, message, chunk=0):
        if not self.chunks:
            return message + END
        size = chunk or max(1, len(message))
        return b"".join(b"\n#%d\n%s" % (len(part), part) for part in (message[i:i + size] for i in range(0, len(message), size))) + b"\n##\n"


def local(tag):
    return tag.rsplit("}", 1)[-1]


def spoilt(text):
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return text
    return "300.0.0.1" + ("/32" if "/" in text else "")


class Meddler:
    def __init__(self, folder, program):
        self.folder = pathlib.Path(folder)
        self.manners = self.told("manners.json", {})
        self.client, self.server = Frames(), Frames()
        self.hellos = {}
        self.child = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.mark = self.folder / "open" / str(os.getpid())

    def told(self, name, otherwise):
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return otherwise

    def run(self):
        self.mark.touch()
        try:
            selector = selectors.DefaultSelector()
            selector.register(0, selectors.EVENT_READ, self.from_client)
            selector.register(self.child.stdout, selectors.EVENT_READ, self.from_server)
            while True:
                for key, _ in selector.select():
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        return
                    key.data(data)
        except BrokenPipeError:
            pass
        finally:
            self.mark.unlink(missing_ok=True)
            self.child.stdin.close()
            self.child.terminate()

    def greeted(self, who, message):
        """Of the hellos, which both are in the old framing."""
        self.hellos[who] = message
        if len(self.hellos) == 2:
            chunks = all(NEW in hello for hello in self.hellos.values())
            self.client.chunks = self.server.chunks = chunks

    def as_told(self, hello):
        return hello.replace(NEW, b"urn:ietf:params:netconf:base:1.0") if self.manners.get("old") else hello

    def from_server(self, data):
        for message in self.server.messages(data):
            if "server" not in self.hellos:
                message = self.as_told(message)
                self.write(1, message + END)
                self.greeted("server", message)
                continue
            if self.manners.get("events"):
                self.write(1, self.server.framed(EVENT, self.manners.get("chunk")))
            if every := self.manners.get("nul_every"):
                message = b"\0".join(message[i:i + every] for i in range(0, len(message), every))
            self.write(1, self.server.framed(message, self.manners.get("chunk")))

    def from_client(self, data):
        for message in self.client.messages(data):
            if "client" not in self.hellos:
                message = self.as_told(message)
                self.child.stdin.write(message + END)
                self.greeted("client", message)
                continue
            message = self.after_faults(message)
            if message is not None:
                self.write(self.child.stdin.fileno(), self.client.framed(message))

    @staticmethod
    def write(to, data):
        while data:
            data = data[os.write(to, data):]

    def fault(self, operation):
        faults = self.told("faults.json", [])
        for one in faults:
            if one["at"] == operation:
                faults.remove(one)
                (self.folder / "faults.json").write_text(json.dumps(faults))
                return one
        return {}

    def after_faults(self, message):
        root = ET.fromstring(message)
        operation = local(root[0].tag)
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            log.write(json.dumps({"session": os.getpid(), "operation": operation, "request": message.decode()}) + "\n")
        fault = self.fault(operation)
        what = fault.get("do")
        if what == "lose":
            raise BrokenPipeError
        if what == "hang":
            return None
        if what == "pause":
            (self.folder / "paused").touch()
            wait_until((self.folder / "go").exists, 0, "somebody says go")
        elif what in ("refuse", "swallow"):
            parents = {one: parent for parent in root.iter() for one in parent}
            entry = [one for one in root.iter() if one.get(OPERATION) in ("merge", "create")][fault["entry"] - 1]
            if what == "swallow":
                parents[entry].remove(entry)
            else:
                for one in entry.iter():
                    one.text = spoilt((one.text or "").strip()) or one.text
            return ET.tostring(root)
        return message


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(1))
    Meddler(sys.argv[1], sys.argv[2:]).run()
