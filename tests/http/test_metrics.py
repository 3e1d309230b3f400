#!/usr/bin/python3
"""What Prometheus scrapes: clean for promtool, true, bounded where names come out of the table; alerts and dashboard name what is there."""
import json
import re
import shutil
import sqlite3
import subprocess
import unittest

import web
from web import SOURCE, WebSite, addresses, wait_until
import ending

A, B = addresses(2, 9000)
RULES = SOURCE / "config/prometheus"
DASHBOARD = SOURCE / "config/grafana/banpush.json"
NAME = re.compile(r"\bbanpush_[a-z0-9_]+")


def series(text):
    """{name: {labels: value}}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line)
        found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
    return found


def promtool(*words, **options):
    return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=web.PATIENCE, **options)


class Metrics(unittest.TestCase):
    def site(self, count=1):
        site = WebSite(count=count)
        self.addCleanup(site.__exit__)
        return site.set_up()

    def scrape(self, site):
        answer = site.curl("/metrics")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return answer.text

    def rich_site(self):
        """One where every metric has a value: bans, a failing device, a feed that was fetched."""
        site = self.site(count=2)
        site.settings["devices"]["gone"] = {"address": "127.0.0.1", "port": 1, "driver": "frr", "username": "nobody"}
        site.write()
        for one in (A, B):
            site.run("ban", one, "--jail", "sshd", "--no-push")
        site.start()
        site.wait_fetched("/feed/edge", [A, B])
        wait_until(lambda: series(self.scrape(site)).get("banpush_device_up", {}).get('device="gone"') == 0, 20, "the failure is seen")
        wait_until(lambda: "banpush_day_bans" in series(self.scrape(site)), 20, "the tables were counted")
        wait_until(lambda: len(series(self.scrape(site)).get("banpush_device_block_delay_p99_seconds", {})) == 3, 20, "delays are known")
        return site

    def test_clean_and_true(self):
        site = self.rich_site()
        text = self.scrape(site)
        if shutil.which("promtool"):
            checked = promtool("check", "metrics", input=text)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        found = series(text)
        self.assertEqual(found["banpush_table_up"], {"": 1})
        self.assertEqual(found["banpush_device_entries"], {'device="d1"': 2, 'device="d2"': 2, 'device="edge"': 2, 'device="gone"': 0})
        self.assertEqual(found["banpush_device_up"], {'device="d1"': 1, 'device="d2"': 1, 'device="edge"': 1, 'device="gone"': 0})
        self.assertGreaterEqual(found["banpush_device_failures"]['device="gone"'], 1)
        self.assertEqual(found["banpush_day_bans"], {'jail="sshd"': 2})
        self.assertEqual(found["banpush_day_addresses"], {"": 2})
        self.assertEqual(found["banpush_feed_entries"], {'feed="edge"': 2})
        self.assertEqual(found["banpush_feed_unfetched_seconds"], {'feed="edge"': 0})
        self.assertLess(found["banpush_feed_fetch_delay_seconds"]['feed="edge"'], 60)
        self.assertEqual(found["banpush_spool_rows"], {'kind="waiting"': 0, 'kind="refused"': 0})
        self.assertGreaterEqual(found["banpush_http_requests_total"]['offer="feed",code="200"'], 2)
        self.assertTrue(any(labels.startswith('device="gone"') for labels in found["banpush_device_condition"]))
        site.run("pause", "d1")
        site.run("ban", addresses(1, 8000)[0])
        wait_until(lambda: series(self.scrape(site))["banpush_device_paused"]['device="d1"'] == 1, 20, "the pause is seen")
        wait_until(lambda: series(self.scrape(site))["banpush_feed_entries"]['feed="edge"'] == 3, 20, "the feed has it")
        self.assertGreaterEqual(series(self.scrape(site))["banpush_feed_unfetched_seconds"]['feed="edge"'], 0)
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("ALTER TABLE fail2ban RENAME TO gone")
        wait_until(lambda: series(self.scrape(site))["banpush_table_up"][""] == 0, 20, "the table is gone")
        found = series(self.scrape(site))
        self.assertEqual(found["banpush_feed_up"], {'feed="edge"': 1})
        for name in ("banpush_day_addresses", "banpush_day_bans", "banpush_bad_rows"):
            self.assertNotIn(name, found, "of a table that cannot be read nothing is known")
        self.assertEqual(found["banpush_state_up"], {"": 1})
        with sqlite3.connect(site.folder / "state.db") as state:
            state.execute("PRAGMA user_version = 99")
        state.close()
        site.stop()
        site.start()
        wait_until(lambda: series(self.scrape(site)).get("banpush_state_up", {}).get("") == 0, 20, "the state file cannot be used")
        found = series(self.scrape(site))
        for name in ("banpush_device_entries", "banpush_device_paused"):
            self.assertNotIn(name, found, "of a state file that cannot be used nothing is known")

    def test_names_out_of_the_table_are_bounded_and_harmless(self):
        site = self.site()
        hostile = ['a"} 1\nbanpush_table_up 0', "back\\slash", "<script>", "x" * 300, 'jail="x"', "other", "y" * 200 + "1", "y" * 200 + "2"]
        rows = [(f"host{number}", hostile[number % len(hostile)] if number < 40 else f"jail{number}", one) for number, one in enumerate(addresses(200))]
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES (?, datetime('now', 'localtime'), ?, 'tcp', '22', ?)", rows)
        site.start()
        wait_until(lambda: "banpush_day_bans" in self.scrape(site), 20, "the tables were counted")
        text = self.scrape(site)
        if shutil.which("promtool"):
            self.assertEqual(promtool("check", "metrics", input=text).returncode, 0)
        lines = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(sorted(lines), sorted(set(lines)), "a series has one value")
        found = series(text)
        self.assertEqual(found["banpush_table_up"], {"": 1})
        self.assertLessEqual(len(found["banpush_day_bans"]), 21)
        self.assertEqual(len(found["banpush_day_host_bans"]), 21)
        self.assertEqual(sum(found["banpush_day_host_bans"].values()) + found["banpush_bad_rows"][""], 200)
        self.assertIn('host="other"', found["banpush_day_host_bans"])

    def test_alerts_and_dashboard_name_what_is_there(self):
        there = set(series(self.scrape(self.rich_site()))) | {"banpush_device_read_age_seconds"}
        rules = (RULES / "banpush.rules.yml").read_text()
        dashboard = json.loads(DASHBOARD.read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]] + [one["query"]["query"] for one in dashboard["templating"]["list"] if isinstance(one["query"], dict)]
        named = set(NAME.findall("\n".join(expressions))) | set(NAME.findall("\n".join(re.findall(r"expr: (.*)", rules))))
        self.assertEqual(named - there, set(), "named, and not there")
        self.assertEqual(there - set(NAME.findall("\n".join(expressions))), set(), "there, and on no panel")
        documented = set(NAME.findall((SOURCE / "docs/http.md").read_text()))
        self.assertEqual((there - documented, documented - there), (set(), set()), "docs/http.md")

    def test_alerts_fire_when_they_should(self):
        if shutil.which("promtool") is None:
            self.skipTest("not installed: promtool (prometheus)")
        for words in (("check", "rules", "banpush.rules.yml"), ("test", "rules", "banpush.rules_test.yml")):
            done = promtool(*words, cwd=RULES)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        tested = set(re.findall(r"alertname: (\w+)", (RULES / "banpush.rules_test.yml").read_text()))
        self.assertEqual(tested, set(re.findall(r"- alert: (\w+)", (RULES / "banpush.rules.yml").read_text())))


if __name__ == "__main__":
    ending.main()
