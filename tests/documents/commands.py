"""The commands in README and docs, in their order: what stands in a shell block, or indented and begins with a program's name."""
import dataclasses
import re

from installed import SOURCE

PROGRAMS = re.compile(r"(\w+=\S+ )*(banpush|banpush-lab|\./run|cmake|ctest|sqlite3|systemctl|systemd-\w+|ssh-keygen|adduser|apt-get|install|cp|chmod|chown|fail2ban-client|unit_tests)( |$)")


@dataclasses.dataclass(frozen=True)
class Command:
    file: str
    line: int
    text: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.text}"


def documents():
    return [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", SOURCE / "SECURITY.md", *sorted((SOURCE / "docs").glob("*.md"))]


def blocks(file):
    """Each block of code: its language (empty where it is indented), the number of its first line, its lines."""
    language, first, lines = None, 0, []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if language is None and line.startswith("```"):
            language, first, lines = line[3:].strip() or "text", number + 1, []
        elif language not in (None, "") and line.startswith("```"):
            yield language, first, lines
            language = None
        elif language not in (None, ""):
            lines.append(line)
        elif line.startswith("    "):
            if language is None:
                language, first, lines = "", number, []
            lines.append(line[4:])
        elif language == "":
            yield "", first, lines
            language = None
    if language is not None:
        yield language, first, lines


def commands():
    """Behind two blanks the explanation begins."""
    found = []
    for file in documents():
        for language, first, lines in blocks(file):
            if language not in ("", "sh"):
                continue
            for number, line in enumerate(lines, first):
                if PROGRAMS.match(line):
                    found.append(Command(str(file.relative_to(SOURCE)), number, re.split(r"\s{2,}", line.strip())[0]))
                elif language == "sh" and line.strip() and not line.startswith("#"):
                    raise AssertionError(f"{file.name}:{number}: a shell block with a program that this test does not know: {line}")
    return found


def only_block(name, language, nth=0):
    """The text of the nth block of a language in a document."""
    return "\n".join([lines for one, _, lines in blocks(SOURCE / name) if one == language][nth]) + "\n"
