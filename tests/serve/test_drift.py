#!/usr/bin/python3
"""Somebody else takes away what is ours: the next reading shows it, what was not read is not said to be, and it is put back at
once, whatever the transport."""
import time
import unittest

from serving import Site, addresses, hosts, wait_until

HELD = addresses(203)
NEW, LATER = addresses(2, 5000)


def banned(site, some):
    for one in some:
        site.run("ban", one, "--no-push")


class Drift(unittest.TestCase):
    def entries(self, site):
        return site.json("status")["devices"][0]

    def drift(self, site, kept=153):
        card = site.folder / "card1"
        card.write_text("".join(f"{one}/32\n" for one in sorted(HELD)[:kept]))

    def fill(self, site):
        import sqlite3
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '', ?)",
                              [(one,) for one in HELD])

    def test_a_ban_by_the_service_puts_back_what_has_gone(self):
        with Site() as site:
            site.settings["serve"]["audit"] = "1h"
            site.settings["limits"] = {"add": "20%", "remove": "20%", "floor": 100, "storm": "none", "span": "100%"}
            site.write()
            self.fill(site)
            site.start()
            site.wait_for(hosts(HELD), seconds=60)
            site.run("ban", NEW, "--wait")
            site.wait_for(hosts([*HELD, NEW]))
            self.drift(site)
            done = site.json("ban", LATER, "--wait")
            self.assertEqual(site.holds(), hosts([*HELD, NEW, LATER]), "what had gone is back when the ban returns" + site.log_text())
            self.assertTrue(done["devices"][0]["shows"])
            self.assertEqual(self.entries(site)["entries"], len(site.holds()))

    def test_what_stands_already_is_read_before_it_is_said(self):
        """A ban that changes nothing, while the device has lost the entry: by what was read last it would block."""
        with Site(2) as site:
            site.settings["serve"]["audit"] = "1h"
            site.write()
            site.start()
            site.run("ban", NEW, "--wait")
            site.wait_for(hosts([NEW]))
            (site.folder / "card1").write_text("")
            done = {one["device"]: one for one in site.json("ban", NEW, "--wait")["devices"]}
            self.assertEqual(site.holds(), hosts([NEW]))
            self.assertEqual([done["d1"]["shows"], done["d2"]["shows"]], [True, True])

    def test_a_device_without_one_of_its_lists(self):
        """What comes while the service follows the device goes where what came before went, into the list that it has, or is left out."""
        first, later = "203.0.113.7", "198.51.100.9"  # which are not merged
        with Site(0) as site:
            site.settings["serve"]["audit"] = "1h"
            del site.settings["policy"]["aggregate"]  # else it is not followed
            site.settings["devices"] = {"d1": {"address": "local", "driver": "two_card_files", "params": {"file": f"{site.folder}/card1", "hosts_file": f"{site.folder}/none"}}}
            (site.folder / "card1").write_text("")
            site.write()
            site.start()
            site.run("ban", first, "--wait")
            site.wait_for(hosts([first]))
            for six in ("2001:db8:7::1", "2001:db8:7::2"):
                (done,) = site.json("ban", six, "--wait", code=None)["devices"]
                self.assertFalse(done["shows"], done)
                self.assertNotIn("failed", done["why"] or "", done)
                (told,) = site.json("explain", six)["devices"]
                self.assertEqual(told["state"], "left out", told)
            done = site.json("ban", later, "--wait", code=None)
            self.assertTrue(done["devices"][0]["shows"], site.log_text())
            self.assertEqual(site.holds(), hosts([first, later]))
            self.assertFalse((site.folder / "none").exists())
            self.assertEqual([one["name"] for one in self.entries(site)["conditions"]], [], site.log_text())
            self.assertEqual(self.entries(site)["entries"], 2)

    def test_what_could_not_be_read_is_not_said(self):
        with Site(2) as site:
            site.settings["serve"]["audit"] = "1h"
            site.settings["devices"]["d2"]["run_with"] = ["sh", "-c", f"test ! -e {site.folder}/gone && exec \"$@\"; echo no route >&2; exit 7", "-"]
            site.write()
            site.start()
            site.run("ban", NEW, "--wait")
            (site.folder / "gone").write_text("")
            for verb in ("ban", "unban"):
                done = {one["device"]: one for one in site.json(verb, NEW, "--wait", code=1)["devices"]}
                self.assertEqual(done["d1"]["shows"], verb == "ban")
                self.assertIsNone(done["d2"]["shows"], done)
            self.assertIn("cannot be told", site.run("unban", NEW, "--wait", code=1).stdout)


if __name__ == "__main__":
    unittest.main()
