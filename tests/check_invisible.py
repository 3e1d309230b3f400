#!/usr/bin/python3
"""The table of characters that nobody sees is what its generator makes, says what Python's own Unicode database says of each
category, and the documents name its version."""
import pathlib
import re
import subprocess
import sys
import unicodedata

SOURCE = pathlib.Path(__file__).resolve().parents[1]
TABLE = SOURCE / "src/core/bans/invisible_ranges.inc"
text = TABLE.read_text()
version = re.search(r"Unicode ([0-9.]+)\. ", text).group(1)
ranges = [(int(first, 16), int(last, 16)) for first, last in re.findall(r"\{(0x[0-9a-f]+), (0x[0-9a-f]+)\}", text)]
problems = []

if any(last >= first for (_, last), (first, _) in zip(ranges, ranges[1:])) or any(first > last for first, last in ranges):
    problems.append("the ranges are not in order")
if f"Unicode {version.removesuffix('.0')} " not in (SOURCE / "docs/policy.md").read_text():
    problems.append(f"docs/policy.md does not say that the table is of Unicode {version}")

made = subprocess.run(["perl", str(SOURCE / "src/core/bans/invisible_ranges.pl")], capture_output=True, text=True)
if made.returncode != 0:
    problems.append("the generator fails: " + made.stderr)
elif f"Unicode {version}. " in made.stdout and made.stdout != text:
    problems.append("the generator makes another table: perl src/core/bans/invisible_ranges.pl > src/core/bans/invisible_ranges.inc")

if unicodedata.unidata_version == version:
    inside = set()
    for first, last in ranges:
        inside.update(range(first, last + 1))
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        hidden = code != 0x20 and category in ("Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp")
        if hidden and code not in inside:
            problems.append(f"U+{code:04X} ({category}) is missing")
        # Beside the categories: Default_Ignorable_Code_Point of letters and marks, and two symbols.
        if not hidden and code in inside and category not in ("Lo", "Mn") and code not in (0x20, 0x2800, 0x1d159):
            problems.append(f"U+{code:04X} ({category}) is too many")
        if code == 0x20 and code in inside:
            problems.append("the blank is no character that nobody sees")
print("\n".join(problems[:20]))
sys.exit(1 if problems else 0)
