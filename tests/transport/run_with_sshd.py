#!/usr/bin/python3
"""Runs a test program with a private sshd beside it, whose whereabouts stand in its environment."""
import os
import shutil
import subprocess
import sys

from sshd import Sshd, make_key


def main():
    if not shutil.which("sshd", path="/usr/sbin:/usr/local/sbin"):
        print("skipped: no sshd on this machine")
        return 77
    options = ["KexAlgorithms +diffie-hellman-group14-sha1", "AllowTcpForwarding yes"]
    legacy = ["KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-sha1"]
    with Sshd(options=options) as sshd, Sshd(options=legacy) as old:
        locked = make_key(sshd.folder / "locked_key", passphrase="open sesame")
        rsa = make_key(sshd.folder / "rsa_key", "rsa")
        with open(sshd.authorized_keys, "a") as keys:
            for key in (locked, rsa):
                keys.write(open(f"{key}.pub").read())
        make_key(sshd.folder / "stranger_key")
        environment = dict(os.environ, BANPUSH_TEST_SSHD_PORT=str(sshd.port), BANPUSH_TEST_SSHD_FOLDER=str(sshd.folder),
                           BANPUSH_TEST_SSHD_USER=sshd.user, BANPUSH_TEST_OLD_SSHD_PORT=str(old.port),
                           BANPUSH_TEST_OLD_SSHD_FOLDER=str(old.folder))
        environment.pop("SSH_AUTH_SOCK", None)
        return subprocess.run(sys.argv[1:], env=environment, timeout=900).returncode


if __name__ == "__main__":
    sys.exit(main())
