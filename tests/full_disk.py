"""Disks of a test's own, in memory, that get full."""
import contextlib
import pathlib
import subprocess


@contextlib.contextmanager
def memory_disk(folder, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], timeout=60)


def fill(folder):
    """Until nothing more fits. Returns the file that takes the room."""
    filler = pathlib.Path(folder) / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    return filler


def row_filler(size, rows):
    return ("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) "
            f"SELECT 'filler', NOW(), REPEAT('x', {size}), 'tcp', '', '192.0.2.1' FROM seq_1_to_{rows}")


def fill_the_server(server, database):
    """The disk of a MariaDB whose folder is a `memory_disk`, and what room its table's own file still has, down to the
    last small row. Returns what gives it back."""
    filler = fill(server.folder)
    for size, rows in ((200, 2000), (1, 200), (1, 20), (1, 1)):
        for _ in range(300):
            try:
                server.sql(row_filler(size, rows), database)
            except RuntimeError:
                break
        else:
            raise AssertionError("the server's disk does not get full")

    def make_room():
        filler.unlink()
        server.sql("DELETE FROM fail2ban WHERE hostname = 'filler'", database)
    return make_room
