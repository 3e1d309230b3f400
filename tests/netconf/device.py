"""A NETCONF device inside the test's process, behind a real sshd: candidate, locks, confirmed commits with a
timer, and every fault a test asks for. It knows no schema: what makes an entry of a list is its `keys`.

    with Device(folder, keys={"ace": ["name"]}) as device:
        device.faults["commit"] = lambda session, rpc: error("operation-failed", "no")
"""
import contextlib
import copy
import pathlib
import socket
import sys
import threading
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "transport"), str(HERE.parent)]
import sshd as private  # noqa: E402
from waiting import Attended, joined, wait_until  # noqa: E402

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
OPERATION = f"{{{BASE}}}operation"
INSERT = "{urn:ietf:params:xml:ns:yang:1}insert"
CAPABILITIES = [f"urn:ietf:params:netconf:{name}" for name in (
    "base:1.0", "base:1.1", "capability:candidate:1.0", "capability:confirmed-commit:1.1", "capability:rollback-on-error:1.0", "capability:validate:1.1",
    "capability:writable-running:1.0", "capability:startup:1.0")]
CUT = object()  # a fault: the connection ends here
SILENT = object()  # a fault: no answer, ever
LOST = object()  # a fault: as if this one request had not been there


def local(tag):
    return tag.rsplit("}", 1)[-1]


def child(node, name):
    return next((one for one in node if local(one.tag) == name), None)


def text(node, name, standard=""):
    found = child(node, name)
    return standard if found is None else (found.text or "").strip()


def error(tag, message, kind="application", severity="error", info="", path=""):
    """The inside of an rpc-reply."""
    return (f"<rpc-error><error-type>{kind}</error-type><error-tag>{tag}</error-tag><error-severity>{severity}</error-severity>"
            + (f"<error-path>{path}</error-path>" if path else "") + f"<error-message>{message}</error-message>"
            + (f"<error-info>{info}</error-info>" if info else "") + "</rpc-error>")


class Refused(Exception):
    def __init__(self, reply):
        super().__init__(reply)
        self.reply = reply


class Store:
    """One configuration as a tree without schema."""

    def __init__(self, keys):
        self.keys = keys
        self.root = ET.Element("data")

    def identity(self, node):
        name = local(node.tag)
        keys = self.keys.get(name)
        if keys is None:
            return name
        if not keys:
            return name, (node.text or "").strip()
        return name, *[text(node, key) for key in keys]

    def edit(self, wanted, into=None):
        into = self.root if into is None else into
        there = {self.identity(one): one for one in into}
        for node in wanted:
            if (node.text or "").startswith("300."):
                raise Refused(error("invalid-value", f"{node.text} is no address"))
            operation = node.get(OPERATION, "merge")
            old = there.get(self.identity(node))
            if operation in ("remove", "delete"):
                if old is not None:
                    into.remove(old)
                    del there[self.identity(node)]
                elif operation == "delete":
                    raise Refused(error("data-missing", "there is no such thing"))
                continue
            if operation == "create" and old is not None:
                raise Refused(error("data-exists", "it is there already"))
            if old is None:
                old = ET.Element(node.tag)
                old.text = node.text
                if node.get(INSERT) == "first":
                    if not any(local(one.tag) == local(node.tag) for one in into):  # as sysrepo did for years
                        raise Refused(error("bad-attribute", "there is no entry to insert before"))
                    into.insert(next((i for i, one in enumerate(into) if local(one.tag) == local(node.tag)), len(into)), old)
                else:
                    into.append(old)
                there[self.identity(node)] = old
            elif not len(node):
                old.text = node.text
            elif node.get(INSERT) == "first":
                into.remove(old)
                into.insert(next((i for i, one in enumerate(into) if local(one.tag) == local(node.tag)), len(into)), old)
            old.attrib.update({name: value for name, value in node.attrib.items() if name == "inactive"})  # Junos
            self.edit(node, old)
        numbered = [one for one in into if child(one, "sequence-id") is not None or child(one, "sequence") is not None]
        if len(numbered) > 1:
            into[:] = [one for one in into if one not in numbered] + sorted(numbered, key=lambda one: int(text(one, "sequence-id") or text(one, "sequence")))

    def select(self, wanted):
        wanted = self.first_of_each(wanted)  # clixon answers no second filter for the same list
        out = ET.Element("data")
        for node in self.root:
            for one in wanted:
                if local(one.tag) == local(node.tag) and (found := self.filtered(one, node)) is not None:
                    out.append(found)
        return out

    @classmethod
    def first_of_each(cls, wanted):
        out, names = ET.Element(wanted.tag), set()
        out.text = wanted.text
        for one in wanted:
            if one.tag not in names:
                names.add(one.tag)
                out.append(cls.first_of_each(one))
        return out

    def filtered(self, wanted, node):
        if not len(wanted):
            return copy.deepcopy(node)
        content = [one for one in wanted if not len(one) and (one.text or "").strip()]
        if any(text(node, local(one.tag)) != one.text.strip() for one in content):
            return None
        deeper = [one for one in wanted if one not in content]
        if not deeper:
            return copy.deepcopy(node)
        out = ET.Element(node.tag)
        for one in content:
            out.append(copy.deepcopy(one))
        for below in node:
            for one in deeper:
                if local(one.tag) == local(below.tag) and (found := self.filtered(one, below)) is not None:
                    out.append(found)
        return out if len(out) else None

    def copy(self):
        other = Store(self.keys)
        other.root = copy.deepcopy(self.root)
        return other


class Device:
    def __init__(self, folder, keys, capabilities=None, netns=None, through=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keys = keys
        self.capabilities = list(CAPABILITIES if capabilities is None else capabilities)
        self.running, self.candidate, self.startup = Store(keys), Store(keys), Store(keys)
        self.faults = {}   # operation → function(session, rpc) that gives the inside of the reply, CUT, SILENT, LOST, or None to go on
        self.after = {}    # operation → function(session, rpc), called when it is done and not answered yet
        self.hello = None  # the whole first message instead of the device's own
        self.refuse = lambda number: False  # of the n-th session: it is cut before the hello
        self.locks = {}    # datastore → session id
        self.pending = None  # of a confirmed commit: (what stood before, persist id, session id, timer)
        self.full = lambda root: False  # whether a configuration is more than it can hold
        self.keeps_candidate = False  # whether what a session left in the candidate is there after it
        self.saves = True  # whether what is not saved is lost at a restart
        self.log = []      # (session id, operation)
        self.requests = []  # as they came
        self.sessions = 0
        self.mutex = threading.RLock()
        self.path = str(self.folder / "device.sock")
        self.listener = None
        self.open = {}     # session → the thread that serves it
        self.argv = ["/usr/bin/python3", HERE / "relay.py", self.path]  # carries a session to it
        self.sshd = private.Sshd(self.folder / "sshd", netns=netns, address="10.77.0.1" if netns else "127.0.0.1",
                                 options=["Subsystem netconf " + " ".join(map(str, [*through, *self.argv]))])

    def __enter__(self):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(50)
        self.listener = Attended(listening, self.accept)
        try:
            self.sshd.start()
        except BaseException:
            self.listener.close()
            raise
        return self

    def __exit__(self, *_):
        self.sshd.stop()
        self.listener.close()
        with self.mutex:
            sessions = dict(self.open)
        for session, thread in sessions.items():
            session.hang_up()
            joined(thread, f"session {session.number} of a device")
        with self.mutex:
            if self.pending:
                self.pending[3].cancel()

    def accept(self, listening):
        self.sessions += 1
        session = Session(self, listening.accept()[0], self.sessions)
        thread = threading.Thread(target=session.run, daemon=True)
        with self.mutex:
            self.open[session] = thread
        thread.start()

    def device(self, driver, **more):
        return {"address": self.sshd.address, "port": self.sshd.port, "driver": driver, "username": self.sshd.user, "key": str(self.sshd.client_key),
                "known_hosts": str(self.sshd.known_hosts), "confirm": "120s", "accept_unproven": True, **more}

    def operations(self):
        return [operation for _, operation in self.log]

    def roll_back(self):
        with self.mutex:
            if self.pending:
                before, _, _, timer = self.pending
                timer.cancel()
                self.running, self.candidate, self.pending = before, before.copy(), None

    def time_to_confirm_is_over(self):
        """When banpush has ended: its sessions have, too, and what was not confirmed goes back, as by the timer."""
        wait_until(lambda: not self.open, 0, "no session is open")
        self.roll_back()

    def restart(self):
        self.roll_back()
        with self.mutex:
            if self.saves:
                self.running = self.startup.copy()
            self.candidate = self.running.copy()
            self.locks.clear()

    def put(self, xml):
        """Configuration from somewhere else."""
        with self.mutex:
            self.running.edit(ET.fromstring(f"<config>{xml}</config>"))
            self.candidate = self.running.copy()

    def texts(self, *names):
        """The texts of all leaves of these names in running."""
        with self.mutex:
            return [one.text.strip() for one in self.running.root.iter() if local(one.tag) in names and one.text]


class Session:
    def __init__(self, device, peer, number):
        self.device, self.peer, self.number = device, peer, number
        self.held = b""
        self.chunks = False

    def hang_up(self):
        """From another thread: the one that serves it finds the end of what it reads."""
        with self.device.mutex, contextlib.suppress(OSError):
            self.peer.shutdown(socket.SHUT_RDWR)

    def run(self):
        device = self.device
        try:
            if device.refuse(self.number):
                return
            capabilities = "".join(f"<capability>{one.replace('&', '&amp;')}</capability>" for one in device.capabilities)
            hello = device.hello or (f'<?xml version="1.0" encoding="UTF-8"?><nc:hello xmlns:nc="{BASE}"><nc:capabilities>'
                                     + capabilities.replace("capability>", "nc:capability>").replace("<nc:/", "</nc:") +
                                     f"</nc:capabilities><nc:session-id>{self.number}</nc:session-id></nc:hello>")
            self.peer.sendall(hello.encode() + b"]]>]]>")
            theirs = self.message()
            if theirs is None:
                return
            self.chunks = all("urn:ietf:params:netconf:base:1.1" in one for one in (theirs, hello))
            while (rpc := self.message()) is not None and self.answer(rpc):
                pass
        except OSError:
            pass
        finally:
            self.end()

    def end(self):
        device = self.device
        with device.mutex:
            for store in [store for store, holder in device.locks.items() if holder == self.number]:
                del device.locks[store]
                if store == "candidate" and not device.keeps_candidate:
                    device.candidate = device.running.copy()
            if device.pending and device.pending[2] == self.number and not device.pending[1]:
                device.roll_back()
            self.peer.close()
            device.open.pop(self, None)

    def message(self):
        while True:
            if not self.chunks:
                end = self.held.find(b"]]>]]>")
                if end >= 0:
                    whole, self.held = self.held[:end], self.held[end + 6:]
                    return whole.decode()
            else:
                end = self.held.find(b"\n##\n")
                if end >= 0 and (whole := self.dechunked(end)) is not None:
                    return whole
            data = self.peer.recv(1 << 20)
            if not data:
                return None
            self.held += data

    def dechunked(self, _):
        at, parts = 0, []
        while self.held[at:at + 4] != b"\n##\n":
            newline = self.held.find(b"\n", at + 2)
            if newline < 0 or self.held[at:at + 2] != b"\n#":
                return None
            size = int(self.held[at + 2:newline])
            if len(self.held) < newline + 1 + size:
                return None
            parts.append(self.held[newline + 1:newline + 1 + size])
            at = newline + 1 + size
        self.held = self.held[at + 4:]
        return b"".join(parts).decode()

    def send(self, message):
        data = message.encode() if isinstance(message, str) else message
        if self.chunks:
            # Seams fall anywhere: inside of names, tags and letters.
            parts = [data[i:i + 7919] for i in range(0, len(data), 7919)]
            data = b"".join(b"\n#%d\n%s" % (len(part), part) for part in parts) + b"\n##\n"
        else:
            data += b"]]>]]>"
        self.peer.sendall(data)

    def answer(self, message):
        rpc = ET.fromstring(message)
        request = rpc[0]
        operation = local(request.tag)
        self.device.log.append((self.number, operation))
        self.device.requests.append(message)
        fault = self.device.faults.get(operation)
        inside = fault(self, request) if fault else None
        if inside is CUT:
            return False
        if inside is SILENT:
            while self.peer.recv(1 << 16):
                pass
            return False
        if inside is LOST:
            return True
        if isinstance(inside, bytes):
            self.send(inside)
            return True
        if inside is None:
            try:
                with self.device.mutex:
                    inside = self.do(operation, request)
            except Refused as refused:
                inside = refused.reply
            if after := self.device.after.get(operation):
                after(self, request)
        self.send(f'<rpc-reply xmlns="{BASE}" message-id="{rpc.get("message-id")}">{inside}</rpc-reply>')
        return operation != "close-session"

    def store(self, node):
        return local(node[0].tag)

    def do(self, operation, request):
        device = self.device
        if operation == "get-config":
            wanted = child(request, "filter")
            store = device.startup if device.saves and self.store(child(request, "source")) == "startup" else device.running
            found = store.root if wanted is None else store.select(wanted)
            return "<data>" + "".join(ET.tostring(one, encoding="unicode") for one in found) + "</data>"
        if operation == "lock":
            store = self.store(child(request, "target"))
            if store in device.locks:
                raise Refused(error("lock-denied", "Lock failed, lock is already held", "protocol", info=f"<session-id>{device.locks[store]}</session-id>"))
            if store == "candidate" and ET.tostring(device.candidate.root) != ET.tostring(device.running.root):  # RFC 6241 7.5
                raise Refused(error("lock-denied", "Lock failed, the candidate was changed", "protocol", info="<session-id>0</session-id>"))
            device.locks[store] = self.number
        elif operation == "unlock":
            if device.locks.pop(self.store(child(request, "target")), None) != self.number:
                raise Refused(error("operation-failed", "it was not locked by this session", "protocol"))
        elif operation == "discard-changes":
            if device.locks.get("candidate", self.number) != self.number:
                raise Refused(error("in-use", "locked by another", "protocol"))
            device.candidate = device.running.copy()
        elif operation == "edit-config":
            name = self.store(child(request, "target"))
            edited = (device.candidate if name == "candidate" else device.running).copy()
            edited.edit(child(request, "config"))
            if device.full(edited.root):
                raise Refused(error("operation-failed", "there is no room for more entries"))
            if name == "candidate":
                device.candidate = edited
            else:
                device.running = edited
        elif operation == "commit":
            self.commit(request)
        elif operation == "cancel-commit":
            if not device.pending or device.pending[1] != text(request, "persist-id"):
                raise Refused(error("operation-failed", "there is no such confirmed commit", "protocol"))
            device.roll_back()
        elif operation == "copy-config":
            device.startup = device.running.copy()
        elif operation == "save-config":
            device.startup = device.running.copy()
            return "<result xmlns='http://cisco.com/yang/cisco-ia'>Save running-config successful</result>"
        elif operation not in ("validate", "close-session"):
            raise Refused(error("operation-not-supported", operation, "protocol"))
        return "<ok/>"

    def commit(self, request):
        device = self.device
        if text(request, "persist-id") and not device.pending:
            raise Refused(error("invalid-value", "no confirmed commit of that id is pending", "protocol"))
        if device.pending and device.pending[1] != text(request, "persist-id"):
            raise Refused(error("invalid-value", "another confirmed commit is pending", "protocol"))
        before = device.pending[0] if device.pending else device.running
        if device.pending:
            device.pending[3].cancel()
            device.pending = None
        device.running = device.candidate.copy()
        if child(request, "confirmed") is not None:
            timer = threading.Timer(float(text(request, "confirm-timeout", "600")), device.roll_back)
            timer.daemon = True
            device.pending = (before, text(request, "persist"), self.number, timer)
            timer.start()
