#!/usr/bin/python3
"""Real MariaDB that answers and refuses: no ban is lost, none comes twice, their order is kept, and what is to be mended is said."""
import ctypes
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from refusing import A, B, C, D, Database, MariaDb, hosts

from full_disk import fill_the_server, memory_disk

CLONE_NEWNS = 0x20000
GALERA = pathlib.Path("/usr/lib/galera/libgalera_smm.so")


def own_mounts():
    """What this process mounts from here on nobody else sees; False where that is not permitted."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, timeout=20).returncode == 0


@unittest.skipUnless(shutil.which("mariadbd"), "no mariadbd here")
class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mounts = own_mounts()
        cls.server = MariaDb(address="127.0.0.24")
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()

    def outlived(self, database, refuse, mend, said, remedy="", readable=True):
        """Two bans and an unban while the table refuses; then it is mended."""
        site = database.site
        site.run("ban", A)
        site.run("push")
        refuse()
        done = site.run("ban", B, "--no-push")
        self.assertIn(said, done.stderr)
        self.assertIn(remedy, done.stderr)
        self.assertNotIn("side tables", done.stderr)
        self.assertIn("queued", done.stdout)
        self.assertEqual(site.json("unban", A, "--no-push")["unbanned"], "queued")
        self.assertEqual(site.json("ban", C, "--no-push")["recorded"], "queued")
        spool = database.spool()
        self.assertEqual((spool["waiting"], spool["refused"]), (3, 0))
        self.assertIn(said, spool["problem"] or "")  # none is known where the table did not answer in time
        self.assertIn(remedy, site.run("status").stdout)
        self.assertEqual([line["state"] for line in site.json("spool", "list")["lines"]], ["waiting"] * 3)
        site.run("push", code=0 if readable else None)
        self.assertLessEqual(set(hosts([B, C])), set(site.holds()), "a device does without what waits")
        mend()
        site.run("push")
        self.assertEqual(database.spool()["waiting"], 0)
        self.assertEqual(database.banned(), [B, C])
        self.assertNotIn("queued", site.run("ban", D, "--no-push").stdout, "a push has just used the table")
        site.run("unban", D)
        site.wait_for(hosts([B, C]))
        self.assertEqual(database.sql(f"SELECT COUNT(*) FROM fail2ban WHERE ip IN ('{B}', '{C}')").strip(), "2")

    def test_read_only_after_a_failover(self):
        with Database(self.server) as database:
            self.outlived(database, lambda: self.server.sql("SET GLOBAL read_only = 1"), lambda: self.server.sql("SET GLOBAL read_only = 0"), "(1290)")

    def test_no_right_to_write(self):
        with Database(self.server) as database:
            self.outlived(database, lambda: database.grant("SELECT"), lambda: database.grant("ALL"), "(1142)", "docs/ban-table.md lists the rights")

    def test_no_right_at_all(self):
        with Database(self.server) as database:
            self.outlived(database, lambda: self.server.sql(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {database.user}@'%'"),
                          lambda: database.grant("ALL"), "(1044)", "docs/ban-table.md lists the rights", readable=False)

    def test_the_table_is_renamed(self):
        with Database(self.server) as database:
            self.outlived(database, lambda: database.sql("RENAME TABLE fail2ban TO away"), lambda: database.sql("RENAME TABLE away TO fail2ban"),
                          "there is no table `fail2ban`", "banpush init", readable=False)

    def test_the_database_is_gone(self):
        with Database(self.server) as database:
            tables = database.sql("SHOW TABLES").split()

            def move(source, target):
                self.server.sql(f"CREATE DATABASE {target}; " + "; ".join(f"RENAME TABLE {source}.{table} TO {target}.{table}" for table in tables)
                                + f"; DROP DATABASE {source}")
            self.outlived(database, lambda: move(database.name, "elsewhere"), lambda: move("elsewhere", database.name), "(1049)", "create the database", readable=False)

    def test_a_damaged_myisam_table(self):
        with Database(self.server) as database:
            database.sql("ALTER TABLE fail2ban ENGINE=MyISAM")
            index = self.server.folder / "data" / database.name / "fail2ban.MYI"

            def damage():
                database.sql("FLUSH TABLES fail2ban")
                with open(index, "r+b") as file:
                    file.write(b"\0" * 64)
            self.outlived(database, damage, lambda: database.sql("REPAIR TABLE fail2ban USE_FRM"), "fail2ban", "repair the table", readable=False)

    def test_statements_are_used_up(self):
        with Database(self.server) as database:
            self.outlived(database, lambda: self.server.sql(f"ALTER USER {database.user}@'%' WITH MAX_QUERIES_PER_HOUR 1"),
                          lambda: self.server.sql(f"ALTER USER {database.user}@'%' WITH MAX_QUERIES_PER_HOUR 0; FLUSH USER_RESOURCES"), "(1226)", readable=False)

    def test_another_one_holds_the_lock(self):
        with Database(self.server) as database:
            before = self.server.sql("SELECT @@global.innodb_lock_wait_timeout").strip()
            self.server.sql("SET GLOBAL innodb_lock_wait_timeout = 1")
            self.addCleanup(self.server.sql, f"SET GLOBAL innodb_lock_wait_timeout = {before}")
            holder = subprocess.Popen(["mariadb", "--no-defaults", "-uroot", "-S", str(self.server.socket), "-N", "-B", "--unbuffered", database.name],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.addCleanup(holder.stdout.close)

            def hold():
                holder.stdin.write("BEGIN; SELECT COUNT(*) FROM fail2ban FOR UPDATE;\n")
                holder.stdin.flush()
                holder.stdout.readline()

            def release():
                holder.stdin.close()
                holder.wait(20)
            self.outlived(database, hold, release, "")  # the bound of a ban is shorter than the server's

    def test_a_queued_ban_keeps_its_time_where_the_table_is_locked(self):
        """What waits for the lock is not the time at which it was decided."""
        with Database(self.server) as database:
            site = database.site
            holder = subprocess.Popen(["mariadb", "--no-defaults", "-uroot", "-S", str(self.server.socket), "-N", "-B", "--unbuffered", database.name],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.addCleanup(holder.stdout.close)
            holder.stdin.write("LOCK TABLES fail2ban WRITE, banpush_ban WRITE; SELECT 1;\n")
            holder.stdin.flush()
            holder.stdout.readline()
            decided = int(self.server.sql("SELECT UNIX_TIMESTAMP()").strip())
            self.assertIn("queued", site.run("ban", A, "--no-push").stdout)
            push = subprocess.Popen(site.argv("push"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(6)  # it waits for the lock, and does not find it gone
            holder.stdin.close()
            holder.wait(20)
            push.wait(60)
            site.run("push")
            created = int(database.sql(f"SELECT UNIX_TIMESTAMP(created) FROM fail2ban WHERE ip = '{A}'").strip())
            self.assertLessEqual(abs(created - decided), 2)

    def test_the_disk_of_the_server_is_full(self):
        if not self.mounts:
            self.skipTest("mounts of one's own are not permitted here")
        full = MariaDb(address="127.0.0.25", options=["--innodb-log-file-size=8M"])
        self.addCleanup(full.remove)
        with memory_disk(full.folder, "256m"):
            full.folder.chmod(0o755)
            with full, Database(full) as database:
                room = []
                self.outlived(database, lambda: room.append(fill_the_server(full, database.name)), lambda: room[0](),
                              "make room", readable=False)  # 1114 or 1021, whichever it meets first

    @unittest.skipUnless(GALERA.exists(), "no Galera here")
    def test_a_galera_node_that_takes_no_queries(self):
        options = ["--wsrep-on=ON", f"--wsrep-provider={GALERA}", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-sst-method=rsync",
                   "--wsrep-cluster-address=gcomm://", "--wsrep-provider-options=base_host=127.0.0.26;gmcast.listen_addr=tcp://127.0.0.26:45998"]
        with MariaDb(address="127.0.0.26", options=options) as node, Database(node) as database:
            self.outlived(database, lambda: node.sql("SET GLOBAL wsrep_reject_queries = ALL"), lambda: node.sql("SET GLOBAL wsrep_reject_queries = NONE"),
                          "(1047)", readable=False)

    def test_what_the_table_will_never_take_stops_nothing(self):
        with Database(self.server) as database:
            site = database.site
            database.sql("ALTER TABLE fail2ban MODIFY name varchar(4) NOT NULL")
            done = site.run("ban", A, "--jail", "postfix-sasl", code=2)
            self.assertIn("Data too long", done.stderr)
            self.assertRegex(done.stderr, "set aside as line [0-9]+ of the spool: `banpush spool list` shows it, `banpush spool retry [0-9]+`")
            self.assertEqual(site.json("ban", B, "--jail", "sshd")["recorded"], "added")
            self.server.sql("SET GLOBAL read_only = 1")
            try:
                site.run("ban", A, "--jail", "dovecot", "--no-push")
                site.run("ban", C, "--jail", "sshd", "--no-push")
                site.run("unban", B, "--no-push")
            finally:
                self.server.sql("SET GLOBAL read_only = 0")
            self.assertEqual(site.json("ban", D, "--jail", "sshd")["recorded"], "added")
            self.assertEqual(database.banned(), [C, D])
            spool = database.spool()
            self.assertEqual((spool["waiting"], spool["refused"]), (0, 2))
            self.assertIn("set aside", site.run("check").stderr)
            self.assertTrue(any("set aside" in note for note in site.json("check")["notes"]))
            lines = site.json("spool", "list")["lines"]
            self.assertEqual([(line["ip"], line["state"]) for line in lines], [(A + "/32", "refused")] * 2)
            self.assertTrue(all("Data too long" in line["problem"] for line in lines))
            database.sql("ALTER TABLE fail2ban MODIFY name text NOT NULL")
            site.run("spool", "retry", lines[0]["line"])
            site.run("push")
            self.assertIn(A, database.banned())
            site.run("spool", "drop", "--refused")
            self.assertEqual(database.spool()["refused"], 0)

    def test_a_refusal_of_one_row_lets_the_others_by(self):
        """A trigger of the site's: nobody can tell that from a table that refuses everything, but the table takes the next one."""
        with Database(self.server) as database:
            site = database.site
            database.sql("CREATE TRIGGER no BEFORE INSERT ON fail2ban FOR EACH ROW SET NEW.protocol = IF(NEW.name = 'odd', (SELECT 'a' UNION SELECT 'b'), NEW.protocol)")
            self.assertEqual(site.json("ban", A, "--jail", "odd", "--no-push")["recorded"], "queued")
            self.assertEqual(site.json("ban", B, "--no-push")["recorded"], "added")
            self.assertEqual(site.json("unban", A, "--no-push")["unbanned"], "queued")
            self.assertEqual(database.banned(), [B])
            self.assertEqual(database.spool()["waiting"], 2)
            database.sql("DROP TRIGGER no")
            site.run("ban", C, "--no-push")
            site.run("push")
            self.assertEqual(database.spool()["waiting"], 0)
            self.assertEqual(set(database.banned()), {B, C})

    def test_the_service_goes_on(self):
        """Writes are off: it follows what others wrote, and devices get what waits; then the table gets it, once."""
        with Database(self.server) as database:
            site = database.site.start()
            site.run("ban", A)
            site.wait_for(hosts([A]))
            self.server.sql("SET GLOBAL read_only = 1")
            try:
                site.run("ban", B)
                site.wait_for(hosts([A, B]))
                database.insert(C)  # as root, who may
                site.wait_for(hosts([A, B, C]))
                self.assertEqual(database.spool()["waiting"], 1)
            finally:
                self.server.sql("SET GLOBAL read_only = 0")
            site.run("ban", D)
            site.wait_for(hosts([A, B, C, D]))
            self.assertEqual(set(database.banned()), {A, B, C, D})
            site.run("unban", B)
            site.wait_for(hosts([A, C, D]))
            self.assertEqual(site.stop(), 0)

    def test_other_verbs_say_what_it_is(self):
        with Database(self.server) as database:
            site = database.site
            self.server.sql("SET GLOBAL read_only = 1")
            try:
                done = site.run("allow", "add", A, code=3)
                self.assertIn("(1290)", done.stderr)
                self.assertNotIn("init", done.stderr)
            finally:
                self.server.sql("SET GLOBAL read_only = 0")
            database.grant("SELECT")
            self.assertIn("INSERT", site.run("allow", "add", A, code=3).stderr)
            database.grant("ALL")
            database.sql("DROP TABLE banpush_ban, banpush_allow, banpush_reporter")
            self.assertIn("banpush init", site.run("allow", "add", A, code=3).stderr)
            site.run("init")
            site.run("allow", "add", A)


if __name__ == "__main__":
    unittest.main()
