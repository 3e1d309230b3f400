#!/usr/bin/python3
"""The JSON Schemas of the configuration and of drivers, held against the program that loads both.

Each mapping that a schema describes is written into a document with every word of the loader's sources as a key: what the loader calls
unknown must be unknown to the schema, and nothing else. Then each key gets values of all kinds: what the schema refuses the loader
must refuse, and what the loader refuses for its kind the schema must refuse."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import commands
from installed import SOURCE

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error} (python3-jsonschema, python3-yaml)")
    sys.exit(77)

PROGRAM = os.environ.get("BANPUSH", SOURCE / "build/asan/bin/banpush")
FOLDER = SOURCE / "schema"
SCHEMAS = {name: json.loads((FOLDER / f"{name}.schema.json").read_text()) for name in ("banpush", "banpush-driver")}
PROBLEM = re.compile(r"^(?:banpush: )?(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<text>.*)$", re.M)
UNKNOWN = re.compile(r'(?:unknown key|no stage is called) "(\w+)"')

# As an editor reads YAML (1.2, core schema) and the loader's `yes` and `no` are texts.
VALUES = [("zz", "zz"), ("12", 12), ("-1", -1), ("1.5", 1.5), ("99999999999999999999", 99999999999999999999), ("yes", "yes"), ("true", True),
          ("1h", "1h"), ("permanent", "permanent"), ("20%", "20%"), ("none", "none"), ('""', ""), ("{}", {}), ('{"zz": "zz"}', {"zz": "zz"}), ("[]", []),
          ('["zz"]', ["zz"]), ("[12]", [12]), ('[["zz"]]', [["zz"]]), ('[{"zz": "zz"}]', [{"zz": "zz"}]), ("", None)]

# What the loader says of a value because of its kind. What else it says is about what a text says: an address, a pattern, a name.
OF_KIND = re.compile(
    r"^\w+: (?:expected (?:text|a list|a mapping|yes or no|a whole number|a number|a share|a duration|at least one address|at least one table|"
    r"never, each|some of|ipv4, ipv6 or both|4, 6 or both|host, net or both|the characters|one of \{file)|a secret is not written here|no value|must be at least|"
    r"cannot be permanent|unknown word|\"[^\"]*\" (?:has no unit|is no whole))|^expected a mapping|^unknown key")

class Core(yaml.SafeLoader):
    """YAML 1.2's core schema: `yes` is a text."""


Core.yaml_implicit_resolvers = {}
for tag, form, first in ((u"bool", r"true|True|TRUE|false|False|FALSE", "tTfF"), ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
                         ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
                         ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789.")):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{form})$"), first)
Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value, 0) if node.value[:2] in ("0o", "0x") else int(node.value))


def read_yaml(text):
    return yaml.load(text, Core)


def validator(schema, part=None):
    whole = {**(part if part is not None else schema), "$defs": schema["$defs"]} if part is not None else schema
    return jsonschema.Draft202012Validator(whole)


def words_of_the_loader():
    """Every text of its sources that can be a key."""
    found = set()
    for file in (SOURCE / "src/config").rglob("*.cpp"):
        found.update(re.findall(r'"([a-z][a-z0-9_]*)"', file.read_text()))
    return found


class Level:
    """One mapping of a schema: the way to it, and what must stand beside the key under test for the loader to read it as this one."""

    def __init__(self, way, schema, beside):
        self.way, self.schema, self.beside = way, schema, beside

    def __str__(self):
        return "/".join(self.way_names()) or "top"

    def way_names(self):
        return [name for name, _ in self.way] + ([str(self.beside)] if self.beside else [])

    def repeats(self):
        """Where on the way names or items are free, so that one document may have several of these mappings; nothing: nowhere."""
        return next((number for number, (name, _) in enumerate(self.way) if name in ("zz", "[]")), None)

    def document(self, variants):
        """YAML with this mapping once for each variant, a list of lines, and the number of each one's first line."""
        at = self.repeats()
        if at is None and len(variants) > 1:
            raise ValueError(f"{self} cannot stand in a document twice")
        text, firsts = self.opened(self.way[:at], 0), []
        for number, lines in enumerate(variants):
            if at is not None:
                text += self.opened([(f"zz{number}" if self.way[at][0] == "zz" else "[]", self.way[at][1] if number == 0 else {}), *self.way[at + 1:]], 2 * at)
            depth = 2 * len(self.way)
            text += self.indented(self.beside, depth)
            firsts.append(text.count("\n") + 1)
            text += "".join(" " * depth + line + "\n" for line in lines)
        return text, firsts

    @staticmethod
    def indented(beside, depth):
        return "".join(f'{" " * depth}"{key}": {json.dumps(value)}\n' for key, value in beside.items())

    @classmethod
    def opened(cls, way, depth):
        text = ""
        for name, beside in way:
            text += " " * depth + "-\n" if name == "[]" else cls.indented(beside, depth) + f'{" " * depth}"{name}":\n'
            depth += 2
        return text


def levels(root, schema=None, way=(), seen=()):
    schema = root if schema is None else schema
    while "$ref" in schema:
        at = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            at = at[step]
        schema = at
    if "allOf" in schema:
        yield from levels(root, schema["allOf"][0], way, seen)
    for one in schema.get("anyOf", []):
        if "required" not in one or "properties" in one:
            yield from levels(root, one, way, seen)
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        yield from levels(root, schema["items"], (*way, ("[]", {})), seen)
    if schema.get("type") != "object":
        return
    if isinstance(schema["additionalProperties"], dict):
        if way[-1][0] == "params" and "any_text" in json.dumps(schema["additionalProperties"]):
            return  # of a device: only a driver's own param says whether it is a secret
        yield from levels(root, schema["additionalProperties"], (*way, ("zz", {})), seen)
    if "properties" not in schema:
        return
    beside = {key: schema["properties"][key]["enum"][0] for key in schema.get("required", []) if set(schema["properties"][key]) <= {"enum", "description"}}
    yield Level(way, schema, beside)
    for key, one in schema["properties"].items():
        if key not in beside:
            yield from levels(root, one, (*way, (key, beside)), seen)


class Loader:
    def __init__(self, kind):
        self.kind = kind
        self.temporary = tempfile.TemporaryDirectory(prefix="banpush-schema-")
        self.folder = pathlib.Path(self.temporary.name)
        self.number = 0

    def problems(self, text):
        """What the loader says of this document: line -> texts."""
        self.number += 1
        name = f"d{self.number}"
        if self.kind == "banpush":
            file = self.folder / f"{name}.yaml"
            file.write_text(text)
            argv = [PROGRAM, "-c", file, "check"]
        else:
            own = self.folder / name
            (own / "drivers").mkdir(parents=True)
            file = own / "drivers/tried.yaml"
            file.write_text(text)
            (own / "c.yaml").write_text("{}\n")
            argv = [PROGRAM, "-c", own / "c.yaml", "drivers", "show", "tried"]
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120)
        found = {}
        for match in PROBLEM.finditer(done.stdout + done.stderr):
            if pathlib.Path(match["file"]) == file:
                found.setdefault(int(match["line"]), []).append(match["text"])
        if done.returncode not in (0, 1, 2, 3) or (done.returncode == 2 and not found):
            raise AssertionError(f"status {done.returncode}\n{done.stdout}{done.stderr}\n{text}")
        return found

    def close(self):
        self.temporary.cleanup()


def in_parallel(work, things):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, things))


class Schema(unittest.TestCase):
    maxDiff = None

    def test_schemas_are_schemas(self):
        for name, schema in SCHEMAS.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", name)

    def test_the_same_keys(self):
        words = words_of_the_loader()
        self.assertIn("allow_files", words)
        for kind, schema in SCHEMAS.items():
            loader = Loader(kind)
            self.addCleanup(loader.close)
            all_levels = list(levels(schema))
            self.assertGreater(len(all_levels), 20)
            differ = in_parallel(lambda level: self.keys_differ(kind, loader, level, words), all_levels)
            with self.subTest(kind):
                self.assertEqual([], [one for one in differ if one])

    @staticmethod
    def keys_differ(kind, loader, level, words):
        keys = sorted((words | set(level.schema["properties"])) - set(level.beside))
        if kind == "banpush-driver" and not level.way:
            keys.remove("extends")  # without that driver nothing else is read
        text, (first,) = level.document([[f'"{key}": "zz"' for key in keys]])
        unknown = set()
        for line, texts in loader.problems(text).items():
            for said in texts:
                match = UNKNOWN.match(said)
                if match and line >= first:
                    unknown.add(match[1])
        known = set(keys) - unknown
        lacks, invents = known - set(level.schema["properties"]), set(level.schema["properties"]) - known - set(level.beside) - {"extends"}
        return f"{kind} {level}: the schema lacks {sorted(lacks)}, the loader does not know {sorted(invents)}" if lacks or invents else ""

    def test_the_same_kinds(self):
        for kind, schema in SCHEMAS.items():
            loader = Loader(kind)
            self.addCleanup(loader.close)
            once = {}  # a mapping that stands in several places is one
            for level in levels(schema):
                if id(level.schema) not in once or once[id(level.schema)].repeats() is None:
                    once[id(level.schema)] = level
            work = []
            for level in once.values():
                variants = [(keys, value) for keys in self.keys_at_once(level) for value in VALUES]
                work += [(level, variants)] if level.repeats() is not None else [(level, [one]) for one in variants]
            found = in_parallel(lambda one: self.kinds_differ(kind, schema, loader, *one), work)
            with self.subTest(kind):
                self.assertEqual([], sorted({text for texts in found for text in texts}))

    @staticmethod
    def keys_at_once(level):
        keys = [key for key in level.schema["properties"] if key not in level.beside and key != "extends"]
        if "maxProperties" in level.schema:
            return [[key] for key in keys]
        # What may stand under policy, limits and a device alike is lost where these are no mappings.
        parts = [[key for key in keys if key not in ("policy", "limits")], [key for key in keys if key in ("policy", "limits")]]
        return [part for part in parts if part]

    @staticmethod
    def kinds_differ(kind, schema, loader, level, variants):
        text, firsts = level.document([[f'"{key}": {written}' for key in keys] for keys, (written, _) in variants])
        problems, differ = loader.problems(text), []
        for first, (keys, (written, meant)) in zip(firsts, variants):
            for line, key in enumerate(keys, first):
                said, one = problems.get(line, []), level.schema["properties"][key]
                if meant is None and '"null"' in json.dumps(one):
                    continue  # nothing is something with `extends` alone
                taken = validator(schema, one).is_valid(meant)
                of_kind = [words for words in said if OF_KIND.match(words)]
                if taken and of_kind:
                    differ.append(f"{kind} {level}: {key}: {written}: the schema takes it, and the loader says {of_kind}")
                if not taken and not said:
                    differ.append(f"{kind} {level}: {key}: {written}: the schema refuses it, and the loader does not")
        return differ

    def test_what_is_shipped(self):
        files = {"banpush": [SOURCE / "config/banpush.yaml"], "banpush-driver": sorted((SOURCE / "drivers").glob("*.yaml"))}
        self.assertGreater(len(files["banpush-driver"]), 30)
        for kind, paths in files.items():
            for path in paths:
                with self.subTest(path.name):
                    self.assertEqual([], self.errors(kind, path.read_text()))
        # as in tests/unit/config_example_test.cpp: a setting that is commented out has no blank behind its #
        example = re.sub(r"(?m)^( *)#(?=[^ -])", r"\1", (SOURCE / "config/banpush.yaml").read_text())
        self.assertIn("alerts", read_yaml(example)["serve"])
        self.assertEqual([], [one for one in self.errors("banpush", example) if "should not be valid under" not in one])

    def test_what_documents_show(self):
        seen = {"banpush": 0, "banpush-driver": 0}
        for file in commands.documents():
            for language, first, lines in commands.blocks(file):
                if language != "yaml" or file.name == "lab.md":  # the lab's own formats
                    continue
                document = read_yaml("\n".join(lines))
                kind = "banpush-driver" if "transport" in document else "banpush"
                if "scrape_configs" in document:  # Prometheus's
                    continue
                seen[kind] += 1
                with self.subTest(f"{file.name}:{first}"):
                    self.assertEqual([], self.errors(kind, "\n".join(lines)))
        self.assertTrue(all(seen.values()), seen)

    @staticmethod
    def errors(kind, text):
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator(SCHEMAS[kind]).iter_errors(read_yaml(text))]

    def test_what_is_wrong(self):
        for kind, wrong in WRONG.items():
            loader = Loader(kind)
            self.addCleanup(loader.close)
            for text in wrong:
                with self.subTest(text):
                    self.assertTrue(self.errors(kind, text), "the schema takes it")
                    self.assertTrue(loader.problems(text), "the loader takes it")


WHOLE_DRIVER = """about: x
transport: exec
evidence: {level: believed, source: x}
lists: {l4: {owned_by: list}}
reads: {lists: l4, run: [x], empty_is_none: yes, entry: '(?P<prefix>x)'}
stages: {add: {}, remove: {}}
script: {add: '(?P<prefix>x)', remove: '(?P<prefix>x)'}
"""
WRONG = {
    "banpush": [
        "polcy: {}\n", "devices: {edge1: {driver: frr}}\n", "devices: {-x: {address: local, driver: linux_nft}}\n", "devices: {a: {address: [], driver: frr}}\n",
        "defaults: {address: 192.0.2.1}\n", "groups: {edge: {groups: [x]}}\n", "devices: [edge1]\n", "serve: {poll: 5}\n", "serve: {audit: permanent}\n",
        "serve: {workers: 0}\n", "serve: {log: xml}\n", "serve: {http: {tokens: {a: {may: [feed]}}}}\n", "serve: {http: {offers: [pages]}}\n",
        "serve: {alerts: {}}\n", "serve: {alerts: {command: /bin/true}}\n", "serve: {alerts: {command: [/bin/true], webhook: 'https://h/'}}\n",
        "bans: {password: secret}\n", "bans: {password: {file: a, env: B}}\n", "bans: [{url: 'sqlite:a'}]\n", "bans: {tls: maybe}\n",
        "policy: {bantime: 1 day}\n", "policy: {jails: {sshd: 1h}}\n", "policy: {quorum: {within: 1h}}\n", "policy: {shortest: {ipv4: 33}}\n",
        "policy: {aggregate: {density: 20%}}\n", "policy: {protocols: [tpc]}\n", "policy: {allow: }\n", "limits: {add: 0.2}\n", "limits: {add: 20}\n",
        "limits: {storm: {bans: many}}\n", "devices: {a: {address: 192.0.2.1, driver: frr, save: 3am}}\n",
        "devices: {a: {address: 192.0.2.1, driver: frr, attach: [{direction: in}]}}\n", "devices: {a: {address: 192.0.2.1, driver: frr, agent: sometimes}}\n",
        "devices: {a: {address: 192.0.2.1, driver: frr, port: ssh}}\n", "devices: {a: {address: 192.0.2.1, driver: frr, run_with: sudo}}\n",
        "devices: {a: {address: 192.0.2.1, driver: frr, budget: 100}}\n", "devices: {a: {address: 192.0.2.1, driver: frr, probe: [{run: [x]}]}}\n",
    ],
    "banpush-driver": [WHOLE_DRIVER.replace(*change) for change in (
        ("about: x\n", ""), ("about: x\n", "about:\n"), ("exec", "telnet"), ("level: believed", "level: sure"), (", source: x", ""), ("owned_by: list", "owned_by: us"),
        ("owned_by: list", "renumbers: no"), ("{lists: l4, ", "{"), ("run: [x]", "run: x"), ("empty_is_none: yes", "format: json"), ("entry:", "entries:"),
        ("add: {}", "add: {untill: x}"), ("add: {}", "insert: {}"), ("script: {", "script: {adds: x, "), ("about: x\n", "about: x\nsilence: 30\n"),
        ("about: x\n", "about: x\norder: [add]\n"), ("about: x\n", "about: x\nparams: {p: {type: number, charset: x}}\n"),
        ("about: x\n", "about: x\nfacts: {f: {run: [x]}}\n"), ("about: x\n", "about: x\nbatch: yes\n"), ("about: x\n", "about: x\ndead_man: {kind: commit}\n"),
        ("about: x\n", "about: x\nlimits: {entries: none}\n"), ("about: x\n", "about: x\nwindow: 500\n"))],
}


if __name__ == "__main__":
    unittest.main()
