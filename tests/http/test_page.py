#!/usr/bin/python3
"""The page: what is true stands on it, nothing out of the table is markup, nothing on it runs or comes from elsewhere; in real Chromium."""
import html.parser
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import unittest

from web import PATIENCE, TOKENS, WebSite, addresses, wait_until
import ending

A, B, C = addresses(3, 9000)
HOSTILE = ["<script>document.title='taken'</script>", "\"><img src=x onerror=document.title='taken'>", "</title></svg><style>*{display:none}</style>", "&lt;b&gt;", "javascript:alert(1)"]


class Elements(html.parser.HTMLParser):
    """Each element with its attributes; the text; and whether all that was opened was closed."""
    VOID = {"meta", "link", "input", "line", "rect", "!doctype"}

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.open, self.wrong = [], [], [], []
        self.feed(text)
        self.wrong += self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.wrong.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    def text(self):
        return " ".join(self.texts)


class Page(unittest.TestCase):
    def site(self):
        site = WebSite(count=1)
        self.addCleanup(site.__exit__)
        return site.set_up()

    def rich_site(self):
        site = self.site()
        site.settings["devices"]["gone"] = {"address": "127.0.0.1", "port": 1, "driver": "frr", "username": "nobody"}
        site.write()
        rows = [(f"web{number % 5}", HOSTILE[number % 8] if number % 8 < len(HOSTILE) else "sshd", number % 600, one) for number, one in enumerate(addresses(300))]
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES (?, datetime('now', 'localtime', '-' || ? || ' minutes'), ?, 'tcp', '22', ?)",
                              [(host, minutes, jail, ip) for host, jail, minutes, ip in rows])
        site.run("ban", A, "--no-push", "--reason", HOSTILE[0])
        site.run("pause", "d1", "--reason", HOSTILE[1])
        site.start()
        wait_until(lambda: "sshd" in site.curl("/").text and "fails" in site.curl("/").text, 20, "the page has it all")
        wait_until(lambda: A in site.curl("/feed/edge").lines(), 20, "the feed is filled")
        return site

    def test_what_stands_on_it(self):
        site = self.rich_site()
        answer = site.curl("/")
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/html; charset=utf-8"))
        policy = answer.headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        page = Elements(answer.text)
        self.assertEqual(page.wrong, [], "what was opened was closed")
        tags = {tag for tag, _ in page.found}
        self.assertFalse(tags & {"script", "img", "style", "iframe", "object"}, tags)
        for tag, attributes in page.found:
            self.assertFalse([name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes))
            for name in ("href", "src", "action"):
                self.assertRegex(attributes.get(name) or "/", r"^/", "nothing leads elsewhere")
        text = page.text()
        count = len(site.json("list")["bans"])
        for words in ("edge", "d1", "gone", "paused", "fails", "in sync", f"{count} bans of {count} addresses", "<img src=x onerror=", HOSTILE[4], "Last pushes"):
            self.assertIn(words, text)
        self.assertGreaterEqual(sum(tag == "svg" for tag, _ in page.found), 5)
        for tag, attributes in page.found:
            if tag == "svg":
                self.assertTrue(attributes["aria-label"])
        css = site.curl("/style.css")
        self.assertEqual((css.status, css.headers["content-type"]), (200, "text/css; charset=utf-8"))
        self.assertNotIn("url(", css.text)
        self.assertNotIn("@import", css.text)

    def test_an_address_explained(self):
        site = self.rich_site()
        answer = site.curl(f"/explain?ip={A}")
        self.assertEqual(Elements(answer.text).wrong, [])
        self.assertIn("present", answer.text)
        told = site.json("explain", A)
        for device in told["devices"]:
            self.assertIn(device["state"], answer.text)
        self.assertIn("paused", answer.text)
        for asked, said in (("nonsense", "no address or prefix"), ("%3Cscript%3Ealert(1)%3C/script%3E", "no address or prefix"), ("203.0.113.999", "no address")):
            refused = site.curl(f"/explain?ip={asked}")
            self.assertEqual(refused.status, 200)
            self.assertIn(said, refused.text)
            self.assertNotIn("<script", refused.text)
        self.assertIn('id="devices"', site.curl("/explain?ip=").text, "nothing was asked")
        for number in range(25):
            site.run("ban", B, "--jail", f"jail{number}", "--no-push")
        self.assertIn("… and 5 older rows", site.curl(f"/explain?ip={B}").text)

    def test_what_is_not_known_is_not_said(self):
        """Without the tables nobody knows what is in sync, and without the state file nothing of the devices."""
        site = self.rich_site()
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("ALTER TABLE fail2ban RENAME TO gone")
        wait_until(lambda: "keeps what it holds" in site.curl("/").text, 20, "the table is gone")
        self.assertNotIn("in sync", Elements(site.curl("/").text).text())
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("ALTER TABLE gone RENAME TO fail2ban")
        wait_until(lambda: "in sync" in site.curl("/").text, 20, "it is back")

    def test_it_takes_a_token(self):
        site = self.site().with_tokens().start()
        for path in ("/", "/explain?ip=203.0.113.7", "/style.css"):
            self.assertEqual(site.curl(path).status, 401)
            self.assertEqual(site.curl(path, "-u", f"firewall:{TOKENS['firewall']}").status, 403)
            self.assertEqual(site.curl(path, "-u", f"person:{TOKENS['person']}").status, 200)

    def chromium(self, site, url, *options, width=1280, height=2400):
        profile = site.folder / "chromium"
        done = subprocess.run(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
                               f"--user-data-dir={profile}", f"--window-size={width},{height}", *options, url], capture_output=True, text=True, timeout=2 * PATIENCE,
                              env={**os.environ, "HOME": str(site.folder)})
        shutil.rmtree(profile, ignore_errors=True)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        self.assertEqual(console, [], "the browser has something to say")
        return done.stdout

    @unittest.skipUnless(shutil.which("chromium"), "not installed: chromium")
    def test_in_chromium(self):
        site = self.rich_site()
        dom = self.chromium(site, site.url("/"), "--dump-dom")
        self.assertIn("<title>banpush</title>", dom)
        self.assertEqual(re.findall(r"<script|<img|<style", dom), [])
        self.assertIn("rect class=\"bar\"", dom)
        self.assertIn("present", self.chromium(site, site.url(f"/explain?ip={A}"), "--dump-dom"))
        pictures = os.environ.get("BANPUSH_PICTURES", str(site.folder))
        for name, options, width in (("light", [], 1280), ("dark", ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"], 1280), ("phone", [], 500)):
            file = f"{pictures}/page-{name}.png"
            self.chromium(site, site.url("/"), f"--screenshot={file}", *options, width=width)
            with open(file, "rb") as picture:
                self.assertEqual(struct.unpack(">II", picture.read(24)[16:])[0], width)
        self.chromium(site, site.url(f"/explain?ip={A}"), f"--screenshot={pictures}/page-explain.png", height=1200)


if __name__ == "__main__":
    ending.main()
