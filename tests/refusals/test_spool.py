#!/usr/bin/python3
"""The spool and the state file beside a healthy table: what is not needed does not stop what is. And the verb that looks at the spool."""
import json
import os
import pathlib
import sqlite3
import subprocess
import unittest

from refusing import A, B, C, Site, hosts, wait_until
from serving import ENVIRONMENT, PATIENCE


def spooled(ip, **more):
    return json.dumps({"do": "ban", "ip": ip, "hostname": "web1", "jail": "sshd", "protocol": "tcp", "port": "", "reason": "", "actor": "", "lasts": 86400,
                       "restored": False, **more})


class Spool(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.__exit__)
        self.site.run("push")
        self.file = pathlib.Path(self.site.settings["spool"])

    def write(self, *texts):
        """Lines as another version or another hand left them, waiting."""
        with sqlite3.connect(self.file) as spool:
            spool.executemany("INSERT INTO spool (at, token, what) VALUES (strftime('%s', 'now'), hex(randomblob(8)), ?)", [(text,) for text in texts])
        spool.close()
        pathlib.Path(f"{self.file}.waits").touch()

    def sql(self, file, text):
        with sqlite3.connect(file) as database:
            result = database.execute(text).fetchall()
        database.close()
        return result

    def banned(self):
        return [row[0] for row in self.sql(self.site.folder / "bans.db", "SELECT ip FROM fail2ban ORDER BY id")]

    def test_lines_that_cannot_be_read_are_set_aside_and_the_others_go_on(self):
        self.write("{no json", spooled(A), json.dumps({"do": "dance", "ip": A}), spooled("no address"), json.dumps(["ban"]), spooled(B, until="soon"), spooled(C))
        self.site.run("push")
        self.assertEqual(self.banned(), [A, C])
        self.site.wait_for(hosts([A, C]))
        lines = self.site.json("spool", "list")["lines"]
        self.assertEqual([line["state"] for line in lines], ["refused"] * 5)
        self.assertTrue(all("cannot be read" in line["problem"] for line in lines))
        self.assertEqual(lines[0]["what"], "{no json")
        self.assertIn("5 set aside", self.site.run("status").stdout)

    def test_lines_that_cannot_be_read_do_not_stop_the_service(self):
        with self.site.start() as site:
            self.write("{no json", spooled(A))
            site.wait_for(hosts([A]))
            site.run("ban", B)
            site.wait_for(hosts([A, B]))
            self.assertEqual(site.json("status")["spool"]["refused"], 1)
            site.stop()

    def test_more_fields_and_fewer_are_no_fault(self):
        self.write(spooled(A, ports="22,80", decided={"at": 1}), json.dumps({"do": "ban", "ip": B, "hostname": "web1", "jail": "sshd"}))
        self.site.run("push")
        self.assertEqual(self.banned(), [A, B])

    def test_a_line_that_is_named_twice_is_dropped_once(self):
        self.write("{no json")
        self.site.run("push")
        (line,) = [one["line"] for one in self.site.json("spool", "list")["lines"]]
        self.assertEqual(self.site.run("spool", "drop", str(line), str(line), "--refused").stdout.count("dropped"), 1)

    def test_dropping_what_waits_has_to_be_said(self):
        os.rename(self.site.folder / "bans.db", self.site.folder / "away.db")
        done = self.site.run("ban", A, "--no-push")
        self.assertIn("banpush init", done.stderr)
        (line,) = self.site.json("spool", "list")["lines"]
        self.assertEqual((line["state"], line["ip"]), ("waiting", A + "/32"))
        self.assertIn("lost", self.site.run("spool", "drop", line["line"], code=2).stderr)
        self.assertIn("--refused", self.site.run("spool", "drop", code=2).stderr)
        self.assertIn("no line 999", self.site.run("spool", "drop", "999", code=2).stderr)
        for wrong in ("99999999999999999999", "0", "7x", "1.5"):
            for verb in (("drop",), ("retry",), ("drop", "--refused", "--waiting")):
                self.assertIn(f'"{wrong}" is no number of a line', self.site.run("spool", *verb, wrong, code=2).stderr)
        self.assertEqual(len(self.site.json("spool", "list")["lines"]), 1)
        self.assertIn(f"ban {A}/32", self.site.run("spool", "drop", "--waiting", line["line"]).stdout)
        self.assertEqual(self.site.json("spool", "list")["lines"], [])

    def test_a_spool_that_cannot_be_used_beside_a_healthy_table(self):
        for what, spoil in (("no database", lambda: self.file.write_bytes(b"this is no database" * 100)),
                            ("of a newer banpush", lambda: self.sql(self.file, "PRAGMA user_version = 99")),
                            ("in no folder", lambda: self.elsewhere("/proc/no/such/folder/spool.db"))):
            with self.subTest(what):
                for end in ("", "-wal", "-shm"):
                    pathlib.Path(f"{self.file}{end}").unlink(missing_ok=True)
                self.site.run("push")
                spoil()
                is_there = self.site.settings["spool"] == str(self.file)
                if is_there:
                    pathlib.Path(f"{self.file}.waits").touch()
                before = len(self.banned())
                address = f"198.51.100.{before + 1}"
                done = self.site.run("ban", address, "--no-push")
                self.assertEqual(len(self.banned()), before + 1)
                pushed = self.site.json("push")
                self.assertIn(f"{address}/32", self.site.holds())
                if is_there:
                    self.assertIn("spool", done.stderr)
                    self.assertTrue(any("spool" in note for note in pushed["notes"]), pushed["notes"])
                    self.assertIsNotNone(self.site.json("status")["spool"]["trouble"])
                    self.site.run("spool", "list", code=2)

    def elsewhere(self, path):
        self.site.settings["spool"] = path
        self.site.write()

    def test_the_service_beside_a_spool_that_cannot_be_used(self):
        self.file.write_bytes(b"this is no database" * 100)
        pathlib.Path(f"{self.file}.waits").touch()
        with self.site.start() as site:
            site.run("ban", A)
            site.wait_for(hosts([A]))
            site.run("ban", B)
            site.wait_for(hosts([A, B]))
            self.assertEqual(site.log_text().count("the spool cannot be used"), 1)
            self.file.unlink()
            wait_until(lambda: "the spool can be used again" in site.log_text(), 30, "the log says the end")
            self.assertNotIn("nothing waits", site.log_text())
            site.stop()

    def test_a_newer_spool_is_left_as_it_is(self):
        self.sql(self.file, "PRAGMA user_version = 99")
        done = self.site.run("spool", "list", code=2)
        self.assertIn("newer banpush", done.stderr)
        self.assertIn("99", done.stderr)
        self.assertEqual(self.sql(self.file, "PRAGMA user_version"), [(99,)])

    def test_what_is_queued_without_asking_says_why(self):
        self.site.settings["bans"] = {"url": "mysql://nobody@127.0.0.1:9/none"}
        self.site.write()
        self.assertIn("127.0.0.1", self.site.run("ban", A, "--no-push").stderr)
        second = self.site.run("ban", B, "--no-push")
        self.assertIn("queued", second.stdout)
        self.assertRegex(second.stderr, "the table was asked less than [0-9]+ s ago, and is not asked again yet: .*127.0.0.1")

    def test_a_state_file_that_cannot_be_used(self):
        state = pathlib.Path(self.site.settings["state"])
        for what, spoil in (("no database", lambda: state.write_bytes(b"this is no database" * 100)), ("of a newer banpush", lambda: self.sql(state, "PRAGMA user_version = 99"))):
            with self.subTest(what):
                for end in ("", "-wal", "-shm"):
                    pathlib.Path(f"{state}{end}").unlink(missing_ok=True)
                self.site.run("push")
                spoil()
                address = f"198.51.100.{len(self.banned()) + 1}"
                self.site.run("ban", address, "--no-push")
                pushed = self.site.json("push")
                self.assertIn(f"{address}/32", self.site.holds())
                self.assertTrue(any("state file" in note for note in pushed["notes"]), pushed["notes"])
                told = self.site.run("status")
                self.assertIn("state file", told.stderr)
                self.assertIn("what it holds is not known", told.stdout)
                self.assertNotIn("never read", told.stdout)
                self.assertIsNone(self.site.json("status")["devices"][0]["entries"])
                explained = self.site.run("explain", address).stdout
                self.assertIn("unknown", explained)
                self.assertNotIn("never read", explained)
                self.assertNotIn("was not paused", self.site.run("resume", "d1", code=2).stderr)

    def test_the_service_says_that_the_state_file_cannot_be_used_and_that_it_can_again(self):
        state = pathlib.Path(self.site.settings["state"])
        self.sql(state, "PRAGMA user_version = 99")
        with self.site.start() as site:
            wait_until(lambda: "of a newer banpush" in site.log_text(), 30, "the log says it at the start")
            site.run("ban", A, "--wait")
            pushed = site.json("push")
            self.assertTrue(any("state file" in note for note in [*pushed.get("notes", []), *pushed["devices"][0]["notes"]]), pushed)
            self.assertIn("newer banpush", site.json("status")["service"]["state"])
            self.assertEqual(site.log_text().count("of a newer banpush"), 1, site.log_text())
            state.unlink()
            wait_until(lambda: "the state file can be written again" in site.log_text(), 30, "the log says the end")
            site.run("ban", B, "--wait")
            self.assertEqual(site.json("status")["service"]["state"], "")
            self.assertIn("d1 ", site.run("status").stdout)
            self.assertNotIn("not known", site.run("status").stdout)
            site.stop()

    def test_a_state_file_that_another_user_may_only_read(self):
        """SQLite may not make what it needs beside it then: whose the file is is said, and not that something is missing."""
        if os.geteuid() != 0:
            self.skipTest("needs root")
        folder = self.site.folder / "var"
        folder.mkdir()
        for name in ("state", "spool"):
            pathlib.Path(self.site.settings[name]).rename(folder / f"{name}.db")
            self.site.settings[name] = str(folder / f"{name}.db")
        self.site.write()
        for one in (folder / "state.db", folder / "spool.db", folder):
            os.chown(one, 12345, 12345)
        (folder / "state.db").chmod(0o640)
        folder.chmod(0o3770)
        for one, mode in ((self.site.folder, 0o755), (self.site.config, 0o644), (self.site.folder / "bans.db", 0o644)):
            one.chmod(mode)
        done = subprocess.run(self.site.argv("audit"), capture_output=True, text=True, timeout=PATIENCE, env=ENVIRONMENT, user=23456, group=12345, extra_groups=[])
        self.assertIn(f"the state file {folder / 'state.db'} belongs to 12345, and 23456 cannot use it", done.stderr)
        self.assertNotIn("No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
