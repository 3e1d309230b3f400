#!/usr/bin/python3
"""Runs a part of a Catch2 program in one process: a start with the sanitizers in costs more than most cases.

    shard.py PROGRAM PART OF [TAGS]        part 1 to OF: of the cases (with these tags) in their order, each OF-th

A failure names its case: Catch2 says which checks failed, and where the process died, or told of a leak, without a word,
the case that was begun last, or each case that fails when it runs by itself. What a case could not try here it says in a
line `skipped: …`."""
import os
import re
import subprocess
import sys
import tempfile

SKIPPED = 77


def cases_of(program, part, of, *tags):
    done = subprocess.run([program, "--list-test-names-only", *tags], capture_output=True, text=True, timeout=120)
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]  # the status is their number
    if not names:
        raise SystemExit(f"{program} has no cases: {done.stderr}")
    return names[part - 1::of]


def run(program, names):
    """The status, what was said, and the case that was begun last."""
    with tempfile.TemporaryDirectory(prefix="banpush-shard-") as folder:
        with open(f"{folder}/cases", "w", encoding="utf-8") as cases:
            cases.writelines(re.sub(r'([\\,\[\]"])', r"\\\1", name) + "\n" for name in names)  # else a comma ends a name
        begun = f"{folder}/begun"
        done = subprocess.run([program, "-f", f"{folder}/cases", "--durations", "no"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              env={**os.environ, "BANPUSH_CASE_BEGUN": begun}, check=False)
        last = open(begun, encoding="utf-8").read() if os.path.exists(begun) else ""
    return done.returncode, done.stdout, last


def main():
    program, part, of = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    names = cases_of(program, part, of, *sys.argv[4:])
    status, said, last = run(program, names)
    print(said, flush=True)
    summary = re.search(r"^All tests passed \(.* in (\d+) test case|^test cases: +(\d+) ", said, re.MULTILINE)
    if summary and int(summary[1] or summary[2]) != len(names):
        raise SystemExit(f"these {len(names)} cases were to run: {names}")
    if status == 0:
        return SKIPPED if len(re.findall(r"^ *skipped: ", said, re.MULTILINE)) >= len(names) else 0
    if not summary:
        print(f"FAILED in the case: {last}")
    elif summary[1]:
        print("FAILED behind the last case; by themselves fail: " + ", ".join(one for one in names if run(program, [one])[0] != 0))
    return 1


if __name__ == "__main__":
    sys.exit(main())
