#!/usr/bin/python3
"""Who is answered over HTTP and who is not: names, tokens, TLS, and bounds that keep nobody from a push."""
import json
import os
import socket
import subprocess
import unittest

import web
from web import TOKENS, WebSite, addresses, wait_until
import ending

A, B = addresses(2, 9000)


class Access(unittest.TestCase):
    def site(self, *args, **options):
        site = WebSite(*args, **options)
        self.addCleanup(site.__exit__)
        site.set_up()
        site.run("ban", A, "--no-push")
        return site

    def bearer(self, name):
        return ("-H", f"Authorization: Bearer {TOKENS[name]}")

    def test_off_unless_configured(self):
        site = self.site()
        del site.settings["serve"]["http"]
        site.write()
        site.start()
        site.curl("/feed/edge", code=7)

    def test_tokens(self):
        site = self.site().with_tokens().start()
        wait_until(lambda: site.curl("/feed/edge", *self.bearer("firewall")).status == 200, 20, "the feed is handed out")
        refused = site.curl("/feed/edge")
        self.assertEqual(refused.status, 401)
        self.assertIn("earer", refused.headers["www-authenticate"])
        self.assertNotIn(A, refused.text)
        self.assertEqual(site.curl("/feed/nothing").status, 401, "who has no token learns nothing")
        self.assertEqual(site.curl("/feed/edge", "-u", f"firewall:{TOKENS['firewall']}").status, 200)
        self.assertEqual(site.curl("/feed/edge", "-u", f"person:{TOKENS['firewall']}").status, 401)
        self.assertEqual(site.curl("/feed/edge", "-H", "Authorization: Bearer wrong-token-0123456789").status, 401)
        self.assertEqual(site.curl("/feed/edge", *self.bearer("watcher")).status, 403)
        self.assertEqual(site.curl("/metrics", *self.bearer("firewall")).status, 403)
        self.assertEqual(site.curl("/metrics", *self.bearer("watcher")).status, 200, "by a token of which only the hash is there")
        for text in TOKENS.values():
            self.assertNotIn(text, site.log_text())
        # A new token holds with the next reload, and the old one no longer.
        (site.folder / "firewall.token").write_text("new-feed-token-987654321\n")
        site.service.send_signal(1)
        wait_until(lambda: site.curl("/feed/edge", "-H", "Authorization: Bearer new-feed-token-987654321").status == 200, 20, "the new token holds")
        self.assertEqual(site.curl("/feed/edge", *self.bearer("firewall")).status, 401)
        (site.folder / "firewall.token").write_text("short\n")
        site.service.send_signal(1)
        site.curl("/feed/edge")
        wait_until(lambda: site.curl("/feed/edge").status == 401 and "shorter than 16 characters" in site.log_text(), 20, "a bad token is told")
        self.assertEqual(site.curl("/feed/edge", "-H", "Authorization: Bearer new-feed-token-987654321").status, 200, "and what held holds on")

    def test_another_address_takes_no_token_away(self):
        """What the new configuration says for its own address never holds at the one before."""
        site = self.site().with_tokens()
        self.certify(site, "cert")
        site.settings["serve"]["http"].update(address="0.0.0.0", certificate=str(site.folder / "cert.pem"), key=str(site.folder / "cert.key"))
        site.write()
        site.start()
        options = {"scheme": "https"}
        trust = ("--cacert", str(site.folder / "cert.pem"))
        wait_until(lambda: site.curl("/feed/edge", *trust, *self.bearer("firewall"), **options).status == 200, 20, "the feed is handed out")
        before, site.port = site.port, web.free_port()
        site.settings["serve"]["http"] = {"port": site.port}
        site.write()
        site.service.send_signal(1)
        asked = []

        def has_moved():
            asked.append(self.status_at(before, *trust))
            return site.curl("/feed/edge", code=None).status == 200

        wait_until(has_moved, 20, "it is listened at the new place")
        self.assertLessEqual(set(asked), {401, None}, "without a token nobody was let in at the old one")
        self.assertIsNone(self.status_at(before, *trust), "and now nobody listens there")
        del site.settings["serve"]["http"]
        site.write()
        site.service.send_signal(1)
        wait_until(lambda: self.status_at(site.port, scheme="http") is None, 20, "nothing is answered where nothing is configured")

    def status_at(self, port, *options, scheme="https"):
        """None: there is no answer."""
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, f"{scheme}://127.0.0.1:{port}/feed/edge"], capture_output=True, text=True)
        return int(done.stdout) or None

    def test_what_cannot_be_had_costs_http_alone(self):
        """A token that is too short, a port that is taken: all else goes on, who asks is told, and it is tried again."""
        site = self.site().with_tokens()
        (site.folder / "firewall.token").write_text("short\n")
        checked = site.run("check", code=2)
        self.assertIn("serve.http: the token firewall is shorter than 16 characters", checked.stdout + checked.stderr)
        site.start(wait=False)
        wait_until(lambda: "nothing is answered over HTTP: serve.http: the token firewall is shorter" in site.run("status", code=None).stdout, 20, "status tells it")
        self.assertIn("nothing is answered over HTTP", json.loads(site.run("status", "--json").stdout)["service"]["http"])
        site.run("ban", B, "--wait")
        self.assertIn(B, (site.folder / "feeds/edge.txt").read_text())
        (site.folder / "firewall.token").write_text("new-feed-token-987654321\n")
        site.service.send_signal(1)
        wait_until(lambda: site.curl("/feed/edge", "-H", "Authorization: Bearer new-feed-token-987654321", code=None).status == 200, 20, "mended, it is answered")
        self.assertNotIn("nothing is answered", site.run("status").stdout)
        site.run("check")

    def test_a_port_that_is_taken(self):
        site = self.site()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", site.port))
            taken.listen()
            site.start(wait=False)
            wait_until(lambda: f"serve.http: 127.0.0.1 port {site.port}: bind: Address already in use; tried again every 10 s" in site.run("status", code=None).stdout, 20, "status tells it")
            site.run("ban", B, "--wait")
        wait_until(lambda: site.curl("/feed/edge", code=None).status == 200, 20, "once it is free, it is listened there")
        site.wait_fetched("/feed/edge", [A, B])
        self.assertNotIn("nothing is answered", site.run("status").stdout)
        self.assertEqual(site.log_text().count("nothing is answered over HTTP"), 1, "said once")

    def test_an_address_of_another_host(self):
        site = self.site().with_tokens()
        site.settings["serve"]["http"].update(address="192.0.2.1", behind_proxy=True)
        site.write()
        checked = site.run("check", code=2)
        self.assertIn("serve.http: 192.0.2.1: bind: Cannot assign requested address", checked.stdout + checked.stderr)

    def test_another_name(self):
        site = self.site(names=["bans.example.net"]).start()
        site.wait_fetched("/feed/edge", [A])
        for host, status in (("evil.example", 421), ("", 421), ("127.0.0.1.evil.example", 421), ("localhost:1", 200), ("BANS.example.net", 200), ("[::1]:8490", 200), ("192.0.2.1", 200)):
            with self.subTest(host):
                self.assertEqual(site.curl("/feed/edge", "-H", f"Host: {host}" if host else "Host;").status, status)
        self.assertTrue(self.talk(site, b"GET /feed/edge HTTP/1.1\r\nHost: 127.0.0.1\r\nhost: b\r\n\r\n").startswith(b"HTTP/1.1 400"), "for whom it is cannot be told")

    def test_only_reading(self):
        site = self.site().start()
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = site.curl("/feed/edge", "-X", method, "-d", "x" * 100_000)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"), method)
        for path in ("/feed/../../etc/passwd", "/feed/%2e%2e/x", "/feed/", "/nothing", "/feed/edge%00"):
            self.assertEqual(site.curl(path, "--path-as-is").status, 404, path)

    def talk(self, site, text, seconds=web.PATIENCE):
        with socket.create_connection(("127.0.0.1", site.port), timeout=seconds) as end:
            end.sendall(text)
            answer = b""
            try:
                while part := end.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer

    def test_what_is_no_request(self):
        site = self.site().start()
        for text, status in ((b"rubbish\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000, b"431"), (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000, b"431"),
                             (b"\0" * 9000, b"431"), (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: bytes=" + b"0" * 7000 + b"-\r\n\r\n", b"200")):
            self.assertTrue(self.talk(site, text).startswith(b"HTTP/1.1 " + status), (text[:60], status))
        site.wait_fetched("/feed/edge", [A])

    def test_who_is_slow_keeps_nobody_from_a_push(self):
        """More connections than are taken at a time, all of which say nothing, or a byte now and then."""
        site = self.site().start()
        site.wait_fetched("/feed/edge", [A])
        idle = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(150)]
        self.addCleanup(lambda: [one.close() for one in idle])
        for one in idle:
            one.sendall(b"GET /feed/edge HTTP/1.1\r\n")
        done = site.run("ban", B, "--wait")
        self.assertIn("edge", done.stdout + done.stderr)
        self.assertIn(B, (site.folder / "feeds/edge.txt").read_text())
        descriptors = len(os.listdir(f"/proc/{site.service.pid}/fd"))
        self.assertLess(descriptors, 250, "what is not taken waits in the kernel's queue")
        # They make room, though all of them are still there.
        site.wait_fetched("/feed/edge", [A, B])
        idle[0].settimeout(web.PATIENCE)
        self.assertEqual(idle[0].recv(100), b"")

    def test_tls(self):
        site = self.site({"edge": ("feed", {})}, address="127.0.0.1")
        self.certify(site, "cert")
        site.settings["serve"]["http"].update(certificate=str(site.folder / "cert.pem"), key=str(site.folder / "cert.key"))
        site.write()
        site.start()
        options = ("--cacert", str(site.folder / "cert.pem"))
        wait_until(lambda: site.curl("/feed/edge", *options, scheme="https").status == 200, 20, "the feed is handed out")
        self.assertEqual(site.curl("/feed/edge", *options, scheme="https").lines(), [A])
        self.assertNotEqual(site.curl("/feed/edge", code=None).status, 200, "and in the clear nothing is")
        site.curl("/feed/edge", *options, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", scheme="https", code=35)
        for rubbish in (b"\x16\x03\x01\x02\x00\x01", b"\x80" * 500, b""):
            with socket.create_connection(("127.0.0.1", site.port), timeout=web.PATIENCE) as end:
                end.sendall(rubbish)
        # A new certificate holds with the next reload.
        self.certify(site, "cert")
        site.service.send_signal(1)
        wait_until(lambda: site.curl("/feed/edge", *options, scheme="https", code=None).status == 200, 20, "the new certificate is shown")

    def certify(self, site, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=banpush", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", site.folder / f"{name}.key", "-out", site.folder / f"{name}.pem"], check=True, capture_output=True)
        (site.folder / f"{name}.key").chmod(0o600)

    def test_a_key_that_is_not_the_certificates(self):
        site = self.site()
        self.certify(site, "one")
        self.certify(site, "other")
        site.settings["serve"]["http"].update(certificate=str(site.folder / "one.pem"), key=str(site.folder / "other.key"))
        site.write()
        checked = site.run("check", code=2)
        self.assertIn("other.key", checked.stdout + checked.stderr)


if __name__ == "__main__":
    ending.main()
