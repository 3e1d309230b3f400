#!/usr/bin/python3
"""Mistakes in what people write (configuration, secrets, drivers, templates) are named with file, line and column
before anything is touched; and drivers render and parse from the shell."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import scenario
from scenario import SOURCE, Site
import ending

DRIVER = """about: rules of a firewall of our own
sets: set
transport: [exec]
evidence: {level: believed, source: "its manual, chapter 4"}
input: [fwctl, batch]
batch: whole
lists:
  hosts: {holds: {families: [4]}, owned_by: list}
reads:
  - lists: [hosts]
    run: [fwctl, show, hosts]
    format: lines
    empty_is_none: yes
    entry: ['^deny (?P<prefix>[0-9./]+)$']
script:
  add: ['^add hosts (?P<prefix>[0-9./]+)$']
  remove: ['^del hosts (?P<prefix>[0-9./]+)$']
"""
ADD = "{{#entries}}\nadd {{list}} {{prefix}}\n{{/entries}}\n"
REMOVE = "{{#entries}}\ndel {{list}} {{prefix}}\n{{/entries}}\n"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="banpush-config-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "ran"
        self.device = {"address": "local", "driver": "linux_nft", "run_with": ["/bin/sh", "-c", f"echo ran >>{self.log}; exit 1", "sh"]}

    def site(self, **top):
        site = Site(self.folder / "site", {"fw": self.device}, **top)
        good, site.settings = site.settings, {"bans": site.settings["bans"], "state": site.settings["state"], "devices": {}}
        site.write()
        site.run("init")
        site.insert(["203.0.113.7"])
        site.settings = good
        site.write()
        return site

    def refused(self, site, *words, verbs=(["check"], ["plan"], ["push"], ["setup", "fw", "--apply"], ["ban", "203.0.113.9"])):
        """Every verb that would do something says these words, with status 2, and does nothing."""
        before = site.rows("SELECT * FROM fail2ban")
        for verb in verbs:
            done = site.run(*verb, code=2)
            for word in words:
                self.assertIn(word, done.stderr, verb)
        self.assertEqual(site.rows("SELECT * FROM fail2ban"), before)
        self.assertFalse(self.log.exists(), "the device was spoken to")

    def refused_but_recorded(self, site, *words):
        """What is wrong with a device's driver keeps everybody from devices, and no ban from the table."""
        self.refused(site, *words, verbs=(["check"], ["plan"], ["push"], ["setup", "fw", "--apply"]))
        done = site.run("ban", "203.0.113.9")
        for word in ("no device is told until this is mended", *words):
            self.assertIn(word, done.stderr)
        self.assertIn(("203.0.113.9",), site.rows("SELECT ip FROM fail2ban"))
        self.assertFalse(self.log.exists(), "the device was spoken to")

    def text(self, site, text):
        site.config.write_text(f"bans: {{url: \"sqlite:{site.table}\"}}\nstate: {self.folder}/state.db\n{text}")
        site.config.chmod(0o600)


class Configuration(Case):
    def test_a_misspelt_key(self):
        site = self.site()
        self.text(site, "devices:\n  fw:\n    address: local\n    driver: linux_nft\n    tabel: x\n    bugdet: {ipv4: 10}\n")
        self.refused(site, f"{site.config}:7:5", "tabel", f"{site.config}:8:5", "bugdet", "budget")

    def test_a_key_that_nobody_knows(self):
        site = self.site()
        self.text(site, "devcies: {}\n")
        self.refused(site, f"{site.config}:3:1", "devcies", "devices")

    def test_what_is_no_yaml(self):
        site = self.site()
        self.text(site, "devices: {fw: [\n")
        self.refused(site, f"{site.config}:")

    def test_a_secret_that_others_can_read(self):
        secret = self.folder / "password"
        secret.write_text("hunter2\n")
        secret.chmod(0o644)
        self.device = {"address": "192.0.2.1", "driver": "linux_nft", "username": "root", "password": {"file": str(secret)}}
        site = self.site()
        self.refused(site, str(secret), "may be read by others", "chmod 600")
        self.assertNotIn("hunter2", site.run("check", code=2).stderr)

    def test_a_secret_in_the_configuration(self):
        self.device = {"address": "192.0.2.1", "driver": "linux_nft", "username": "root", "password": "hunter2"}
        site = self.site()
        self.refused(site, "a secret is not written here")
        self.assertNotIn("hunter2", site.run("check", code=2).stderr)

    def test_a_driver_that_is_not_there(self):
        self.device["driver"] = "linux_nfft"
        self.refused_but_recorded(self.site(), "linux_nfft", "linux_nft")

    def test_an_allowlist_with_a_broken_line(self):
        allow = self.folder / "allow"
        allow.write_text("# office\n198.51.100.0/28\n  198.51.100.300\n")
        self.refused(self.site(policy={"allow_files": [str(allow)]}), f"{allow}:3:14", "198.51.100.300")

    def test_values_that_make_no_sense(self):
        site = self.site()
        self.text(site, "policy:\n  bantime: soon\n  shortest: {ipv4: 33}\n  allow: [203.0.113.7/24]\ndevices: {}\n")
        self.refused(site, ":4:", "soon", ":5:", "33", ":6:", "203.0.113.7/24")


class Drivers(Case):
    """A driver of the user's own, beside the configuration."""

    def own(self, driver=DRIVER, add=ADD, remove=REMOVE):
        self.device["driver"] = "our_firewall"
        site = self.site()
        for folder in ("drivers", "templates/our_firewall"):
            (site.folder / folder).mkdir(parents=True, exist_ok=True)
        (site.folder / "drivers/our_firewall.yaml").write_text(driver)
        (site.folder / "templates/our_firewall/add").write_text(add)
        (site.folder / "templates/our_firewall/remove").write_text(remove)
        return site

    def test_one_that_works_without_a_build(self):
        site = self.own()
        self.assertEqual(site.run("drivers", "render", "our_firewall", "--add", "203.0.113.7", "--remove", "203.0.113.9").stdout,
                         "$ fwctl batch\nadd hosts 203.0.113.7/32\ndel hosts 203.0.113.9/32\n")
        shown = site.run("drivers", "parse", "our_firewall", input="deny 203.0.113.7\ndeny 203.0.113.64/26\n").stdout
        self.assertIn("203.0.113.64/26", shown)
        self.assertIn("our_firewall", site.run("drivers").stdout)
        self.assertIn("its manual, chapter 4", site.run("drivers", "show", "our_firewall").stdout)

    def test_a_wrong_type(self):
        site = self.own(DRIVER.replace("lists:\n", "limits: {entries: many}\nlists:\n"))
        self.refused_but_recorded(site, f"{site.folder}/drivers/our_firewall.yaml:7:", "entries", "many")

    def test_a_key_it_does_not_know(self):
        site = self.own(DRIVER.replace("batch: whole", "bacth: whole"))
        self.refused_but_recorded(site, f"{site.folder}/drivers/our_firewall.yaml:6:1", "bacth", "batch")

    def test_a_pattern_that_is_none(self):
        site = self.own(DRIVER.replace("[0-9./]+)$", "[0-9./+)$"))
        self.refused_but_recorded(site, f"{site.folder}/drivers/our_firewall.yaml:14:", "missing")

    def test_a_template_with_a_name_nobody_knows(self):
        site = self.own(add=ADD.replace("{{prefix}}", "{{prefixx}}"))
        self.refused_but_recorded(site, f"{site.folder}/templates/our_firewall/add:2:", "prefixx")

    def test_templates_that_the_script_patterns_cannot_read(self):
        site = self.own(add=ADD.replace("add ", "ban "))
        done = site.run("check", code=2)
        self.assertIn('the line "ban hosts 203.0.113.7/32" is none that its `script` patterns know', " ".join(done.stdout.split()))
        self.assertFalse(self.log.exists())

    def test_a_wrong_template_is_named_where_the_table_cannot_be_had(self):
        site = self.own(add=ADD.replace("add ", "ban "))
        site.settings["bans"] = {"url": "mysql://nobody@127.0.0.1:9/none"}
        site.write()
        done = site.run("check", code=2)
        self.assertIn("(our_firewall): templates:", done.stderr)
        self.assertIn("none that its `script` patterns know", " ".join(done.stderr.split()))

    def test_a_template_that_cannot_be_read(self):
        site = self.own()
        (site.folder / "templates/our_firewall/remove").unlink()
        (site.folder / "templates/our_firewall/remove").mkdir()
        self.refused_but_recorded(site, f"{site.folder}/templates/our_firewall/remove: cannot be read: it is a directory")

    def test_a_template_that_does_not_end(self):
        site = self.own(remove=REMOVE.replace("{{/entries}}\n", ""))
        self.refused_but_recorded(site, f"{site.folder}/templates/our_firewall/remove:", "entries")


class EveryDriver(unittest.TestCase):
    """`drivers render` and `drivers parse` for each of those that come with banpush."""

    @classmethod
    def setUpClass(cls):
        cls.names = [one["name"] for one in json.loads(cls.run_plain("drivers", "--json"))["drivers"]]

    @staticmethod
    def run_plain(*words, input=None):
        done = subprocess.run([scenario.binary(), *words], input=input, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"banpush {' '.join(words)}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def test_render(self):
        self.assertGreater(len(self.names), 20)
        for name in self.names:
            with self.subTest(name):
                text = self.run_plain("drivers", "render", name, "--add", "203.0.113.7")
                self.assertRegex(text, r"203[.-]0[.-]113[.-]7")
                with_removal = self.run_plain("drivers", "render", name, "--add", "203.0.113.7", "--remove", "203.0.113.9")
                self.assertGreater(len(with_removal), len(text))
                with self.assertRaisesRegex(AssertionError, "no address or prefix"):
                    self.run_plain("drivers", "render", name, "--add", "203.0.113.7; reload")

    def test_parse(self):
        # Of what exabgp says a line belongs to the device where it names `peer`, and `drivers parse` is told no params.
        for name in sorted(set(self.names) - {"exabgp", "exabgp_flowspec"}):
            for said in (SOURCE / "tests/drivers" / name).glob("change/said"):
                text = "".join(line for line in said.read_text().splitlines(keepends=True) if not line.startswith(("> ", "$ ")))
                if text.lstrip().startswith("{"):
                    text = text[:json.JSONDecoder().raw_decode(text.lstrip())[1]]  # one document; what follows is another's answer
                with self.subTest(name):
                    entries = json.loads(self.run_plain("drivers", "parse", name, "--json", input=text))["entries"]
                    expected = json.loads((said.parent / "expect.json").read_text())["entries"]
                    self.assertTrue(entries)
                    self.assertTrue({one["block"] for one in expected} >= {one["prefix"] if one["service"] == "any" else f"{one['prefix']} {one['service']}" for one in entries})

    def test_what_no_device_said(self):
        with self.assertRaisesRegex(AssertionError, "not what its reads expect"):
            self.run_plain("drivers", "parse", "linux_nft", input="nft: command not found\n")



PROGRAM = scenario.binary()


class First(unittest.TestCase):
    """What `banpush init` writes on a machine without a configuration: /var/lib is the test's own."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("a mount namespace takes root")
        folder = tempfile.TemporaryDirectory(prefix="banpush-first-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "etc/banpush.yaml"

    def init(self, *words, also="true"):
        script = f'mount -t tmpfs none /var/lib && "$@" && {also}'
        return subprocess.run(["unshare", "--mount", "--", "sh", "-c", script, "sh", PROGRAM, "-c", str(self.path), "init", *words],
                              capture_output=True, text=True, timeout=120)

    def test_it_is_written_once(self):
        check = f"{PROGRAM} -c {self.path} ban 203.0.113.7 --no-push && {PROGRAM} -c {self.path} plan --offline"
        done = self.init(also=check)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"wrote {self.path}: a table in a file, and this host's firewall as the device", done.stdout)
        self.assertIn("created fail2ban", done.stdout)
        self.assertIn("203.0.113.7", done.stdout)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
        written = self.path.read_text()
        done = self.init("--json")
        self.assertIsNone(json.loads(done.stdout)["configuration"])
        self.assertEqual(self.path.read_text(), written)

    def test_its_comments_are_settings(self):
        """Each `#` without a blank behind it is a setting: uncommented, the loader takes it."""
        self.assertEqual(self.init().returncode, 0)
        lines = self.path.read_text().splitlines()
        self.assertTrue([line for line in lines if line.startswith("#  edge1:")])
        edge = [line[1:] for line in lines if line.startswith("#  edge1:")]
        text = "\n".join([*(line[1:] if line.startswith("#") and not line.startswith("# ") and "edge1:" not in line else line for line in lines
                            if "sqlite:" not in line), *edge]) + "\n"
        self.path.write_text(text.replace("\n  url: mysql", "\n  tls: required\n  url: mysql"))
        done = subprocess.run([PROGRAM, "-c", str(self.path), "drivers", "show", "frr"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr + text)
        done = subprocess.run([PROGRAM, "-c", str(self.path), "check"], capture_output=True, text=True, timeout=120)
        for word in ("unknown key", "expected", "duplicate"):
            self.assertNotIn(word, done.stderr)

    def test_an_empty_file_is_a_configuration(self):
        self.path.parent.mkdir()
        self.path.write_text("")
        self.assertEqual(self.init().returncode, 2)
        self.assertEqual(self.path.read_text(), "")


class ErrorsAsJson(unittest.TestCase):
    def test_each_verb_says_its_error_in_one_document(self):
        with tempfile.TemporaryDirectory(prefix="banpush-errors-") as folder:
            config = pathlib.Path(folder) / "banpush.yaml"
            config.write_text("bans: {url: 'sqlite:bans.db'}\nno_such_key: 1\ndevices: {d: {address: local, driver: no_such_driver}}\n")
            for verb in (["init"], ["check"], ["plan"], ["push"], ["list"], ["explain", "203.0.113.7"], ["stats"], ["status"], ["show", "d"],
                         ["setup", "d"], ["save", "d"], ["trust", "d"], ["flush", "d"], ["pause", "d"], ["resume", "d"], ["unban", "203.0.113.7"],
                         ["allow", "list"], ["audit"], ["prune", "--older-than", "90d"], ["serve"]):
                with self.subTest(verb=verb):
                    done = subprocess.run([PROGRAM, "-c", str(config), "--json", *verb], capture_output=True, text=True, timeout=120)
                    self.assertNotEqual(done.returncode, 0, done.stdout)
                    said = json.loads(done.stdout)
                    self.assertEqual((said["schema"], said["status"]), (1, done.returncode), said)
                    # What the service writes there is a line of JSON for each event, and so for each mistake.
                    told = "\n".join(json.loads(line)["message"] for line in done.stderr.splitlines()) if verb == ["serve"] else done.stderr
                    self.assertIn(said["error"].splitlines()[0], told)


if __name__ == "__main__":
    ending.main()
