#!/usr/bin/python3
"""The service's log: one line an event, by the names of docs/events.md, as JSON where that is wanted, with a level for the journal."""
import json
import os
import re
import signal
import subprocess
import unittest

from serving import ENVIRONMENT, PATIENCE, SOURCE, Site, addresses, wait_until

LEVELS = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (SOURCE / "docs/events.md").read_text(), re.M))
(A,) = addresses(1)


class Log(unittest.TestCase):
    def site(self, **serve):
        site = Site()
        self.addCleanup(site.__exit__)
        site.settings["serve"].update(serve)
        site.write()
        return site

    def lines(self, site):
        return [line for line in site.log_text().splitlines() if line]

    def events(self, site):
        """All lines of a JSON log, each a document of its own."""
        documents = [json.loads(line) for line in self.lines(site)]
        for one in documents:
            self.assertEqual(one["schema"], 1)
            self.assertEqual(one["level"], LEVELS[one["event"]], one)
            self.assertRegex(one["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        return documents

    def wait_for_event(self, site, name):
        wait_until(lambda: f'"event":"{name}"' in site.log_text(), 20, f"the event {name}")
        return next(one for one in self.events(site) if one["event"] == name)

    def test_json(self):
        site = self.site(log="json").start()
        site.run("ban", A, "--wait")
        changed = self.wait_for_event(site, "device_changed")
        self.assertEqual((changed["device"], changed["added"], changed["removed"], changed["level"]), ("d1", 1, 0, "info"))
        self.assertTrue(changed["message"].startswith("d1: 1 added, 0 removed in "), changed)
        (site.folder / "card1").unlink()
        gone = self.wait_for_event(site, "list_not_in_force")
        self.assertEqual((gone["device"], gone["list"], gone["level"]), ("d1", "card", "error"))
        (site.folder / "card1").write_text("")
        self.assertEqual(self.wait_for_event(site, "list_in_force")["list"], "card")
        site.stop()
        names = [one["event"] for one in self.events(site)]
        self.assertEqual(names[0], "descriptors")
        self.assertIn("service_started", names)
        self.assertEqual(names[-1], "service_ending")

    def test_the_form_follows_the_configuration_and_each_mistake_is_an_event(self):
        site = self.site().start()
        wait_until(lambda: "serving 1 device" in site.log_text(), 20, "it serves")  # as text: all that comes before the signal
        self.assertTrue(all(line.startswith("banpush: ") for line in self.lines(site)), site.log_text())
        site.log.write_text("")
        site.settings["serve"]["log"] = "json"
        site.write()
        site.service.send_signal(signal.SIGHUP)
        self.wait_for_event(site, "configuration_read")
        site.settings["serve"].update(pol="1s", workers=0)
        site.write()
        site.service.send_signal(signal.SIGHUP)
        wait_until(lambda: site.log_text().count("configuration_refused") == 2, 20, "both mistakes")
        refused = [one["message"] for one in self.events(site) if one["event"] == "configuration_refused"]
        self.assertTrue(all(re.fullmatch(r"the configuration stays as it was: \S+:\d+:\d+: .*", one) for one in refused), refused)

    def level_of_first(self, site, stream):
        site.log = site.folder / "log"
        site.log.write_text("")
        about = site.log.stat()
        site.start(JOURNAL_STREAM=f"{about.st_dev}:{about.st_ino + stream}")
        site.stop()
        lines = self.lines(site)
        self.assertGreater(len(lines), 1, "the start and the end")
        return lines

    def test_the_journal_gets_levels_and_nobody_else(self):
        site = self.site()
        for line in self.level_of_first(site, 0):
            self.assertRegex(line, "^<[3-6]>banpush: ")
        for line in self.level_of_first(site, 1):  # the session's journal, and not what this process writes to
            self.assertRegex(line, "^banpush: ")
        site.settings["serve"]["log"] = "json"
        site.write()
        for line in self.level_of_first(site, 0):
            self.assertRegex(line, r"^<[3-6]>\{")

    def serve(self, site, *options, **environment):
        return subprocess.run([*site.argv(*options), "serve"], capture_output=True, text=True, timeout=PATIENCE, env={**ENVIRONMENT, **environment})

    def test_a_start_that_fails(self):
        site = self.site(pol="1s", workers=0)
        text = self.serve(site)
        self.assertEqual((text.returncode, text.stdout), (2, ""))
        self.assertRegex(text.stderr, r"^banpush: \S+banpush.yaml:\d+:\d+: ")
        done = self.serve(site, "--json")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(json.loads(done.stdout)["status"], 2)
        events = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual([one["event"] for one in events], ["service_failed"] * 2)
        ours, theirs = os.pipe()
        about = os.fstat(theirs)
        child = subprocess.Popen([*site.argv(), "serve"], stdout=theirs, stderr=theirs, env={**ENVIRONMENT, "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            lines = pipe.read().splitlines()
        child.wait(PATIENCE)
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, r"^<3>banpush: \S+banpush.yaml:\d+:\d+: ")


if __name__ == "__main__":
    unittest.main()
