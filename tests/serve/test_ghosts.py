#!/usr/bin/python3
"""`status --ghosts`, `push --repair` and `status --watch`: where devices and the tables differ, and how that ends."""
import fcntl
import json
import os
import pty
import signal
import sqlite3
import struct
import subprocess
import termios
import unittest

from serving import ENVIRONMENT, Site, addresses, wait_until
import ending

ADDRESSES = addresses(12, 9000)
A, B = ADDRESSES[:2]


class Ghosts(unittest.TestCase):
    def site(self, **limits):
        site = Site(2)
        self.addCleanup(site.__exit__)
        site.settings["limits"].update(limits)
        site.write()
        return site

    def delete(self, site, *ips):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("DELETE FROM fail2ban WHERE ip = ?", [(ip,) for ip in ips])

    def told(self, site, device):
        (one,) = site.json("status", device, "--ghosts")["devices"]
        return {one["prefix"]: one["reason"] for one in one["ghosts"]}, {one["prefix"]: one["reason"] for one in one["missing"]}

    def test_never_read(self):
        site = self.site()
        site.run("ban", A, "--no-push")
        self.assertEqual(self.told(site, "d1"), ({}, {f"{A}/32": "the device was never read"}))
        self.assertIn("d1 (never read): 0 on it that no table wants there, 1 missing", site.run("status", "--ghosts").stdout)

    def test_both_ways_and_the_repair(self):
        site = self.site(remove="20%", floor=2)
        for one in ADDRESSES[:10]:
            site.run("ban", one, "--no-push")
        site.run("push")
        self.assertEqual(self.told(site, "d1"), ({}, {}))
        self.assertIn("no difference", site.run("status", "--ghosts").stdout)
        self.delete(site, *ADDRESSES[:6])
        site.run("ban", ADDRESSES[11], "--no-push")
        ghosts, missing = self.told(site, "d1")
        self.assertEqual(set(ghosts), {f"{one}/32" for one in ADDRESSES[:6]})
        for why in ghosts.values():
            self.assertIn("no longer in the ban table", why)
            self.assertIn("held by remove", why)
        self.assertEqual(missing, {f"{ADDRESSES[11]}/32": "the next push brings it"})
        text = site.run("status", "--ghosts").stdout
        self.assertIn(f"ghost    {A}/32", text)
        self.assertIn(f"missing  {ADDRESSES[11]}/32", text)
        # The guard holds what nothing explains, and a person who has looked lets it go, on one device.
        site.run("push", code=5)
        self.assertEqual(set(self.told(site, "d2")[0]), {f"{one}/32" for one in ADDRESSES[:6]})
        site.run("push", "--repair", code=2)
        site.run("push", "d1", "--repair", "--plan", "x", code=2)
        site.run("push", "d1", "--repair")
        self.assertEqual(self.told(site, "d1"), ({}, {}))
        self.assertEqual(sorted((site.folder / "card1").read_text().split()), sorted(f"{one}/32" for one in [*ADDRESSES[6:10], ADDRESSES[11]]))
        self.assertEqual(set(self.told(site, "d2")[0]), {f"{one}/32" for one in ADDRESSES[:6]}, "the other is as it was")
        self.assertEqual([one["device"] for one in site.json("status", "d2")["devices"]], ["d2"])

    def test_nothing_is_promised_of_a_device_that_does_not_get_it(self):
        site = self.site()
        site.run("push")
        site.run("ban", A, "--no-push")
        self.assertEqual(self.told(site, "d1")[1], {f"{A}/32": "the next push brings it"})
        site.run("pause", "d1")
        self.assertIn("paused", self.told(site, "d1")[1][f"{A}/32"])
        (site.folder / "card2").unlink()
        site.run("push", "d2", code=5)
        self.assertIn("no push brings it there now: list card does not exist on the device", self.told(site, "d2")[1][f"{A}/32"])
        (site.folder / "card2").mkdir()
        site.run("push", code=None)
        self.assertIn("the last push failed", self.told(site, "d2")[1][f"{A}/32"])

    def test_of_a_change_that_waits_to_be_confirmed_nothing_is_promised(self):
        site = self.site()
        site.run("push")
        site.run("ban", A, "--no-push")
        site.leave_unconfirmed(600)
        self.assertIn("not confirmed", self.told(site, "d1")[1][f"{A}/32"])
        self.assertEqual(self.told(site, "d2")[1], {f"{A}/32": "the next push brings it"})

    def test_a_state_file_that_cannot_be_used(self):
        site = self.site()
        site.run("push")
        with sqlite3.connect(site.folder / "state.db") as state:
            state.execute("PRAGMA user_version = 99")
        state.close()
        shown = site.run("status", "--ghosts").stdout
        self.assertIn("newer banpush", shown)
        self.assertNotIn("never read", shown)

    def test_over_budget(self):
        site = self.site()
        site.settings["devices"]["d1"]["budget"] = {"ipv4": 3}
        site.write()
        for one in ADDRESSES[:5]:
            site.run("ban", one, "--no-push")
        site.run("push", code=None)
        (one,) = site.json("status", "d1", "--ghosts")["devices"]
        self.assertEqual((one["ghosts"], one["missing"], one["over_budget"]), ([], [], 2))

    def test_watched(self):
        """On a terminal from the top each time; into a pipe one after the other; the end comes from the keyboard."""
        site = self.site()
        site.run("push")
        screen, ours = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with subprocess.Popen(site.argv("status", "--watch", "1"), stdout=ours, stderr=ours, stdin=ours, env=ENVIRONMENT) as watching:
            os.close(ours)
            seen = b""

            def twice():
                nonlocal seen
                seen += os.read(screen, 65536)
                return seen.count(b"\x1b[H\x1b[2J") >= 2 and seen.count(b"card_file") >= 3
            try:
                wait_until(twice, 30, "it was shown twice")
                watching.send_signal(signal.SIGINT)
                self.assertEqual(watching.wait(30), -signal.SIGINT)
            finally:
                watching.kill()
        os.close(screen)
        with subprocess.Popen(site.argv("status", "--watch", "1", "--json"), stdout=subprocess.PIPE, env=ENVIRONMENT) as watching:
            reader = json.JSONDecoder()
            text = ""
            documents = []
            while len(documents) < 2:
                text += os.read(watching.stdout.fileno(), 65536).decode()
                try:
                    document, end = reader.raw_decode(text.lstrip())
                    text = text.lstrip()[end:]
                    documents.append(document)
                except json.JSONDecodeError:
                    pass
            watching.send_signal(signal.SIGINT)
            self.assertNotIn("\x1b", text)


if __name__ == "__main__":
    ending.main()
