"""What the tests of refusals share: one MariaDB for all, a database and an account for each, a site with a device that is a file."""
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("serve", "bans")]
from mariadb import MariaDb  # noqa: E402
from serving import Site, hosts, wait_until  # noqa: E402

__all__ = ["MariaDb", "Site", "hosts", "wait_until", "Database", "A", "B", "C", "D"]
A, B, C, D = "203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"


class Database:
    """One database with an account that has all rights in it and none beside; `site` is a pusher and reporter of it."""

    number = 0

    def __init__(self, server, **top):
        Database.number += 1
        self.server, self.name, self.user = server, f"d{Database.number}", f"w{Database.number}"
        server.sql(f"CREATE DATABASE {self.name}; CREATE USER {self.user}@'%' IDENTIFIED BY '{server.password}'")
        self.grant("ALL")
        self.site = Site(url=f"mysql://{self.user}@localhost/{self.name}?socket={server.socket}", password=server.password, **top)

    def __enter__(self):
        self.site.run("push")  # from here on the allowlist of the table is known
        return self

    def __exit__(self, *_):
        self.site.__exit__()

    def grant(self, rights):
        self.server.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {self.user}@'%'; GRANT {rights} ON {self.name}.* TO {self.user}@'%'")

    def sql(self, text):
        return self.server.sql(text, self.name)

    def banned(self):
        """The addresses in the table, in the order in which they came, without those that were unbanned."""
        return self.sql("SELECT f.ip FROM fail2ban f LEFT JOIN banpush_ban b ON b.ip = f.ip AND b.created = f.created AND b.name = f.name "
                        "WHERE b.revoked IS NULL ORDER BY f.id").split()

    def insert(self, ip):
        self.sql(f"INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web9', NOW(), 'sshd', 'tcp', '', '{ip}')")

    def spool(self):
        return self.site.json("status")["spool"]
