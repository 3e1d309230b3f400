#!/usr/bin/python3
"""A person who only reads the service's log and `status` learns what holds, is gone, failed or waits on a device, once when it
begins and once when it ends; `status` shows it in between."""
import os
import pathlib
import signal
import sqlite3
import subprocess
import time
import unittest

from serving import ENVIRONMENT, Site, addresses, hosts, wait_until

MANY = addresses(40)
A, B, C = addresses(3, 9000)


class Told(unittest.TestCase):
    def site(self, count=1, audit="1s", **limits):
        site = Site(count)
        self.addCleanup(site.__exit__)
        site.settings["serve"]["audit"] = audit
        site.settings["limits"].update(limits)
        site.write()
        return site

    def names(self, site, device=0):
        return [one["name"] for one in site.json("status")["devices"][device]["conditions"]]

    def wait_said(self, site, text, seconds=20):
        wait_until(lambda: text in site.log_text(), seconds, f"the log says: {text}")

    def said_once(self, site, text):
        self.assertEqual(site.log_text().count(text), 1, site.log_text())

    def delete_rows(self, site):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("DELETE FROM fail2ban")

    def test_a_list_that_is_gone_and_comes_back(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.start()
        site.wait_for(hosts([A]))
        (site.folder / "card1").unlink()
        self.wait_said(site, "d1: list card does not exist on the device")
        self.assertEqual(self.names(site), ["list card"])
        self.assertIn('says "cat: ', site.log_text(), "the device's words as they were")
        self.assertIn("list card does not exist on the device", site.run("status").stdout)
        time.sleep(2.5)  # two audits more
        self.said_once(site, "does not exist on the device")
        (site.folder / "card1").write_text("")
        site.wait_for(hosts([A]))
        self.wait_said(site, "d1: list card exists and is in force again")
        wait_until(lambda: self.names(site) == [], 10, "status is as before")

    def test_a_list_that_is_gone_is_told_though_nothing_is_banned(self):
        site = self.site()
        (site.folder / "card1").unlink()
        site.start()
        self.wait_said(site, "d1: list card does not exist on the device")
        self.assertEqual(self.names(site), ["list card"])

    def test_a_guard_that_holds_removals(self):
        site = self.site(remove="10%", floor=5)
        for one in MANY:
            site.run("ban", one, "--no-push")
        site.start()
        site.wait_for(hosts(MANY))
        self.delete_rows(site)
        self.wait_said(site, "d1: held by remove: ")
        line = next(one for one in site.log_text().splitlines() if "held by remove" in one)
        self.assertIn("40", line)
        self.assertIn("`banpush push d1 --force remove` lets it go", line)
        self.assertEqual(self.names(site), ["remove"])
        self.assertIn("--force remove", site.run("status").stdout)
        time.sleep(2.5)
        self.said_once(site, "held by remove")
        self.assertEqual(site.holds(), hosts(MANY))
        site.run("push", "d1", "--force", "remove")
        self.wait_said(site, "d1: remove holds nothing any more")
        self.assertEqual((site.holds(), self.names(site)), (set(), []))

    def test_a_ban_that_is_waited_for_says_why_it_does_not_block(self):
        for served in (True, False):
            with self.subTest(served=served):
                site = self.site(2, storm={"bans": 3, "within": "1m", "hold": "1h"})
                site.settings["devices"]["d2"]["policy"] = {"allow": [f"{C}/32"]}
                site.write()
                if served:
                    site.start()
                one, two = self.waited(site, A, 0)
                self.assertEqual((one["shows"], two["shows"], one["why"]), (True, True, ""))
                one, two = self.waited(site, C, 0)
                self.assertEqual((one["shows"], two["shows"]), (True, False))
                self.assertIn("allowed", two["why"])
                for address in MANY[:4]:
                    site.run("ban", address, "--no-push")
                one, _ = self.waited(site, B, 5)
                self.assertFalse(one["shows"])
                self.assertRegex(one["why"], r"held by storm: .*`banpush push d1 --force storm` lets it go")
                self.assertIn("does not block it (held by storm", site.run("ban", B, "--wait", code=5).stdout)
                (site.folder / "card2").unlink()
                (site.folder / "card2").mkdir()
                _, two = self.waited(site, MANY[5], 1)
                self.assertTrue(two["error"])
                site.run("pause", "d2")
                if served:
                    wait_until(lambda: "failing" not in self.names(site, 1) or "paused" in site.run("status").stdout, 30, "the service knows of the pause")
                    time.sleep(3)
                _, two = self.waited(site, MANY[6], 5)  # the storm still
                self.assertEqual((two["paused"], two["why"]), (True, "paused: left alone until `banpush resume d2`"))

    def waited(self, site, address, code):
        return site.json("ban", address, "--wait", code=code)["devices"]

    def test_a_storm(self):
        site = self.site(storm={"bans": 10, "within": "1m", "hold": "1h"})
        site.start()
        site.run("ban", A)
        site.wait_for(hosts([A]))
        for one in MANY:
            site.run("ban", one, "--no-push")
        self.wait_said(site, "d1: held by storm: ")
        self.assertEqual(self.names(site), ["storm"])

    def test_a_push_by_way_of_the_service_waits_for_what_is_not_confirmed(self):
        site = self.site(audit="1h")
        site.start()
        site.run("push")  # the service has the device's state
        site.leave_unconfirmed(8)
        begin = time.monotonic()
        site.run("ban", A, "--no-push")
        done = site.run("push")
        self.assertGreater(time.monotonic() - begin, 5)
        self.assertIn("was not confirmed: the device returns by itself", done.stderr)
        self.assertIn("waiting for that", done.stderr)
        self.assertRegex(done.stdout, "d1.*: (changed|in sync)")
        self.assertEqual(site.holds(), hosts([A]))

    def test_a_device_that_fails_and_answers_again(self):
        site = self.site(2)
        site.settings["devices"]["d2"] = {"address": "127.0.0.1", "port": 1, "driver": "cisco_ios", "username": "u", "password": {"file": str(site.folder / "pw")}}
        (site.folder / "pw").write_text("x")
        (site.folder / "pw").chmod(0o600)
        site.write()
        site.start()
        self.wait_said(site, "banpush: d2: cannot connect")
        status = site.json("status")["devices"][1]
        self.assertEqual([one["name"] for one in status["conditions"]], ["unreachable"])
        self.assertIn("127.0.0.1", status["attempt"]["error"])
        self.assertEqual(status["last"]["outcome"], "failed", "it is in the audit")
        text = site.run("status").stdout
        self.assertIn("fails since", text)
        self.assertIn("again in", text)
        # The same failure, tried again and again, is one line of the audit.
        time.sleep(3)
        with sqlite3.connect(site.folder / "state.db") as state:
            self.assertEqual(state.execute("SELECT COUNT(*) FROM audit WHERE device = 'd2'").fetchone(), (1,))

    def test_a_failure_of_push_is_not_hidden_by_an_earlier_success(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        card = site.folder / "card1"
        card.unlink()
        card.mkdir()  # which can be read by nobody as a file
        site.run("push", code=1)
        status = site.json("status")["devices"][0]
        self.assertIsNotNone(status["attempt"])
        self.assertEqual(status["last"]["outcome"], "failed")
        self.assertIn("fails since", site.run("status").stdout)
        card.rmdir()
        card.write_text("")
        site.run("push")
        card.write_text(card.read_text())
        self.assertIsNone(site.json("status")["devices"][0]["attempt"])
        self.assertNotIn("fails since", site.run("status").stdout)

    def test_a_failure_that_is_over_is_not_the_last_that_is_told(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        card = site.folder / "card1"
        held = card.read_text()
        card.unlink()
        card.mkdir()
        site.run("push", code=1)
        card.rmdir()
        card.write_text(held)
        self.assertIn("in sync", site.run("push").stdout)
        self.assertEqual(site.json("status")["devices"][0]["last"]["outcome"], "in_sync")
        self.assertNotIn("failed", site.run("status").stdout)

    def test_a_push_under_way_and_one_that_was_killed(self):
        site = self.site()
        driver = (site.folder / "drivers" / "card_file.yaml").read_text()
        (site.folder / "drivers" / "card_slow.yaml").write_text(driver.replace('"import os, sys;', f'"import os, sys, time; time.sleep(60 if os.path.exists({str(site.folder / "slow")!r}) else 0);'))
        (site.folder / "templates" / "card_slow").symlink_to("card_file")
        (site.folder / "slow").write_text("")
        site.settings["devices"]["d1"]["driver"] = "card_slow"
        site.write()
        site.run("ban", A, "--no-push")
        pushing = subprocess.Popen(site.argv("push"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, start_new_session=True)
        try:
            wait_until(lambda: site.json("status")["devices"][0]["last"], 60, "the push is written down")
            self.assertTrue(site.json("status")["devices"][0]["last"]["running"])
            self.assertIn("under way", site.run("status").stdout)
        finally:
            os.killpg(pushing.pid, signal.SIGKILL)
            pushing.wait()
        self.assertFalse(site.json("status")["devices"][0]["last"]["running"])
        self.assertIn("did not end, and its process is gone", site.run("status").stdout)

    def test_a_flush_that_cannot_be_remembered(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        site.run("push")
        with sqlite3.connect(site.folder / "state.db") as state:
            state.execute("PRAGMA user_version = 99")  # of a newer banpush: nothing is written into it
        done = site.run("flush", "d1", code=1)
        self.assertIn("NOT left paused", done.stderr)
        self.assertNotIn("left paused;", done.stderr)
        self.assertEqual(site.holds(), set(), "it is flushed all the same")

    def test_a_device_taken_out_of_the_configuration(self):
        site = self.site(2)
        site.run("ban", A, "--no-push")
        site.run("push")
        card = site.settings["devices"].pop("d2")
        site.write()
        for verb in ("status", "check"):
            text = site.run(verb).stdout
            self.assertIn("d2: 1 entry of ours is left there by the ledger", text)
            self.assertIn("driver card_file, address local", text)
        self.assertEqual(site.json("status")["not_configured"][0]["device"], "d2")
        self.assertIn("put it back (driver card_file, address local)", site.run("flush", "d2", code=2).stderr)
        self.assertIn("put it back", site.run("setup", "d2", "--remove", code=2).stderr)
        everything = site.run("flush", "--all", code=1)
        self.assertIn("d2: 1 entry of ours is left there by the ledger", everything.stderr)
        site.run("resume", "d1")
        site.settings["devices"]["d2"] = card
        site.write()
        site.run("flush", "d2")
        del site.settings["devices"]["d2"]
        site.write()
        self.assertEqual(site.json("status")["not_configured"], [])

    def saved_site(self, save):
        """A device whose configuration is saved into a folder that is not there yet."""
        site = self.site(audit="1h")
        drivers = site.folder / "drivers"
        (drivers / "card_saved.yaml").write_text((drivers / "card_file.yaml").read_text().replace("  remove: {}", f"""  remove: {{}}
  save: {{run: [cp, "{{{{file}}}}", "{site.folder}/saved/card"]}}"""))
        (site.folder / "templates" / "card_saved").symlink_to("card_file")
        site.settings["devices"]["d1"].update(driver="card_saved", save=save)
        return site

    def saved(self, site):
        return (site.folder / "saved" / "card").read_text().split()

    def test_a_save_at_a_time_of_day(self):
        site = self.saved_site(time.strftime("%H:%M", time.localtime(time.time() + 12 * 3600)))
        (site.folder / "saved").mkdir()
        site.write()
        site.run("ban", A, "--no-push")
        report = site.json("push")["devices"][0]
        self.assertEqual(report["outcome"], "changed")
        self.assertIn("saved daily at", report["unsaved"])
        self.assertEqual(self.names(site), ["unsaved"])
        self.assertIn("in sync, not saved", site.run("push").stdout)
        with sqlite3.connect(site.settings["state"]) as state:
            due, = state.execute("SELECT due FROM unsaved").fetchone()
            self.assertLess(abs(due - time.time() - 12 * 3600), 3700, "an hour more or less where clocks change")
            state.execute("UPDATE unsaved SET due = due - 86400")
        self.assertIn("in sync;", site.run("push").stdout)
        self.assertEqual((self.saved(site), self.names(site)), ([f"{A}/32"], []))

    def test_what_is_to_be_saved_follows_the_configuration(self):
        site = self.saved_site("03:00")
        site.write()
        site.run("ban", A, "--no-push")
        site.run("push")
        site.settings["devices"]["d1"]["save"] = "05:30"
        site.write()
        self.assertIn("daily at 05:30", site.json("push")["devices"][0]["unsaved"])
        site.settings["devices"]["d1"]["save"] = "never"
        site.write()
        self.assertEqual(site.json("push")["devices"][0]["unsaved"], "")
        self.assertEqual(self.names(site), [])
        self.assertFalse((site.folder / "saved").exists())

    def test_the_service_saves_at_the_time_of_day(self):
        site = self.saved_site(time.strftime("%H:%M", time.localtime(time.time() + 120)))  # in one to two minutes
        (site.folder / "saved").mkdir()
        site.write()
        with site.start():
            site.run("ban", A, "--wait")
            self.assertEqual(self.names(site), ["unsaved"])
            wait_until(lambda: self.names(site) == [], 300, "it is saved")
            self.assertEqual(self.saved(site), [f"{A}/32"])
            self.assertEqual(site.log_text().count("saved daily at"), 1)
            self.assertIn("d1: saved", site.log_text())

    def test_the_audit(self):
        site = self.site(2)
        site.run("ban", A, "--no-push")
        site.run("push", "d1")
        (site.folder / "card2").unlink()
        (site.folder / "card2").mkdir()
        site.run("push", "d2", code=1)
        lines = site.run("audit").stdout.splitlines()
        self.assertEqual(len(lines), 2, "the newest last")
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  d1  .* by .*: changed, 1 added, 0 removed$")
        self.assertRegex(lines[1], r"  d2  .*: failed: .*card2")
        self.assertEqual(site.run("audit", "d1").stdout.splitlines(), lines[:1])
        self.assertEqual(site.run("audit", "--last", "1").stdout.splitlines(), lines[1:])
        self.assertIn(f"{A}/32", site.run("audit", "d1", "-v").stdout)
        records = site.json("audit")["audit"]
        self.assertEqual([(one["device"], one["outcome"]) for one in records], [("d1", "changed"), ("d2", "failed")])
        self.assertIsNotNone(records[0]["ended"])
        self.assertIn("no device of the configuration", site.run("audit", "d3", code=2).stderr)
        site.settings["devices"].pop("d2")
        site.write()
        self.assertEqual(site.run("audit", "d2").stdout.splitlines(), lines[1:], "of a device that was")
        with sqlite3.connect(site.settings["state"]) as state:
            state.execute("UPDATE audit SET ended = NULL, outcome = NULL, process = '1 1 x' WHERE device = 'd1'")
        self.assertIn("never ended", site.run("audit", "d1").stdout)
        pathlib.Path(site.settings["state"]).write_bytes(b"this is no database" * 100)
        self.assertIn("state file", site.run("audit", code=2).stderr)

    def test_a_save_that_fails_is_tried_again(self):
        site = self.saved_site("each")
        site.write()
        site.run("ban", A, "--no-push")
        report = site.json("push", code=1)["devices"][0]
        self.assertEqual(report["outcome"], "changed")
        self.assertIn("not saved", report["unsaved"])
        self.assertEqual(self.names(site), ["unsaved"])
        self.assertIn("in sync, not saved", site.run("push", code=1).stdout)
        site.run("save", "d1", code=1)
        self.assertEqual(self.names(site), ["unsaved"])
        (site.folder / "saved").mkdir()
        self.assertIn("in sync;", site.run("push").stdout)
        self.assertEqual((self.saved(site), self.names(site)), ([f"{A}/32"], []))


if __name__ == "__main__":
    unittest.main()
