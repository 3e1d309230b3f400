#!/usr/bin/python3
"""What is said of what was done, and of what waits: the reason at once, and no more than was done."""
import json
import pathlib
import tempfile
import unittest

import scenario
from scenario import Site

EDGE = {"edge1": {"address": "192.0.2.1", "driver": "cisco_ios", "username": "u"}}
A = "203.0.113.7"


class Said(unittest.TestCase):
    def site(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-said-")
        self.addCleanup(folder.cleanup)
        site = Site(pathlib.Path(folder.name) / "site", EDGE)
        site.run("init")
        return site

    def test_why_it_waits_is_told_after_the_first_refusal(self):
        site = self.site()
        site.rows("ALTER TABLE banpush_allow RENAME TO elsewhere")
        done = site.run("ban", A, "--no-push")
        self.assertIn("banpush_allow", done.stderr)
        told = site.json("status")["spool"]
        self.assertEqual(told["waiting"], 1)
        self.assertIn("banpush_allow", told["problem"] or "")
        self.assertIn("banpush_allow", site.run("spool", "list").stdout)
        self.assertIn("banpush_allow", site.run("status").stdout)

    def test_no_more_is_said_than_was_done(self):
        site = self.site()
        self.assertIn("it takes effect", site.run("allow", "add", A).stderr)
        self.assertIn("it takes effect", site.run("allow", "remove", A).stderr)
        gone = site.run("allow", "remove", A)
        self.assertIn("was not on the allowlist", gone.stdout)
        self.assertNotIn("it takes effect", gone.stderr)
        site.run("pause", "edge1", "--for", "2h")
        self.assertRegex(site.run("status").stdout, r"; paused by \S+.* until \d{4}-\d\d-\d\d \d\d:\d\d")
        self.assertIn("resumed with the next push", site.run("resume", "edge1").stdout)
        again = site.run("resume", "edge1")
        self.assertIn("edge1 was not paused", again.stderr)
        self.assertEqual(again.stdout, "")
        site.insert([A])
        self.assertIn("1 ban of 1 address in the last 30 days; 0 addresses came back", site.run("stats").stdout)

    def test_a_mistake_on_the_command_line_is_a_document_too(self):
        site = self.site()
        for words in (("unban",), ("frob",), ("ban", A, "--bogus"), ("push", "--force", "everything")):
            for line in (("--json", *words), (*words, "--json")):
                with self.subTest(line):
                    told = json.loads(site.run(*line, code=2).stdout)
                    self.assertEqual((told["schema"], told["status"]), (1, 2))
                    self.assertTrue(told["error"])
        self.assertEqual(site.run("unban", code=2).stdout, "")


if __name__ == "__main__":
    scenario.main()
