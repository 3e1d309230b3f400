#!/usr/bin/python3
"""A list that firewalls fetch is a device as any other: what is banned stands in it, read back; what it hands out is whole, and an
empty list only where it was emptied on purpose. Fetched by curl, filled into nftables and ipset, parsed as firewalls do."""
import ipaddress
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import threading
import unittest

import web
from web import WebSite, addresses, is_whole, wait_until
import ending

A, B, C = addresses(3, 9000)
V6 = "2001:db8:77::1"


class Feed(unittest.TestCase):
    def site(self, *args, **options):
        site = WebSite(*args, **options)
        self.addCleanup(site.__exit__)
        return site

    def ban(self, site, *ips):
        for ip in ips:
            site.run("ban", ip, "--no-push")

    def test_by_hand(self):
        site = self.site()
        self.ban(site, A, V6)
        failed = site.run("push", code=None)
        self.assertIn("the list is not there", failed.stdout + failed.stderr)
        self.assertNotEqual(failed.returncode, 0)
        said = site.run("feed", "edge", code=1).stderr
        self.assertIn("banpush setup edge --apply", said)
        site.set_up()
        self.assertIn("nothing was read back of it yet", site.run("feed", "edge", code=1).stderr, "empty, and nobody knows why")
        plan = site.run("plan", "edge").stdout
        self.assertIn(f"\n+{A}\n", plan)
        self.assertIn(f"\n+{V6}\n", plan)
        site.run("push")
        text = site.run("feed", "edge").stdout
        self.assertTrue(is_whole(text.encode()), text)
        self.assertEqual(sorted(text.splitlines()[1:]), sorted([A, V6]))
        site.run("feed", "edge", "--out", site.folder / "copy")
        self.assertEqual((site.folder / "copy").read_text(), text)
        one, = site.json("feed")["feeds"]
        self.assertEqual((one["feed"], one["entries"], one["part"], one["parts"]), ("edge", 2, 1, 1))
        self.assertIn("in list feed", site.run("explain", A).stdout)
        site.run("unban", A, "--no-push")
        site.run("unban", V6, "--no-push")
        site.run("push")
        text = site.run("feed", "edge").stdout
        self.assertEqual(text.splitlines()[1:], [], "emptied on purpose")
        self.assertTrue(is_whole(text.encode()))
        self.assertEqual(site.run("feed", "nowhere", code=2).stdout, "")

    def test_policy_is_that_of_devices_elsewhere(self):
        site = self.site()
        del site.settings["policy"]["reserved"], site.settings["policy"]["protocols"]
        site.write()
        site.set_up()
        self.ban(site, A, "10.1.2.3")
        site.run("ban", B, "--protocol", "udp", "--no-push")
        site.run("push")
        self.assertEqual(site.run("feed", "edge").stdout.splitlines()[1:], [A])

    def test_what_another_hand_does_to_the_file(self):
        site = self.site().set_up()
        self.ban(site, A, B)
        site.run("push")
        file = site.folder / "feeds/edge.txt"
        whole = file.read_text()
        for what, text, dropped in (("cut", whole[:-4], 1), ("emptied", "", 0), ("a line taken out", whole.replace(A + "\n", ""), 0), ("lines put in", whole + "0.0.0.0/0\nevil\n10.0.0.1-10.0.0.9\n", 3),
                                    ("a comment put in", whole + "# by hand\n", 0), ("a line twice", whole + A + "\n", 1), ("written otherwise", whole.replace(A, A + "/32"), 1)):
            with self.subTest(what):
                file.write_text(text)
                self.assertIn("changed by somebody else", site.run("feed", "edge", code=1).stderr)
                said = site.run("push")
                self.assertIn(f"{dropped} line{'' if dropped == 1 else 's'} of others", said.stdout + said.stderr)
                kept = site.run("feed", "edge").stdout
                self.assertEqual(sorted(kept.splitlines()[1:]), sorted([A, B]))
                self.assertTrue(is_whole(kept.encode()))

    def test_no_cut_of_a_list_without_a_head_is_handed_out(self):
        site = self.site({"edge": ("feed", {"head": "no", "most": 2, "parts": 2})}).set_up()
        many = addresses(4)
        self.ban(site, *many)
        site.run("push")
        for number, name in ((1, "edge.txt"), (2, "edge.2.txt")):
            file = site.folder / "feeds" / name
            whole = file.read_text()
            for text in ("", whole.split()[0] + "\n"):
                file.write_text(text)
                self.assertIn("changed by somebody else", site.run("feed", f"edge/{number}", code=1).stderr)
            file.unlink()
            self.assertIn("setup edge --apply", site.run("feed", f"edge/{number}", code=1).stderr)
            site.run("setup", "edge", "--apply")
            self.assertIn("changed by somebody else", site.run("feed", f"edge/{number}", code=1).stderr, "made again, and empty")
            site.run("push")
            self.assertEqual(sorted(site.run("feed", "edge").stdout.split()), sorted(many))

    def test_another_form_is_written_by_the_next_push(self):
        site = self.site().set_up()
        self.ban(site, A, B)
        site.run("push")
        params = site.settings["devices"]["edge"]["params"]
        params["head"] = "no"
        site.write()
        site.run("push")
        self.assertEqual(sorted(site.run("feed", "edge").stdout.split()), sorted([A, B]))
        self.assertEqual(site.run("feed", "edge/1").stdout, site.run("feed", "edge").stdout, "the only part by its number")
        params["most"] = 1
        site.write()
        said = site.run("push", code=1)
        self.assertIn("1 entries have no room: 1 parts of 1 are full", said.stdout + said.stderr)
        params["parts"] = 2
        site.write()
        site.run("setup", "edge", "--apply")
        site.run("push")
        self.assertEqual([len(site.run("feed", f"edge/{number}").stdout.split()) for number in (1, 2)], [1, 1], "what is beyond `most` goes into another part")

    def test_somebody_elses_file_is_left_alone(self):
        site = self.site()
        file = site.folder / "feeds/edge.txt"
        for text in ("keep this\n", "192.0.2.1\n"):
            file.write_text(text)
            self.assertIn("banpush did not write", site.run("setup", "edge", "--apply", code=5).stderr)
            self.assertIn("banpush did not write", site.run("setup", "edge", "--remove", "--apply", code=5).stderr)
            self.assertEqual(file.read_text(), text)
        file.write_text("keep this\n")
        self.ban(site, A)
        said = site.run("push", code=1)
        self.assertIn("has lines that banpush did not write (keep this)", said.stdout + said.stderr)
        self.assertEqual(file.read_text(), "keep this\n")

    def test_two_lists_of_one_file_are_refused(self):
        site = self.site({"edge": ("feed", {"parts": 2}), "other": ("feed", {}), "split": ("feed_split", {})})
        site.settings["devices"]["other"]["params"]["file"] = f"{site.folder}/feeds/../feeds/edge.2.txt"
        site.write()
        for words in (("check",), ("plan",), ("push",), ("setup", "other", "--apply"), ("serve",)):
            self.assertIn("would be the file of two lists (edge, list feed; other, list feed)", site.run(*words, code=2).stderr)
        site.settings["devices"]["other"]["params"]["file"] = f"{site.folder}/feeds/other.txt"
        site.settings["devices"]["split"]["params"]["file6"] = site.settings["devices"]["split"]["params"]["file4"]
        site.write()
        self.assertIn("(split, list ipv4; split, list ipv6)", site.run("check", code=2).stderr)

    def test_parts(self):
        site = self.site({"edge": ("feed", {"most": 3, "parts": 2, "head": "no"})}).set_up()
        many = addresses(6)
        self.ban(site, *many[:5])
        site.run("push")
        first = site.run("feed", "edge/1").stdout.split()
        self.assertEqual(len(first), 3)
        self.assertEqual(sorted(site.run("feed", "edge").stdout.split()), sorted(many[:5]))
        site.run("unban", first[0], "--no-push")
        self.ban(site, many[5])
        site.run("push")
        again = site.run("feed", "edge/1").stdout.split()
        self.assertEqual(len(again), 3)
        self.assertLessEqual(set(first[1:]), set(again), "what stays stays in its part")
        self.assertEqual((site.folder / "feeds/edge.2.txt").read_text().split(), site.run("feed", "edge/2").stdout.split())
        self.ban(site, *addresses(2, 5000))
        said = site.run("push", code=1)
        self.assertIn("1 entries have no room: 2 parts of 3 are full", said.stdout + said.stderr)
        self.assertEqual(len(site.run("feed", "edge").stdout.split()), 5, "nothing is cut, and nothing was written")

    def test_a_file_for_each_family(self):
        site = self.site({"edge": ("feed_split", {})}).set_up()
        self.ban(site, A, V6)
        site.run("push")
        self.assertEqual(site.run("feed", "edge/ipv4").stdout.splitlines()[1:], [A])
        self.assertEqual(site.run("feed", "edge/ipv6").stdout.splitlines()[1:], [V6])

    def test_a_family_that_is_left_out(self):
        """Nothing is ever pushed to it, so nothing promises that; what was handed out before it was left out is emptied."""
        site = self.site({"edge": ("feed_split", {})})
        site.settings["devices"]["edge"]["policy"] = {"families": ["ipv4"]}
        site.write()
        site.set_up()
        self.ban(site, A, V6)
        site.run("push")
        self.assertEqual([one["feed"] for one in site.json("feed")["feeds"]], ["edge/ipv4"])
        self.assertIn("`families` of edge leaves it out", site.run("feed", "edge/ipv6", code=1).stderr)
        site.start()
        site.wait_fetched("/feed/edge/ipv4", [A])
        refused = site.curl("/feed/edge/ipv6")
        self.assertEqual(refused.status, 503)
        self.assertIn("`families` of edge leaves it out", refused.text)
        site.stop()
        del site.settings["devices"]["edge"]["policy"]
        site.write()
        site.run("setup", "edge", "--apply")
        site.run("push")
        self.assertEqual(site.run("feed", "edge/ipv6").stdout.splitlines()[1:], [V6])
        site.settings["devices"]["edge"]["policy"] = {"families": ["ipv4"]}
        site.write()
        site.run("push")
        self.assertEqual(site.run("feed", "edge/ipv6").stdout.splitlines()[1:], [])

    def test_forms(self):
        """As the firewalls' own parsers take them."""
        drivers = {"fortios": "feed_fortios", "panos": "feed_panos", "srx": "feed_srx", "routeros": "feed_routeros", "pfsense": "feed"}
        site = self.site({name: (driver, {}) for name, driver in drivers.items()})
        for device in site.settings["devices"].values():
            device["accept_unproven"] = True
        site.write()
        site.set_up(*drivers)
        self.ban(site, A, B, "203.0.112.0/25", V6)
        site.run("push")
        wanted = {ipaddress.ip_network(one) for one in (A, B, "203.0.112.0/25", V6)}
        for name in ("fortios", "panos", "srx"):
            lines = site.run("feed", name).stdout.split("\n")
            self.assertEqual(lines.pop(), "")
            self.assertEqual({ipaddress.ip_network(line) for line in lines}, wanted, name)  # each line an address or prefix, and no comment
        pfsense = set()
        for line in site.run("feed", "pfsense").stdout.splitlines():  # up to a #, then what is an address or prefix
            line = line.partition("#")[0].strip()
            if line:
                pfsense.add(ipaddress.ip_network(line))
        self.assertEqual(pfsense, wanted)
        routeros = set()
        for line in site.run("feed", "routeros").stdout.splitlines():
            if line.startswith("#"):
                continue
            match = re.fullmatch(r"/(ip|ipv6) firewall address-list add list=banpush-new address=(\S+) comment=banpush", line)
            self.assertTrue(match, line)
            network = ipaddress.ip_network(match[2])
            self.assertEqual(match[1], "ip" if network.version == 4 else "ipv6")
            routeros.add(network)
        self.assertEqual(routeros, wanted)

    def test_into_nftables_and_ipset(self):
        if os.geteuid() != 0:
            self.skipTest("namespaces take root")
        site = self.site().set_up()
        bans = [*addresses(40), "203.0.112.0/25", V6, "2001:db8:99::/64"]
        self.ban(site, *bans)
        site.run("push")
        lines = [line for line in site.run("feed", "edge").stdout.splitlines() if not line.startswith("#")]
        four, six = [line for line in lines if ":" not in line], [line for line in lines if ":" in line]
        ruleset = "table inet t {\n" + "".join(
            f"set s{family} {{ type ipv{family}_addr; flags interval; elements = {{ {', '.join(part)} }} }}\n" for family, part in ((4, four), (6, six))) + "}\n"
        restore = "create s4 hash:net family inet\ncreate s6 hash:net family inet6\n" + "".join(f"add s{6 if ':' in line else 4} {line}\n" for line in lines)
        script = "nft -f ruleset && nft -j list ruleset >nft.json && ipset restore <restore && ipset save >ipset.txt"
        (site.folder / "ruleset").write_text(ruleset)
        (site.folder / "restore").write_text(restore)
        subprocess.run(["unshare", "-n", "sh", "-c", script], cwd=site.folder, check=True, timeout=web.PATIENCE)
        filled = set(re.findall(r"^add \S+ (\S+)$", (site.folder / "ipset.txt").read_text(), re.MULTILINE))
        wanted = {str(ipaddress.ip_network(one)) for one in bans}
        self.assertEqual({str(ipaddress.ip_network(one)) for one in filled}, wanted)
        sets = [item["set"] for item in json.loads((site.folder / "nft.json").read_text())["nftables"] if "set" in item]
        filled = {f"{one['prefix']['addr']}/{one['prefix']['len']}" if isinstance(one, dict) else one for each in sets for one in each["elem"]}
        self.assertEqual({str(ipaddress.ip_network(one)) for one in filled}, wanted)


class Fetched(unittest.TestCase):
    def site(self, *args, **options):
        site = WebSite(*args, **options)
        self.addCleanup(site.__exit__)
        return site

    def test_it_is_as_a_client_wants_it(self):
        site = self.site().set_up()
        site.run("ban", A, "--no-push")
        site.start()
        answer = site.wait_fetched("/feed/edge", [A])
        self.assertEqual(answer.status, 200)
        self.assertTrue(is_whole(answer.body))
        self.assertEqual((answer.headers["content-type"], answer.headers["x-banpush-entries"], answer.headers["x-banpush-part"]), ("text/plain; charset=utf-8", "1", "1/1"))
        tag, date = answer.headers["etag"], answer.headers["last-modified"]
        again = site.curl("/feed/edge", "-H", f"If-None-Match: {tag}")
        self.assertEqual((again.status, again.body, again.headers["etag"]), (304, b"", tag))
        self.assertEqual(site.curl("/feed/edge", "-H", 'If-None-Match: "another"').status, 200)
        self.assertEqual(site.curl("/feed/edge", "-H", f"If-None-Match: \"another\", W/{tag}").status, 304)
        self.assertEqual(site.curl("/feed/edge", "-z", "Wed, 21 Oct 2065 07:28:00 GMT").status, 200, "by another clock")
        self.assertEqual(site.curl("/feed/edge", "-z", "Wed, 21 Oct 2015 07:28:00 GMT").status, 200)
        wait_until(lambda: site.curl("/feed/edge").headers["last-modified"] != date or site.curl("/feed/edge", "-z", date).status == 304, 5, "its date is settled")
        head = site.curl("/feed/edge", "-I")
        self.assertEqual((head.status, head.body, head.headers["content-length"]), (200, b"", str(len(answer.body))))
        # What curl itself makes of tags: a file that is fetched anew only when it changed.
        fetch = ["curl", "-sS", "--etag-save", "tag", "--etag-compare", "tag", "-o", "list", "-w", "%{http_code}", site.url("/feed/edge")]
        codes = [subprocess.run(fetch, cwd=site.folder, capture_output=True, text=True, check=True).stdout for _ in range(2)]
        self.assertEqual(codes, ["200", "304"])
        site.run("ban", B)
        site.wait_fetched("/feed/edge", [A, B])
        self.assertEqual(subprocess.run(fetch, cwd=site.folder, capture_output=True, text=True, check=True).stdout, "200")
        self.assertEqual(site.curl("/feed/other").status, 404)
        self.assertEqual(site.curl("/feed/edge/2").status, 404)

    def rename_table(self, site, before, after):
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute(f"ALTER TABLE {before} RENAME TO {after}")

    def test_a_table_that_fails_empties_nothing_and_an_explained_empty_list_is_handed_out(self):
        site = self.site().set_up()
        self.assertEqual(site.start().curl("/feed/nothing").status, 404)
        site.wait_fetched("/feed/edge", [])  # read back, and the table is empty: that explains it
        many = addresses(20)
        for one in many:
            site.run("ban", one)
        site.wait_fetched("/feed/edge", many)
        self.rename_table(site, "fail2ban", "gone")
        wait_until(lambda: "devices keep what they hold" in site.log_text(), 20, "the service has no table")
        self.assertEqual(sorted(site.curl("/feed/edge").lines()), sorted(many))
        site.stop()
        site.start(wait=True)  # and after a start without it
        self.assertEqual(sorted(site.curl("/feed/edge").lines()), sorted(many))
        self.rename_table(site, "gone", "fail2ban")
        wait_until(lambda: "the tables can be read again" in site.log_text(), 20, "the table is back")
        for one in many:
            site.run("unban", one)
        answer = site.wait_fetched("/feed/edge", [])
        self.assertEqual((answer.status, answer.headers["x-banpush-entries"]), (200, "0"))

    def test_an_unexplained_empty_list_is_not_handed_out(self):
        site = self.site({"edge": ("feed", {"head": "no"})}).set_up()
        self.assertEqual(site.curl("/feed/edge", code=7).status, 0)
        site.run("ban", A, "--no-push")
        site.run("push")
        site.run("pause", "edge")  # nobody fills it again
        (site.folder / "feeds/edge.txt").write_text("")
        site.start()
        answer = site.curl("/feed/edge")
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "10"))
        self.assertIn("is not what a push has read back of it (1 entries)", answer.text)
        site.run("resume", "edge")
        site.wait_fetched("/feed/edge", [A])

    def test_a_long_list_that_another_hand_changed_is_mended_at_once(self):
        site = self.site()
        site.settings["serve"]["audit"] = "1h"
        site.write()
        site.set_up()
        many = addresses(2500)  # more than are read through each time
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '22', ?)", [(one,) for one in many])
        site.start()
        site.wait_fetched("/feed/edge", many)
        file = site.folder / "feeds/edge.txt"
        file.write_text(file.read_text().replace(many[7] + "\n", ""))
        site.wait_fetched("/feed/edge", many)

    def test_rows_that_vanish_are_held_by_the_guards(self):
        site = self.site()
        site.settings["limits"].update(remove="20%", floor=5)
        site.write()
        site.set_up()
        many = addresses(20)
        for one in many:
            site.run("ban", one, "--no-push")
        site.start()
        site.wait_fetched("/feed/edge", many)
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.execute("DELETE FROM fail2ban")
        site.run("push", code=5)
        self.assertEqual(len(site.curl("/feed/edge").lines()), len(many))

    def test_readers_never_see_half_a_file(self):
        site = self.site().set_up()
        base = addresses(300)
        with sqlite3.connect(site.folder / "bans.db") as table:
            table.executemany("INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '22', ?)", [(one,) for one in base])
        site.start()
        site.wait_fetched("/feed/edge", base)
        wrong, seen, done = [], set(), threading.Event()

        def read():
            while not done.is_set():
                answer = site.curl("/feed/edge")
                seen.add(len(answer.lines()))
                if answer.status != 200 or not is_whole(answer.body) or not set(base) <= set(answer.lines()):
                    wrong.append((answer.status, answer.text[:200]))

        readers = [threading.Thread(target=read) for _ in range(4)]
        for one in readers:
            one.start()
        more = addresses(12, 7000)
        for one in more:
            site.run("ban", one, "--wait")
        for one in more:
            site.run("unban", one, "--wait")
        done.set()
        for one in readers:
            one.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(seen), 3, "it changed while it was read")


if __name__ == "__main__":
    if shutil.which("curl") is None:
        ending.skip_all("not installed: curl")
    ending.main()
