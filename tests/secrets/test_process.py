#!/usr/bin/python3
"""What passes through a process of ours is had by nobody else: no core is left of it, and another process of the same user can
neither trace it nor read its memory or its environment. Each is tried on an ordinary process first, where it succeeds."""
import contextlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "serve"), str(HERE.parent / "rights")]
import ending  # noqa: E402
import serving  # noqa: E402
from test_rights import ALICE, ROOT, SERVICE, Place, as_user  # noqa: E402
from waiting import Attended, wait_until  # noqa: E402

MARK = "a-word-in-the-environment"
# AddressSanitizer forbids cores by itself; here that is to be the program's own doing.
ALLOWING = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":disable_coredump=0", "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":disable_coredump=0"}

# Run as the user whose process is to be looked into. Prints what was possible.
LOOK = """
import ctypes, os, signal, sys
pid = int(sys.argv[1])
for name in ("environ", "mem", "maps", "fd"):
    try:
        if name == "fd":
            os.readlink(f"/proc/{pid}/fd/0")
        else:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                file.seek(0) if name == "mem" else file.read(1)
        print(name)
    except OSError:
        pass
c = ctypes.CDLL(None, use_errno=True)
c.ptrace.restype, c.ptrace.argtypes = ctypes.c_long, [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if c.ptrace(16, pid, None, None) == 0:  # PTRACE_ATTACH
    print("ptrace")
    os.waitpid(pid, 0x40000000)
    c.ptrace(17, pid, None, None)
"""
ALL = {"environ", "mem", "maps", "fd", "ptrace"}


def looked_into(user, pid):
    """What another process of that user can have of this one."""
    done = subprocess.run(as_user(user, ["/usr/bin/python3", "-c", LOOK, pid]), capture_output=True, text=True, timeout=serving.PATIENCE)
    if done.returncode:
        raise AssertionError(done.stderr)
    return set(done.stdout.split())


def core_limit(pid):
    for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    raise AssertionError("no limit")


def program_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().rsplit("/", 1)[-1]
    return ""


def family_of(pid):
    """The process, and all that it began."""
    all_of_it = [pid]
    for one in all_of_it:
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                all_of_it += map(int, (task / "children").read_text().split())
    return all_of_it


class SilentTable:
    """A server of nothing: whoever connects waits."""

    def __init__(self):
        self.held, self.socket = [], socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        self.attended = Attended(self.socket, lambda one: self.held.append(one.accept()[0]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.attended.close()
        for one in self.held:
            one.close()


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "several users are needed: as root only")
class Process(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-core-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o777)

    def begin(self, user, argv, **environment):
        """With every core allowed, in a folder where one can be left."""
        running = subprocess.Popen(as_user(user, argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
                                   env={**serving.ENVIRONMENT, **ALLOWING, "MARK": MARK, **environment},
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        self.addCleanup(self.end, running)
        return running

    def end(self, running):
        for pid in reversed(family_of(running.pid)):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        running.wait()

    def cores(self):
        return [file.name for file in self.folder.iterdir()]

    def aborted(self, running):
        running.send_signal(signal.SIGABRT)
        status = running.wait(serving.PATIENCE)
        self.assertEqual(status, -signal.SIGABRT)

    def has_cores(self):
        """Whether an ordinary process leaves one here: where a program takes them (core_pattern), none is in the folder."""
        return not pathlib.Path("/proc/sys/kernel/core_pattern").read_text().startswith(("|", "/", "@"))

    def test_an_ordinary_process_is_open(self):
        running = self.begin(SERVICE, ["/usr/bin/sleep", "600"])
        wait_until(lambda: program_of(running.pid) == "sleep", 20, "it sleeps")
        yama = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")  # from 1 on, only a parent may trace and write
        closed = {"ptrace", "mem"} if yama.exists() and int(yama.read_text()) > 0 else set()
        self.assertEqual(looked_into(SERVICE, running.pid), ALL - closed)
        self.assertEqual(looked_into(ALICE, running.pid), set())
        self.aborted(running)
        self.assertEqual(bool(self.cores()), self.has_cores())

    def assert_closed(self, user, pid):
        self.assertEqual(looked_into(user, pid) & ALL, set(), program_of(pid))
        self.assertEqual(core_limit(pid), ["0", "0"], program_of(pid))

    def test_the_service(self):
        with Place() as place:
            place.run(ROOT, "init")
            running = self.begin(SERVICE, [serving.BANPUSH, "-c", place.config, "serve"])
            wait_until(lambda: pathlib.Path(place.settings["serve"]["socket"]).exists(), 60, "the service serves")
            self.assertIn(program_of(running.pid), ("banpush", "banpush-devices"))
            self.assert_closed(SERVICE, running.pid)
            self.aborted(running)
            self.assertEqual(self.cores(), [])

    def test_a_ban_and_the_process_that_asks_the_table(self):
        with SilentTable() as table, Place(f"mysql://fail2ban@127.0.0.1:{table.port}/fail2ban") as place:
            for user in (SERVICE, ALICE):
                running = self.begin(user, [serving.BANPUSH, "-c", place.config, "ban", "203.0.113.7", "--no-push"])
                held = len(table.held)
                wait_until(lambda: len(table.held) > held or running.poll() is not None, 60, "the table is asked")
                family = family_of(running.pid)
                self.assertGreater(len(family), 1)
                os.kill(running.pid, signal.SIGSTOP)  # it gives up after seconds
                for pid in family:
                    self.assert_closed(user, pid)
                os.kill(running.pid, signal.SIGCONT)
                self.aborted(running)
            self.assertEqual(self.cores(), [])

    def test_a_command_that_tells_a_secret(self):
        """It is a program of its own: what it is can be looked into, and no core is left of it."""
        with Place("mysql://fail2ban@127.0.0.1:1/fail2ban") as place:
            place.settings["bans"]["password"] = {"command": ["/usr/bin/sleep", "600"]}
            place.configure()
            for verb in (["push"], ["check"], ["plan"], ["list"], ["serve"]):
                with self.subTest(verb):
                    running = self.begin(SERVICE, [serving.BANPUSH, "-c", place.config, *verb])
                    slept = wait_until(lambda: [pid for pid in family_of(running.pid) if program_of(pid) == "sleep"], 60, "the secret is asked for")
                    self.assertEqual(core_limit(slept[0]), ["0", "0"])
                    self.assertEqual(pathlib.Path(f"/proc/{slept[0]}/environ").read_bytes().count(MARK.encode()), 0)
                    self.assert_closed(SERVICE, running.pid)
                    self.aborted(running)
            self.assertEqual(self.cores(), [])

    def test_root_is_no_worse_off(self):
        """Root's ban takes the rights of the folder's owner for a while: then the kernel decides anew who may look into it."""
        with SilentTable() as table, Place(f"mysql://fail2ban@127.0.0.1:{table.port}/fail2ban") as place:
            running = self.begin(ROOT, [serving.BANPUSH, "-c", place.config, "ban", "203.0.113.7", "--no-push"])
            wait_until(lambda: table.held or running.poll() is not None, 60, "the table is asked")
            for pid in family_of(running.pid):
                self.assertEqual(looked_into(SERVICE, pid), set())
                self.assertEqual(core_limit(pid), ["0", "0"])
            self.aborted(running)
            self.assertEqual(self.cores(), [])


if __name__ == "__main__":
    ending.main()
