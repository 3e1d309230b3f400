#!/usr/bin/python3
"""What `explain`, `plan` and a failed push say of a device is so: of what stands, what is held and by which guard, what was sent
and never read back, and what waits in the spool."""
import os
import signal
import sqlite3
import subprocess
import unittest

from serving import ENVIRONMENT, Site, addresses, hosts, wait_until

MANY = addresses(40)
A, B, C = addresses(3, 9000)


class Explained(unittest.TestCase):
    def site(self, **limits):
        site = Site(1)
        self.addCleanup(site.__exit__)
        site.settings["limits"].update(limits)
        site.write()
        return site

    def told(self, site, address):
        (device,) = site.json("explain", address)["devices"]
        return device["state"], device["reason"]

    def driver(self, site, change=("", ""), more=""):
        """The device has another driver, whose program is changed at one place."""
        text = (site.folder / "drivers" / "card_file.yaml").read_text()
        self.assertIn(change[0], text)
        (site.folder / "drivers" / "card_other.yaml").write_text(text.replace(*change, 1) + more)
        if not (site.folder / "templates" / "card_other").exists():
            (site.folder / "templates" / "card_other").symlink_to("card_file")
        site.settings["devices"]["d1"]["driver"] = "card_other"
        site.write()

    def delete_rows(self, site):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("DELETE FROM fail2ban")

    def test_what_was_never_read_is_unknown(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        self.assertEqual(self.told(site, A), ("unknown", "wanted in list card; the next push brings it"))
        self.assertEqual(self.told(site, B)[0], "unknown")
        site.run("push")
        self.assertEqual(self.told(site, A), ("present", "in list card"))
        self.assertEqual(self.told(site, B)[0], "absent")

    def test_a_removal_that_is_held(self):
        site = self.site(remove="10%", floor=5)
        for one in MANY:
            site.run("ban", one, "--no-push")
        site.run("push")
        self.delete_rows(site)
        for _ in range(2):  # before the push that meets it, and behind it
            state, reason = self.told(site, MANY[0])
            self.assertEqual(state, "present")
            self.assertRegex(reason, r"^in list card; no longer wanted \(no longer in the ban table\), but it stays: held by remove: refusing to remove 40 of 40.*; "
                                     r"`banpush push d1 --force remove` lets it go$")
            site.run("push", code=5)
        self.assertEqual(site.holds(), hosts(MANY))

    def test_an_addition_that_is_held(self):
        site = self.site(storm={"bans": 3, "within": "1m", "hold": "1h"})
        site.run("ban", A, "--no-push")
        site.run("push")
        for one in MANY[:6]:
            site.run("ban", one, "--no-push")
        state, reason = self.told(site, MANY[0])
        self.assertEqual(state, "left out")
        self.assertRegex(reason, r"^held by storm: more than 3 bans .*`banpush push d1 --force storm` lets it go$")

    def test_what_a_device_did_not_let_go(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        self.driver(site, ("rows.discard(l.split()[1])", "None"))
        site.run("unban", A, "--no-push")
        self.assertIn("the next push takes it away", self.told(site, A)[1])
        report = site.json("push", code=1)["devices"][0]
        self.assertIn("the device still shows 1 of 1 removed", report["error"])
        state, reason = self.told(site, A)
        self.assertEqual(state, "present")
        self.assertIn("but it stays for now: the last push failed: accepted, but the device still shows", reason)

    def test_a_part_of_a_change_that_was_kept(self):
        site = self.site()
        self.driver(site, ("rows.add(l.split()[1])", f"(rows.add(l.split()[1]) if {A!r} in l else None)"))
        for one in (A, B):
            site.run("ban", one, "--no-push")
        site.run("push", code=1)
        self.assertEqual(self.told(site, A)[0], "present")
        self.assertIn(self.told(site, B)[0], ("absent", "unknown"))
        self.assertNotIn("the next push brings it", self.told(site, B)[1])

    def test_what_was_sent_and_could_not_be_read_back(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        self.driver(site, ("os.rename(f + '.new', f)", "os.rename(f + '.new', f); os.rename(f, f + '.lost'); os.mkdir(f)"))
        site.run("ban", B, "--no-push")
        site.run("unban", A, "--no-push")
        error = site.json("push", code=1)["devices"][0]["error"]
        self.assertIn("the change was sent (1 of 1 programs were accepted), but what the device holds now could not be read", error)
        for address, doing in ((A, "take it from"), (B, "add it to")):
            state, reason = self.told(site, address)
            self.assertEqual(state, "unknown")
            self.assertRegex(reason, f"^the push of .* was to {doing} list card, and failed: the change was sent .*; the device was not read since")
        site.settings["devices"]["d1"]["driver"] = "card_file"
        site.write()
        (site.folder / "card1").rmdir()
        (site.folder / "card1.lost").rename(site.folder / "card1")
        site.run("push")
        self.assertEqual((self.told(site, A)[0], self.told(site, B)[0]), ("absent", "present"))

    def test_a_push_that_was_killed(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        self.driver(site, ("import os, sys;", "import os, sys, time; time.sleep(60);"))
        site.run("ban", B, "--no-push")
        pushing = subprocess.Popen(site.argv("push"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True)
        try:
            wait_until(lambda: (site.json("status")["devices"][0]["last"] or {}).get("running"), 60, "the push is written down")
            self.assertRegex(self.told(site, B)[1], "^a push of .* is under way, which is to add it to list card")
        finally:
            os.killpg(pushing.pid, signal.SIGKILL)
            pushing.wait()
        state, reason = self.told(site, B)
        self.assertEqual(state, "unknown")
        self.assertRegex(reason, "was to add it to list card, and did not end; the device was not read since")
        self.assertEqual(self.told(site, A)[0], "present", "it had nothing to do with it")

    def test_a_list_that_is_gone(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        (site.folder / "card1").unlink()
        site.run("ban", B, "--no-push")
        site.run("push", code=5)
        state, reason = self.told(site, A)
        self.assertEqual(state, "not in force")
        self.assertIn("list card does not exist on the device", reason)
        self.assertRegex(self.told(site, B)[1], "^wanted in list card; no push brings it there now: list card does not exist on the device")

    def test_what_is_left_standing_by_a_push_that_is_refused(self):
        site = self.site()
        site.run("push")
        (site.folder / "card1").write_text(f"{C}/32\n")  # ours by its list; an earlier state file knew it
        self.driver(site, ("level: live", "level: documented"))
        site.run("push", code=5)
        state, reason = self.told(site, C)
        self.assertEqual(state, "present")
        self.assertIn("but it stays for now: pushes are refused: the driver card_other is unproven", reason)

    def test_what_waits_in_the_spool_is_planned_and_said(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        table = sqlite3.connect(site.folder / "bans.db", isolation_level=None)
        self.addCleanup(table.close)
        table.execute("BEGIN IMMEDIATE")  # it can be read, and not written
        site.run("ban", B, "--no-push")
        self.assertEqual(site.json("status")["spool"]["waiting"], 1)
        plan = site.json("plan")
        self.assertEqual([one["prefix"] for one in plan["devices"][0]["add"]], [f"{B}/32"])
        self.assertIn("spool: 1 waits for the table since", " ".join(plan["notes"]))
        self.assertIn("the next push brings it", self.told(site, B)[1])
        self.assertIn("spool: 1 waits", site.run("explain", B).stdout)
        site.run("push")
        self.assertEqual(site.holds(), hosts([A, B]))
        plan = site.run("plan").stdout
        self.assertIn("in sync", plan)
        self.assertIn("spool: 1 waits for the table since", plan)


if __name__ == "__main__":
    unittest.main()
