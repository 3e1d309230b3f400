#!/usr/bin/python3
"""Devices that refuse, lie, or go away: a clear error for that device, nothing sent that should not be, and the next
push repairs."""
import pathlib

import scenario
from scenario import ATTACKER4, NetworkCase
from topology import ROUTER, run

RECORDER = pathlib.Path(__file__).resolve().parent / "recorder.py"


class BadDevices(NetworkCase):
    ssh = frr = True

    def cli_site(self, name, *recorder, **more):
        """A site whose device is FRR's CLI behind a recorder that misbehaves."""
        vtysh = f"vtysh --vty_socket {self.net.vty_socket} --config_dir {self.net.vty_socket}"
        self.key_for(f"{RECORDER} --cli {' '.join(recorder)} {self.net.folder}/log-{name} {vtysh}", name)
        devices = self.over_ssh("frr", cli=True, **more)
        devices["r1"]["key"] = self.net.folder / f"ssh/{name}"
        site = self.site(devices, self.net.operator, name=name)
        self.addCleanup(lambda: self.net.vtysh("conf t", *(f"no ip route {line.split()[2]} blackhole" for line in self.routes())))
        return site

    def key_for(self, command, name):
        """A key of its own whose login gets this command."""
        file = self.net.folder / f"ssh/{name}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file)
        with open(self.net.folder / "ssh/authorized", "a", encoding="utf-8") as authorized:
            authorized.write(f'command="{command}" {file.with_suffix(".pub").read_text()}')

    def routes(self):
        return [line for line in self.net.vtysh("show running-config staticd").splitlines() if "tag 7112" in line]

    def failed(self, site, *words):
        report = site.device("push", code=1)
        self.assertEqual(report["outcome"], "failed")
        self.assertIn("r1", site.run("push", code=1).stderr + site.run("push", code=1).stdout)
        for word in words:
            self.assertIn(word, report["error"])
        return report

    def test_refused_login(self):
        other = self.net.folder / "ssh/other"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other)
        devices = self.over_ssh("linux_nft")
        devices["r1"]["key"] = other
        site = self.site(devices, self.net.operator, name="login")
        site.run("ban", ATTACKER4, "--no-push")
        self.failed(site, "root")

    def test_unknown_host_key(self):
        devices = self.over_ssh("linux_route")
        empty = self.net.folder / "empty_known_hosts"
        empty.write_text("")
        devices["r1"]["known_hosts"] = empty
        site = self.site(devices, self.net.operator, name="unknown")
        site.run("ban", ATTACKER4, "--no-push")
        self.failed(site, "banpush trust r1", "SHA256:")
        self.assertEqual(empty.read_text(), "")
        self.assertNotIn(ATTACKER4, self.router("ip", "route"))

    def test_changed_host_key(self):
        wrong = self.net.folder / "ssh/wrong_host"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", wrong)
        known = self.net.folder / "wrong_known_hosts"
        known.write_text(f"{ROUTER} {' '.join(wrong.with_suffix('.pub').read_text().split()[:2])}\n")
        devices = self.over_ssh("linux_route")
        devices["r1"]["known_hosts"] = known
        site = self.site(devices, self.net.operator, name="changed")
        site.run("ban", ATTACKER4, "--no-push")
        report = self.failed(site)
        shown, stored = (run("ssh-keygen", "-lf", file).stdout.split()[1] for file in (self.net.folder / "ssh/host_key", wrong))
        self.assertIn(shown, report["error"])
        self.assertIn(stored, report["error"])

    def test_nobody_listens(self):
        devices = self.over_ssh("linux_nft")
        devices["r1"]["port"] = 2222
        site = self.site(devices, self.net.operator, name="nobody")
        self.failed(site, ROUTER, "2222")

    def test_one_bad_device_does_not_stop_the_others(self):
        devices = {**self.over_ssh("linux_route", name="good"), **self.over_ssh("linux_nft", name="bad")}
        devices["bad"]["port"] = 2222
        site = self.site(devices, self.net.operator, name="two")
        site.run("ban", "203.0.113.50", "--no-push")
        reports = {one["device"]: one["outcome"] for one in site.json("push", code=1)["devices"]}
        self.assertEqual(reports, {"good": "changed", "bad": "failed"})
        self.assertIn("203.0.113.50", self.router("ip", "route"))
        site.run("flush", "good")

    def test_a_line_is_refused(self):
        site = self.cli_site("refused", "--spoil 203.0.113.13/32 gibberish")
        for last in (11, 13, 15, 17):
            site.run("ban", f"203.0.113.{last}", "--no-push")
        self.failed(site, "203.0.113.13/32", "% Unknown command")
        mended = self.site(self.over_ssh("frr"), self.net.operator, name="refused-mended", bans={"url": f"sqlite:{site.table}"})
        self.assertIn(mended.device("push")["outcome"], ("changed", "in_sync"))
        self.assertEqual(len(self.routes()), 4)

    def test_it_goes_away_in_the_middle(self):
        site = self.cli_site("away", "--die 203.0.113.13/32")
        for last in (11, 13, 15, 17):
            site.run("ban", f"203.0.113.{last}", "--no-push")
        self.failed(site)
        mended = self.site(self.over_ssh("frr"), self.net.operator, name="away-mended", bans={"url": f"sqlite:{site.table}"})
        self.assertIn(mended.device("push")["outcome"], ("changed", "in_sync"))
        self.assertEqual(len(self.routes()), 4)

    def test_a_program_refuses_a_line(self):
        """ip(8) goes on behind a route that it refuses: the others are in force, and the report names the one."""
        self.router("ip", "route", "add", "203.0.113.33", "via", "192.0.2.80")
        site = self.site(self.local("linux_route"), name="program")
        for last in (31, 33, 35):
            site.run("ban", f"203.0.113.{last}", "--no-push")
        report = self.failed(site, "203.0.113.33/32", "File exists")
        self.assertIn("line 2", report["error"])
        routes = self.router("ip", "route")
        for last in (31, 35):
            self.assertIn(f"blackhole 203.0.113.{last} ", routes)
        self.assertIn("203.0.113.33 via 192.0.2.80", routes)
        site.run("flush", "r1")

    def test_frr_is_half_dead(self):
        """vtysh answers without staticd, too, with a configuration that has no routes: that is no empty list."""
        site = self.site(self.local("frr"), name="half-dead")
        site.run("ban", "203.0.113.60", "--no-push")
        site.run("push")
        self.net._stop(self.net.vty_socket / "staticd.pid")
        self.failed(site, "not complete")
        folder = self.net.vty_socket
        self.net.inside(self.net.router, "/usr/lib/frr/staticd", "-d", "-u", "frr", "-g", "frr", "-A", "127.0.0.1", "-P", "0", "-f", folder / "staticd.conf",
                        "-i", folder / "staticd.pid", "-z", folder / "zserv.api", "--vty_socket", folder)
        # Its memory is gone with it; the next push restores what was there.
        self.assertEqual(site.device("push")["outcome"], "changed")
        self.assertEqual(len(self.routes()), 1)
        site.run("flush", "r1")

    def test_the_program_is_not_there(self):
        devices = self.local("linux_nft")
        devices["r1"]["run_with"] = ["/nonexistent/sudo"]
        site = self.site(devices, name="nothing")
        self.failed(site, "/nonexistent/sudo")


if __name__ == "__main__":
    scenario.main()
