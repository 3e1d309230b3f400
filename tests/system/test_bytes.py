#!/usr/bin/python3
"""A plan's bytes are the bytes the device receives, and a second push sends none."""
import json
import pathlib

import scenario
from scenario import NetworkCase

RECORDER = pathlib.Path(__file__).resolve().parent / "recorder.py"
FIRST = ["203.0.113.7", "203.0.113.9", "203.0.113.64/27", "2001:db8:1::7", "2001:db8:1:1::/64"]
SECOND = ["203.0.113.10", "2001:db8:1:2::/64"]


class Bytes(NetworkCase):
    ssh = frr = True

    def received(self, log):
        """What came in since the last call, as a plan shows it: programs that were given something to read."""
        text = ""
        for line in log.read_text().splitlines() if log.exists() else []:
            one = json.loads(line)
            if one["stdin"]:
                text += f"$ {' '.join(one['argv'])}\n{one['stdin']}"
        log.unlink(missing_ok=True)
        return text

    def check(self, site, driver, received):
        if driver not in scenario.ROUTE_DRIVERS:
            shown = site.run("setup", "r1").stdout
            received()
            site.run("setup", "r1", "--apply")
            self.assertEqual(received(), shown)
        for step in (lambda: [site.run("ban", address, "--no-push") for address in FIRST],
                     lambda: [site.run("ban", address, "--no-push") for address in SECOND] + [site.run("unban", address, "--no-push") for address in FIRST[1:4]]):
            step()
            script = site.device("plan")["script"]
            self.assertTrue(script)
            self.assertEqual(received(), "", "a plan sends nothing that changes anything")
            report = site.device("push")
            self.assertEqual(report["script"], script)
            self.assertEqual(received(), script)
            self.assertEqual(site.device("push")["outcome"], "in_sync")
            self.assertEqual(received(), "")
        site.run("flush", "r1")
        site.run("setup", "r1", "--remove", "--apply")
        received()

    def test_on_this_host(self):
        for driver in scenario.DRIVERS:
            with self.subTest(driver):
                log = self.net.folder / f"log-{driver}"
                site = self.site(self.local(driver, run_with=[RECORDER, log]), name=driver)

                def received():
                    # run_with stands in the plan, too; the recorder sees what comes after itself.
                    return self.received(log).replace("$ ip netns", f"$ {RECORDER} {log} ip netns")

                self.check(site, driver, received)

    def test_over_ssh(self):
        self.forced(f"{RECORDER} --shell {self.net.folder}/log-ssh", self.net.key)
        for driver in ("linux_nft", "frr"):
            with self.subTest(driver):
                site = self.site(self.over_ssh(driver), self.net.operator, name=f"ssh-{driver}")
                self.check(site, driver, lambda: self.received_over_ssh(self.net.folder / "log-ssh"))

    def received_over_ssh(self, log):
        text = ""
        for line in log.read_text().splitlines() if log.exists() else []:
            one = json.loads(line)
            if one["stdin"]:
                text += f"$ {one['argv'][0].replace(chr(39), '')}\n{one['stdin']}"
        log.unlink(missing_ok=True)
        return text

    def forced(self, command, key):
        """From now on a login with this key gets this command."""
        authorized = self.net.folder / "ssh/authorized"
        public = pathlib.Path(f"{key}.pub").read_text().strip()
        lines = [line for line in authorized.read_text().splitlines() if public not in line]
        authorized.write_text("\n".join([*lines, f'command="{command}" {public}']) + "\n")

    def test_over_ssh_to_a_cli(self):
        log = self.net.folder / "log-cli"
        vtysh = f"vtysh --vty_socket {self.net.vty_socket} --config_dir {self.net.vty_socket}"
        self.forced(f"{RECORDER} --cli {log} {vtysh}", self.net.vtysh_key)
        site = self.site(self.over_ssh("frr", cli=True), self.net.operator, name="cli")

        def received():
            # A session's own lines (paging, reads, farewell) change nothing and are no part of a plan.
            lines = [line for record in (log.read_text().splitlines() if log.exists() else []) for line in json.loads(record)["stdin"].splitlines()]
            log.unlink(missing_ok=True)
            return "".join(line + "\n" for line in lines if line.strip() and not line.startswith(("terminal ", "show ", "exit")))

        self.check(site, "frr", received)


if __name__ == "__main__":
    scenario.main()
