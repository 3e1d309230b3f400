#!/usr/bin/python3
"""`check --connect` says what would make a blackhole less than a ban (no reverse-path filter) or more (announced to
neighbours), and which list lacks its rule."""
import scenario
from scenario import ATTACKER4, SERVER4, NetworkCase
from topology import FRR, PATIENCE


class Check(NetworkCase):
    ssh = frr = True

    def findings(self, site, code=None):
        (device,) = site.json("check", "--connect", code=code)["devices"]
        return {one["name"]: (one["level"], one["message"]) for one in device["findings"]}

    def check_urpf(self, driver):
        site = self.site(self.local(driver), name=f"urpf-{driver}")
        interfaces = [f"net.ipv4.conf.{name}.rp_filter" for name in ("in0", "in1", "out0", "mgmt0")]
        self.net.sysctl(self.net.router, *(f"{one}=0" for one in interfaces))
        self.router("nft", "delete", "table", "inet", "operator", check=False)
        try:
            found = self.findings(site, code=0)
            self.assertEqual((found["urpf4"][0], found["urpf6"][0]), ("warning", "warning"), found)
            self.assertIn("rp_filter", found["urpf4"][1])
            # The warning is true: the banned host's packets do arrive.
            site.run("ban", ATTACKER4, "--no-push")
            site.run("push")
            self.assertTrue(self.net.arrives(self.net.attacker, SERVER4, PATIENCE))
            self.net.sysctl(self.net.router, *(f"{one}=1" for one in interfaces))
            self.router("nft", "-f", "-", input=scenario.URPF6)
            found = self.findings(site, code=0)
            self.assertEqual((found["urpf4"][0], found["urpf6"][0]), ("ok", "ok"), found)
            self.assertFalse(self.net.arrives(self.net.attacker, SERVER4))
        finally:
            self.net.sysctl(self.net.router, *(f"{one}=1" for one in interfaces))
            site.run("flush", "r1")

    def test_reverse_path_filter_of_the_kernel(self):
        self.check_urpf("linux_route")

    def test_reverse_path_filter_under_frr(self):
        self.check_urpf("frr")

    def test_redistribution(self):
        site = self.site(self.local("frr"), name="redistribution")
        self.assertEqual(self.findings(site)["redistribution"][0], "ok")
        folder = self.net.vty_socket
        (folder / "ripd.conf").write_text("router rip\n redistribute static\n")
        self.net.inside(self.net.router, FRR / "ripd", "-d", "-u", "frr", "-g", "frr", "-A", "127.0.0.1", "-P", "0", "-f", folder / "ripd.conf",
                        "-i", folder / "ripd.pid", "-z", folder / "zserv.api", "--vty_socket", folder)
        self.net._pid_files.append(folder / "ripd.pid")
        level, says = self.findings(site)["redistribution"]
        self.assertEqual(level, "error")
        self.assertIn("route-map", says)
        self.assertNotEqual(site.run("check", "--connect", code=None).returncode, 0)
        self.net.vtysh("conf t", "route-map ours deny 10", "match tag 7112", "exit", "route-map ours permit 20", "exit", "router rip", "no redistribute static",
                       "redistribute static route-map ours")
        found = self.findings(site, code=0)
        self.assertEqual((found["redistribution"][0], found["redistribution_map"][0]), ("ok", "warning"))

    def test_a_set_without_its_rule(self):
        site = self.site(self.over_ssh("linux_nft"), self.net.operator, name="bare")
        (device,) = site.json("check", "--connect", code=None)["devices"]
        self.assertTrue(any(one["level"] == "error" and "banpush setup r1 --apply" in one["message"] for one in device["findings"]), device)
        self.assertTrue(any(one["name"] == "login" and "100.64.0.2" in one["message"] for one in device["findings"]), device)
        site.run("setup", "r1", "--apply")
        self.assertTrue(all(one["level"] == "ok" for one in site.json("check", "--connect")["devices"][0]["findings"]))
        site.run("setup", "r1", "--remove", "--apply")

    def test_a_device_that_cannot_be_reached(self):
        devices = self.over_ssh("linux_nft")
        devices["r1"]["port"] = 2222
        site = self.site(devices, self.net.operator, name="nobody")
        level, says = self.findings(site, code=1)["connect"]
        self.assertEqual(level, "error")
        self.assertIn("2222", says)


if __name__ == "__main__":
    scenario.main()
