#!/usr/bin/python3
"""Layer check: main -> app -> {bans, transport, config} -> {core, files}, and each C header in one .cpp only."""
import pathlib
import re
import sys

MAY = {
    "core": {"core"},
    "files": {"files"},
    "bans": {"bans", "files", "core"},
    "transport": {"transport", "files", "core"},
    "config": {"config", "files", "core"},
    "lab": {"lab", "config", "files", "core"},  # config for its reader of strict documents
    "app": {"app", "bans", "transport", "config", "files", "core"},
    "": {"app", "files", "core"},  # main.cpp, and hand_over.cpp, which finds the other program
}
# Third-party headers and the only place (a folder, or files) they may be included from.
ONLY = {
    r"yaml-cpp/": ("src/config/",),
    r"CLI/": ("src/main.cpp", "src/lab/main.cpp"),
    r"mysql|mariadb": ("src/bans/",),
    r"sqlite3\.h": ("src/bans/",),
    r"libssh/": ("src/transport/", "src/lab/"),
    r"libnetconf2|nc_client|nc_server|libyang": ("src/transport/", "src/lab/", "tests/"),
    r"kainjow/": ("src/core/text_template.cpp",),
    r"re2/": ("src/core/pattern.cpp",),
    r"nftables/": ("src/transport/nft_library.cpp",),
    r"systemd/": ("src/app/serve/notify.cpp",),
    r"openssl/": ("src/core/digest.cpp", "src/bans/without_tls.cpp"),
}
# Rule 10: recursive, and a 30,000-character line kills it.
NEVER = {r"^regex$": "std::regex recurses per character; use core/pattern.hpp"}
BAD_NAMES = {"utils", "common", "helpers", "manager", "types", "util", "misc"}


def main(root: pathlib.Path) -> int:
    problems = []
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        relative = path.relative_to(root).as_posix()
        parts = path.relative_to(root / "src").parts
        folder = parts[0] if len(parts) > 1 else ""
        if path.stem in BAD_NAMES or any(p in BAD_NAMES for p in parts[:-1]):
            problems.append(f"{relative}: a name that says nothing")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, name = match.groups()
            if quote == '"':
                target = name.split("/")[0] if "/" in name else None
                if target is None:
                    problems.append(f"{relative}:{number}: include of {name} is not rooted at src/")
                elif target not in MAY.get(folder, set()):
                    problems.append(f"{relative}:{number}: {folder or 'main'} may not include {name}")
            else:
                for pattern, places in ONLY.items():
                    if re.match(pattern, name) and not any(relative.startswith(p) for p in places):
                        problems.append(f"{relative}:{number}: <{name}> belongs in {' or '.join(places)} only")
                for pattern, why in NEVER.items():
                    if re.match(pattern, name):
                        problems.append(f"{relative}:{number}: <{name}>: {why}")
    for problem in problems:
        print(problem)
    print(f"layers: {len(problems)} problem(s)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
