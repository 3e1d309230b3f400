#!/usr/bin/python3
"""A private MariaDB server for tests: own folder, own socket, a loopback port, stopped by its pid.

From Python:

    from mariadb import MariaDb
    with MariaDb(tls=True) as server:
        server.sql("CREATE DATABASE fail2ban")
        config["url"], password = server.url("fail2ban"), server.password

From other languages: `mariadb.py hold [--tls] [--zone TZ] [--option=--x=y ...]` starts one, prints what there is to know as
`key=value` lines and then `ready`, and stops it when its standard input ends. A line `start` on the standard input starts it again after
it was killed.
"""
import argparse
import ipaddress
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

USER, PASSWORD = "fail2ban", "s3cret"
TLS_ONLY_USER = "tlsonly"  # with the same password
START_TIMEOUT = 120  # a busy disk, a busy machine
QUICK = ["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2"]  # nobody needs these data after a power cut
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def unprivileged_user():
    """The user that runs the server: ourselves, or where we are root, one of those that Debian has."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither mysql nor nobody is a user here")


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def memory_folder():
    """A folder in memory where there is enough of it, else nothing: a busy disk makes a server's first start take a minute."""
    try:
        return "/dev/shm" if shutil.disk_usage("/dev/shm").free > 2 << 30 and os.access("/dev/shm", os.W_OK) else None
    except OSError:
        return None


def run(arguments, **more):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed ({done.returncode}): {done.stderr or done.stdout}")
    return done.stdout


def make_authority(folder, name):
    """A certificate authority of its own: NAME-key.pem and NAME.pem."""
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN=banpush test {name}",
         "-keyout", folder / f"{name}-key.pem", "-out", folder / f"{name}.pem"])


def make_certificate(folder, authority, address):
    """server-key.pem and server.pem, good for that address only."""
    (folder / "server.ext").write_text(f"subjectAltName=IP:{address}\n")
    run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=banpush test table",
         "-keyout", folder / "server-key.pem", "-out", folder / "server.csr"])
    run(["openssl", "x509", "-req", "-days", "2", "-in", folder / "server.csr", "-CA", folder / f"{authority}.pem", "-CAkey", folder / f"{authority}-key.pem",
         "-CAcreateserial", "-extfile", folder / "server.ext", "-out", folder / "server.pem"])


class MariaDb:
    """One server. Attributes: folder, address, second_address (not in its certificate), port, socket, pid, user, password, ca and
    other_ca (with TLS: the authority of its certificate, and one that knows nothing of it)."""

    def __init__(self, address="127.0.0.21", port=None, tls=False, zone=None, options=()):
        self.address, self.port = address, port or free_port(address)
        self.second_address = str(ipaddress.ip_address(address) + 100)
        self.user, self.password = USER, PASSWORD
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-mariadb-", dir=memory_folder()))
        self.socket = self.folder / "s.sock"
        self.ca = self.folder / "ca.pem" if tls else None
        self.other_ca = self.folder / "other.pem" if tls else None
        self._zone, self._options, self._account = zone, list(options), unprivileged_user()
        self._process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.stop()
        self.remove()

    @property
    def pid(self):
        return self._process.pid

    def url(self, database="fail2ban"):
        return f"mysql://{self.user}@{self.address}:{self.port}/{database}"

    def socket_url(self, database="fail2ban"):
        return f"mysql://{self.user}@localhost/{database}?socket={self.socket}"

    def start(self):
        """Starts it, from an empty folder the first time. Returns itself when it answers."""
        if not (self.folder / "data").exists():
            self._install()
        environment = dict(os.environ, **({"TZ": self._zone} if self._zone else {}))
        self._process = subprocess.Popen(
            self._as_user(["mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}/tmp", f"--socket={self.socket}",
                           f"--pid-file={self.folder}/pid", f"--log-error={self.folder}/err.log", f"--bind-address={self.address},{self.second_address}", f"--port={self.port}",
                           f"--init-file={self.folder}/init.sql", "--innodb-buffer-pool-size=64M", *QUICK, "--skip-name-resolve", *self._tls_options(), *self._options]),
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"mariadbd did not start:\n{(self.folder / 'err.log').read_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def sql(self, text, database=None):
        """What the plain client prints for it, as root; tab-separated lines without a header."""
        return run(["mariadb", "--no-defaults", "-uroot", "-S", str(self.socket), "-N", "-B", *([database] if database else [])], input=text)

    def stop(self):
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self._process.kill()
        self._process.wait(60)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _as_user(self, arguments):
        if self._account is None:
            return arguments
        return ["setpriv", f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups", *arguments]

    def _install(self):
        (self.folder / "tmp").mkdir()
        accounts = ((USER, ""), (TLS_ONLY_USER, " REQUIRE SSL"))
        (self.folder / "init.sql").write_text("".join(  # one statement a line: the server reads no more than that
            f"CREATE USER IF NOT EXISTS {name}@'%' IDENTIFIED BY '{PASSWORD}'{tls};\nGRANT ALL ON *.* TO {name}@'%';\n" for name, tls in accounts))
        if self.ca:
            make_authority(self.folder, "ca")
            make_authority(self.folder, "other")
            make_certificate(self.folder, "ca", self.address)
        if self._account:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        run(self._as_user(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}/tmp",
                           "--auth-root-authentication-method=normal", "--skip-test-db", *QUICK]))

    def _tls_options(self):
        if not self.ca:
            return []
        return [f"--ssl-ca={self.ca}", f"--ssl-cert={self.folder}/server.pem", f"--ssl-key={self.folder}/server-key.pem"]

    def _answers(self):
        if not self.socket.exists():
            return False
        done = subprocess.run(["mariadb-admin", "--no-defaults", "-uroot", "-S", str(self.socket), "ping"], capture_output=True, timeout=60)
        return done.returncode == 0


def tell(server):
    for key in ("folder", "address", "second_address", "port", "socket", "pid", "user", "password", "ca", "other_ca"):
        print(f"{key}={getattr(server, key) or ''}")
    print("ready", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=["hold"])
    parser.add_argument("--address", default="127.0.0.21")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--zone", help="time zone of the server, as in TZ")
    parser.add_argument("--option", action="append", default=[], help="one more option for mariadbd")
    asked = parser.parse_args()
    with MariaDb(address=asked.address, tls=asked.tls, zone=asked.zone, options=asked.option) as server:
        tell(server)
        for line in sys.stdin:
            if line.strip() == "start":
                server.kill()
                server.start()
                tell(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
