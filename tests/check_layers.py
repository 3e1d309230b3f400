#!/usr/bin/python3
"""The order of the folders of src: what each may include, how many units it may hold, and each C header in one place only."""
import collections
import pathlib
import re
import sys

# Lowest first: a folder may include itself and what stands above it in this list, where LAYERS lets its layer.
# The folder of a layer itself ("core") holds what the layer's other folders share, or what uses them all ("app").
ORDER = [
    "core", "core/address", "core/bans", "core/policy", "core/driver", "core/reading", "core/script", "core/plan",
    "settings",
    "files",
    "bans", "bans/sqlite", "bans/sql", "bans/mysql", "bans/open",
    "transport", "transport/ssh", "transport/cli", "transport/netconf", "transport/exec", "transport/nft", "transport/file", "transport/open",
    "config/document", "config/driver", "config",
    "lab/device", "lab/ssh", "lab",
    "app/words", "app/state", "app/world", "app/request", "app/record", "app/site", "app/alert", "app", "app/serve", "app/http", "app/commands", "app/commands/table", "app/commands/look",
    "",  # main.cpp and its help.cpp, and hand_over.cpp, which finds the other program
]
LAYERS = {
    "core": {"core"},
    "settings": {"settings", "core"},
    "files": {"files"},
    "bans": {"bans", "files", "settings", "core"},
    "transport": {"transport", "files", "settings", "core"},
    "config": {"config", "files", "settings", "core"},
    "lab": {"lab", "config", "bans", "files", "settings", "core"},  # config for its reader of strict documents, bans to copy tables
    "app": {"app", "bans", "transport", "config", "files", "settings", "core"},
    "": {"", "app", "files", "settings", "core"},
}
MOST_UNITS = 14
MOST_LINES = 500
# Third-party headers and the only place (a folder, or files) they may be included from.
ONLY = {
    r"yaml-cpp/": ("src/config/",),
    r"CLI/": ("src/main.cpp", "src/help.", "src/lab/main.cpp"),
    r"mysql|mariadb": ("src/bans/",),
    r"sqlite3\.h": ("src/bans/", "src/lab/table_copy.cpp"),
    r"libssh/": ("src/transport/", "src/lab/"),
    r"libnetconf2|nc_client|nc_server|libyang": ("src/transport/", "src/lab/", "tests/"),
    r"kainjow/": ("src/core/driver/text_template.cpp",),
    r"re2/": ("src/core/driver/pattern.cpp",),
    r"nftables/": ("src/transport/nft/nft_library.cpp",),
    r"systemd/": ("src/app/serve/notify.cpp",),
    r"openssl/": ("src/core/digest.cpp", "src/bans/mysql/without_tls.cpp", "src/app/http/tls.cpp"),
    r"httplib\.h": ("src/app/http/message.cpp", "src/app/alert/alert_sender.cpp"),
}
# Rule 10: recursive, and a 30,000-character line kills it.
NEVER = {r"^regex$": "std::regex recurses per character; use core/driver/pattern.hpp"}
BAD_NAMES = {"utils", "common", "helpers", "manager", "types", "util", "misc"}


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def why_not(folder: str, name: str) -> str:
    """What is wrong with a file of `folder` that includes `name`; empty where nothing is."""
    if "/" not in name and folder:
        return f"include of {name} is not rooted at src/"
    target = folder_of(name)
    if target not in ORDER:
        return f"include of {name}: no such folder of src"
    if target.split("/")[0] not in LAYERS[folder.split("/")[0]]:
        return f"{folder or 'main'} may not include {name}"
    if target.split("/")[0] == folder.split("/")[0] and ORDER.index(target) > ORDER.index(folder):
        return f"{folder} may not include {name}: an arrow upward"
    return ""


def problems_of(path: pathlib.Path, relative: str, folder: str) -> list[str]:
    problems = []
    lines = path.read_text().splitlines()
    if len(lines) > MOST_LINES:
        problems.append(f"{relative}: {len(lines)} lines, at most {MOST_LINES}")
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, name = match.groups()
        if quote == '"':
            if why := why_not(folder, name):
                problems.append(f"{relative}:{number}: {why}")
            continue
        for pattern, places in ONLY.items():
            if re.match(pattern, name) and not any(relative.startswith(p) for p in places):
                problems.append(f"{relative}:{number}: <{name}> belongs in {' or '.join(places)} only")
        for pattern, why in NEVER.items():
            if re.match(pattern, name):
                problems.append(f"{relative}:{number}: <{name}>: {why}")
    return problems


def main(root: pathlib.Path) -> int:
    problems = []
    units = collections.Counter()
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        relative = path.relative_to(root).as_posix()
        folder = folder_of(path.relative_to(root / "src").as_posix())
        if folder not in ORDER:
            problems.append(f"{relative}: its folder has no place in ORDER (tests/check_layers.py)")
            continue
        if path.stem in BAD_NAMES or BAD_NAMES & set(folder.split("/")):
            problems.append(f"{relative}: a name that says nothing")
        units[folder] += path.suffix == ".cpp"
        problems += problems_of(path, relative, folder)
    problems += [f"src/{folder}: {count} units, at most {MOST_UNITS}" for folder, count in units.items() if count > MOST_UNITS]
    for problem in problems:
        print(problem)
    print(f"layers: {len(problems)} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
