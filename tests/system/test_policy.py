#!/usr/bin/python3
"""Every key of `policy` and `limits`, from the configuration file to the plan: each must change what would be pushed. The plans
are made offline, so that no device is needed; what a device holds is what the ledger says of it."""
import pathlib
import sqlite3
import tempfile
import time
import unittest

from scenario import Site
import ending

MINUTE, HOUR, DAY = 60, 3600, 86400
EDGE = {"address": "198.51.100.250", "driver": "linux_nft"}
HERE = {"address": "local", "driver": "linux_nft"}


class Keys(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-policy-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = Site(self.folder / "site", {"edge": dict(EDGE)})
        self.site.run("init")

    def bans(self, *rows, site=None):
        """Rows as (address, age in seconds) and what else is not the usual."""
        for address, age, *more in rows:
            row = {"jail": "sshd", "host": "web1", "protocol": "tcp", "port": "22", **(more[0] if more else {})}
            (site or self.site).rows("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES (?, datetime('now', 'localtime', ?), ?, ?, ?, ?)",
                                     [(row["host"], f"{-age} seconds", row["jail"], row["protocol"], row["port"], address)])

    def plan(self, device=EDGE, code=None, **settings):
        """The report of one device under these settings. Keys of policy and of limits may be given as they are called."""
        self.site.settings = {key: value for key, value in self.site.settings.items() if key not in ("policy", "limits")}
        self.site.settings["devices"] = {"edge": dict(device)}
        self.site.settings.update(settings)
        self.site.settings["policy"] = {"aggregate": "none", **settings.get("policy", {})}
        self.site.write()
        (report,) = self.site.json("plan", "--offline", code=code)["devices"]
        self.assertEqual(report["error"], "")
        return report

    def added(self, device=EDGE, **settings):
        return sorted(one["prefix"] for one in self.plan(device, **settings)["add"])

    def left_out(self, device=EDGE, **settings):
        return {one["prefix"]: one["verdict"] for one in self.plan(device, **settings)["left_out"]}

    def holds(self, addresses):
        """The ledger says that the device held these when it was last verified."""
        self.plan()
        with sqlite3.connect(self.folder / "site" / "state.db", timeout=10) as state:
            now = int(time.time())
            state.executemany("INSERT INTO ledger (device, block, list, number, jail, since) VALUES ('edge', ?, 'hosts4', '', 'sshd', ?)",
                              [(f"{address}/32", now - DAY) for address in addresses])
            state.execute("INSERT OR REPLACE INTO verified (device, at) VALUES ('edge', ?)", (now - HOUR,))
        state.close()

    # ---- life

    def test_bantime(self):
        self.bans(("203.0.113.1", 2 * HOUR))
        self.assertEqual(self.added(policy={"bantime": "1h"}), [])
        self.assertEqual(self.added(policy={"bantime": "3h"}), ["203.0.113.1/32"])
        self.bans(("203.0.113.2", 1000 * DAY))
        self.assertEqual(self.plan(policy={"bantime": "permanent"})["add"][0]["until"], "permanent")

    def test_jails(self):
        self.bans(("203.0.113.1", 2 * HOUR), ("203.0.113.2", 2 * HOUR, {"jail": "nginx-auth"}), ("203.0.113.3", 2 * HOUR, {"jail": "nginx-test"}))
        jails = {"sshd": {"bantime": "1h"}, "nginx-*": {"bantime": "3h"}, "*-test": {"ignore": True}, "nginx-test": {"ignore": True}}
        self.assertEqual(self.added(policy={"jails": jails}), ["203.0.113.2/32"])
        self.assertEqual(self.left_out(policy={"jails": jails}), {"203.0.113.3/32": "ignored"})

    def test_what_fail2ban_passed_and_escalation(self):
        self.site.run("ban", "203.0.113.9", "--bantime", "2h", "--hostname", "web1", "--no-push")
        (added,) = self.plan(policy={"bantime": "1w"})["add"]
        self.assertLess(time.mktime(time.strptime(added["until"], "%Y-%m-%d %H:%M:%S")), time.time() + 3 * HOUR)
        self.site.rows("DELETE FROM fail2ban")
        self.bans(("203.0.113.1", 5 * HOUR), ("203.0.113.1", 4 * HOUR), ("203.0.113.1", 3 * HOUR), ("203.0.113.2", 3 * HOUR))
        self.assertEqual(self.added(policy={"bantime": "1h"}), [])
        self.assertEqual(self.added(policy={"bantime": "1h", "escalate": {"factor": 2, "window": "30d", "max": "4w"}}), ["203.0.113.1/32"])
        self.assertEqual(self.added(policy={"bantime": "1h", "escalate": {"factor": 2, "window": "30d", "max": "2h"}}), [])
        self.assertEqual(self.added(policy={"bantime": "1h", "escalate": {"factor": 2, "window": "30m"}}), [])

    def test_honour_unban(self):
        self.site.run("ban", "203.0.113.1", "--hostname", "web1", "--no-push")
        self.site.run("ban", "203.0.113.2", "--hostname", "web1", "--no-push")
        self.site.run("unban", "203.0.113.1", "--hostname", "web1", "--by", "fail2ban", "--no-push")
        self.assertEqual(self.added(policy={"honour_unban": True}), ["203.0.113.2/32"])
        self.assertEqual(self.added(policy={"honour_unban": False}), ["203.0.113.1/32", "203.0.113.2/32"])
        self.site.run("unban", "203.0.113.1", "--no-push")
        self.assertEqual(self.added(policy={"honour_unban": False}), ["203.0.113.2/32"])

    def test_the_future_is_flagged(self):
        self.bans(("203.0.113.1", -65 * MINUTE), ("203.0.113.2", -75 * MINUTE))
        self.assertEqual(self.added(), ["203.0.113.1/32"])
        self.assertEqual(self.left_out(), {"203.0.113.2/32": "future"})

    # ---- filters and quorum

    def test_filters(self):
        self.bans(("203.0.113.1", 60), ("203.0.113.2", 60, {"host": "lab3"}), ("203.0.113.3", 60, {"protocol": "udp"}), ("2001:db8::1", 60), ("203.0.113.4", 20 * HOUR))
        self.assertEqual(self.added(policy={"hosts": {"lab*": {"ignore": True}}, "families": ["ipv4"], "max_age": "10h"}), ["203.0.113.1/32"])
        self.assertEqual(len(self.added()), 4)
        self.assertEqual(len(self.added(policy={"protocols": "all"})), 5)
        self.assertEqual(len(self.added(HERE)), 5, "this host's own firewall takes all protocols")
        self.assertEqual(self.added({**EDGE, "families": ["ipv6"]}), ["2001:db8::1/128"])

    def test_quorum(self):
        self.bans(("203.0.113.1", 60), ("203.0.113.1", 120, {"host": "web2"}),
                  ("203.0.113.2", 60), ("203.0.113.2", 120), ("203.0.113.2", 180),
                  ("203.0.113.3", 60), ("203.0.113.3", 2 * HOUR, {"host": "web2"}), ("203.0.113.4", 60))
        self.assertEqual(self.added(policy={"quorum": {"hosts": 2, "bans": 3, "within": "1h"}}), ["203.0.113.1/32", "203.0.113.2/32"])
        self.assertEqual(self.added(policy={"quorum": {"hosts": 2, "within": "3h"}}), ["203.0.113.1/32", "203.0.113.3/32"])
        self.assertEqual(self.left_out(policy={"quorum": {"hosts": 2}})["203.0.113.4/32"], "no_quorum")
        # A group asks for more than the top, and a device takes it away again.
        self.assertEqual(self.added({**EDGE, "groups": ["edge"]}, groups={"edge": {"quorum": {"hosts": 2}}}), ["203.0.113.1/32"])
        self.assertEqual(len(self.added({**EDGE, "groups": ["edge"], "quorum": "none"}, groups={"edge": {"quorum": {"hosts": 2}}})), 4)

    def test_low_trust_alone_never_reaches_an_edge_router(self):
        other = Site(self.folder / "other", {})
        other.run("init")
        self.bans(("203.0.113.1", 60), ("203.0.113.3", 60))
        self.bans(*(("203.0.113.2", 60 + 10 * i, {"host": "pot"}) for i in range(20)), ("203.0.113.2", 60, {"host": "pot2"}), ("203.0.113.3", 90, {"host": "pot"}), site=other)
        tables = [{"name": "own", "url": f"sqlite:{self.site.table}"}, {"name": "feed", "url": f"sqlite:{other.table}", "trust": 0.3}]
        edge = {**EDGE, "quorum": {"weight": 1}}
        self.assertEqual(self.added(edge, bans=tables), ["203.0.113.1/32", "203.0.113.3/32"])
        self.assertEqual(len(self.added(EDGE, bans=tables)), 3, "a device that asks for no weight takes it")
        self.assertEqual(self.left_out(edge, bans=tables), {"203.0.113.2/32": "no_quorum"})
        tables[1]["trust"] = 1
        self.assertEqual(len(self.added(edge, bans=tables)), 3)
        # Weights of jails and hosts do the same within one table.
        self.assertEqual(self.added(edge, bans=tables, policy={"hosts": {"pot*": {"weight": 0.1}}}), ["203.0.113.1/32", "203.0.113.3/32"])
        self.assertEqual(self.added(edge, bans=tables, policy={"jails": {"sshd": {"weight": 0.4}}}), [])
        # And each table has its own filter.
        tables[1].update(only_hosts=["pot2"], only_jails=["ssh*"])
        self.assertEqual(self.added(bans=tables), ["203.0.113.1/32", "203.0.113.2/32", "203.0.113.3/32"])
        tables[1].update(only_jails=["recidive"])
        self.assertEqual(self.added(bans=tables), ["203.0.113.1/32", "203.0.113.3/32"])
        self.assertEqual(len(self.site.json("explain", "203.0.113.2")["rows"]), 0)

    # ---- allowed, protected, reserved

    def test_allow_and_protect_add_up(self):
        (self.folder / "office.txt").write_text("203.0.113.2 # the office\n")
        self.bans(*((f"203.0.113.{i}", 60) for i in range(1, 8)), ("198.51.100.0/24", 60))
        settings = {"policy": {"allow": ["203.0.113.1"], "allow_files": [f"{self.folder}/*.txt"], "protect": ["203.0.113.4", "localhost"]},
                    "groups": {"edge": {"allow": ["203.0.113.3"], "protect": ["203.0.113.5"]}}}
        device = {**EDGE, "groups": ["edge"], "allow": ["203.0.113.6"], "protect": ["198.51.100.129"]}
        self.assertEqual([one for one in self.added(device, **settings) if one.startswith("203.")], ["203.0.113.7/32"])
        # One host in a /24: eight prefixes cover the rest; the device's own address (.250) is protected by itself.
        parts = [one for one in self.added(device, **settings) if one.startswith("198.")]
        self.assertEqual(len(parts), 7 + 6, parts)
        verdicts = self.left_out(device, **settings)
        self.assertEqual({verdicts[f"203.0.113.{i}/32"] for i in (1, 2, 3, 6)}, {"allowed"})
        self.assertEqual({verdicts[f"203.0.113.{i}/32"] for i in (4, 5)}, {"protected"})
        self.site.run("allow", "add", "203.0.113.7")
        self.assertEqual([one for one in self.added(device, **settings) if one.startswith("203.")], [])

    def test_an_allow_file_that_cannot_be_read_stops_everything(self):
        self.bans(("203.0.113.1", 60))
        (self.folder / "bad.txt").write_text("203.0.113.300\n")
        self.site.settings["policy"] = {"allow_files": [f"{self.folder}/bad.txt"]}
        self.site.write()
        self.assertIn("bad.txt:1", self.site.run("plan", "--offline", code=2).stderr)

    def test_reserved_and_shortest(self):
        self.bans(("10.1.2.3", 60), ("203.0.112.0/23", 60), ("2001:db8::/40", 60))
        self.assertEqual(self.left_out(), {"10.1.2.3/32": "reserved", "203.0.112.0/23": "too_short", "2001:db8::/40": "too_short"})
        self.assertEqual(self.added(policy={"reserved": "allowed"}), ["10.1.2.3/32"])
        self.assertEqual(self.added({**EDGE, "reserved": "never"}, policy={"reserved": "allowed"}), [])
        self.assertEqual(self.added(HERE), ["10.1.2.3/32"])
        self.assertEqual(self.added(policy={"shortest": {"ipv4": 23, "ipv6": 40}}), ["2001:db8::/40", "203.0.112.0/23"])
        self.assertEqual(self.added({**EDGE, "shortest": {"ipv4": 24}}, policy={"shortest": {"ipv4": 23, "ipv6": 48}}), [])

    # ---- what becomes one entry, and what gets a place

    def test_widen_and_aggregate(self):
        self.bans(*((f"203.0.113.{i}", 60) for i in (0, 1, 2, 8)), ("2001:db8::1", 60), ("2001:db8::2", 90))
        self.assertEqual(self.added(policy={"aggregate": "none", "widen": {"ipv6": 64}}), ["2001:db8::/64"] + [f"203.0.113.{i}/32" for i in (0, 1, 2, 8)])
        self.assertEqual(self.added(policy={"families": ["ipv4"], "aggregate": "exact"}), ["203.0.113.0/31", "203.0.113.2/32", "203.0.113.8/32"])
        self.assertEqual(self.added(policy={"families": ["ipv4"], "aggregate": {"max_innocents": 1}}), ["203.0.113.0/30", "203.0.113.8/32"])
        self.assertEqual(self.added(policy={"families": ["ipv4"], "aggregate": {"max_innocents": 100, "density": "50%"}}), ["203.0.113.0/30", "203.0.113.8/32"])
        self.assertEqual(self.added(policy={"families": ["ipv4"], "aggregate": {"max_innocents": 100, "density": "10%"}}), ["203.0.113.0/28"])

    def test_services(self):
        self.bans(("203.0.113.1", 60, {"port": "ssh"}))
        ios = {"address": "198.51.100.250", "driver": "cisco_ios"}
        self.assertEqual(self.plan({**ios, "services": True})["add"][0]["service"], "tcp/22")
        self.assertEqual(self.plan(ios)["add"][0]["service"], "any")
        self.site.settings["devices"] = {"edge": {**EDGE, "services": True}}
        self.site.write()
        self.assertIn("blocks whole addresses only", self.site.run("check", code=2).stderr)

    def test_a_service_that_is_not_kept_is_said(self):
        self.bans(("203.0.113.1", 60, {"port": "ssh"}), ("203.0.113.3", 60, {"port": "http,https"}), ("203.0.113.5", 60, {"port": "no-such-service"}),
                  ("203.0.113.7", 60, {"protocol": "all", "port": "22"}), ("203.0.113.9", 60, {"port": "0:65535"}))
        ios = {"address": "198.51.100.250", "driver": "cisco_ios"}
        plan = self.plan({**ios, "services": True})
        self.assertEqual([one["service"] for one in plan["add"]], ["tcp/22", "any", "any", "any", "any"])
        said = [note for note in plan["notes"] if note.startswith("services: ")]
        self.assertEqual(said, ["services: 4 of 5 entries block the whole address (203.0.113.3/32, 203.0.113.5/32, 203.0.113.7/32, …): "
                                "their rows name no single port or range of one protocol, or all"])
        self.assertFalse(any(note.startswith("services: ") for note in self.plan(ios)["notes"]))

    def test_worth_and_budget(self):
        self.bans(*(("203.0.113.1", (10 + i) * DAY) for i in range(6)), ("198.51.100.1", 2 * HOUR), ("198.51.100.77", 3 * DAY), ("198.51.100.77", 4 * DAY, {"host": "web2"}), ("198.51.100.77", 5 * DAY, {"host": "web3"}))
        device = {**EDGE, "budget": {"ipv4": 1, "ipv6": 1}}

        def chosen(**policy):
            return self.added(device, policy={"bantime": "permanent", **policy})
        self.assertEqual(chosen(worth={"recency": "365d", "hosts": 0}), ["203.0.113.1/32"])
        self.assertEqual(chosen(worth={"recency": "1h", "hosts": 0}), ["198.51.100.1/32"])
        self.assertEqual(chosen(worth={"recency": "7d", "hosts": 2}), ["198.51.100.77/32"])
        self.assertEqual(chosen(worth={"recency": "1h", "hosts": 0}, hosts={"web1": {"weight": 0}}), ["198.51.100.77/32"])
        self.assertEqual(set(self.left_out(device, policy={"bantime": "permanent"}).values()), {"over_budget"})
        report = self.plan(device, policy={"bantime": "permanent"})
        self.assertEqual({one["reason"] for one in report["left_out"]}, {"over budget"})

    def test_hysteresis(self):
        self.bans(("203.0.113.1", 60), ("203.0.113.2", 6 * HOUR))
        device = {**EDGE, "budget": {"ipv4": 1, "ipv6": 1}}
        self.assertEqual(self.added(device), ["203.0.113.1/32"])
        self.holds(["203.0.113.2"])
        self.assertEqual(self.added(device), [], "what stands stays while the other is worth little more")
        self.bans(("203.0.113.1", 60, {"host": "web2"}))
        self.assertEqual(self.added(device), ["203.0.113.1/32"])

    # ---- limits

    def held(self, device=EDGE, **settings):
        report = self.plan(device, code=None, **settings)
        return [guard["name"] for guard in report["guards"]], len(report["add"]), len(report["remove"])

    def test_add_and_floor(self):
        self.bans(*((f"203.0.113.{i}", 2 * HOUR) for i in range(0, 200, 2)))
        self.holds([f"203.0.113.{i}" for i in range(0, 80, 2)])
        self.assertEqual(self.held(), ([], 60, 0), "up to the floor everything passes")
        self.assertEqual(self.held(limits={"floor": 10}), (["add"], 8, 0))
        self.assertEqual(self.held(limits={"floor": 10, "add": "50%"}), (["add"], 20, 0))
        self.assertEqual(self.held({**EDGE, "limits": {"add": "10%"}}, limits={"floor": 10, "add": "50%"}), (["add"], 4, 0), "the strictest counts")
        report = self.plan(limits={"floor": 10})
        self.assertEqual({one["verdict"] for one in report["left_out"]}, {"held"})

    def test_remove(self):
        addresses = [f"203.0.113.{i}" for i in range(0, 80, 2)]
        self.bans(*((address, 2 * HOUR) for address in addresses))
        self.holds(addresses)
        self.site.rows("DELETE FROM fail2ban WHERE id % 2 = 0")
        self.assertEqual(self.held(limits={"floor": 10}), (["remove"], 0, 0))
        self.assertEqual(self.held(limits={"floor": 10, "remove": "60%"}), ([], 0, 20))
        self.assertEqual(self.held(limits={"floor": 10}, policy={"bantime": "1h"}), (["remove"], 0, 20), "what has ended goes all the same")

    def test_storm(self):
        storm = {"storm": {"bans": 5, "within": "1m", "hold": "10m"}}
        self.bans(*((f"203.0.113.{2 * i}", 5 * MINUTE + i) for i in range(10)), ("198.51.100.1", 3 * HOUR))
        self.assertEqual(self.held(limits=storm), ([], 11, 0), "a first fill is no storm")
        self.holds(["198.51.100.77"])
        self.bans(("198.51.100.77", 2 * HOUR))
        self.assertEqual(self.held(limits=storm), (["storm"], 1, 0))
        self.assertEqual(self.held(limits={"storm": {"bans": 5, "within": "1m", "hold": "4m"}}), ([], 11, 0), "released by time")
        self.assertEqual(self.held(limits={"storm": {"bans": 20, "within": "1m", "hold": "10m"}}), ([], 11, 0))
        self.assertEqual(self.held(limits={"storm": "none"}), ([], 11, 0))
        # It is one, too, where the device has room for a few of them only.
        names, added, removed = self.held({**EDGE, "budget": {"ipv4": 4}}, limits=storm)
        self.assertEqual((names, removed), (["storm"], 0), "nothing makes room for what is held")

    def test_span(self):
        self.bans(*((f"203.0.{i}.0/24", 60) for i in range(0, 80, 2)))
        self.assertEqual(self.held(limits={"span": "0.0001%"}), (["span"], 16, 0))
        self.assertEqual(self.held(), ([], 40, 0))


if __name__ == "__main__":
    ending.main()
