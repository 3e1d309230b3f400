#!/usr/bin/python3
"""Messages and headers use none of the words that docs/glossary.md retires."""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
# `"stands"` alone is a name in JSON, and "stands for" is the field's own.
RETIRED = {
    "skeleton": r"skeleton",
    "stands, stand there": r"\bstands?\b(?! for)",
    "nobody here knows": r"nobody here",
    "as it should be": r"as (it|they) should be",
    "goes round": r"goes? round",
    "is allowed no more": r"allowed no more",
    "over the budget": r"over the budget",
    "sits on": r"\bsits on\b",
}
# Comments of headers may use the verb: they are read as prose, with what it is said of beside it.
IN_COMMENTS = set(RETIRED) - {"stands, stand there"}


def retired_by_glossary():
    text = (SOURCE / "docs/glossary.md").read_text(encoding="utf-8")
    table = text[text.index("| not | but |"):]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:] if row.startswith("|")]


def literals(line):
    return re.findall(r'"((?:[^"\\]|\\.)*)"', line)


def main():
    problems = []
    named = retired_by_glossary()
    if sorted(named) != sorted(RETIRED):
        problems.append(f"docs/glossary.md retires {sorted(named)}, this test looks for {sorted(RETIRED)}")
    for path in sorted((SOURCE / "src").rglob("*.[ch]pp")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code, _, comment = line.partition("//")
            spoken = [text for text in literals(code if '"' not in comment else line) if " " in text and not text.startswith(("SELECT", "DELETE", "INSERT", "UPDATE"))]
            for word, pattern in RETIRED.items():
                in_comment = path.suffix == ".hpp" and word in IN_COMMENTS and re.search(pattern, comment, re.IGNORECASE)
                if in_comment or any(re.search(pattern, text, re.IGNORECASE) for text in spoken):
                    problems.append(f"{path.relative_to(SOURCE)}:{number}: \"{word}\": {line.strip()}")
    print("\n".join(problems))
    print(f"words: {len(problems)} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
