#!/usr/bin/python3
"""A thousand rows as nobody should write them, in both kinds of table: each is counted as a bad row and shown so that a
terminal stays as it was, and the bans among them are pushed as if they stood alone."""
import os
import pathlib
import random
import sys
import tempfile
import unicodedata
import unittest

import topology
from scenario import SOURCE, NetworkCase, Site
import ending
import seeds

sys.path.insert(0, str(SOURCE / "tests" / "bans"))
from mariadb import MariaDb  # noqa: E402

GOOD = ["203.0.113.7", "198.51.100.0/25", "2001:db8::7", "::ffff:192.0.2.9"]
WANTED = {"203.0.113.7/32", "198.51.100.0/25", "2001:db8::7/128", "192.0.2.9/32"}
HOW_MANY = 1000
SEEDS = seeds.both()

CONTROLS = ["\x00", "\x01", "\x07", "\x08", "\x1b[2J", "\x1b]0;owned\x07", "\r", "\n", "\t", "\x7f", "\u0085", "\u009b31m", "\u200b", "\u202e", "\u2028", "\ufeff"]
MARKUP = ["<script>alert(1)</script>", "<b>", "&lt;", "<!-- -->", "{{address}}", "{{{prefix}}}", "{%x%}", "${jndi:ldap://x}", "]]>", "<?xml?>", "!!python/object"]
SQL = ["'; DROP TABLE fail2ban; --", "' OR '1'='1", "\" OR 1=1 --", "1); DELETE FROM fail2ban", "`id`", "\\' UNION SELECT 1"]
CLI = ["; reload", "\nno ip access-list", " | tee /etc/passwd", "$(reboot)", "&& reboot", "!\nend", "?", "\x03", "; delete firewall", "\nexit\nreload in 1\ny"]
DIGITS = ["٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "੦੧੨੩੪੫੬੭੮੯"]
ZONES = ["%eth0", "%1", "%25eth0", "%", "%lo;id", "%\u00e9"]


def in_digits(address, digits):
    return "".join(digits[int(c)] if c.isdigit() else c for c in address)


def hostile_addresses(random, how_many):
    """One kind after the other: what stands in `ip`, `name`, `hostname`, `port` and `protocol`."""
    def row(ip="203.0.113.9", name="sshd", hostname="web1", port="22", protocol="tcp"):
        return ip, name, hostname, port, protocol

    def address():
        if random.random() < 0.3:
            return f"2001:db8:{random.randrange(65536):x}::{random.randrange(65536):x}"
        return ".".join(str(random.randrange(1, 255)) for _ in range(4))

    def dotted():
        return [random.randrange(1, 255) for _ in range(4)]

    def broken(text, pieces):
        at = random.randrange(len(text) + 1)
        return text[:at] + random.choice(pieces) + text[at:]

    kinds = [
        lambda: row(ip=broken(address(), CONTROLS)),
        lambda: row(ip=broken(address(), MARKUP)),
        lambda: row(ip=broken(address(), SQL)),
        lambda: row(ip=broken(address(), CLI)),
        lambda: row(ip=in_digits(".".join(map(str, dotted())), random.choice(DIGITS))),
        lambda: row(ip=f"fe80::{random.randrange(1, 65536):x}" + random.choice(ZONES)),
        lambda: row(ip=".".join(f"0{n:o}" for n in dotted())),
        lambda: row(ip=".".join(f"{n:03d}" for n in [random.randrange(1, 99), *dotted()[1:]])),
        lambda: row(ip="0x" + "".join(f"{n:02x}" for n in dotted())),
        lambda: row(ip=str(random.randrange(1 << 32))),
        lambda: row(ip=".".join(map(str, dotted()[:random.choice((1, 2, 3))]))),
        lambda: row(ip=address() + "/" + random.choice(("33x", "-1", "129", "08", "0x8", "24/24", "٢٤", ""))),
        lambda: row(ip="".join(map(str, dotted())) * random.choice((20, 1000, 15000))),
        lambda: row(ip=":".join(["2001"] * random.choice((9, 900)))),
        lambda: row(ip=random.choice((" ", "", "localhost", "any", "host 203.0.113.9", "0.0.0.0/0 permit", "203.0.113.9,203.0.113.10", "203.0.113.1-9"))),
        lambda: row(name=broken("sshd", random.choice((CONTROLS, MARKUP[:7], SQL, CLI)))),
        lambda: row(hostname=broken("web1", random.choice((CONTROLS, MARKUP[:7], SQL, CLI)))),
        lambda: row(name="j" * random.choice((300, 20000))),
        lambda: row(port=broken("22", random.choice((CONTROLS, MARKUP[:7], SQL, CLI)))),
        lambda: row(protocol=broken("tcp", random.choice((CONTROLS, MARKUP[:7], SQL, CLI)))),
    ]
    for number in range(how_many):
        yield kinds[number % len(kinds)]()


def fits(text):
    """MariaDB's columns of characters take no surrogates; NUL they do."""
    return text.encode("utf-8", "replace")


class Hostile(NetworkCase):
    """`plan` against both tables; `push` where there is a network to push to."""

    rows = [row for seed in SEEDS for row in hostile_addresses(random.Random(seed), HOW_MANY // len(SEEDS))]

    def check_plan(self, site, *words):
        done = site.run("plan", *words)
        self.assert_harmless(done.stdout + done.stderr)
        report = site.json("plan", *words)
        self.assertEqual(report["bad_rows"], HOW_MANY)
        (device,) = report["devices"]
        self.assertEqual({one["prefix"] for one in device["add"]}, WANTED)
        self.assertEqual((device["left_out"], device["guards"], device["remove"], device["error"]), ([], [], [], ""))
        script = device["script"]
        for text in ("DROP", "reload", "script", "reboot", "eth0", "203.0.113.9"):
            self.assertNotIn(text, script)
        listed = site.json("list")
        self.assertEqual((listed["bad_rows"], len(listed["bans"])), (HOW_MANY, len(GOOD)))
        self.assertEqual(len(site.json("explain", "203.0.113.9")["rows"]), 0)
        self.assert_harmless(site.run("stats").stdout)

    def assert_harmless(self, text):
        bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Co", "Zl", "Zp")]
        self.assertEqual(bad, [], "characters that a terminal would obey")

    def test_sqlite_from_plan_to_push(self):
        site = self.site(self.local("linux_nft"), name="sqlite")
        site.run("setup", "r1", "--apply")
        self.addCleanup(site.run, "flush", "r1")
        site.rows("INSERT INTO fail2ban (ip, name, hostname, port, protocol, created) VALUES (?, ?, ?, ?, ?, datetime('now', 'localtime'))",
                  [*self.rows, *((ip, "sshd", "web1", "22", "tcp") for ip in GOOD)])
        self.check_plan(site)
        report = site.json("push")
        self.assertEqual(report["bad_rows"], HOW_MANY)
        self.assertEqual(report["devices"][0]["outcome"], "changed")
        held = self.router("nft", "list", "table", "inet", "banpush")
        for one in ("203.0.113.7", "198.51.100.0/25", "2001:db8::7", "192.0.2.9"):
            self.assertIn(one, held)
        self.assertNotIn("203.0.113.9", held)
        self.assertEqual(site.device("push")["outcome"], "in_sync")


class HostileMariaDb(unittest.TestCase):
    check_plan, assert_harmless, rows = Hostile.check_plan, Hostile.assert_harmless, Hostile.rows

    def test_mariadb_to_plan(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-hostile-")
        self.addCleanup(folder.cleanup)
        with MariaDb(address="127.0.0.61") as server:
            server.sql("CREATE DATABASE fail2ban CHARACTER SET utf8mb4")
            site = Site(pathlib.Path(folder.name) / "site", {"here": {"address": "local", "driver": "linux_nft"}},
                        bans={"url": server.socket_url(), "password": {"env": "BANPUSH_TEST_PASSWORD"}})
            os.environ["BANPUSH_TEST_PASSWORD"] = server.password
            # A table as wide as another site's may be: the how-to's columns would cut what is long.
            server.sql("CREATE TABLE fail2ban (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, hostname TEXT, created DATETIME, name TEXT, protocol TEXT, port TEXT, ip MEDIUMTEXT)", "fail2ban")
            site.run("init")
            rows = [*self.rows, *((ip, "sshd", "web1", "22", "tcp") for ip in GOOD)]
            lines = ["(" + ", ".join("CONVERT(X'%s' USING utf8mb4)" % fits(column).hex() if column else "''" for column in row) + ", NOW())" for row in rows]
            for at in range(0, len(lines), 100):
                server.sql("INSERT INTO fail2ban (ip, name, hostname, port, protocol, created) VALUES " + ",\n".join(lines[at:at + 100]), "fail2ban")
            self.check_plan(site, "--offline")


if __name__ == "__main__":
    topology.end_cleanly_on_signals()
    ending.main()
