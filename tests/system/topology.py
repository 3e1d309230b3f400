"""A small network of namespaces with a real router in it, for the system tests and for the demo.

    attacker 203.0.113.7  ─┐
             2001:db8:1::7 ├─ router ── server 192.0.2.80, 2001:db8:3::80 (tcp/8080, udp/8080)
    client   198.51.100.8 ─┤
             2001:db8:2::8 │
    operator 100.64.0.2   ─┘  (banpush runs here when it goes over SSH)

Names carry the process id, so that several of these stand side by side. Everything made here is taken
away again: at the end, at an exception, at SIGINT and SIGTERM.
"""
import atexit
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from waiting import PATIENCE, Attended, comes_within, wait_until  # noqa: E402

ATTACKER4, ATTACKER6 = "203.0.113.7", "2001:db8:1::7"
CLIENT4, CLIENT6 = "198.51.100.8", "2001:db8:2::8"
SERVER4, SERVER6 = "192.0.2.80", "2001:db8:3::80"
OPERATOR, ROUTER = "100.64.0.2", "100.64.0.1"
PORT = 8080
FRR = pathlib.Path("/usr/lib/frr")

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = iter(range(10_000))


def run(*argv, check=True, input=None, timeout=PATIENCE):
    """A program with its output as text; an error says what it said."""
    done = subprocess.run([str(word) for word in argv], input=input, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: status {done.returncode}: {done.stderr or done.stdout}")
    return done


def missing_programs(packages):
    """Of these programs (`{program: its Debian package}`) those that are not installed here."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])  # `su` leaves the last two out
    return {program: package for program, package in packages.items() if not shutil.which(program, path=path)}


def why_no_namespaces():
    """Why this process cannot make network namespaces and wire them, in words for people; None where it can."""
    if missing_programs({"ip": "iproute2"}):
        return "the program ip is not installed (Debian's package iproute2)"
    name = f"bp{os.getpid()}-try"
    try:
        for words in (("netns", "add", name), ("-n", name, "link", "add", "try0", "type", "veth", "peer", "name", "try1"), ("netns", "exec", name, "true")):
            done = run("ip", *words, check=False)
            if done.returncode != 0:
                return f"`ip {' '.join(words)}` says: {(done.stderr or done.stdout).strip()}"
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`ip` cannot be run: {error}"
    finally:
        with contextlib.suppress(OSError):
            run("ip", "netns", "del", name, check=False)


def namespaces_permitted():
    """Whether this process may make network namespaces and wire them."""
    return why_no_namespaces() is None


def inside(namespace, call):
    """Runs `call` in a thread of its own inside the namespace and hands its result back."""
    result = []

    def body():
        try:
            handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            try:
                if _libc.setns(handle, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"cannot enter namespace {namespace}")
            finally:
                os.close(handle)
            result.append((True, call()))
        except BaseException as error:  # handed to the caller's thread
            result.append((False, error))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(PATIENCE)
    if not result:
        raise TimeoutError(f"nothing came back from namespace {namespace}")
    good, value = result[0]
    if not good:
        raise value
    return value


def has_ended(pid):
    """Gone, or a zombie that nobody has collected yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class Network:
    """The namespaces, what runs in them, and a folder for files. Use as a context manager, or close()."""

    def __init__(self, rp_filter=1):
        self.tag = f"bp{os.getpid()}x{next(_counter)}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"banpush-{self.tag}-"))
        self.folder.chmod(0o755)
        self.attacker, self.client, self.router, self.server, self.operator = (
            f"{self.tag}-{name}" for name in ("attacker", "client", "router", "server", "operator"))
        self.namespaces = [self.attacker, self.client, self.router, self.server, self.operator]
        self._made, self._processes, self._pid_files, self._attended = [], [], [], []
        self._closed = False
        self.heard = []  # source addresses of datagrams that reached the server
        atexit.register(self.close)
        try:
            self._build(rp_filter)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        for attended in self._attended:
            attended.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for file in self._pid_files:
            self._stop(file)
        for name in self._made:
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _stop(file):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            os.kill(pid, signal.SIGTERM)
            if not comes_within(lambda: has_ended(pid), 10):
                os.kill(pid, signal.SIGKILL)

    def _build(self, rp_filter):
        for name in self.namespaces:
            run("ip", "netns", "add", name)
            self._made.append(name)
            # Before any address: or the first IPv6 packet waits two seconds for duplicate detection.
            self.sysctl(name, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                        f"net.ipv4.conf.default.rp_filter={rp_filter if name == self.router else 0}", "net.ipv4.conf.all.rp_filter=0")
        for name, link, net4, net6, host in ((self.attacker, "in0", "203.0.113", "2001:db8:1:", 7), (self.client, "in1", "198.51.100", "2001:db8:2:", 8),
                                             (self.server, "out0", "192.0.2", "2001:db8:3:", 80)):
            run("ip", "link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", link, "netns", self.router)
            batch = f"link set lo up\nlink set eth0 up\naddr add {net4}.{host}/24 dev eth0\naddr add {net6}:{host}/64 dev eth0\n" \
                    f"route add default via {net4}.1\nroute add default via {net6}:1\n"
            run("ip", "-n", self.router, "-batch", "-", input=f"link set lo up\nlink set {link} up\naddr add {net4}.1/24 dev {link}\naddr add {net6}:1/64 dev {link}\n")
            run("ip", "-n", name, "-batch", "-", input=batch)
        run("ip", "link", "add", "eth0", "netns", self.operator, "type", "veth", "peer", "name", "mgmt0", "netns", self.router)
        run("ip", "-n", self.router, "-batch", "-", input=f"link set mgmt0 up\naddr add {ROUTER}/24 dev mgmt0\n")
        run("ip", "-n", self.operator, "-batch", "-", input=f"link set lo up\nlink set eth0 up\naddr add {OPERATOR}/24 dev eth0\n")
        self.sysctl(self.router, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self._listen()

    @staticmethod
    def sysctl(namespace, *settings):
        run("ip", "netns", "exec", namespace, "sysctl", "-q", "-w", *settings)

    def inside(self, namespace, *argv, **options):
        """A program in a namespace."""
        return run("ip", "netns", "exec", namespace, *argv, **options)

    # What answers on the server, and who reaches it.

    def _listen(self):
        def bind():
            tcp = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=16)
            udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            udp.bind(("::", PORT))
            return tcp, udp

        tcp, udp = inside(self.server, bind)
        self._attended = [Attended(tcp, lambda listening: listening.accept()[0].close()),
                          Attended(udp, lambda bound: self.heard.append(bound.recvfrom(64)[1][0].removeprefix("::ffff:")))]

    def reaches(self, namespace, address, port=PORT, seconds=0.5):
        """Whether a TCP connection from the namespace is answered in time (a round trip takes 0.1 ms here)."""
        def connect():
            try:
                socket.create_connection((address, port), timeout=seconds).close()
                return True
            except OSError:
                return False

        return inside(namespace, connect)

    def arrives(self, namespace, address, seconds=0.3):
        """Whether a datagram from the namespace gets to the server at all, whatever becomes of an answer."""
        before = len(self.heard)

        def send():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                with contextlib.suppress(OSError):
                    probe.sendto(b"?", (address, PORT))

        inside(namespace, send)
        return comes_within(lambda: len(self.heard) > before, seconds)

    # What runs on the router.

    def start_sshd(self, address=ROUTER, namespace=None):
        """A private sshd in the router: `key` logs in to a shell, `vtysh_key` to the router's CLI."""
        folder = self.folder / "ssh"
        folder.mkdir(exist_ok=True)
        self.key, self.vtysh_key, host_key = folder / "key", folder / "vtysh_key", folder / "host_key"
        for file in (self.key, self.vtysh_key, host_key):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file)
        vtysh = f"vtysh --vty_socket {self.folder}/frr --config_dir {self.folder}/frr"
        (folder / "authorized").write_text(f'{self.key.with_suffix(".pub").read_text()}command="{vtysh}" {self.vtysh_key.with_suffix(".pub").read_text()}')
        (folder / "config").write_text(
            f"Port 22\nListenAddress {address}\nHostKey {host_key}\nPidFile {folder}/pid\nAuthorizedKeysFile {folder}/authorized\n"
            "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 200:30:400\nMaxSessions 50\nPrintMotd no\nPrintLastLog no\n"
            "SetEnv SHLVL=1\n")  # as in tests/transport/sshd.py: bash then leaves ~/.bashrc alone
        self.known_hosts = folder / "known_hosts"
        kind, text = (folder / "host_key.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"{address} {kind} {text}\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.inside(namespace or self.router, "/usr/sbin/sshd", "-f", folder / "config", "-E", folder / "log")
        self._pid_files.append(folder / "pid")
        wait_until(lambda: (folder / "pid").exists(), 5, "sshd wrote its pid file")

    def start_frr(self):
        """zebra and staticd in the router, with sockets and configuration of their own."""
        folder = self.folder / "frr"
        folder.mkdir()
        for name in ("zebra", "staticd", "vtysh"):
            (folder / f"{name}.conf").write_text("hostname r1\n" + ("ip forwarding\nipv6 forwarding\n" if name == "zebra" else ""))
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "frr", "frr")
        self.vty_socket = folder
        for name in ("zebra", "staticd"):
            self.inside(self.router, FRR / name, "-d", "-u", "frr", "-g", "frr", "-A", "127.0.0.1", "-P", "0", "-f", folder / f"{name}.conf",
                        "-i", folder / f"{name}.pid", "-z", folder / "zserv.api", "--vty_socket", folder)
            self._pid_files.append(folder / f"{name}.pid")
        wait_until(lambda: self.vtysh("show running-config staticd").count("frr version"), 5, "FRR answers")

    def vtysh(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return self.inside(self.router, "vtysh", "--vty_socket", self.vty_socket, "--config_dir", self.vty_socket, *words, check=False).stdout

    def start(self, argv, **options):
        """A program that runs until the end; stopped by close()."""
        process = subprocess.Popen([str(word) for word in argv], **options)
        self._processes.append(process)
        return process


def _leave(number, _frame):
    # SystemExit runs `finally`, context managers and atexit: that is where everything is taken away.
    sys.exit(128 + number)


def end_cleanly_on_signals():
    """SIGTERM and SIGHUP as an ordinary end of the program (SIGINT is one already)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
