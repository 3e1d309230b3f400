#!/usr/bin/python3
"""Says what a run of ctest left out, from what it wrote with --output-junit: whole tests, and parts of tests that passed.

    skipped.py FILE

With CI=true what was left out is a failure: all of it, where ../shared is beside the checkout; else all that does not
name ../shared as its reason."""
import os
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

SHARED = pathlib.Path(__file__).resolve().parents[1].parent / "shared"


def left_out(file):
    """(test, reason) of each."""
    for test in ET.parse(file).getroot().iter("testcase"):
        reasons = re.findall(r"^\s*skipped: (.*)$", test.findtext("system-out") or "", re.MULTILINE)
        if test.find("skipped") is not None and not reasons:
            reasons = [test.find("skipped").get("message", "it does not say why")]
        for reason in dict.fromkeys(reasons):
            yield test.get("name"), reason


def main():
    found = list(left_out(sys.argv[1]))
    if not found:
        return 0
    print(f"\nLeft out ({len(found)}):")
    for test, reason in found:
        print(f"  {test}: {reason}")
    if os.environ.get("CI") != "true":
        return 0
    bad = [test for test, reason in found if SHARED.is_dir() or "shared" not in reason]
    if bad:
        print(f"In CI nothing may be left out{'' if SHARED.is_dir() else ' but what needs ../shared'}.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
