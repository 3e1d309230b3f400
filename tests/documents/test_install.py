#!/usr/bin/python3
"""`cmake --install`: everything below the prefix, at its place, and it works from there."""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import installed
from installed import install, run

MACHINE_DATA = {name: value for name, value in os.environ.items() if name != "BANPUSH_DATADIR"}


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="banpush-install-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def works(self, tree):
        """The programs of an installed tree find what is theirs in it, with no configuration."""
        (self.folder / "empty").mkdir(exist_ok=True)
        configuration = ["-c", self.folder / "empty/banpush.yaml"]
        said = run(tree / "bin/banpush", *configuration, "drivers", "show", "cisco_ios", "--json", env=MACHINE_DATA).stdout
        self.assertIn(str(tree / "share/banpush/drivers/cisco_ios.yaml"), said)
        network = self.folder / "network.yaml"
        network.write_text("devices: {one: {device: no_such_device}}\n")
        said = run(tree / "bin/banpush-lab", "run", network, "-d", self.folder / "lab", check=False, env=MACHINE_DATA, stdin=-3)
        self.assertIn(str(tree / "share/banpush/devices/no_such_device/device.yaml"), said.stderr)
        self.assertNotIn(str(installed.SOURCE), said.stderr + said.stdout)

    def test_prefix(self):
        prefix = self.folder / "prefix"
        files = install(prefix)
        outside = [file for file in files if prefix not in file.parents]
        self.assertEqual(outside, [])
        self.works(prefix)
        for place in ("bin/banpush", "bin/banpush-lab", "libexec/banpush/banpush-devices", "lib/systemd/system/banpush.service",
                      "lib/systemd/system/banpush-push.timer", "share/doc/banpush/README.md", "share/doc/banpush/docs/operations.md",
                      "share/doc/banpush/examples/banpush.yaml", "share/doc/banpush/examples/systemd/local-devices.conf", "share/doc/banpush/examples/fail2ban/action.d/banpush.conf",
                      "share/banpush/templates/cisco_ios/add", "share/banpush/schema/banpush.schema.json", "share/banpush/schema/banpush-driver.schema.json", "share/man/man1/banpush.1", "share/man/man1/banpush-lab.1",
                      "share/bash-completion/completions/banpush", "share/bash-completion/completions/banpush-lab",
                      "share/zsh/site-functions/_banpush", "share/fish/vendor_completions.d/banpush.fish",
                      "share/man/man5/banpush.yaml.5", "share/man/man5/banpush-driver.5"):
            self.assertTrue((prefix / place).is_file(), place)
        for unit in (prefix / "lib/systemd/system").iterdir():
            text = unit.read_text()
            self.assertNotIn("@", re.sub(r"~@\w|=@\w| @\w", "", text), unit.name)
            for program in re.findall(r"^Exec\w+=(\S+banpush)", text, re.MULTILINE):
                self.assertEqual(program, str(prefix / "bin/banpush"))
            for document in re.findall(r"^Documentation=file:(\S+)", text, re.MULTILINE):
                self.assertTrue(pathlib.Path(document).is_file(), document)
            if shutil.which("systemd-analyze"):
                # The test's folder is not where the service's user is known; that is the machine's matter.
                said = run("systemd-analyze", "verify", "--man=no", unit, check=False).stderr
                self.assertEqual([line for line in said.splitlines() if unit.name in line and "User" not in line], [])

    def help_of(self, *verb):
        return run(installed.BUILD / "bin/banpush", *verb, "--help").stdout

    def verbs_in(self, text):
        return re.findall(r"^  ([a-z-]+)  ", text.partition("Subcommands:\n")[2], re.MULTILINE)

    def test_the_manual_names_every_verb_and_option_and_no_other(self):
        page = (installed.SOURCE / "docs/man/banpush.1.md").read_text()
        said = [self.help_of()]
        for verb in self.verbs_in(said[0]):
            self.assertTrue(re.search(rf"^## (.*, )?{verb}\b", page, re.MULTILINE), f"{verb} has no heading")
            said.append(self.help_of(verb))
            for inner in self.verbs_in(said[-1]):
                self.assertRegex(page, rf"\b{inner}\b", verb)
                said.append(self.help_of(verb, inner))
        offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(said)))
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))
        self.assertEqual((offered - named, named - offered), (set(), set()))

    def test_manual_pages(self):
        prefix = self.folder / "prefix"
        install(prefix)
        for page in sorted((prefix / "share/man").glob("man?/*")):
            name, _, section = page.name.rpartition(".")
            text = page.read_text()
            self.assertIn(f'.TH "{name}" "{section}"', text)
            self.assertRegex(text, rf"\.SH\nNAME\n\.LP\n{name} - \w", page.name)
            self.assertNotIn(".TS", text, "a table, which has no room on a terminal")
            for other, its_section in re.findall(r"(banpush[\w.-]*)\((\d)\)", text):
                self.assertTrue((prefix / f"share/man/man{its_section}/{other}.{its_section}").is_file(), f"{page.name} names {other}({its_section})")

    def completed(self, *words):
        """What bash offers for the last word."""
        file = installed.SOURCE / "config/completion/banpush.bash"
        script = f'. {file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _banpush "$1"; printf "%s\\n" "${{COMPREPLY[@]}}"'
        return run("bash", "-c", script, "bash", installed.BUILD / "bin" / words[0], *words[1:]).stdout.split()

    def test_completion(self):
        self.assertEqual(sorted(self.completed("banpush", "")), sorted(self.verbs_in(self.help_of())))
        self.assertEqual(self.completed("banpush", "pu"), ["push"])
        self.assertEqual(self.completed("banpush", "-c", "push", "drivers", "sh"), ["show"])
        self.assertEqual(self.completed("banpush", "plan", "--o"), ["--offline", "--out"])
        self.assertEqual(self.completed("banpush", "ban", "--js"), ["--json"])
        self.assertEqual(sorted(self.completed("banpush-lab", "")), ["devices", "down", "rehearse", "run", "tell", "up"])
        for shell, file in (("zsh", "_banpush"), ("fish", "banpush.fish")):
            if shutil.which(shell):
                run(shell, "-n", installed.SOURCE / "config/completion" / file)

    def test_links_in_documents(self):
        prefix = self.folder / "prefix"
        install(prefix)
        root = prefix / "share/doc/banpush"
        named = set(re.findall(r"^\| (docs/[\w-]+\.md|[A-Z]+\.md) \|", (root / "README.md").read_text(), re.MULTILINE))
        there = {f"docs/{file.name}" for file in (root / "docs").iterdir()}
        self.assertEqual(there - named, set(), "pages that README does not name")
        for name in named:
            self.assertTrue((root / name).is_file(), name)

    def test_destdir_and_moved(self):
        files = install("/usr", destdir=self.folder / "staged")
        self.assertEqual([file for file in files if self.folder / "staged/usr" not in file.parents], [])
        staged = self.folder / "staged/usr"
        self.assertIn("ExecStart=/usr/bin/banpush serve", (staged / "lib/systemd/system/banpush.service").read_text())
        self.works(staged)
        staged.rename(self.folder / "moved")
        self.works(self.folder / "moved")


if __name__ == "__main__":
    unittest.main()
