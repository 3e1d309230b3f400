#!/usr/bin/python3
"""The help of every verb fits a terminal of 80 columns and has an example that the program can read; a usage error shows how the verb is used."""
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["BANPUSH"]


def said(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120)


def verbs_of(*verb):
    text = said(*verb, "--help").stdout
    listed = text.partition("Subcommands:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  (\w+)", listed, re.MULTILINE)


class Help(unittest.TestCase):
    def all_verbs(self):
        for verb in verbs_of():
            yield (verb,)
            if verb != "lab":  # its words are banpush-lab's
                for inner in verbs_of(verb):
                    yield verb, inner

    def test_each_verb_fits_and_has_an_example(self):
        verbs = list(self.all_verbs())
        self.assertGreater(len(verbs), 25)
        for verb in verbs:
            with self.subTest(verb=verb):
                text = said(*verb, "--help").stdout
                self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
                example = re.search(r"^Example: banpush (.*)$", text, re.MULTILINE)
                self.assertTrue(example, text)
                self.assertTrue(example[1].startswith(" ".join(verb)), example[0])

    def test_the_examples_are_commands(self):
        """Nothing comes of them: the configuration is refused, whatever the verb."""
        folder = tempfile.TemporaryDirectory(prefix="banpush-help-")
        self.addCleanup(folder.cleanup)
        config = pathlib.Path(folder.name) / "banpush.yaml"
        config.write_text(f"state: {folder.name}/state.db\nspool: {folder.name}/spool.db\nno_such_key: 1\n")
        for verb in self.all_verbs():
            text = said(*verb, "--help").stdout
            line = re.search(r"^Example: banpush (.*)$", text, re.MULTILINE)[1]
            line = re.split(r", then:|  +|<", line)[0]  # what a person does besides
            if verb[0] in ("lab", "serve"):
                continue
            with self.subTest(verb=verb):
                done = said("-c", str(config), *shlex.split(line))
                self.assertNotIn("usage: ", done.stderr, done.stderr)
                if verb[0] != "drivers":
                    self.assertEqual(done.returncode, 2, done.stdout)
                # A rescue verb reads what is right of it, and opens the state file.
                self.assertLessEqual(set(os.listdir(folder.name)), {"banpush.yaml", "state.db", "state.db.turn"})

    def test_a_usage_error_shows_the_usage(self):
        done = said("ban")
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: banpush ban [OPTIONS] ip", done.stderr)
        done = said("allow", "add")
        self.assertIn("usage: banpush allow add [OPTIONS] prefix", done.stderr)
        self.assertIn("usage: banpush push ", said("push", "--forse", "add").stderr)

    def test_what_takes_one_word_says_so(self):
        self.assertRegex(said("push", "--help").stdout, r"--force LIMIT  +lift a limit")
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "banpush.yaml"
            config.write_text(f"bans: {{url: 'sqlite:{folder}/bans.db'}}\nstate: {folder}/state.db\ndevices: {{d1: {{address: local, driver: feed, params: {{file: {folder}/f}}}}}}\n")
            config.chmod(0o600)
            self.assertIn('no device is called "add"', said("-c", str(config), "push", "--force", "storm", "add").stderr)
            self.assertNotIn("add", said("-c", str(config), "push", "--force", "storm", "--force", "add").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
