#!/usr/bin/python3
"""Somebody takes this host's own lists, rules or table away, or a start of the host did: the service learns it within seconds,
sets up again what `setup` had made, fills it, and says so."""
import re
import signal
import sqlite3
import subprocess
import time
import unittest

import namespace
from serving import Site, wait_until
import ending

PERMITTED = namespace.enter()
A = "203.0.113.7"


def sh(words, check=True):
    done = subprocess.run(words, shell=True, capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
    return done.stdout


# driver, how everything of it is taken away, what shows it all
KINDS = {
    "linux_nft": ("nft flush ruleset", "nft list ruleset"),
    "linux_ipset": ("iptables -F; ip6tables -F; ipset destroy", "ipset save; iptables -S"),
    "linux_iptables": ("iptables -F; iptables -X; ip6tables -F; ip6tables -X", "iptables -S"),
}


@unittest.skipUnless(PERMITTED, "network namespaces are not permitted here (they need root)")
class ThisHost(unittest.TestCase):
    def setUp(self):
        for gone, _ in KINDS.values():
            sh(gone, check=False)

    def site(self, driver, **device):
        site = self.enterContext(Site(0, devices={"here": {"address": "local", "driver": driver, **device}}))
        site.settings["serve"]["audit"] = "1h"
        site.write()
        return site

    def blocking(self, driver, **device):
        """One that is set up, served, and blocks A; what takes all of it away, and what shows it."""
        site = self.site(driver, **device)
        site.run("setup", "here", "--apply")
        site.run("ban", A, "--no-push")
        site.start()
        gone, shows = KINDS[driver]
        wait_until(lambda: A in sh(shows), 30, "it blocks")
        return site, gone, shows

    def conditions(self, site):
        return [one["name"] for one in site.json("status")["devices"][0]["conditions"]]

    def seconds_until(self, condition, what):
        begin = time.monotonic()
        wait_until(condition, 60, what)
        return time.monotonic() - begin

    def test_it_is_set_up_again_and_filled(self):
        for driver in KINDS:
            with self.subTest(driver):
                site, gone, shows = self.blocking(driver)
                for times in (1, 2):
                    sh(gone)
                    seconds = self.seconds_until(lambda: A in sh(shows), f"it blocks again\n{site.log_text()}")
                    print(f"{driver}: back after {seconds:.1f} s")
                wait_until(lambda: site.log_text().count("is set up again") == 2, 30, "it is said")
                wait_until(lambda: self.conditions(site) == [], 30, "status is as before")
                # The third time is told to be the last, and the fourth is left as it is.
                sh(gone)
                wait_until(lambda: "the third time in 10 minutes" in site.log_text() and A in sh(shows), 60, "it blocks again")
                sh(gone)
                # What was taken away in the middle of a push is a failure first.
                wait_until(lambda: "does not exist on the device" in site.run("status").stdout, 60, "status says that the lists lack")
                self.assertNotIn(A, sh(shows))
                self.assertEqual(site.stop(), 0)
                # A start of the service is one of the host: what had been set up is missed.
                site.start()
                wait_until(lambda: A in sh(shows), 30, "it blocks after the start")
                self.assertEqual(site.stop(), 0)
                sh(gone)

    def test_what_a_person_wants_away_stays_away(self):
        gone, shows = KINDS["linux_nft"]
        site = self.site("linux_nft")
        site.run("ban", A, "--no-push")
        site.run("setup", "here", "--apply")
        site.start()
        wait_until(lambda: A in sh(shows), 30, "it blocks")
        site.run("flush", "here")
        site.run("setup", "here", "--remove", "--apply")
        site.run("resume", "here")
        wait_until(lambda: any(one.startswith("list ") for one in self.conditions(site)), 30, "status says that the lists lack")
        self.assertEqual(sh(shows), "")
        site.run("setup", "here", "--apply")
        wait_until(lambda: A in sh(shows), 120, "it is set up, and filled at once")
        site.run("pause", "here")
        wait_until(lambda: "paused" in site.run("status").stdout, 30, "it is paused")
        sh(gone)
        time.sleep(6)
        self.assertEqual(sh(shows), "")

    def test_what_cannot_be_written_down_is_not_promised(self):
        site = self.site("linux_nft")
        site.run("setup", "here", "--apply")
        state = site.folder / "state.db"
        with sqlite3.connect(state) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            database.execute("PRAGMA user_version = 99")
        database.close()
        self.assertIn("nothing was sent: the service would set here up again", site.run("setup", "here", "--remove", "--apply", code=2).stderr)
        self.assertIn("banpush", sh("nft list ruleset"))
        sh("nft delete table inet banpush")
        self.assertIn("the service does not set it up again", site.run("setup", "here", "--apply").stderr)
        with sqlite3.connect(state) as database:
            database.execute(f"PRAGMA user_version = {version}")
        database.close()
        site.run("setup", "here", "--remove", "--apply")
        self.assertEqual(sh("nft list ruleset"), "")

    def test_a_family_that_the_policy_leaves_out_now(self):
        """A flush and a removal are of all that was ever ours; what is somebody else's keeps the table."""
        site = self.site("linux_nft")
        site.run("setup", "here", "--apply")
        site.run("ban", A, "--no-push")
        site.run("ban", "2001:db8::7", "--no-push")
        site.run("push")
        self.assertIn("2001:db8::7", sh("nft list ruleset"))
        site.settings["policy"]["families"] = ["ipv4"]
        site.write()
        site.run("push")
        self.assertNotIn("2001:db8::7", sh("nft list ruleset"), "what the ledger knows of it goes")
        sh("nft add element inet banpush hosts6 '{ 2001:db8::7 }'")  # it looks like one of ours
        site.run("flush", "here")
        self.assertNotIn("2001:db8::7", sh("nft list ruleset"))
        sh("nft add element inet banpush hosts6 '{ 2001:db8::99 comment \"mine\" }'")
        site.run("setup", "here", "--remove", "--apply", code=None)
        self.assertIn("2001:db8::99", sh("nft list ruleset"), "somebody else's")
        sh("nft flush set inet banpush hosts6")
        site.run("setup", "here", "--remove", "--apply")
        self.assertNotIn("banpush", sh("nft list ruleset"))

    def test_keep_setup_no(self):
        site, gone, shows = self.blocking("linux_nft", keep_setup=False)
        site.run("ban", "2001:db8::7", "--wait")
        sh(gone)
        seconds = self.seconds_until(lambda: self.conditions(site), "status says that the lists lack")
        print(f"told after {seconds:.1f} s")
        self.assertIn("does not exist on the device", site.log_text())
        waited = site.json("ban", A, "--wait", code=5)["devices"][0]
        self.assertFalse(waited["shows"], waited)
        self.assertIn("list hosts4 does not exist", waited["why"])  # not the one for IPv6
        self.assertEqual(sh(shows), "")
        site.run("setup", "here", "--apply")
        wait_until(lambda: A in sh(shows), 120, "what is back is filled")
        wait_until(lambda: "is in force again" in site.log_text(), 30, "and that is said")

    def test_never_set_up_by_us(self):
        site = self.site("linux_nft")
        site.run("ban", A, "--no-push")
        site.start()
        wait_until(lambda: self.conditions(site), 30, "status says that the lists lack")
        time.sleep(4)
        self.assertEqual(sh("nft list ruleset"), "")

    def test_a_rule_that_somebody_puts_in_front_stays_there(self):
        for driver in ("linux_ipset", "linux_iptables"):
            with self.subTest(driver):
                site, gone, shows = self.blocking(driver)
                sh("iptables -I INPUT -s 192.0.2.0/24 -j ACCEPT")
                before = sh("iptables -S INPUT")
                wait_until(lambda: any(one.startswith("list ") for one in self.conditions(site)), 30, "it is told")
                time.sleep(5)
                self.assertEqual(sh("iptables -S INPUT"), before)
                self.assertNotIn("set up again", site.log_text())
                # What is waited for is not said to be blocked behind it.
                waited = site.json("ban", A, "--wait", code=5)["devices"][0]
                self.assertFalse(waited["shows"], waited)
                self.assertIn("in_force", waited["why"])
                sh("iptables -D INPUT -s 192.0.2.0/24 -j ACCEPT")
                wait_until(lambda: self.conditions(site) == [], 30, "it is over")
                self.assertEqual(site.stop(), 0)
                sh(gone)

    def test_a_jump_in_front(self):
        """What the chain that is jumped to can do decides, whatever it is called."""
        for driver in ("linux_ipset", "linux_iptables"):
            with self.subTest(driver):
                site = self.site(driver)
                site.run("setup", "here", "--apply")
                sh("iptables -N f2b-theirs; iptables -A f2b-theirs -s 198.51.100.66 -j DROP; iptables -A f2b-theirs -j RETURN; iptables -I INPUT -j f2b-theirs")
                site.run("ban", A, "--no-push")
                site.run("push")
                self.assertNotIn("cannot tell", site.run("show", "here").stdout)
                self.assertIn("1 in force", site.run("show", "here").stdout)
                sh("iptables -I f2b-theirs -s 203.0.113.0/24 -j ACCEPT")
                self.assertIn("earlier rule may let packets through (-A INPUT -j f2b-theirs: -A f2b-theirs -s 203.0.113.0/24 -j ACCEPT)",
                              site.run("show", "here").stdout)
                for gone, _ in KINDS.values():
                    sh(gone, check=False)
                sh("iptables -X", check=False)

    def test_a_rule_of_ours_that_asks_for_an_interface(self):
        site = self.site("linux_iptables")
        site.run("setup", "here", "--apply")
        site.run("ban", A, "--no-push")
        site.run("push")
        sh("iptables -D INPUT -j BANPUSH4; iptables -A INPUT -i wg0 -j BANPUSH4")
        self.assertIn("for the packets of all interfaces", site.run("show", "here").stdout)
        site.settings["devices"]["here"]["params"] = {"narrowed_to": "wg0"}
        site.write()
        self.assertNotIn("all interfaces", site.run("show", "here").stdout)

    def test_what_the_operator_has_in_the_set_of_the_same_address(self):
        """A `nomatch` and a comment are not overwritten, and what a `nomatch` lets through is not said to be blocked."""
        site = self.site("linux_ipset")
        sh("ipset create banpush4 hash:net comment")
        site.run("setup", "here", "--apply")
        sh("ipset add banpush4 198.51.100.9 nomatch; ipset add banpush4 198.51.100.10 comment theirs; ipset add banpush4 203.0.113.9 nomatch")
        theirs = sorted(line for line in sh("ipset save banpush4").splitlines() if line.startswith("add"))
        for ban in ("198.51.100.9", "198.51.100.10", "203.0.113.0/25", A):
            site.run("ban", ban, "--no-push")
        site.run("push", code=None)
        after = sh("ipset save banpush4").splitlines()
        for line in theirs:
            self.assertIn(line, after)
        shown = site.run("show", "here").stdout
        self.assertIn("an earlier rule lets a part of it through (add banpush4 203.0.113.9 nomatch)", shown)

    def test_what_was_only_emptied(self):
        """The table, set or chain stands."""
        emptied = {"linux_nft": ["nft flush chain inet banpush blocks", "nft flush chain inet banpush blocks; nft delete chain inet banpush blocks",
                                 "nft flush set inet banpush hosts4"],
                   "linux_ipset": ["ipset flush banpush4"], "linux_iptables": ["iptables -F BANPUSH4"]}
        for driver, ways in emptied.items():
            site, gone, shows = self.blocking(driver)
            before = self.plain(sh(shows))
            set_up = 0
            for way in ways:
                with self.subTest(way):
                    site.service.send_signal(signal.SIGSTOP)  # or it is back before it was seen
                    sh(way)
                    self.assertNotEqual(self.plain(sh(shows)), before)
                    site.service.send_signal(signal.SIGCONT)
                    seconds = self.seconds_until(lambda: self.plain(sh(shows)) == before, f"it is as before: {way}\n{site.log_text()}")
                    print(f"{way}: back after {seconds:.1f} s")
                    # The rules are back before the service has read them back: the next way would fall into that.
                    set_up += "chain" in way
                    wait_until(lambda: site.log_text().count("is set up again") == set_up, 30, f"it is said\n{site.log_text()}")
            wait_until(lambda: self.conditions(site) == [], 30, "status is as before")
            self.assertEqual(site.log_text().count("is set up again"), set_up, site.log_text())
            self.assertEqual(site.stop(), 0)
            sh(gone)

    @staticmethod
    def plain(text):
        """Without what was counted, and the order of chains."""
        return sorted(re.sub(r"counter packets \d+ bytes \d+", "", text).splitlines())

    def test_a_jump_of_ours_that_somebody_took_away(self):
        """Only what binds the list: the set stands, and blocks nobody."""
        for driver in KINDS:
            if driver == "linux_nft":
                continue
            with self.subTest(driver):
                site, gone, shows = self.blocking(driver)
                before = sh("iptables -S INPUT")
                sh("iptables -F INPUT")
                seconds = self.seconds_until(lambda: sh("iptables -S INPUT") == before, "the rule is back")
                print(f"{driver}: rule back after {seconds:.1f} s")
                self.assertEqual(site.stop(), 0)
                sh(gone)

    def test_a_rule_of_ours_taken_away_while_it_is_looked(self):
        """Behind the look at what binds the list, and before that at the list: the next look would compare with what this one found."""
        site = self.site("linux_ipset", run_with=["sh", "-c", 'if [ "$1 $2" = "ipset save" ]; then echo >>"$0/looks"; test -e "$0/armed" && iptables -F INPUT && rm "$0/armed"; fi; exec "$@"', "FOLDER"])
        site.settings["devices"]["here"]["run_with"][3] = str(site.folder)
        site.write()
        site.run("setup", "here", "--apply")
        site.run("ban", A, "--no-push")
        site.start()
        wait_until(lambda: A in sh("ipset save"), 30, "it blocks")
        before = sh("iptables -S INPUT")
        looks = site.folder / "looks"
        read = len(looks.read_text())
        wait_until(lambda: len(looks.read_text()) >= read + 6, 60, "it has only looked for a while")
        (site.folder / "armed").touch()
        wait_until(lambda: not (site.folder / "armed").exists(), 60, "it looks at the set")
        wait_until(lambda: sh("iptables -S INPUT") == before, 60, "the rule is back")
        wait_until(lambda: "is set up again" in site.log_text(), 30, "it is said")
        self.assertEqual(site.stop(), 0)
        sh(KINDS["linux_ipset"][0])


if __name__ == "__main__":
    ending.main()
