#!/usr/bin/python3
"""Who is told, away from this host, of what a person has to know: a program, a web server in the clear and over TLS."""
import contextlib
import http.server
import json
import pathlib
import queue
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import unittest

from serving import Site, addresses, wait_until
from waiting import PATIENCE
import ending

A, B = addresses(2, 9000)
TOKEN = "alert-token-0123456789"


class Hook:
    """A web server that takes messages, or answers with another status, or never."""

    def __init__(self, certificate=None):
        self.got, self.status, self.silent, self.floods = queue.Queue(), 204, threading.Event(), 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.status
                hook.got.put((status, self.path, dict(self.headers), json.loads(body)))
                if status is None:
                    hook.silent.wait(PATIENCE)
                self.send_response(status or 500)
                if not hook.floods:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                with contextlib.suppress(OSError):  # who has heard enough hangs up
                    for _ in range(hook.floods):
                        self.wfile.write(b"x" * (1 << 20))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate + ".pem", certificate + ".key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.silent.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def next(self):
        return self.got.get(timeout=PATIENCE)


class Alerts(unittest.TestCase):
    maxDiff = None

    def site(self, **alerts):
        site = Site(2)
        self.addCleanup(site.__exit__)
        site.settings["serve"]["alerts"] = {"after": "1s", "every": "1s", **alerts}
        site.write()
        site.run("ban", A, "--no-push")
        return site

    def hook(self, *args):
        hook = Hook(*args)
        self.addCleanup(hook.close)
        return hook

    def break_card(self, site, number):
        shutil.move(site.folder / f"card{number}", site.folder / "away")
        (site.folder / f"card{number}").mkdir()

    def mend_card(self, site, number):
        (site.folder / f"card{number}").rmdir()
        shutil.move(site.folder / "away", site.folder / f"card{number}")

    def table(self, site, before, after):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute(f"ALTER TABLE {before} RENAME TO {after}")

    def test_to_a_program(self):
        """What begins and what ends, each once; what is over before its time, never."""
        site = self.site(command=["/bin/true"])
        told = site.folder / "told"
        program = site.folder / "page"
        program.write_text(f"#!/bin/sh\ncat >>{told}\necho >>{told}\n")
        program.chmod(0o755)
        site.settings["serve"]["alerts"]["command"] = [str(program)]
        site.write()
        site.start()
        site.run("ban", A, "--wait")
        self.break_card(site, 1)
        site.run("ban", B)

        def messages():
            return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []

        wait_until(messages, 30, "a failing device is told")
        self.assertEqual(len(messages()), 1)
        (message,) = messages()
        self.assertEqual((message["schema"], message["host"], message["ends"]), (1, socket.gethostname(), []))
        (begun,) = message["begins"]
        self.assertEqual((begun["device"], begun["name"]), ("d1", "failing"))
        self.assertRegex(begun["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn(begun["text"], message["text"])
        self.assertTrue(message["text"].startswith(f"banpush at {socket.gethostname()}\n"))
        self.mend_card(site, 1)
        wait_until(lambda: len(messages()) == 2, 60, "that it is over is told, too")
        ended = messages()[1]
        self.assertEqual(([(one["device"], one["name"]) for one in ended["ends"]], ended["begins"]), ([("d1", "failing")], []))
        self.assertIn("over: d1: ", ended["text"])
        # A reload changes nothing of what is known, and who stands in it alone is told of.
        site.settings["serve"]["alerts"]["after"] = "1h"
        site.write()
        self.reload(site)
        self.table(site, "fail2ban", "gone")
        wait_until(lambda: "devices keep what they hold" in site.log_text(), 20, "the table is gone")
        site.settings["serve"]["alerts"]["after"] = "1s"
        self.break_card(site, 2)
        self.table(site, "gone", "fail2ban")
        wait_until(lambda: "the tables can be read again" in site.log_text(), 20, "the table is back")
        site.write()
        self.reload(site)
        wait_until(lambda: len(messages()) == 3, 60, "what comes later is told")
        self.assertEqual([one["device"] for one in messages()[2]["begins"]], ["d2"], "the table was not gone for an hour")
        self.assertEqual(site.stop(), 0)

    def reload(self, site):
        known = site.log_text().count("the configuration is read anew")
        site.service.send_signal(1)
        wait_until(lambda: site.log_text().count("the configuration is read anew") > known, 20, "it is read anew")

    def test_what_was_so_while_nothing_could_be_sent(self):
        """Devices and the web server are away together, and back together: it is told, with its end."""
        hook = self.hook()
        hook.status = 503
        site = self.site(webhook=f"http://127.0.0.1:{hook.port}/")
        site.start()
        self.table(site, "fail2ban", "gone")
        self.assertEqual(hook.next()[0], 503)
        self.table(site, "gone", "fail2ban")
        wait_until(lambda: "the tables can be read again" in site.log_text(), 20, "the table is back")
        hook.status = 200
        message = hook.next()
        while message[0] != 200:
            message = hook.next()
        self.assertEqual(([one["name"] for one in message[3]["begins"]], [one["name"] for one in message[3]["ends"]]), (["tables"], ["tables"]))
        wait_until(lambda: site.json("status")["service"]["alerts"] == "", 20, "nothing is tried again any more")

    def test_a_reload_ends_nothing(self):
        """A device that fails, is paused, and is nobody's new attempt since: it fails as before."""
        hook = self.hook()
        site = self.site(webhook=f"http://127.0.0.1:{hook.port}/")
        site.start()
        self.break_card(site, 1)
        site.run("ban", B)
        self.assertEqual([one["device"] for one in hook.next()[3]["begins"]], ["d1"])
        site.run("pause", "d1")
        self.reload(site)
        self.table(site, "fail2ban", "gone")
        message = hook.next()[3]
        self.assertEqual(([one["name"] for one in message["begins"]], message["ends"]), (["tables"], []), site.log_text())

    def test_a_web_server_that_shakes_hands_for_ever(self):
        """Nothing of it holds up the service's end."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            site = self.site(webhook=f"https://127.0.0.1:{listening.getsockname()[1]}/")
            site.start()
            self.table(site, "fail2ban", "gone")
            listening.settimeout(PATIENCE)
            end, _ = listening.accept()
            with end:
                self.assertTrue(end.recv(1))
                end.sendall(b"\x16\x03\x03\x40\x00")
                self.assertEqual(site.stop(), 0)

    def test_an_answer_without_end(self):
        hook = self.hook()
        hook.floods = 400
        site = self.site(webhook=f"http://127.0.0.1:{hook.port}/")
        site.start()
        self.table(site, "fail2ban", "gone")
        hook.next()
        self.table(site, "gone", "fail2ban")
        self.assertEqual([one["name"] for one in hook.next()[3]["ends"]], ["tables"], "what it said with its status counts")
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{site.service.pid}/status").read_text())[1]) >> 10
        self.assertLess(peak, 350, "MB")

    def test_the_tables_to_a_web_server(self):
        hook = self.hook()
        token = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), "token")
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        site = self.site(webhook=f"http://127.0.0.1:{hook.port}/hook?room=night", token={"file": str(token)}, leave_out=["failing"])
        site.start()
        self.break_card(site, 2)
        self.table(site, "fail2ban", "gone")
        status, path, headers, message = hook.next()
        self.assertEqual((status, path, headers["Authorization"], headers["Content-Type"]), (204, "/hook?room=night", f"Bearer {TOKEN}", "application/json"))
        self.assertEqual([(one["device"], one["name"]) for one in message["begins"]], [("", "tables")])
        self.assertIn("devices keep what they hold", message["begins"][0]["text"])
        # What does not arrive is said, shown by status, and tried again.
        hook.status = 500
        self.table(site, "gone", "fail2ban")
        self.assertEqual(hook.next()[0], 500)
        wait_until(lambda: f"http://127.0.0.1:{hook.port} answered with status 500" in site.json("status")["service"]["alerts"], 20, "status shows it")
        self.assertIn("an alert was not delivered, and is tried again", site.run("status").stdout)
        self.assertNotIn("/hook", site.log_text(), "the path may be a secret")
        self.assertNotIn(TOKEN, site.log_text())
        hook.status = 200
        message = hook.next()[3]
        self.assertEqual([one["name"] for one in message["ends"]], ["tables"])
        wait_until(lambda: site.json("status")["service"]["alerts"] == "", 20, "it is over")
        # One that never answers keeps nobody from a push, nor the service from its end.
        hook.status = None
        self.table(site, "fail2ban", "gone")
        self.assertIsNone(hook.next()[0])
        self.table(site, "gone", "fail2ban")
        site.run("ban", B, "--wait", code=None)
        self.assertIn(B, (site.folder / "card1").read_text())
        self.assertEqual(site.stop(), 0)

    def test_over_tls(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for name in ("known", "stranger"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=hook", "-addext",
                            "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"], check=True, capture_output=True)
        hook = self.hook(f"{folder}/known")
        url = pathlib.Path(folder, "url")
        url.write_text(f"https://localhost:{hook.port}/secret-path\n")
        url.chmod(0o600)
        site = self.site(webhook={"file": str(url)}, ca=f"{folder}/stranger.pem")
        site.start()
        self.table(site, "fail2ban", "gone")
        wait_until(lambda: "an alert was not delivered, and is tried again: https://localhost" in site.log_text(), 30, "a stranger's certificate is refused")
        self.assertTrue(hook.got.empty())
        self.assertNotIn("secret-path", site.log_text())
        site.settings["serve"]["alerts"]["ca"] = f"{folder}/known.pem"
        site.write()
        site.service.send_signal(1)
        self.assertEqual([one["name"] for one in hook.next()[3]["begins"]], ["tables"])

    def test_what_is_refused(self):
        site = self.site(command=["/bin/true"])
        url = site.folder / "url"
        url.write_text("http://hooks.example.net/x\n")
        url.chmod(0o600)
        for keys, says in (({"command": ["/bin/true"], "webhook": "https://a/"}, "one of command and webhook"), ({}, "one of command and webhook"),
                           ({"webhook": "http://hooks.example.net/x"}, "reached in the clear"), ({"webhook": "https://user:pass@a/"}, "expected https://HOST"),
                           ({"webhook": "https://a:70000/"}, "expected https://HOST"), ({"webhook": "ftp://a/"}, "expected https://HOST"),
                           ({"command": ["/bin/true"], "token": {"file": "/etc/hostname"}}, "has no meaning without webhook"),
                           ({"command": ["/bin/true"], "leave_out": ["failling"]}, 'did you mean "failing"'), ({"command": ["/bin/true"], "after": 60}, "after"),
                           ({"command": ["/nonexistent/page"]}, "/nonexistent/page is no program that can be run"), ({"command": ["no-such-program"]}, "no-such-program is no program"),
                           ({"webhook": {"file": str(url)}}, "reached in the clear")):
            with self.subTest(keys):
                site.settings["serve"]["alerts"] = keys
                site.write()
                checked = site.run("check", code=2)
                self.assertIn(says, checked.stdout + checked.stderr)
        site.settings["serve"]["alerts"] = {"command": ["true"], "leave_out": ["span", "capacity"]}
        site.write()
        site.run("check")


if __name__ == "__main__":
    ending.main()
