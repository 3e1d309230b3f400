"""What the contract of drivers asks of a device, asked of a NETCONF server. Mishaps happen on the way to it, in
meddler.py; what it holds, and what somebody else writes, goes past them by a client of the tests' own."""
import ipaddress
import json
import os
import pathlib
import shutil
import tempfile
import time
import threading
import xml.etree.ElementTree as ET

import client
import device as fake
import library_server
import netconfd
import dead_man
import ending
import waiting
from models import BASE, MODELS, entries_of
from netconf_case import HERE, scenario

OPERATION = f' xmlns:nc="{BASE}" nc:operation='


class Platform:
    """A driver, as driver_contract.py wants to know it."""

    def __init__(self, driver, server):
        self.driver, self.model = driver, MODELS[driver]
        self.sets_up, self.settles, self.many = True, 0, 120
        self.by_hand = True
        self.foreign, self.foreign_shown = self.model.get("foreign"), self.model.get("foreign_shown")
        self.operator, self.refuses = self.model.get("operator"), self.model.get("refuses", False)
        self.refuses_with = self.model.get("operator_shown")
        self.numbers = self.model.get("numbers") if server.inserts else None
        if self.operator and not server.inserts:
            self.refuses, self.refuses_with = True, "before other lists"
        self.saves = self.model.get("saves", True) and not server.keeps

    @staticmethod
    def manners():
        return {
            "one letter a chunk": {"chunk": 1},
            "NULs, and events in between": {"nul_every": 41, "events": True},
            "the old framing": {"old": True},
        }


class NetconfBench:
    """One server, a ban table, and the banpush under test."""

    keeps = False  # whether the server keeps what is committed, saved or not
    inserts = True  # whether it can put something before what is there

    def __init__(self, platform, operator=False, banpush=None, full_at=0, **manners):
        self.platform, self.model = platform, platform.model
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="netconf-"))
        self.closed = False
        self.mishaps = self.folder / "mishaps"
        (self.mishaps / "open").mkdir(parents=True)
        (self.mishaps / "manners.json").write_text(json.dumps(manners))
        self.person = None  # who is not banpush
        self.hands = []     # of somebody who acts while banpush is at work: threads, and what went wrong in them
        self.slips = []
        try:
            self.server = self.begin(["/usr/bin/python3", HERE / "meddler.py", self.mishaps], full_at)
            self.server.__enter__()
            if before := self.model.get("before"):
                self.edit(before)
            if operator:
                self.edit(platform.operator)
            self.save()
            own = {"connect_timeout": f"{waiting.PATIENCE}s", "silence": f"{waiting.PATIENCE}s", **(banpush or {})}
            if self.model.get("attach"):
                own["attach"] = [{"interface": "eth0", "direction": "in"}]
            self.site = scenario.Site(self.folder / "site", {"dut": self.server.device(platform.driver, **own)},
                                      limits={"floor": 100000, "add": "100%", "remove": "100%"}, policy={"aggregate": "none", "reserved": "allowed"})
            self.site.run("init")
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.closed:
            return
        self.closed = True
        for hand in self.hands:
            waiting.joined(hand, "somebody at the device")
        self.part()
        if hasattr(self, "server"):
            self.server.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.slips:
            raise self.slips[0]

    # banpush and its table

    def run(self, *argv, codes=(0,), timeout=600):
        done = self.site.run(*argv, code=None, timeout=timeout)
        if codes is not None and done.returncode not in codes:
            raise AssertionError(f"banpush {' '.join(argv)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def silence(self, seconds):
        """How long the device may say nothing from now on."""
        self.site.settings["devices"]["dut"]["silence"] = f"{seconds}s"
        self.site.write()

    def push(self, codes=(0,)):
        return json.loads(self.run("push", "--json", codes=codes).stdout)["devices"][0]

    def ban(self, *addresses):
        self.site.insert(addresses)

    def unban(self, *addresses):
        self.site.rows("DELETE FROM fail2ban WHERE ip = ?", [(one,) for one in addresses])

    # what the server holds, and what somebody else does to it

    def ask(self):
        if self.person is None:
            self.person = self.let_in()
        return self.person

    def let_in(self):
        """A server that was only just started may end the first session before its hello."""
        for patience in (0.5, 1, 2):
            try:
                return client.Client(self.server_argv(), self.environment())
            except (BrokenPipeError, EOFError):
                time.sleep(patience)
        return client.Client(self.server_argv(), self.environment())

    def part(self):
        if self.person is not None:
            self.person.close()
        self.person = None

    def environment(self):
        return {}

    def edit(self, xml):
        self.ask().edit(xml)

    def config(self, which="running"):
        return self.ask().config(which)

    def held(self, which="running"):
        return sorted(str(ipaddress.ip_network(address)) for _, address in entries_of(self.model, self.config(which)) if address)

    def text(self, which="running"):
        return ET.canonicalize(ET.tostring(self.config(which), encoding="unicode"), strip_text=True)

    def in_order(self):
        """(list, entry, address) as they apply: by their numbers where they have some."""
        root = self.config()
        parents = {one: parent for parent in root.iter() for one in parent}
        found = [(parents[entry], entry, address) for entry, address in entries_of(self.model, root)]
        leaf = self.model.get("number")
        return sorted(found, key=lambda one: int(next(its.text for its in one[1].iter() if fake.local(its.tag) == leaf))) if leaf else found

    def passes(self, address):
        """By the lists alone, in their order: the first entry that meets it decides."""
        looked_at = ipaddress.ip_address(address)
        decided = set()
        for its_list, entry, found in self.in_order():
            if its_list in decided or "tcp" in {fake.local(one.tag) for one in entry.iter()}:
                continue
            accepts = any((one.text or "").strip().lower() in ("accept", "permit") for one in entry.iter())
            network = ipaddress.ip_network(found) if found else None
            if network is not None and (network.version != looked_at.version or looked_at not in network):
                continue
            if accepts:
                decided.add(its_list)
            elif network is not None:
                return False
        return True

    def entries(self):
        return [(ET.canonicalize(ET.tostring(entry, encoding="unicode"), strip_text=True), address) for entry, address in entries_of(self.model, self.config())]

    def put(self, number, host, action):
        """An entry of the operator's in banpush's own shape."""
        self.edit(self.model["put"](number, host, action == "permit"))

    def put_permit(self, number):
        """As the list shows it."""
        before = {text for text, _ in self.entries()}
        self.edit(self.model["permit"](number))
        return next(text for text, _ in self.entries() if text not in before)

    def standing(self, what):
        """The entries of this host, or this one."""
        return [text for text, address in self.entries() if what in (text, address.split("/")[0])]

    def lists_missing(self):
        names = {(leaf.text or "").strip() for one in self.config().iter() if fake.local(one.tag) in self.model["list"] for leaf in one}
        return [name for name in self.model["lists"] if name not in names]

    def with_text(self, shown):
        return [ET.canonicalize(ET.tostring(one, encoding="unicode"), strip_text=True) for one in self.config().iter() if any((leaf.text or "").strip().startswith(shown) for leaf in one)]

    def operators(self):
        return self.with_text(self.model["operator_shown"])

    def put_foreign(self):
        self.edit(self.model["foreign"])

    def foreign(self):
        return [ET.canonicalize(ET.tostring(entry, encoding="unicode"), strip_text=True) for entry, address in entries_of(self.model, self.config())
                if address.startswith(self.model["foreign_shown"])]

    def gone(self, host):
        """XML that takes the host's entry away, whatever number it has."""
        number = {}
        if leaf := self.model.get("number"):
            entry = next(entry for entry, address in entries_of(self.model, self.config()) if address.split("/")[0] == host)
            number = {"number": next(one.text.strip() for one in entry.iter() if fake.local(one.tag) == leaf)}
        return self.model["one"](host, OPERATION + '"delete"', **number)

    def at_pause(self, action):
        """While banpush's session waits before its lock."""
        for name in ("paused", "go"):
            (self.mishaps / name).unlink(missing_ok=True)
        self.fault("lock", "pause")

        def body():
            try:
                waiting.wait_until(lambda: self.closed or (self.mishaps / "paused").exists(), 0, "banpush's session waits")
                if self.closed:
                    return
                with client.Client(self.server_argv(), self.environment()) as person:
                    person.edit(action())
            except Exception as error:  # told by close(), in the test's own thread
                self.slips.append(error)
            finally:
                (self.mishaps / "go").touch()

        hand = threading.Thread(target=body, daemon=True)
        self.hands.append(hand)
        hand.start()

    def meanwhile(self, host):
        self.at_pause(lambda: self.model["one"](host, ""))

    def meanwhile_gone(self, host):
        xml = self.gone(host)
        self.at_pause(lambda: xml)

    # mishaps

    def fault(self, operation, what, entry=0):
        (self.mishaps / "faults.json").write_text(json.dumps([{"at": operation, "do": what, "entry": entry}]))

    def refuse(self, entry):
        self.fault("edit-config", "refuse", entry)

    def swallow(self, entry):
        self.fault("edit-config", "swallow", entry)

    def lose(self, entry):
        self.fault("edit-config", "lose", entry)

    def hang(self, entry):
        self.fault("edit-config", "hang", entry)

    def commits(self):
        return any(one["operation"] == "commit" for one in self.log())

    def lose_before_commit(self):
        self.fault("commit", "lose")

    def pass_time(self):
        """What waits to be confirmed is taken back, as when its time is over."""
        try:
            self.ask().ask("<cancel-commit><persist-id>banpush</persist-id></cancel-commit>")
        except client.Refused:
            pass  # nothing waits
        dead_man.time_is_over(self.site.settings["state"])

    def reload(self):
        self.part()
        self.server.restart()

    def save(self):
        if self.ask().has("startup"):
            self.ask().ask("<copy-config><target><startup/></target><source><running/></source></copy-config>")

    def saved(self):
        return self.text("startup" if self.ask().has("startup") else "running") == self.text()

    def drop(self):
        waiting.wait_until(lambda: not self.sessions(), 0, "no session is open")

    def locked(self):
        target = "candidate" if self.ask().has("candidate") else "running"
        try:
            self.ask().ask(f"<lock><target><{target}/></target></lock>")
            self.ask().ask(f"<unlock><target><{target}/></target></unlock>")
        except client.Refused:
            return True
        return False

    def forget(self):
        (self.mishaps / "log").unlink(missing_ok=True)

    def log(self):
        file = self.mishaps / "log"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def sent(self):
        return [line.strip() for one in self.log() for line in one["request"].splitlines()]

    def edited(self):
        return any(one["operation"] not in ("get", "get-config", "close-session") for one in self.log())

    def sessions(self):
        return len(list((self.mishaps / "open").iterdir()))


class DeviceBench(NetconfBench):
    """The device in the test's process."""

    def begin(self, through, full_at):
        device = fake.Device(self.folder / "device", self.model["keys"], self.model.get("capabilities"), through=through)
        device.saves = self.platform.saves
        if full_at:
            device.full = lambda root: sum(1 for _, address in entries_of(self.model, root) if address) > full_at
        return device

    def server_argv(self):
        return self.server.argv


class NetconfdBench(NetconfBench):
    """Debian's netconfd."""

    keeps = True
    inserts = False

    def begin(self, through, full_at):
        if full_at:
            ending.does_not_apply("netconfd takes any number of entries")
        return netconfd.Netconfd(self.folder / "server", options=["--with-startup=true"], through=through)

    def server_argv(self):
        return self.server.argv(self.server.sshd.port)

    def environment(self):
        address = f"127.0.0.1 1024 127.0.0.1 {self.server.sshd.port}"
        return {"SSH_CONNECTION": address, "SSH_CLIENT": address, "USER": self.server.sshd.user, "HOME": os.environ.get("HOME", "/root")}


class LibraryBench(NetconfBench):
    """The server on libnetconf2's server side."""

    def begin(self, through, full_at):
        return library_server.LibraryServer(self.folder / "server", most=full_at, through=through)

    def server_argv(self):
        return self.server.argv
