#!/usr/bin/python3
"""Makes a manual page of Markdown files with lowdown: make_page.py PAGE VERSION OUTPUT FILE…

The files follow each other. Their tables become lists of terms: a terminal of 80 columns has no room for four columns."""
import re
import subprocess
import sys

CELL = re.compile(r"(?<!\\)\|")


def cells(line):
    return [cell.strip().replace("\\|", "|") for cell in CELL.split(line.strip().strip("|"))]


def terms(table):
    """A table's lines as a list of terms: the first column, then the middle ones by their headings, and what they mean."""
    head, rows = cells(table[0]), [cells(line) for line in table[2:]]
    for row in rows:
        between = [f"{name}: {value}" if name not in ("", "type", "type of value") else value for name, value in zip(head[1:-1], row[1:-1]) if value]
        aside = "; ".join(between)
        yield f"{row[0]}{' — ' + aside if aside and row[-1] else ''}\n: {row[-1] or aside or '—'}\n"


def without_tables(text):
    lines, out, at, fenced = text.split("\n"), [], 0, False
    while at < len(lines):
        fenced ^= lines[at].startswith("```")
        if not fenced and lines[at].startswith("|") and at + 1 < len(lines) and re.fullmatch(r"[|\s:-]+", lines[at + 1]):
            end = at
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            out += ["", *terms(lines[at:end])]
            at = end
        else:
            out.append(lines[at])
            at += 1
    return "\n".join(out)


def without_links(text):
    """Of [text](place) the text: a page on paper leads nowhere."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)


def main():
    page, version, output, *files = sys.argv[1:]
    name, _, section = page.rpartition(".")
    text = "\n\n".join(open(file, encoding="utf-8").read() for file in files)
    done = subprocess.run(["lowdown", "-sTman", "--out-no-smarty", "-M", f"title={name}", "-M", f"section={section}", "-M", f"source=banpush {version}", "-M", f"volume=banpush"],
                          input=without_links(without_tables(text)), capture_output=True, text=True, check=True)
    with open(output, "w", encoding="utf-8") as made:
        made.write(done.stdout)


if __name__ == "__main__":
    main()
