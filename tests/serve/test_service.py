#!/usr/bin/python3
"""The service on devices that are text files: what comes and goes in the table comes and goes there, whoever wrote it,
whatever dies in between."""
import math
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import unittest

import serving
from serving import PATIENCE, Notified, Site, addresses, hosts, wait_until
import ending

A, B, C = "203.0.113.7", "203.0.113.8", "203.0.113.9"


def rows(site, statement, values=()):
    """SQL by another hand than banpush's."""
    with sqlite3.connect(site.folder / "bans.db", timeout=10) as table:
        result = table.execute(statement, values).fetchall()
    table.close()
    return result


def insert(site, *ips, host="web1"):
    for ip in ips:
        rows(site, "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES (?, datetime('now', 'localtime'), 'sshd', 'tcp', '', ?)", (host, ip))


class Service(unittest.TestCase):
    def test_follows_the_table(self):
        with Site(count=2).start() as site:
            insert(site, A)
            for number in (1, 2):
                site.wait_for(hosts([A]), number)
            self.assertEqual(site.json("ban", B)["push"], "queued")
            site.wait_for(hosts([A, B]))
            site.run("unban", B)
            site.wait_for(hosts([A]))
            rows(site, "DELETE FROM fail2ban")  # by somebody else
            site.wait_for([])
            self.assertEqual(site.stop(), 0)

    def test_no_planted_row_explains_that_all_vanish(self):
        limits = {"add": "100%", "remove": "20%", "floor": 10, "storm": "none", "span": "100%"}
        standing = addresses(100)
        planted = [("0.0.0.0/0", "-400 days"), ("203.0.0.0/8", "-1 minutes"), ("203.0.0.0/16", "+2 days"), ("203.0.0.0/16", "-400 days")]
        with Site(limits=limits) as site:
            site.settings["serve"]["audit"] = "2s"
            site.settings["policy"]["shortest"] = {"ipv4": 16}
            site.write()
            insert(site, *standing)
            site.start()
            site.wait_for(hosts(standing))
            rows(site, "DELETE FROM fail2ban")
            for ip, age in planted:
                rows(site, "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip)"
                           " VALUES ('web1', datetime('now', 'localtime', ?), 'sshd', 'tcp', '', ?)", (age, ip))
                insert(site, A)  # seen, and with it all that came before
                site.wait_for(hosts([*standing, A]))
                time.sleep(3)  # an audit
                self.assertEqual(site.holds(), hosts([*standing, A]))
                rows(site, "DELETE FROM fail2ban WHERE ip = ?", (A,))

    def test_the_allowlist_counts_at_once(self):
        with Site().start() as site:
            insert(site, A, B)
            site.wait_for(hosts([A, B]))
            site.run("allow", "add", A)
            site.wait_for(hosts([B]))
            site.run("allow", "remove", A)
            site.wait_for(hosts([A, B]))

    def test_what_its_own_fail2ban_holds_is_left_to_it(self):
        """The own-rows filter: a rule for the reporting host, of one device."""
        with Site(count=2) as site:
            site.settings["devices"]["d1"]["hosts"] = {"web1": {"ignore": True}}
            site.write()
            site.start()
            insert(site, A, B, host="web1")
            insert(site, B, C, host="web2")
            site.wait_for(hosts([A, B, C]), 2)
            site.wait_for(hosts([B, C]), 1)

    def test_the_time_to_block_is_kept(self):
        with Site().start() as site:
            site.run("ban", A)
            site.wait_for(hosts([A]))
            (device,) = wait_until(lambda: [one for one in site.json("status")["devices"] if one["blocked_after"]], 10, "the ledger has it")
            self.assertEqual(device["blocked_after"]["count"], 1)
            self.assertTrue(0 < device["blocked_after"]["median"] < PATIENCE, device)

    def test_wait_says_when_devices_show_it(self):
        with Site(count=2).start() as site:
            said = site.json("ban", A, "--wait")
            self.assertEqual((said["push"], [one["shows"] for one in said["devices"]]), ("done", [True, True]))
            self.assertEqual(site.holds(), hosts([A]))
            self.assertGreater(said["seconds"], 0)
            self.assertEqual([one["shows"] for one in site.json("unban", A, "--wait")["devices"]], [False, False])
            self.assertEqual(site.holds(2), set())

    def test_ends_and_comes_back_at_any_instant(self):
        with Site().start() as site:
            insert(site, A)
            site.wait_for(hosts([A]))
            site.stop(signal.SIGKILL)
            insert(site, B)
            site.run("unban", A, "--no-push")
            site.start()
            site.wait_for(hosts([B]))
            for number in range(6):  # killed in the middle of things
                insert(site, f"198.51.100.{number}")
                time.sleep(0.03 * number)
                site.stop(signal.SIGKILL)
                site.start(wait=False)
            site.wait_for(hosts([B, *(f"198.51.100.{number}" for number in range(6))]))

    def test_restores_what_has_gone(self):
        with Site() as site:
            site.settings["serve"]["audit"] = "1s"
            site.write()
            site.start()
            insert(site, A, B)
            site.wait_for(hosts([A, B]))
            (site.folder / "card1").write_text(f"{B}/32\n{C}/32\n")  # somebody at the console; the list is ours whole
            site.wait_for(hosts([A, B]))

    def test_bans_that_end_go_by_themselves(self):
        with Site().start() as site:
            site.run("ban", B)
            site.run("ban", A, "--bantime", "10s")
            site.wait_for(hosts([A, B]))
            site.wait_for(hosts([B]))

    def test_a_dead_device_delays_no_other(self):
        with Site(count=3) as site:
            # It reads, and then says nothing for a long time.
            site.settings["devices"]["d2"]["run_with"] = ["sh", "-c", "sleep 600; exec \"$@\"", "-"]
            site.settings["serve"]["workers"] = 1
            site.write()
            site.start()
            for number in range(5):
                begin = time.monotonic()
                insert(site, f"198.51.100.{number}")
                site.wait_for(hosts(f"198.51.100.{n}" for n in range(number + 1)), 3)
                took = time.monotonic() - begin
            self.assertLess(took, 20)  # of 600
            self.assertEqual(site.holds(2), set())
            begin = time.monotonic()
            site.stop()
            self.assertLess(time.monotonic() - begin, 20)

    def test_a_failed_device_is_left_alone_longer_each_time(self):
        with Site(count=2) as site:
            tries = site.folder / "tries"
            site.settings["devices"]["d2"]["run_with"] = ["sh", "-c", f"echo >>{tries}; exit 7"]
            site.write()
            site.start()
            begin = time.monotonic()

            def assert_few_tries():
                self.assertLessEqual(tries.read_text().count("\n"), 3 + math.log2(1 + time.monotonic() - begin))

            insert(site, A)
            site.wait_for(hosts([A]))
            time.sleep(5)
            assert_few_tries()
            insert(site, B)  # news is no reason to hammer
            site.wait_for(hosts([A, B]))
            assert_few_tries()
            said = site.json("push", "d2", code=1)["devices"]  # but a person is
            self.assertEqual([one["outcome"] for one in said], ["failed"])

    def test_pause_flush_push_and_resume_while_it_serves(self):
        with Site(count=2).start() as site:
            insert(site, A)
            site.wait_for(hosts([A]), 2)
            self.assertEqual([one["outcome"] for one in site.json("push")["devices"]], ["in_sync", "in_sync"])
            site.run("flush", "d1")
            self.assertEqual((site.holds(1), site.holds(2)), (set(), hosts([A])))
            insert(site, B)
            site.wait_for(hosts([A, B]), 2)
            time.sleep(1)
            self.assertEqual(site.holds(1), set())
            site.run("resume", "d1")
            site.wait_for(hosts([A, B]), 1)
            plan = site.folder / "plan.json"
            site.run("plan", "--out", plan)
            self.assertEqual(len(site.json("push", "d2", "--plan", plan)["devices"]), 1)

    def test_reload_takes_only_what_is_right(self):
        with Site().start() as site:
            insert(site, A)
            site.wait_for(hosts([A]))
            good = dict(site.settings["devices"])
            site.settings["devices"] = {**good, "d2": {**site.card(2), "drivr": "x"}}
            site.write()
            site.service.send_signal(signal.SIGHUP)
            wait_until(lambda: "stays as it was" in site.log_text(), 20, "the mistake is said")
            self.assertIn("drivr", site.log_text())
            insert(site, B)
            site.wait_for(hosts([A, B]))
            site.settings["devices"] = {**good, "d2": site.card(2)}
            site.write()
            site.service.send_signal(signal.SIGHUP)
            site.wait_for(hosts([A, B]), 2)

    def test_tells_systemd(self):
        with Site() as site:
            site.notified = Notified(site.folder / "notify")
            site.start(NOTIFY_SOCKET=site.notified.path, WATCHDOG_USEC="300000")
            wait_until(lambda: "READY=1" in site.notified.lines, 10, "it is ready")
            wait_until(lambda: site.notified.lines.count("WATCHDOG=1") > 3, 10, "it is alive")
            site.service.send_signal(signal.SIGHUP)
            wait_until(lambda: site.notified.lines.count("READY=1") == 2, 10, "it is ready again")
            self.assertLess(site.notified.lines.index("RELOADING=1"), len(site.notified.lines))
            site.stop()
            self.assertIn("STOPPING=1", site.notified.lines)

    @unittest.skipUnless(os.geteuid() == 0, "another user is needed at the other end: as root only")
    def test_a_stranger_at_the_socket(self):
        with Site() as site:
            site.folder.chmod(0o777)
            path = site.settings["serve"]["socket"]
            squatter = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                                         f"import socket, time\ns = socket.socket(socket.AF_UNIX)\ns.bind({path!r})\ns.listen()\nprint(1, flush=True)\ntime.sleep(600)"],
                                        stdout=subprocess.PIPE)
            try:
                squatter.stdout.readline()
                said = site.run("ban", A)
                self.assertIn("not spoken to", said.stderr)
                site.wait_for(hosts([A]))  # by a process of its own, as if there were no service
            finally:
                squatter.kill()
                squatter.wait()
                squatter.stdout.close()

    @unittest.skipUnless(os.geteuid() == 0, "another user is needed at the other end: as root only")
    def test_a_stranger_may_not_push(self):
        with Site().start() as site:
            path = pathlib.Path(site.settings["serve"]["socket"])
            self.assertEqual(path.stat().st_mode & 0o777, 0o660)
            path.chmod(0o666)
            site.folder.chmod(0o755)
            script = (f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({str(path)!r})\n"
                      "s.sendall(b'{\"do\": \"release\", \"devices\": [\"d1\"]}\\n')\nprint(s.recv(1000).decode())")
            done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script], capture_output=True, text=True, timeout=PATIENCE)
            self.assertIn("may not ask", done.stdout)

    def test_callers_who_say_nonsense_or_nothing(self):
        with Site().start() as site:
            path = site.settings["serve"]["socket"]
            silent = [socket.socket(socket.AF_UNIX) for _ in range(20)]
            for one in silent:
                one.connect(path)
            for text in (b"\n", b"{\n", b"[]\n", b'{"do": 7}\n', b'{"do": "wait", "prefix": "x"}\n', b"\xff" * 5000 + b"\n"):
                with socket.socket(socket.AF_UNIX) as caller:
                    caller.connect(path)
                    caller.sendall(text)
            insert(site, A)
            site.wait_for(hosts([A]))
            self.assertIsNone(site.service.poll())
            for one in silent:
                one.close()


class WithoutService(unittest.TestCase):
    def test_a_ban_returns_and_is_pushed_behind(self):
        with Site() as site:
            go = site.folder / "go"
            site.settings["devices"]["d1"]["run_with"] = ["sh", "-c", f"while [ ! -e {go} ]; do sleep 0.1; done; exec \"$@\"", "-"]
            site.settings["devices"]["d1"]["silence"] = f"{10 * PATIENCE}s"
            site.write()
            self.assertEqual(site.json("ban", A)["push"], "queued")
            site.run("ban", B)
            self.assertEqual(site.holds(), set())
            go.touch()
            site.wait_for(hosts([A, B]))

    def test_wait_pushes_here(self):
        with Site() as site:
            self.assertEqual(site.json("ban", A, "--wait")["push"], "done")
            self.assertEqual(site.holds(), hosts([A]))

    def test_many_at_once(self):
        with Site() as site:
            many = serving.addresses(30)
            threads = [threading.Thread(target=lambda mine: [site.run("ban", one) for one in mine], args=(many[n::6],)) for n in range(6)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            site.wait_for(hosts(many), seconds=60)


if __name__ == "__main__":
    ending.main()
