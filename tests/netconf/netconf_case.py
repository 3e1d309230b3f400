"""What tests of NETCONF share that look into the device in the test's process, without asking banpush."""
import ipaddress
import pathlib
import sys
import tempfile
import shutil
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system"), str(HERE.parent / "transport"), str(HERE.parent)]
import dead_man  # noqa: E402
import device as fake  # noqa: E402
import scenario  # noqa: E402
import topology  # noqa: E402
from topology import PATIENCE  # noqa: E402
from models import MODELS, entries_of  # noqa: E402

PLACEHOLDERS = {"192.0.2.255/32", "100::1/128"}


def prefixes(*hosts):
    return sorted(str(ipaddress.ip_network(host)) for host in hosts)


def until(condition, seconds=PATIENCE):
    """Whether it came about, waited for with patience."""
    return bool(topology.comes_within(condition, max(seconds, PATIENCE)))


class NetconfCase(unittest.TestCase):
    maxDiff = None
    driver = "yang_set"

    def start(self, set_up=True, capabilities=None, netns=None, namespace=None, **more):
        model = MODELS[self.driver]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="netconf-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.device = fake.Device(self.folder / "device", model["keys"], capabilities or model.get("capabilities"), netns)
        self.device.__enter__()
        self.addCleanup(self.device.__exit__)
        if "before" in model:
            self.device.put(model["before"])
        if model.get("attach"):
            more["attach"] = [{"interface": "eth0", "direction": "in"}]
        more = {"connect_timeout": f"{PATIENCE}s", "silence": f"{PATIENCE}s", "confirm_when": "always", **more}
        self.site = scenario.Site(self.folder / "site", {"dut": self.device.device(self.driver, **more)}, namespace, limits={"floor": 100000}, policy={"aggregate": "none"})
        self.site.run("init")
        if set_up:
            self.site.run("setup", "dut", "--apply")
            self.forget()

    def time_to_confirm_is_over(self):
        self.device.time_to_confirm_is_over()
        dead_man.time_is_over(self.site.settings["state"])

    def forget(self):
        self.device.log.clear()
        self.device.requests.clear()

    def held(self):
        with self.device.mutex:
            found = {str(ipaddress.ip_network(address)) for _, address in entries_of(MODELS[self.driver], self.device.running.root) if address}
        return sorted(found - PLACEHOLDERS)

    def times(self, **more):
        """Other times from now on, as connect_timeout and silence, where the others had to be long enough for a busy machine."""
        self.site.settings["devices"]["dut"].update(more)
        self.site.write()

    def push(self, code=0):
        return self.site.device("push", code=code)

    def unban(self, *addresses):
        self.site.rows("DELETE FROM fail2ban WHERE ip = ?", [(one,) for one in addresses])
