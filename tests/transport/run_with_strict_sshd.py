#!/usr/bin/python3
"""Runs a test program with sshds that allow few tries or talk without end, and an agent with many keys; their whereabouts stand in its
environment."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from sshd import Sshd, end, make_key

TRIES = (1, 2, 6)
STRANGERS = 8
BABBLERS = {
    "ZERO": "cat /dev/zero",
    "YES": "yes",
    "ERRORS": "yes >&2",
    "PROMPT": "yes router#",
    "DRIP": "while :; do echo router#; sleep 0.2; done",
    "MARKS": "yes ']]>]]>'",
}


@contextlib.contextmanager
def agent_with(folder, keys):
    """The socket of an agent that holds these keys, in this order."""
    socket = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not socket.exists() and time.monotonic() < until:
            time.sleep(0.02)
        environment = dict(os.environ, SSH_AUTH_SOCK=str(socket), SSH_ASKPASS="/bin/false", DISPLAY="")
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True, timeout=30, stdin=subprocess.DEVNULL)
        yield socket
    finally:
        end(process)


def main():
    if not shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"):
        print("skipped: no sshd on this machine")
        return 77
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strict-")))
        strangers = [make_key(folder / f"stranger{number}") for number in range(STRANGERS)]
        known = make_key(folder / "known_key")
        public = pathlib.Path(f"{known}.pub").read_text()
        locked = folder / "locked_key"  # the same key, behind a passphrase that banpush is not told
        shutil.copy(known, locked)
        shutil.copy(f"{known}.pub", f"{locked}.pub")
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(locked)], check=True, stdout=subprocess.DEVNULL)
        environment = dict(os.environ, BANPUSH_TEST_FOLDER=str(folder))
        environment["BANPUSH_TEST_AGENT"] = str(stack.enter_context(agent_with(folder, [*strangers, known])))
        servers = {f"TRIES_{tries}": [f"MaxAuthTries {tries}"] for tries in TRIES}
        servers["FULL"] = ["MaxStartups 1:100:1"]
        servers["ONE_SESSION"] = ["MaxSessions 1"]
        for name, program in BABBLERS.items():
            servers[name] = ["Subsystem netconf /bin/true", f"ForceCommand {program}"]
        for name, options in servers.items():
            sshd = stack.enter_context(Sshd(options=options))
            with open(sshd.authorized_keys, "a") as keys:
                keys.write(public)
            environment[f"BANPUSH_TEST_{name}"] = f"{sshd.port} {sshd.folder}"
            environment["BANPUSH_TEST_SSHD_USER"] = sshd.user
        environment.pop("SSH_AUTH_SOCK", None)
        return subprocess.run(sys.argv[1:], env=environment, timeout=900).returncode


if __name__ == "__main__":
    sys.exit(main())
