#!/usr/bin/python3
"""No platform is named in the code: what is special about one stands in its driver. Names are those of the drivers."""
import pathlib
import re
import sys

# Words of drivers' names that mean something besides the platform (std::ios), or a program of this host.
ORDINARY = {"linux", "route", "group", "acl", "set", "yang", "ietf", "netconf", "nft", "ipset", "iptables", "ios", "fail2ban", "jail", "feed", "split"}

# What is shown to people as an example has to be some platform's.
EXAMPLES = {"help.cpp", "first_configuration.cpp"}


def words(root):
    names = {file.stem for file in (root / "drivers").glob("*.yaml")}
    return (names | {part for name in names for part in name.split("_")}) - ORDINARY


def main():
    root = pathlib.Path(sys.argv[1])
    pattern = re.compile(r"\b(" + "|".join(sorted(words(root), key=len, reverse=True)) + r")\b", re.IGNORECASE)
    found = []
    for file in sorted((root / "src").rglob("*.[ch]pp")):
        if file.name in EXAMPLES:
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for match in pattern.finditer(line):
                found.append(f"{file.relative_to(root)}:{number}: {match[0]}: {line.strip()}")
    print("\n".join(found))
    print(f"platform names: {len(found)} in the code")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
