#!/usr/bin/python3
"""A ban table that fails in the middle of being read is no short table: nothing is sent, and the error says so."""
import contextlib
import pathlib
import shutil
import socket
import sys
import threading
import unittest

import scenario
from scenario import NetworkCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bans"))
from mariadb import MariaDb  # noqa: E402
from waiting import Attended, joined  # noqa: E402

FLOOD = [f"198.18.{i // 100}.{1 + 2 * (i % 100)}" for i in range(2000)]


class Between:
    """Passes a TCP connection on, and ends it after so many bytes of the server's."""

    def __init__(self, server):
        self.server, self.most = server, None
        listening = socket.create_server(("127.0.0.22", 0))
        self.port = listening.getsockname()[1]
        self.listener = Attended(listening, self.accept)
        self.serving = {}  # thread → the client's socket

    def close(self):
        self.listener.close()
        for thread, client in self.serving.items():
            self.hang_up(client)
            joined(thread, "a connection to the table")
            client.close()

    def accept(self, listening):
        client, _ = listening.accept()
        thread = threading.Thread(target=self.serve, args=(client, self.most), daemon=True)
        self.serving[thread] = client
        thread.start()

    def serve(self, client, most):
        with socket.create_connection((self.server.address, self.server.port)) as upstream:
            back = threading.Thread(target=self.pump, args=(client, upstream, None), daemon=True)
            back.start()
            self.pump(upstream, client, most)
            back.join()

    @staticmethod
    def hang_up(one):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

    @classmethod
    def pump(cls, source, sink, most):
        passed = 0
        try:
            while data := source.recv(4096):
                passed += len(data)
                if most is not None and passed > most:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            cls.hang_up(one)


@unittest.skipUnless(shutil.which("mariadbd"), "no mariadbd here")
class Table(NetworkCase):
    def test_it_goes_away_while_it_is_read(self):
        with MariaDb(address="127.0.0.23") as server:
            server.sql("CREATE DATABASE fail2ban")
            between = Between(server)
            self.addCleanup(between.close)
            password = self.net.folder / "password"
            password.write_text(server.password + "\n")
            password.chmod(0o600)
            bans = {"url": f"mysql://{server.user}@127.0.0.22:{between.port}/fail2ban", "password": {"file": str(password)}, "tls": "off"}
            site = self.site({**self.local("linux_nft"), **self.local("linux_route", name="r2")}, name="cut", bans=bans)
            site.run("setup", "r1", "--apply")
            server.sql("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES "
                       + ", ".join(f"('web1', NOW() - INTERVAL 2 HOUR, 'sshd', 'tcp', '22', '{address}')" for address in FLOOD), "fail2ban")
            site.run("push")
            before = self.ruleset()
            self.assertIn(FLOOD[-1], before)
            server.sql("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', NOW(), 'sshd', 'tcp', '22', '198.19.0.1')", "fail2ban")
            for most in (20_000, 60_000, 90_000):
                between.most = most
                done = site.run("push", code=3)
                self.assertIn("fail2ban", done.stderr)
                self.assertEqual(self.ruleset(), before, "a short table was taken for the whole")
            between.most = 0  # nobody answers
            site.run("push", code=3)
            self.assertEqual(self.ruleset(), before)
            between.most = None
            site.run("push")
            self.assertIn("198.19.0.1", self.ruleset())
            site.run("flush", "--all", code=None)


if __name__ == "__main__":
    scenario.main()
