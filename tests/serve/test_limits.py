#!/usr/bin/python3
"""The service where the machine has no thread or no descriptor left: it says so, spins nowhere, goes on with what it has, and
does all of it again once there is room."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

import serving
from serving import ENVIRONMENT, PATIENCE, Notified, Site, addresses, hosts, wait_until

A, B, C = addresses(3)


def threads_of(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def no_descriptor_more(pid):
    """The limit that leaves none free: the lowest number that is not in use all the time."""
    kept = None
    for _ in range(20):
        now = {int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
        kept = now if kept is None else kept & now
        time.sleep(0.02)
    return next(number for number in range(len(kept) + 1) if number not in kept)


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def set_limit(pid, what, soft):
    """As the user whose process it is: another one's limits are not root's to change everywhere."""
    user = re.search(r"^Uid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1)
    words = ["setpriv", f"--reuid={user}", "--clear-groups", "prlimit", f"--pid={pid}"]
    hard = subprocess.run([*words, f"--{what}", "--raw", "--noheadings", "-o", "HARD"], capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run([*words, f"--{what}={hard if soft == 'most' else soft}:{hard}"], check=True)


@unittest.skipUnless(os.geteuid() == 0, "root: threads are counted by user, and root's are not limited")
class WithoutThreads(unittest.TestCase):
    """The service runs as a user of its own, whom nobody else's threads count for."""

    def setUp(self):
        self.site = Site(2)
        self.addCleanup(self.site.__exit__)
        self.user = 1_000_000 + os.getpid()
        subprocess.run(["chown", "-R", str(self.user), str(self.site.folder)], check=True)
        self.site.folder.chmod(0o755)
        plain = self.site.argv
        self.site.argv = lambda *words: [*(["setpriv", f"--reuid={self.user}", "--clear-groups"] if words == ("serve",) else []), *plain(*words)]
        self.site.start()
        self.site.argv = plain
        self.pid = self.site.service.pid

    def insert(self, address):
        self.site.run("ban", address, "--no-push")
        subprocess.run(["chown", "-R", str(self.user), str(self.site.folder)], check=True)

    def wait_for_callers_to_end(self):
        """The thread of whoever asked last may still be there, and its end would leave room for another."""
        counts = []

        def is_stable():
            counts.append(threads_of(self.pid))
            return len(counts) > 10 and len(set(counts[-10:])) == 1

        wait_until(is_stable, 30, "no thread comes or goes")

    def reload(self, said):
        before = self.site.log_text().count(said)
        self.site.service.send_signal(signal.SIGHUP)
        wait_until(lambda: self.site.log_text().count(said) > before or self.site.service.poll() is not None, 60, f"the log says: {said}")
        self.assertIsNone(self.site.service.poll(), self.site.log_text())

    def test_a_reload_that_cannot_be_leaves_what_runs(self):
        self.insert(A)
        self.site.wait_for(hosts([A]))
        time.sleep(0.3)
        set_limit(self.pid, "nproc", threads_of(self.pid) + 1)  # the first thread of the new service, and no more
        for address, number in ((B, 1), (C, 2)):
            self.reload("stays as it was")
            self.insert(address)
            self.site.wait_for(hosts([A, B, C][:number + 1]), 1)
            self.site.wait_for(hosts([A, B, C][:number + 1]), 2)
        set_limit(self.pid, "nproc", "most")
        self.reload("is read anew")
        self.site.run("unban", A, "--no-push")
        self.site.wait_for(hosts([B, C]))

    def test_callers_without_a_thread_are_heard_all_the_same(self):
        self.wait_for_callers_to_end()
        set_limit(self.pid, "nproc", threads_of(self.pid))
        answer = self.site.ask(do="status")
        self.assertIn("no thread", answer["refused"])
        self.insert(A)
        time.sleep(1)  # its device needs a process, which is not to be had either
        self.assertIsNone(self.site.service.poll())
        set_limit(self.pid, "nproc", "most")
        self.site.wait_for(hosts([A]))
        self.assertIn("devices", self.site.ask(do="status"))


class WithoutDescriptors(unittest.TestCase):
    def test_nothing_spins_and_all_goes_on_afterwards(self):
        with Site().start() as site:
            pid = site.service.pid
            site.run("ban", A)
            site.wait_for(hosts([A]))
            set_limit(pid, "nofile", no_descriptor_more(pid))
            callers = [socket.socket(socket.AF_UNIX) for _ in range(5)]
            for caller in callers:
                caller.connect(site.settings["serve"]["socket"])
            site.run("ban", B, "--no-push")  # and the device cannot be spoken to
            time.sleep(1)
            before = processor_seconds(pid)
            time.sleep(4)
            spent = processor_seconds(pid) - before
            self.assertLess(spent, 1.5, f"{spent} of 4 seconds of the processor\n{site.log_text()}")
            self.assertIn("a caller has to wait", site.log_text())
            set_limit(pid, "nofile", 1024)
            site.wait_for(hosts([A, B]))
            self.assertEqual(site.ask(do="status")["tables"], "")
            for caller in callers:
                caller.close()

    def test_the_limit_is_raised_and_said(self):
        with Site(3) as site:
            argv = site.argv
            site.argv = lambda *words: ["prlimit", "--nofile=200:4096", *argv(*words)]
            site.start()
            self.assertIn("/4096", subprocess.run(["prlimit", f"--pid={site.service.pid}", "--nofile", "--raw", "--noheadings", "-o", "SOFT,HARD"], capture_output=True,
                                                  text=True, check=True).stdout.strip().replace(" ", "/") + "/")
            self.assertRegex(site.log_text(), r"descriptors: at most \d+ needed for this configuration, 4096 allowed")
            site.stop()
            site.argv = lambda *words: ["prlimit", "--nofile=200:200", *argv(*words)]
            site.start()
            self.assertRegex(site.log_text(), r"up to \d+ needed for this configuration, and only 200 allowed.*LimitNOFILE")

    def test_the_unit_allows_as_many_as_a_thousand_devices_need(self):
        unit = (serving.SOURCE / "config/systemd/banpush.service").read_text()
        with Site(1000) as site:
            site.start()
            needed = int(re.search(r"descriptors: at most (\d+) needed", site.log_text()).group(1))
        self.assertGreaterEqual(int(re.search(r"^LimitNOFILE=(\d+)$", unit, re.M).group(1)), needed)


class OneAtATime(unittest.TestCase):
    """Who waits for the turn says for whom, and ends when told to."""

    def test_a_second_service_says_who_serves_and_ends(self):
        with Site().start() as site:
            second = subprocess.Popen(site.argv("serve"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
            said, begin = second.stderr.readline(), time.monotonic()
            self.assertEqual(second.wait(60), 1)
            spent = time.monotonic() - begin
            said += second.stderr.read()
            second.stderr.close()
            self.assertEqual(said.count(f"banpush serve (process {site.service.pid}, since "), 2, said)
            self.assertLess(spent, 4, "two seconds of waiting")
            site.run("ban", A, "--no-push")
            site.wait_for(hosts([A]))

    def test_a_second_service_ends_at_once_when_told_to(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with Site().start() as site:
                self.ends_at_once(site, ["serve"], how)

    def test_who_waits_for_a_push_says_so_and_ends_at_once(self):
        with Site() as site:
            site.settings["devices"]["d1"]["run_with"] = ["sh", "-c", "sleep 120", "-"]
            site.write()
            site.run("ban", A, "--no-push")
            slow = subprocess.Popen(site.argv("push"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
            try:
                wait_until(lambda: " push" in self.note(site), 20, "the push has the turn")
                for verb in (["serve"], ["push"], ["flush", "d1"], ["ban", B, "--wait"]):
                    said = self.ends_at_once(site, verb, signal.SIGTERM)
                    self.assertIn(f"banpush push (process {slow.pid}, since ", said, verb)
            finally:
                slow.kill()
                slow.wait()
            self.assertNotIn(str(slow.pid), site.run("status").stderr)

    def test_an_unknown_device_is_named_before_anything_is_opened_or_waited_for(self):
        import fcntl
        with Site() as site:
            site.run("ban", A, "--no-push")
            before = sorted(os.listdir(site.folder))
            for verb in (["push"], ["plan"], ["flush"], ["pause"], ["resume"], ["show"], ["setup"], ["save"], ["check"]):
                self.assertIn("nosuch", site.run(*verb, "nosuch", code=2).stderr, verb)
            self.assertEqual(sorted(os.listdir(site.folder)), before)
            with open(f"{site.folder}/state.db.turn", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                said = site.run("push", "nosuch", code=2).stderr
            self.assertNotIn("waiting", said)

    def test_what_a_push_waits_for_is_said_once(self):
        import fcntl
        with Site() as site:
            site.run("push")
            site.leave_unconfirmed(4)
            with open(f"{site.folder}/state.db.turn", "w") as lock, open(f"{site.folder}/said", "w+") as said:
                fcntl.flock(lock, fcntl.LOCK_EX)
                push = subprocess.Popen(site.argv("push"), stdout=subprocess.DEVNULL, stderr=said, env=ENVIRONMENT)
                try:
                    wait_until(lambda: "has the turn" in pathlib.Path(said.name).read_text(), 20, "the push waits for its turn")
                    fcntl.flock(lock, fcntl.LOCK_UN)
                    self.assertEqual(push.wait(PATIENCE), 0)
                finally:
                    push.kill()
                    push.wait()
                text = pathlib.Path(said.name).read_text()
            self.assertEqual((text.count("has the turn; waiting"), text.count("; waiting for that")), (1, 1), text)

    def test_a_turn_without_a_note_is_not_laid_on_anybody(self):
        import fcntl
        with Site() as site, open(f"{site.folder}/state.db.turn", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for note in ("", "1 1 1 serve\n", "999999999 1 1 serve\n", "x" * 4000, f"{os.getpid()} 0 0 s\x1b[31m\n"):
                lock.seek(0)
                lock.truncate()
                lock.write(note)
                lock.flush()
                second = site.run("serve", code=1, timeout=30)
                self.assertIn("a process that left no note", second.stderr)
                self.assertNotIn("\x1b", second.stderr)

    def note(self, site):
        path = site.folder / "state.db.turn"
        return path.read_text() if path.exists() else ""

    def ends_at_once(self, site, verb, how):
        waiting = subprocess.Popen(site.argv(*verb), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        said = waiting.stderr.readline()
        begin = time.monotonic()
        waiting.send_signal(how)
        waiting.wait(20)
        self.assertLess(time.monotonic() - begin, 2, verb)
        said += waiting.stderr.read()
        waiting.stderr.close()
        return said


class Watchdog(unittest.TestCase):
    def test_a_reload_that_failed_is_not_called_one(self):
        with Site() as site:
            site.notified = Notified(site.folder / "notify")
            site.start(NOTIFY_SOCKET=site.notified.path)
            site.settings["devices"]["d1"]["drivr"] = "x"
            site.write()
            site.service.send_signal(signal.SIGHUP)
            wait_until(lambda: site.notified.lines.count("READY=1") == 2, 20, "it is ready again")
            self.assertIn("stays as it was", [line for line in site.notified.lines if line.startswith("STATUS=")][-1])


if __name__ == "__main__":
    unittest.main()
