"""Installs the build under test, and namespaces of its own for what the documents do to /usr/local and /etc/banpush."""
import ctypes
import os
import pathlib
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BANPUSH_BUILD", SOURCE / "build/asan"))
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000


def run(*argv, check=True, timeout=120, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def install(prefix, destdir=None):
    """`cmake --install`; the files it has written, as it tells them."""
    environment = {**os.environ, "DESTDIR": str(destdir)} if destdir else {k: v for k, v in os.environ.items() if k != "DESTDIR"}
    said = run("cmake", "--install", BUILD, "--prefix", prefix, env=environment, timeout=300).stdout
    return [pathlib.Path(line.split(": ", 1)[1]) for line in said.splitlines() if line.startswith("-- Installing: ") or line.startswith("-- Up-to-date: ")]


def enter_namespaces():
    """This process is in a mount and a network namespace of its own. An error says why that is forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise PermissionError(os.strerror(ctypes.get_errno()))
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")


class Covered:
    """Folders of this machine with empty ones of a temporary folder over them; only this process and its children see that."""

    def __init__(self, *folders):
        self._made, self._temporary = [], tempfile.TemporaryDirectory(prefix="banpush-documents-")
        self.below = pathlib.Path(self._temporary.name)
        self.below.chmod(0o755)
        self._folders = [pathlib.Path(folder) for folder in folders]
        for folder in self._folders:
            if not folder.exists():
                folder.mkdir(mode=0o755)
                self._made.append(folder)
            own = self.below / str(folder).strip("/").replace("/", "_")
            own.mkdir(mode=0o755)
            run("mount", "--bind", own, folder)

    def cover_file(self, file, text):
        own = self.below / str(file).strip("/").replace("/", "_")
        own.write_text(text)
        own.chmod(pathlib.Path(file).stat().st_mode & 0o777)
        run("mount", "--bind", own, file)

    def close(self):
        for folder in reversed(self._folders):
            run("umount", "-l", folder, check=False)
        for folder in reversed(self._made):
            folder.rmdir()
        self._temporary.cleanup()
