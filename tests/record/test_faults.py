#!/usr/bin/python3
"""Bans by real fail2ban while the table, its server, its disk, the resolver and the spool's disk fail one after the other: none
is lost, none comes twice, and no call takes longer than three seconds. BANPUSH_FAULT_BANS says how many in all."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "serve")]
import serving  # noqa: E402
from serving import wait_until  # noqa: E402

from full_disk import fill, fill_the_server, memory_disk  # noqa: E402

from dead_dns import NAME, Namespace  # noqa: E402
from fail2ban import Fail2ban  # noqa: E402
from mariadb import MariaDb  # noqa: E402
from test_order import MOST, Place, start_up  # noqa: E402

BANS = int(os.environ.get("BANPUSH_FAULT_BANS", "60"))
GALERA = pathlib.Path("/usr/lib/galera/libgalera_smm.so")
WRITER = "writer"  # a user without the rights that go past read_only

TIMED = """#!/bin/sh
begin=$(date +%s%N)
{program} "$@"
status=$?
echo $(( ($(date +%s%N) - begin) / 1000000 )) $status >>{times}
exit $status
"""


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or subprocess.run(["ip", "netns", "list"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("network namespaces and mounts are not permitted here")
        options = ["--innodb-log-file-size=8M"]
        if GALERA.exists():
            options += ["--wsrep-on=1", f"--wsrep-provider={GALERA}", "--wsrep-cluster-address=gcomm://", "--binlog-format=ROW",
                        "--innodb-autoinc-lock-mode=2", "--wsrep-provider-options=base_host=127.0.0.1;gmcast.listen_addr=tcp://127.0.0.1:0"]
        cls.database = MariaDb(options=options)
        cls.addClassCleanup(cls.database.remove)
        cls.enterClassContext(memory_disk(cls.database.folder, "256m"))
        os.chmod(cls.database.folder, 0o755)
        cls.enterClassContext(cls.database)
        cls.namespace = cls.enterClassContext(Namespace())
        cls.database.sql(f"CREATE DATABASE fail2ban; CREATE USER {WRITER}@'%' IDENTIFIED BY '{cls.database.password}'")
        cls.site = cls.enterClassContext(Place(0, cls.database.socket_url(), cls.database.password))
        site = cls.site
        site.namespace = cls.namespace
        cls.url = cls.database.socket_url().replace("fail2ban@", f"{WRITER}@")
        cls.database.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON fail2ban.* TO {WRITER}@'%'")
        spool = site.folder / "disk"
        spool.mkdir()
        cls.enterClassContext(memory_disk(spool, "4m"))
        site.settings["spool"] = f"{spool}/spool.db"
        site.settings["policy"]["protect"] = [NAME]
        cls.table_is(cls.url)
        cls.times = site.folder / "times"
        timed = site.folder / "timed"
        timed.write_text(TIMED.format(times=cls.times, program=" ".join(site.argv())))
        timed.chmod(0o755)
        cls.fail2ban = cls.enterClassContext(Fail2ban(str(timed)))

    @classmethod
    def table_is(cls, url, **more):
        cls.site.settings["bans"].update(url=url, **more)
        text = cls.site.config.with_suffix(".new")  # fail2ban's calls read it meanwhile
        text.write_text(json.dumps(cls.site.settings))
        text.chmod(0o600)
        text.rename(cls.site.config)

    # Each is the time while something is wrong.
    @contextlib.contextmanager
    def down(self):
        self.database.kill()
        yield
        self.database.start()

    @contextlib.contextmanager
    def hung(self):
        os.kill(self.database.pid, signal.SIGSTOP)
        yield
        os.kill(self.database.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def told(self, before, after):
        self.database.sql(before)
        yield
        self.database.sql(after)

    def read_only(self):
        return self.told("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0")

    def without_insert(self):
        return self.told(f"REVOKE INSERT ON fail2ban.* FROM {WRITER}@'%'", f"GRANT INSERT ON fail2ban.* TO {WRITER}@'%'")

    def galera_not_ready(self):
        return self.told("SET GLOBAL wsrep_reject_queries = ALL", "SET GLOBAL wsrep_reject_queries = NONE")

    def renamed(self):
        return self.told("RENAME TABLE fail2ban.fail2ban TO fail2ban.elsewhere", "RENAME TABLE fail2ban.elsewhere TO fail2ban.fail2ban")

    @contextlib.contextmanager
    def server_disk_full(self):
        make_room = fill_the_server(self.database, "fail2ban")
        yield
        make_room()

    @contextlib.contextmanager
    def resolver_dead(self):
        self.namespace.silence()
        self.table_is(f"mysql://{WRITER}@table.example:3306/fail2ban", insecure=True)
        yield
        self.namespace.speak()
        del self.site.settings["bans"]["insecure"]
        self.table_is(self.url)

    @contextlib.contextmanager
    def spool_disk_full(self):
        self.deliver()  # with lines in it, it could take none away
        filler = fill(self.site.folder / "disk")
        yield
        filler.unlink()

    def calls(self):
        return [tuple(map(int, line.split())) for line in self.times.read_text().splitlines()] if self.times.exists() else []

    def rows(self):
        return self.database.sql("SELECT ip FROM fail2ban WHERE hostname = 'web1'", "fail2ban").split()

    def deliver(self):
        wait_until(lambda: self.site.run("push", code=None).returncode == 0, 60, "what waits is delivered")

    def test_none_is_lost(self):
        faults = [self.down, self.hung, self.read_only, self.without_insert, self.renamed, self.resolver_dead, self.server_disk_full, self.spool_disk_full]
        if GALERA.exists():
            faults.insert(4, self.galera_not_ready)
        self.site.run("push")  # the allowlist and the name have been seen
        each = -(-BANS // len(faults))
        due = []
        for number, fault in enumerate(faults):
            slack = 8 * start_up()  # two starts, and what a busy machine does to either
            before = len(self.calls())
            with fault():
                for i in range(each):
                    due.append(f"198.18.{number}.{i + 1}")
                    self.fail2ban.attack(due[-1])
                try:
                    wait_until(lambda: len(self.calls()) == before + each, 30 + 4 * each, f"{fault.__name__}: every ban was said")
                except Exception as error:
                    raise AssertionError(f"{error}\n{self.fail2ban.text()[-3000:]}") from None
            mine = self.calls()[before:]
            self.assertEqual({status for _, status in mine}, {0}, (fault.__name__, self.fail2ban.text()[-3000:]))
            self.assertLess(max(took for took, _ in mine) / 1000, MOST + slack, fault.__name__)
            print(f"{fault.__name__:20} {each} bans, {sum(took for took, _ in mine) / each:.0f} ms each, the slowest {max(took for took, _ in mine)} ms", flush=True)
        wait_until(lambda: (self.site.run("push", code=None), sorted(self.rows()))[1] == sorted(due), 90,
                   f"each of {len(due)} is in the table once")
        for word in ("timed out", "Failed to execute", "Error banning"):
            self.assertNotIn(word, self.fail2ban.text())


if __name__ == "__main__":
    unittest.main()
