#!/usr/bin/python3
"""Puts into nft what a gobgpd of this host has received as FlowSpec: source, protocol and destination port; discard or rate.

gobgpd takes FlowSpec rules and enforces none. This program, which runs beside it for as long, writes the whole chain anew, in
one transaction, when it begins and each time gobgpd tells of a change. A rule that it does not understand, or that nft does not
take, it leaves out, and says so. FlowSpec counts bytes a second of what a rule lets pass, and so does nft. What stands in nft at the
end of the program stays there until it begins again.
"""
import argparse
import ipaddress
import json
import os
import subprocess
import sys

SOURCE, PROTOCOL, PORT = 2, 3, 5  # RFC 8955, section 4.2.2
AND, LESS, GREATER, EQUAL = 0x40, 0x04, 0x02, 0x01
BASE = """table inet flowspec
delete table inet flowspec
table inet flowspec {
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
%s
	}
}
"""


class NotUnderstood(Exception):
    pass


def numbers(items, most):
    """What nft has for a list of numbers and ranges."""
    found, first = [], None
    for item in items:
        op, value = item["op"], item["value"]
        kind = op & (AND | LESS | GREATER | EQUAL)
        if not 0 <= value <= most:
            raise NotUnderstood(f"number {value}")
        if first is None and kind in (EQUAL, AND | EQUAL):
            found.append(str(value))
        elif first is None and kind in (GREATER | EQUAL, AND | GREATER | EQUAL):
            first = value
        elif first is not None and kind == AND | LESS | EQUAL and value >= first:
            found.append(f"{first}-{value}")
            first = None
        else:
            raise NotUnderstood(f"operator {op:#x}")
    if first is not None or not found:
        raise NotUnderstood("a range without an end")
    return "{ " + ", ".join(found) + " }"


def rule_of(path):
    words = []
    parts = {part["type"]: part["value"] for part in path["nlri"]["value"]}
    if SOURCE not in parts or set(parts) - {SOURCE, PROTOCOL, PORT} or any(part.get("offset") for part in path["nlri"]["value"]):
        raise NotUnderstood("it asks for more than source, protocol and destination port")
    source = ipaddress.ip_network(parts[SOURCE]["prefix"])
    words.append(f"{'ip6' if source.version == 6 else 'ip'} saddr {source}")
    if PROTOCOL in parts:
        words.append(f"meta l4proto {numbers(parts[PROTOCOL], 255)}")
    if PORT in parts:
        words.append(f"th dport {numbers(parts[PORT], 65535)}")
    rates = [one["rate"] for attr in path["attrs"] if attr["type"] == 16 for one in attr["value"] if (one["type"], one.get("subtype")) == (128, 6)]
    if len(rates) != 1:
        raise NotUnderstood("its action is neither discard nor a rate")
    words.append("drop" if rates[0] < 1 else f"limit rate over {int(rates[0])} bytes/second drop")
    return "\t\t" + " ".join(words)


def nft(rules, *options):
    """What nft says against the chain with these rules: nothing where it takes it."""
    done = subprocess.run(["nft", *options, "-f", "-"], input=BASE % "\n".join(text for _, text in rules), capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


def taken(rules):
    """The rules that nft takes; each of the others is told by its name."""
    refused = nft(rules, "-c")
    if not refused:
        return rules
    if not rules:
        sys.exit(f"nft: {refused}")
    if len(rules) == 1:
        taken([])  # else it is not the rule
        print(f"left out: {rules[0][0]!r}: nft: {refused.splitlines()[0]}", flush=True)
        return []
    half = len(rules) // 2
    return taken(rules[:half]) + taken(rules[half:])


def apply(gobgp):
    rules, received = [], 0
    for family in ("ipv4-flowspec", "ipv6-flowspec"):
        table = json.loads(subprocess.run([*gobgp, "global", "rib", "-a", family, "-j"], check=True, capture_output=True, text=True).stdout)
        for name, paths in table.items():
            received += 1
            try:
                rules.append((name, rule_of(next(path for path in paths if path["best"]))))
            except (NotUnderstood, StopIteration, ValueError, KeyError, TypeError, OverflowError) as error:
                print(f"left out: {name!r}: {error}", flush=True)
    if nft(rules):
        rules = taken(rules)
        if refused := nft(rules):
            sys.exit(f"nft: {refused}")
    print(f"{len(rules)} of {received} rules in nft", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--port", type=int, default=50051, help="of gobgpd's gRPC on this host")
    gobgp = ["gobgp", "-u", "127.0.0.1", "-p", str(options.parse_args().port)]
    # What the monitor says is not read: the table is, which has no gap. It tells of every family, whichever it is asked for.
    monitor = subprocess.Popen([*gobgp, "monitor", "global", "rib", "-a", "ipv4-flowspec", "-j", "--current"], stdout=subprocess.PIPE)
    try:
        apply(gobgp)  # the monitor says nothing of an empty table
        while os.read(monitor.stdout.fileno(), 1 << 20):
            apply(gobgp)
        sys.exit("gobgpd is gone")  # a service manager starts this again; the rules stay meanwhile
    except subprocess.CalledProcessError as error:
        sys.exit(f"gobgpd does not answer: {(error.stderr or error.stdout or str(error)).strip()}")
    finally:
        monitor.terminate()


if __name__ == "__main__":
    main()
